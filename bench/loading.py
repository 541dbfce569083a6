"""Time the loading of a folder of specs: ``python -m bench.loading FOLDER`` prints seconds as JSON.

It runs in a process of its own, since a parsed DAG file's process is new, too; what both sides import is imported
before.
"""

from __future__ import annotations

import inspect
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from podium.project import Project
from podium.specs import dags, files

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = """\
pipeline_{number}:
  description: one of many
  default_args:
    owner: bench
    start_date: 2026-01-01
  schedule: null
  catchup: false
  tasks:
    - task_id: detect
      decorator: airflow.sdk.task
      python_callable: tasks.detect.detect_configs
      pipeline: iris
      dataset: iris
    - task_id: train
      decorator: airflow.sdk.task
      python_callable: tasks.train.train_classifier
      partial: {{pipeline: iris, dataset: iris}}
      expand: {{config: +detect}}
      dependencies: [detect]
    - task_id: promote
      decorator: airflow.sdk.task
      python_callable: tasks.promote.promote_best
      pipeline: iris
      dataset: iris
      configs: +detect
      results: +train
      dependencies: [train]
"""


def write(root: Path, count: int) -> Path:
    """Make a project with so many specs."""
    (root / "dag_specs").mkdir(parents=True)
    for number in range(count):
        (root / "dag_specs" / f"pipeline_{number}.yml").write_text(SPEC.format(number=number))
    return root


def main() -> None:
    """Load the folder once in each way."""
    folder = Path(sys.argv[1])
    project = Project(folder, folder / ".podium")
    dags.import_dag_factory()
    from dagfactory import load_yaml_dags

    import tasks.detect
    import tasks.promote
    import tasks.train

    count = len(files.spec_files(project))
    found: dict[str, object] = {}

    def dag_factory() -> int:
        # Podium's loading has noted the signatures of the steps; the functions that these wrap have none.
        for module, name in (
            (tasks.detect, "detect_configs"),
            (tasks.train, "train_classifier"),
            (tasks.promote, "promote_best"),
        ):
            step = inspect.unwrap(getattr(module, name))
            vars(step).pop("__signature__", None)
            setattr(module, name, step)
        load_yaml_dags(globals_dict=found, dags_folder=str(project.dag_specs), suffix=[".yml"])
        return sum(name.startswith("pipeline_") for name in found)

    seconds = {
        "task": _seconds(lambda: len(dags.load_dags(project, f"pipeline_{count // 2}")), 1),
        "podium": _seconds(lambda: len(dags.load_dags(project)), count),
        "dag_factory": _seconds(dag_factory, count),
    }
    print(json.dumps(seconds))


def _seconds(load: Callable[[], int], count: int) -> float:
    started = time.perf_counter()
    loaded = load()
    elapsed = time.perf_counter() - started
    assert loaded == count, f"{loaded} DAGs of {count}"
    return elapsed


if __name__ == "__main__":
    main()
