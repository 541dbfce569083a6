"""A project with the state that an earlier release left, restored from dumps."""

import io
import json
import lzma
import shutil
import signal
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet

from podium.airflow.trigger import snapshot
from podium.stack import postgres, postgres_server
from tests.support.checkout import ROOT, Checkout, wait_until

FIXTURES = ROOT / "tests" / "fixtures"
TRIGGER = {"folder": "config/iris", "rescan_seconds": 2.0}


def restored(release: Path, root: Path) -> Checkout:
    """Return a project whose specs and state are a release's, and whose code is today's, as after ``git pull``."""
    shutil.copytree(release / "project", root, dirs_exist_ok=True)
    for folder in ("dags", "tasks", "examples"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    # Airflow runs a new daily DAG at once in the first 2.4 hours after its time.
    host = root / "dag_specs" / "iris_host.yaml"
    host.write_text(host.read_text().replace("0 3 * * *", f"0 {(datetime.now(UTC).hour + 12) % 24} * * *"))
    home = root / ".podium"
    key = Fernet.generate_key()
    (home / "secrets").mkdir(parents=True, mode=0o700)
    (home / "secrets" / "fernet_key").write_text(key.decode())
    artifacts = home / "mlflow" / "artifacts"
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress((release / "artifacts.tar.xz").read_bytes()))) as files:
        for member in files:
            path = artifacts / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files.extractfile(member).read())
    values = {
        "@PROJECT@": str(root),
        "@KWARGS@": Fernet(key).encrypt(json.dumps(TRIGGER).encode()).decode(),
        "@REPORTED@": json.dumps(snapshot(root / "config" / "iris")),
    }
    _restore(home, {name: _dump(release / f"{name}.sql.xz", values) for name in postgres.DATABASES})
    return Checkout(root)


def _dump(file: Path, values: dict[str, str]) -> str:
    text = lzma.decompress(file.read_bytes()).decode()
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _restore(home: Path, dumps: dict[str, str]) -> None:
    command = postgres_server.prepare(home)
    server = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url, names = postgres.embedded_url(home), postgres.database_names(None)
        wait_until(lambda: not postgres.create_databases(url, list(names.values())), "the database server starts")
        psql = Path(next(part for part in command if part.endswith("/postgres"))).with_name("psql")
        for name, dump in dumps.items():
            target = postgres.database_url(url, names[name])
            options = ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]
            subprocess.run([psql, *options, target], input=dump, text=True, check=True, stdout=subprocess.DEVNULL)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
