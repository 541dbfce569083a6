"""The wheel, installed into an empty environment, in an empty folder: as a user who has no checkout."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
UV = shutil.which("uv", path=f"{BIN}:{os.environ['PATH']}")
TIMEOUT = 600

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def call(*command, cwd, check=True, path=()):
    """Run a command without any setting of this process, and return it when it has ended."""
    env = {
        k: v for k, v in os.environ.items() if not k.startswith(("PODIUM_", "MLFLOW_", "AIRFLOW_", "PYTHON", "GIT_"))
    }
    env |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", "VIRTUAL_ENV": "", "PRE_COMMIT_HOME": str(cwd / ".cache")}
    env["PATH"] = os.pathsep.join((*map(str, path), env["PATH"]))
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0 or not check, f"{command}: {done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    call(UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT, cwd=folder)
    return next(folder.glob("podium_ml-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel):
    """The folder of the commands of an environment with the locked dependencies and the wheel."""
    # For root, PostgreSQL runs as another user, which cannot reach its binaries in pytest's own folders.
    with tempfile.TemporaryDirectory(prefix="podium-installed-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield _install(wheel, folder)


def _install(wheel, folder):
    python = folder / "venv/bin/python"
    call(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    install = (UV, "pip", "install", "--quiet", "--python", python)
    call(*install, "--compile-bytecode", "--require-hashes", "-r", ROOT / "requirements.lock", cwd=folder)
    call(*install, "--no-deps", wheel, cwd=folder)
    return python.parent


@pytest.fixture(scope="module")
def new_project(installed, tmp_path_factory):
    """A project as `podium init` writes it."""
    root = tmp_path_factory.mktemp("project")
    call(installed / "podium", "init", cwd=root)
    call("git", "init", "--quiet", cwd=root)
    call("git", "add", ".", cwd=root)
    return root


@pytest.fixture(scope="module")
def first_run(installed, new_project):
    return call(installed / "podium", "run", cwd=new_project)


def test_the_wheel_holds_the_package_and_its_schemas_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"podium", f"{wheel.name.partition('-py3')[0]}.dist-info"}
    assert {"podium/schemas/classifier_config.schema.json", "podium/schemas/dag_spec.schema.json"} <= set(names)


def test_the_new_project_is_valid_and_its_schemas_are_current(installed, new_project):
    assert call(installed / "podium", "validate", cwd=new_project).stdout == ""
    assert call(installed / "podium", "schema", "--check", cwd=new_project).stdout == ""


def test_a_run_makes_a_champion(first_run):
    assert "is the first champion" in first_run.stdout
    assert "Production" in first_run.stdout


@pytest.mark.usefixtures("first_run")
def test_what_was_trained_is_on_record(installed, new_project):
    podium = installed / "podium"
    actions = {item["action"] for item in json.loads(call(podium, "plan", "--json", cwd=new_project).stdout)}
    assert len(actions) == 1
    assert not actions & {"train", "invalid", "failed"}
    board = json.loads(call(podium, "leaderboard", "--json", cwd=new_project).stdout)
    assert len(board) == 4
    champion = next(row["version"] for row in board if row["stage"] == "Production")
    assert json.loads(call(podium, "history", "--json", cwd=new_project).stdout)[0]["to_version"] == champion
    assert "It has been in Production since" in call(podium, "explain", champion, cwd=new_project).stdout
    other = next(row["version"] for row in board if row["stage"] != "Production")
    rolled = call(podium, "rollback", "--reason", "a test", "--to", other, cwd=new_project)
    assert rolled.stdout.startswith("rolled back")
    assert call(podium, "run", cwd=new_project).stdout.splitlines()[-1].startswith("nothing new")


def test_the_hook_lets_sound_files_pass_and_names_a_mistake(installed, new_project):
    config = new_project / "config/iris/lda.yaml"
    sound = config.read_text()
    hook = (BIN / "pre-commit", "run", "podium-validate", "--all-files")
    call(*hook, cwd=new_project, path=[installed])
    config.write_text(sound.replace("LinearDiscriminantAnalysis", "LinearDiscriminantAnalysi"))
    try:
        refused = call(*hook, cwd=new_project, check=False, path=[installed])
    finally:
        config.write_text(sound)
    assert refused.returncode == 1
    assert "config/iris/lda.yaml:2:12  " in refused.stdout
    assert "did you mean 'LinearDiscriminantAnalysis'" in refused.stdout
