"""The files of a new project, as `podium init` writes them."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from podium.cli import starters
from podium.errors import PodiumError
from podium.schema_generation import writing

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG_SCHEMA = "# yaml-language-server: $schema=../../schemas/classifier_config.schema.json\n"
_FILES = {
    "dags/podium_dags.py": '''\
"""The specs in dag_specs/ as Airflow DAGs."""

from podium.airflow import load_dags

globals().update(load_dags(__file__))
''',
    # A file with an import error loses its DAGs, so the problems have a file of their own.
    "dags/podium_problems.py": '''\
"""Problems of the specs in dag_specs/, as an Airflow import error of this file; the other specs are not affected."""

from podium.airflow import report_problems

report_problems(__file__)
''',
    "dag_specs/defaults.yml": """\
# Defaults of every pipeline; a spec can override them.
default_args:
  owner: podium
  retries: 2                # a task whose process was killed is retried
  retry_delay: 1            # seconds
  on_failure_callback: podium.airflow.show_error    # writes the cause as the last line of a failed task's log
catchup: false
max_active_runs: 1          # one run of a pipeline at a time
tags: [podium]
""",
    "config/iris/lda.yaml": _CONFIG_SCHEMA + "estimator: LinearDiscriminantAnalysis\n",
    "config/iris/logistic_regression.yaml": _CONFIG_SCHEMA
    + "estimator: LogisticRegression\nparams: {C: 1.0}\npreprocess: [StandardScaler]     # transformers, in order\n",
    "config/iris/random_forest.yaml": _CONFIG_SCHEMA
    + "estimator: RandomForestClassifier\nparams: {n_estimators: 100}\n"
    + "grid: {max_depth: [2, 4]}        # one candidate per combination\n",
    ".gitignore": ".venv/\n.podium/\n__pycache__/\n",
    # `language: system` runs the podium of the active environment, so that checks and runs use the same release.
    ".pre-commit-config.yaml": """\
repos:
  - repo: local
    hooks:
      - id: podium-validate
        name: podium validate
        entry: podium validate
        language: system          # the podium of the active environment
        files: ^(dag_specs|config)/.*\\.(?i:ya?ml|json)$
        require_serial: true      # files are also checked against each other
""",
    ".github/workflows/podium.yml": """\
name: podium
on: [push, pull_request]
jobs:
  validate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with: {python-version: "3.12", cache: pip, cache-dependency-path: pyproject.toml}
      - run: pip install .
      - run: podium validate --format github
""",
}
_PYPROJECT = """\
[project]
name = "{name}"
version = "0"
requires-python = ">=3.11,<3.14"
dependencies = ["podium-ml[local]=={release}"]

# The project is files for Podium and has no packages of its own.
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = []
"""
_README = """\
# {title}

```sh
pip install .
podium run      # train the configs once, and show which model is in Production
podium up       # keep Airflow and MLflow running, and watch the config folders
```

A pipeline is a spec in `dag_specs/` and a folder of classifier configs in `config/`. `podium validate` checks both.
`podium new config NAME --estimator CLASS` and `podium new pipeline NAME --data PATH --target COLUMN` write more of
them.
"""


def write(root: Path) -> tuple[list[Path], list[Path]]:
    """Write the files of a project, and leave those that exist as they are.

    Parameters
    ----------
    root : pathlib.Path
        Folder of the project; created if it does not exist.

    Returns
    -------
    list of pathlib.Path
        Files that were written.
    list of pathlib.Path
        Files that existed.

    Raises
    ------
    PodiumError
        If a file cannot be written.
    """
    written, kept = [], []
    try:
        for name, text in _contents(root.resolve().name).items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with file.open("x", encoding="utf-8") as new:
                    new.write(text)
                written.append(file)
            except FileExistsError:
                kept.append(file)
    except OSError as error:
        raise PodiumError(f"cannot write {error.filename or root}: {error.strerror}") from None
    return written, kept


def _contents(title: str) -> dict[str, str]:
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower()).strip("-")
    release = importlib.metadata.version("podium-ml")
    return {
        **_FILES,
        "dag_specs/iris_train.yaml": starters.spec("iris", "log_loss"),
        **{f"schemas/{schema}": text for schema, text in writing.render().items()},
        "pyproject.toml": _PYPROJECT.format(name=name or "podium-project", release=release),
        "README.md": _README.format(title=title or "Podium project"),
    }
