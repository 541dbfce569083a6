"""The MLflow that ``MLFLOW_TRACKING_URI`` names."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from podium.errors import PodiumError, one_line
from podium.settings import Settings
from podium.stack import http_checks

SERVERS = ("http", "https")
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
HOSTED = ("databricks", "databricks-uc", "uc")
FORM = "write http://HOST:PORT for a server, or sqlite:///PATH for a database"


def given() -> str | None:
    """Return the tracking URI that the user configured, None if there is none.

    Raises
    ------
    PodiumError
        If it is no such URI, or MLflow does not answer there: its own client would try for minutes.
    """
    uri = well_formed(Settings.from_environment().tracking_uri)
    scheme = _scheme(uri or "")
    if uri and scheme in SERVERS and not http_checks.answers_in_time(f"{uri.rstrip('/')}/health"):
        raise PodiumError(f"MLFLOW_TRACKING_URI: no MLflow answers at {uri}")
    if uri and scheme in DATABASES:
        _connect(uri)
    return uri


def well_formed(uri: str | None) -> str | None:
    """Return a tracking URI that MLflow can use, whether or not it is reachable; None for None.

    Raises
    ------
    PodiumError
        If MLflow would refuse it.
    """
    if uri is None or _scheme(uri) in HOSTED:
        return uri
    try:
        parts = urlsplit(uri)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if (_scheme(uri) in SERVERS and is_address) or (_scheme(uri) in DATABASES and "://" in uri):
        return uri
    if _scheme(uri) in ("", "file"):
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1"):
            return uri
        raise PodiumError(f"MLFLOW_TRACKING_URI: {uri!r} is a folder, in which MLflow keeps nothing any more: {FORM}")
    raise PodiumError(f"MLFLOW_TRACKING_URI: {uri!r} is not the address of an MLflow: {FORM}")


def _scheme(uri: str) -> str:
    """Return the scheme of a URI without the name of a database driver; empty for a path."""
    if uri in HOSTED:
        return uri
    scheme, colon, _ = uri.partition(":")
    return scheme.partition("+")[0].lower() if colon else ""


def _connect(uri: str) -> None:
    """Connect to a database once; the message of an error does not show its password."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url

    try:
        url = make_url(uri)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
            return  # MLflow creates it
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.execute(
                text("SELECT * FROM sqlite_master" if url.get_backend_name() == "sqlite" else "SELECT 1")
            )
        engine.dispose()
    except Exception as error:
        shown = url.render_as_string() if "url" in locals() else uri.partition(":")[0] + ":…"
        reason = one_line(getattr(error, "orig", None) or error)
        raise PodiumError(f"MLFLOW_TRACKING_URI: cannot open {shown}: {reason}") from error
