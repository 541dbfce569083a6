"""Commented configs and specs to start from; each validates unchanged."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from podium.configs.files import SUFFIXES
from podium.configs.parameters import classifier_names, parameters_of, required_parameters
from podium.errors import PodiumError, did_you_mean
from podium.specs import arguments

if TYPE_CHECKING:
    from pathlib import Path

    from podium.configs.parameters import Parameter
    from podium.project import Project


#: Width of a comment, in characters.
WIDTH = 100

_NAME = re.compile(r"[\w-][\w.-]{0,99}")
_PIPELINE = re.compile(r"[A-Za-z_]\w{0,99}")
_NESTED = {"estimator": "LogisticRegression", "estimators": "{first: LogisticRegression, second: GaussianNB}"}

_SPEC = """\
# yaml-language-server: $schema=../schemas/dag_spec.schema.json
# Train every config of config/{name}, then promote the best. dag-factory's format; `podium validate` checks it.
{name}_train:
  description: Train every new classifier config on these rows, then promote the best.
  schedule:                                     # a file dropped into config/{name} starts a run
    - __type__: airflow.sdk.Asset
      name: {name}_configs
      watchers:
        - __type__: airflow.sdk.AssetWatcher
          name: {name}_config_folder
          trigger: {{__type__: podium.airflow.ConfigFolderTrigger, folder: config/{name}}}
  params:
    retry_failed: false                         # true: retrain configs that failed because of their own content
  tasks:
    - task_id: detect
      decorator: airflow.sdk.task
      python_callable: podium.steps.detect.detect_configs
      pipeline: {name}
      dataset: &rows iris                       # or {{path: data/my.csv, target: my_column}}
      split: &split {{test_size: 0.4, folds: 5, seed: 0}}
      retry_failed: "{{{{ params.retry_failed }}}}"

    - task_id: train                            # one mapped task per config
      decorator: airflow.sdk.task
      python_callable: podium.steps.train.train_classifier
      map_index_template: "{{{{ task.op_kwargs['config']['name'] }}}}"
      partial: {{pipeline: {name}, dataset: *rows, split: *split}}
      expand: {{config: +detect}}
      dependencies: [detect]

    - task_id: promote
      decorator: airflow.sdk.task
      python_callable: podium.steps.promote.promote_best
      trigger_rule: all_done                    # runs after failed trainings too
      pool: promotion                           # one at a time: the pool has one slot
      pipeline: {name}
      dataset: *rows
      split: *split
      metric: {metric}                          # one of {metrics}
      min_improvement: 0.0                      # the least improvement over the champion, in the metric's units
      configs: +detect
      results: +train
      dependencies: [detect, train]

    - task_id: all_trained                      # fails the run if a config failed, after promotion
      operator: airflow.providers.standard.operators.empty.EmptyOperator
      trigger_rule: none_failed
      dependencies: [train]
"""


def new_config(project: Project, name: str, estimator: str, pipeline: str) -> Path:
    """Write ``config/<pipeline>/<name>.yaml``, with every parameter of a classifier and its default as a comment.

    Raises
    ------
    PodiumError
        If the name is not valid, the classifier is unknown, or the file exists.
    """
    if not _NAME.fullmatch(name):
        raise PodiumError(f"invalid name {name!r}: use letters, digits, '_', '-' and '.', with no '.' at the start")
    _check_pipeline(pipeline)
    if estimator not in classifier_names():
        same = [known for known in classifier_names() if known.casefold() == estimator.casefold()]
        hint = did_you_mean(same[0] if same else estimator, sorted(classifier_names()))
        raise PodiumError(f"unknown classifier {estimator!r}{hint}")
    path = project.config / pipeline / f"{name}.yaml"
    twins = [path.with_suffix(spelt) for suffix in SUFFIXES for spelt in (suffix, suffix.upper())]
    _write(path, _config(estimator), project, twins)
    return path


def new_pipeline(project: Project, name: str) -> Path:
    """Write ``dag_specs/<name>_train.yaml``, a pipeline of the three steps on the iris rows, and its config folder.

    Raises
    ------
    PodiumError
        If the name is not valid or the file exists.
    """
    _check_pipeline(name)
    path = project.dag_specs / f"{name}_train.yaml"
    _write(path, spec(name), project, [path, path.with_suffix(".yml")])
    (project.config / name).mkdir(parents=True, exist_ok=True)
    return path


def spec(name: str, metric: str | None = None) -> str:
    """Return the spec of a pipeline that trains on the iris rows.

    Parameters
    ----------
    name : str
        Name of the pipeline.
    metric : str, optional
        Metric that decides; the first that the step accepts when left out.
    """
    metrics = arguments.load_spec_schema()["$defs"]["podium.steps.promote.promote_best"]["properties"]["metric"]
    options = next(branch["enum"] for branch in metrics["anyOf"] if "enum" in branch)
    return _SPEC.format(name=name, metric=metric or options[0], metrics=", ".join(options))


def _check_pipeline(name: str) -> None:
    if not _PIPELINE.fullmatch(name):
        raise PodiumError(f"invalid pipeline name {name!r}: use letters, digits and '_', with no digit at the start")


def _write(path: Path, text: str, project: Project, twins: list[Path]) -> None:
    for twin in twins:
        if twin.exists():
            raise PodiumError(f"{project.shown(twin)} exists: choose another name, or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _config(estimator: str) -> str:
    table, needed = parameters_of(estimator), required_parameters(estimator)
    lines = [
        "# yaml-language-server: $schema=../../schemas/classifier_config.schema.json",
        f"estimator: {estimator}",
    ]
    given = [f"  {name}: {_example(table.by_name[name])}" for name in needed]
    lines += ["params:", *given] if given else ["params: {}  # parameters that are left out keep their defaults:"]
    lines += [_comment(parameter) for name, parameter in sorted(table.by_name.items()) if name not in needed]
    lines += [
        "# preprocess: [StandardScaler]        # transformers of scikit-learn, in order",
        "# grid: {NAME: [VALUE, VALUE]}        # one candidate per combination",
        "# description: What a person should know about it",
        "# tags: {owner: NAME}",
    ]
    return "\n".join(lines) + "\n"


def _comment(parameter: Parameter) -> str:
    default = parameter.schema.get("default", ...)
    value = "" if default is ... else _spelled(default)
    words = " ".join(str(parameter.schema.get("description", "")).split())
    line = f"#   {parameter.name}: {value}".rstrip()
    room = WIDTH - len(line) - 4
    short = words if len(words) <= room else words[: max(room, 0)].rpartition(" ")[0] + " …"
    return f"{line}  # {short}" if room > len("a number …") and words else line


def _example(parameter: Parameter) -> str:
    return _NESTED.get(parameter.nested or "", "null")


def _spelled(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return json.dumps(value)
