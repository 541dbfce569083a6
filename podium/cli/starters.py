"""Commented configs and specs to start from; each validates unchanged."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from podium.configs.files import SUFFIXES
from podium.configs.remedies import remedy
from podium.configs.vocabulary import Vocabulary
from podium.data.options import ReadOptions
from podium.data.reading import column_names
from podium.data.refs import BUILT_IN, path_problem
from podium.errors import PodiumError, did_you_mean
from podium.specs import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    retry_failed:
      __type__: airflow.sdk.Param
      default: false
      type: boolean
      description: Retrain configs that failed because of their own content.
  tasks:
    - task_id: detect
      decorator: airflow.sdk.task
      python_callable: podium.steps.detect.detect_configs
      pipeline: {name}
      dataset: &rows {rows}
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
    vocabulary = Vocabulary.of(project)
    if estimator not in vocabulary.classifiers():
        hint = remedy(estimator, "classifier") or did_you_mean(estimator, sorted(vocabulary.classifiers()))
        raise PodiumError(f"unknown classifier {estimator!r}{hint}")
    path = project.config / pipeline / f"{name}.yaml"
    twins = [path.with_suffix(spelt) for suffix in SUFFIXES for spelt in (suffix, suffix.upper())]
    _write(path, _config(estimator, vocabulary), project, twins)
    return path


def new_pipeline(project: Project, name: str, data: str | None = None, target: str | None = None) -> Path:
    """Write ``dag_specs/<name>_train.yaml``, a pipeline of the three steps, and its config folder.

    Parameters
    ----------
    project : Project
        The project.
    name : str
        Name of the pipeline.
    data : str, optional
        A file or folder of rows, or a data set of scikit-learn. Default: the data set of scikit-learn called `name`.
    target : str, optional
        Column of the labels; required for a file.

    Raises
    ------
    PodiumError
        If the name is not valid, the spec exists, or the rows are not given or cannot be read.
    """
    _check_pipeline(name)
    path = project.dag_specs / f"{name}_train.yaml"
    rows = _rows(project, name, data or name, target) if data or name in BUILT_IN else None
    if rows is None:
        raise PodiumError(f"which rows? podium new pipeline {name} --data PATH --target COLUMN, or --data iris")
    _write(path, spec(name, rows=rows), project, [path, path.with_suffix(".yml")])
    (project.config / name).mkdir(parents=True, exist_ok=True)
    return path


def _rows(project: Project, name: str, data: str, target: str | None) -> str | dict[str, Any]:
    """Return the data set for a spec, with the separator that finds the target."""
    if data in BUILT_IN:
        if target is not None:
            raise PodiumError(f"{data} is a data set of scikit-learn, whose target is known: leave --target out")
        return data
    path = Path(os.path.relpath(data, project.root))
    shown = Path(data).absolute() if path.is_relative_to("..") else path
    if problem := path_problem(data, Path(data)):
        raise PodiumError(f"{data}: {problem}")
    if target is None:
        words = f"which column has the labels? podium new pipeline {name} --data {data} --target COLUMN"
        raise PodiumError(f"{words}; columns are {', '.join(column_names(Path(data), ReadOptions()))}")
    rows: dict[str, Any] = {"path": str(shown), "target": target}
    columns, read = _columns(Path(data), target)
    if target not in columns:
        raise PodiumError(f"{data} has no column {target!r}{did_you_mean(target, columns)}")
    return {**rows, "read": read} if read else rows


def _columns(path: Path, target: str) -> tuple[list[str], dict[str, str]]:
    """Return the columns of a file, and the ``read`` options that find the target among them."""
    for sep in (";", "\t", "|"):
        with contextlib.suppress(PodiumError):
            columns = column_names(path, ReadOptions(sep=sep))
            if target in columns and len(columns) > 1:
                return columns, {"sep": sep}
    return column_names(path, ReadOptions()), {}


def spec(name: str, metric: str | None = None, rows: str | Mapping[str, Any] = "iris") -> str:
    """Return the spec of a pipeline.

    Parameters
    ----------
    name : str
        Name of the pipeline.
    metric : str, optional
        Metric that decides; the first that the step accepts when left out.
    rows : str or mapping
        The data set.
    """
    metrics = arguments.load_spec_schema()["$defs"]["podium.steps.promote.promote_best"]["properties"]["metric"]
    options = next(branch["enum"] for branch in metrics["anyOf"] if "enum" in branch)
    shown = rows if isinstance(rows, str) else _flow(rows)
    return _SPEC.format(name=name, rows=shown, metric=metric or options[0], metrics=", ".join(options))


def _flow(value: Mapping[str, Any]) -> str:
    """Return a mapping as YAML in one line."""
    return str(yaml.safe_dump(dict(value), default_flow_style=True, sort_keys=False, width=10**6)).strip()


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


def _config(estimator: str, vocabulary: Vocabulary) -> str:
    table, needed = vocabulary.parameters_of(estimator), vocabulary.required_parameters(estimator)
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
