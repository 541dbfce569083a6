"""PostgreSQL databases of the stack: their URLs, their creation and their schema revision."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from podium.errors import PodiumError

DATABASES = ("airflow", "mlflow")
# The address of a socket is a fixed buffer of 108 bytes on Linux and 104 on macOS, with a closing zero.
SOCKET_PATH_LIMIT = 103
# Seconds for a connection to a server that may be far away or under load.
CONNECT_SECONDS = 30


def embedded_url(home: Path) -> str:
    """Return the URL of the embedded server's maintenance database."""
    return f"postgresql://postgres@/postgres?host={quote(str(socket_folder(home)))}"


def socket_folder(home: Path) -> Path:
    """Return the folder of the embedded server's socket: beside the data, or in ``/tmp`` if that path is too long."""
    folder = home / "postgres" / "socket"
    if len(os.fsencode(folder / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
        return folder
    return Path("/tmp") / f"podium-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"  # noqa: S108


def database_url(server_url: str, database: str) -> str:
    """Return the URL of another database on the same server."""
    parts = urlsplit(server_url)
    # geturl() would drop the empty host of a socket's URL.
    return f"{parts.scheme}://{parts.netloc}/{quote(database)}" + (f"?{parts.query}" if parts.query else "")


def database_names(given: str | None) -> dict[str, str]:
    """Return the database names of Airflow and MLflow, which need one each: both own a table ``alembic_version``.

    Parameters
    ----------
    given : str, optional
        URL of the user's own server. The database in it is the prefix of the names.
    """
    prefix = (urlsplit(given).path.lstrip("/") if given else "") or "podium"
    return {part: f"{prefix}_{part}" for part in DATABASES}


def create_databases(server_url: str, names: list[str], seconds: int = CONNECT_SECONDS) -> str | None:
    """Create the databases that do not exist.

    Parameters
    ----------
    server_url : str
        URL of a database of the server.
    names : list of str
        Names of the databases.
    seconds : int
        How long to wait for a connection.

    Returns
    -------
    str or None
        Why the server could not be reached; None if all the databases exist.

    Raises
    ------
    PodiumError
        If the server refuses to create one.
    """
    import psycopg2
    from psycopg2 import errors, sql

    try:
        connection = _connect(server_url, seconds)
    except psycopg2.OperationalError as error:
        return str(error).strip()
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            missing = sorted(set(names) - {name for (name,) in cursor.fetchall()})
            for name in missing:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except errors.InsufficientPrivilege as error:
        raise PodiumError(f"PODIUM_DATABASE_URL: create these databases first: {', '.join(missing)}") from error
    finally:
        connection.close()
    return None


def _connect(server_url: str, seconds: int) -> Any:
    """Connect to the database of a URL; if it does not exist, to the database that every server has."""
    import psycopg2

    try:
        return psycopg2.connect(server_url, connect_timeout=seconds)
    except psycopg2.OperationalError as error:
        if "does not exist" not in str(error):
            raise
        return psycopg2.connect(database_url(server_url, "postgres"), connect_timeout=seconds)


def revision(url: str) -> str | None:
    """Return the schema revision that Alembic wrote into a database, None if there is none."""
    import psycopg2

    try:
        connection = psycopg2.connect(
            url.replace("postgresql+psycopg2:", "postgresql:"), connect_timeout=CONNECT_SECONDS
        )
    except psycopg2.OperationalError:
        return None
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT version_num FROM alembic_version")
            row = cursor.fetchone()
    except psycopg2.errors.UndefinedTable:
        return None
    finally:
        connection.close()
    return str(row[0]) if row else None
