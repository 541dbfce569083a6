"""The model card of a promoted version: its use, limits, scores and provenance, and why it was promoted.

Its sections follow Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, as far as Podium has the information.
It is Markdown only: scikit-learn's diagram of a model is 60 to 110 KB of HTML with a style sheet, which MLflow and
GitHub remove.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from podium.evaluation.gates import MEASURED
from podium.evaluation.metrics import GREATER_IS_BETTER, greater_is_better
from podium.registry import client, model_files, tag_names
from podium.training.preprocessing import CATEGORIES, NUMBERS, TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from skops.card import Card

    from podium.data.report import DataReport


MEANING = {
    "accuracy": "share of rows that are classified correctly",
    "balanced_accuracy": "recall of each class, averaged over the classes; chance level is 1 / number of classes",
    "f1_macro": "harmonic mean of precision and recall of each class, averaged over the classes",
    "f1_weighted": "harmonic mean of precision and recall of each class, weighted by how often the class occurs",
    "worst_class_recall": "lowest recall of a class",
    "roc_auc": "probability that a row of a class is ranked above a row of another class, averaged over the classes",
    "log_loss": "mean negative log-likelihood of the true class, in nats",
    "fit_seconds": "seconds to fit on the training rows",
    "predict_seconds": "seconds to predict all held-out rows",
}
# The most names in a sentence, and the longest value in a table.
MOST_NAMES, LONGEST_VALUE = 30, 200
WHOLE = 10**6
IMPUTED = "A missing number is replaced by the median of its column, and marked as missing if training had some."
NOT_IMPUTED = "Missing numbers are left to the classifier."


def card(
    model: Any,
    *,
    name: str,
    version: int,
    tags: Mapping[str, str],
    warnings: Sequence[Mapping[str, Any]] = (),
    target: str,
    rows: tuple[int, int],
    split: Mapping[str, Any],
    metric: str,
    scores: Mapping[str, float],
    reason: str,
    decided: str,
    by: str,
    approver: str = "",
    previous: str = "",
    description: str = "",
    report: DataReport | None = None,
    notes: Sequence[str] = (),
    links: Mapping[str, str] | None = None,
) -> str:
    """Return the model card of a promoted version as Markdown.

    Arguments that are empty strings are left out.

    Parameters
    ----------
    model : sklearn.pipeline.Pipeline
        The version's model, fitted on a table with named columns.
    name : str
        The registered model, such as ``iris-classifier``.
    version : int
        The version's number.
    tags : mapping of str to str
        The version's tags, as in :mod:`podium.registry.tag_names`: config, estimator, data set, digests, git commit.
    warnings : sequence of mapping
        The warnings of its training, with ``category``, ``message`` and ``count``.
    target : str
        The column that the model predicts.
    rows : tuple of int
        Number of training rows and of held-out rows.
    split : mapping of str to object
        As :meth:`podium.data.splits.Split.as_spec` returns it.
    metric : str
        The deciding metric.
    scores : mapping of str to float
        Scores on the held-out rows, by the names of :mod:`podium.evaluation.metrics`.
    reason : str
        Why it was promoted, in one sentence.
    decided : str
        Date and time of the decision.
    by : str
        Which pipeline or person decided.
    approver : str
        Who approved.
    previous : str
        The previous champion, such as ``version 3 (forest)``.
    description : str
        The config's description.
    report : DataReport, optional
        What was found in the rows.
    notes : sequence of str
        What the user should know about the split, one sentence each.
    links : mapping of str to str
        URLs by their title, such as ``MLflow run``.
    """
    model_files.import_skops()
    from skops.card import Card

    written = Card(model, model_diagram=False, template=None)
    title = f"{name} version {version}"

    def section(heading: str, *parts: str) -> None:
        written.add(**{f"{title}/{heading}" if heading else title: "\n\n".join(filter(None, parts))})

    section("", _summary(model, tags, target), f"> {_plain(description)}" if description else "")
    section("Intended use", _list(_uses(model, tags, target)))
    section("Limits", _list([*_limits(model, rows, scores, warnings), *map(_plain, notes)]))
    section("How to load it", _loading(name, version, model))
    section("Decision", _facts(_who(reason, decided, by, approver, previous)))
    section(
        "Evaluation", f"On the {rows[1]} held-out rows, which no training used. The deciding metric is {_code(metric)}."
    )
    _table(written, f"{title}/Evaluation", _evaluation(metric, scores))
    section("Training data", _facts(_data(model, tags, target, rows, split)))
    if report is not None:
        section("Training data/Data report", _list(_found(report)))
    section("Model", _fenced(_structure(model), ""))
    section("Model/Hyperparameters", "Defaults included.")
    _table(written, f"{title}/Model/Hyperparameters", _hyperparameters(model), folded=True)
    section("Provenance", _facts(_provenance(tags, links or {})))
    return str(written.render()).lstrip()


def _table(written: Card, key: str, columns: Mapping[str, list[str]], *, folded: bool = False) -> None:
    """Add a table below the text of a section; skops uses the whole key as its heading."""
    section = written.select(key)
    cells = {name: [cell.replace("|", "\\|") for cell in column] for name, column in columns.items()}
    written.add_table(description=section.content, folded=folded, **{key: cells})
    written.select(key).title = section.title


def _summary(model: Any, tags: Mapping[str, str], target: str) -> str:
    data, estimator, config = (
        _code(tags.get(name, "")) for name in (tag_names.DATA, tag_names.ESTIMATOR, tag_names.CONFIG)
    )
    classes = _enumerated(model.classes_, "or")
    return (
        f"Predicts {_code(target)} for a row of {data}: {classes}. "
        f"The classifier is {estimator}, from the config {config}."
    )


def _uses(model: Any, tags: Mapping[str, str], target: str) -> list[str]:
    data = _code(tags.get(tag_names.DATA, ""))
    output = (
        "a class and the probability of each class"
        if hasattr(model, "predict_proba")
        else "a class, without probabilities"
    )
    return [
        f"Use it for rows like those of {data}: from the same source, with the same columns and units.",
        f"It predicts {output}. A row whose {_code(target)} is none of its classes is still assigned to one of them.",
        "Do not use it for rows from another source or a later time before it has been scored on some of them.",
        "Do not base a decision about a person on it alone: it has not been tested for fairness between groups.",
    ]


def _limits(
    model: Any, rows: tuple[int, int], scores: Mapping[str, float], warnings: Sequence[Mapping[str, Any]]
) -> list[str]:
    limits = [
        f"Its scores are based on {rows[1]} rows: one row is {100 / rows[1]:.2g} percentage points of accuracy.",
        "It was selected by these scores: expect lower ones on new rows (Cawley and Talbot, JMLR 11, 2010).",
    ]
    if "worst_class_recall" in scores:
        limits.append(f"Its lowest recall of a class is {scores['worst_class_recall']:.1%}.")
    warned = [
        f"Its training warned {one['count']} times: {_plain(one['category'])}: {_plain(one['message'])}"
        for one in warnings
    ]
    return [*limits, _missing_values(model), *warned]


def _missing_values(model: Any) -> str:
    """Return how the model handles values that are missing or were not seen in training."""
    steps = getattr(model, "named_steps", {})
    if "columntransformer" not in steps:
        return IMPUTED if "simpleimputer" in steps else NOT_IMPUTED
    branches = {name: transformer for name, transformer, _ in steps["columntransformer"].transformers}
    sentences = []
    if NUMBERS in branches:
        sentences.append(IMPUTED if "SimpleImputer" in repr(branches[NUMBERS]) else NOT_IMPUTED)
    if {CATEGORIES, TEXTS} & branches.keys():
        sentences.append("A missing string is a value of its own, and the same as an empty one.")
    if CATEGORIES in branches:
        sentences.append("A category that was not seen in training is none of the known ones.")
    return " ".join(sentences)


def _loading(name: str, version: int, model: Any) -> str:
    code = (
        "import mlflow.sklearn\n\n"
        f'model = mlflow.sklearn.load_model("models:/{name}@{client.PRODUCTION_ALIAS}")  # the version in Production\n'
        f'model = mlflow.sklearn.load_model("models:/{name}/{version}")  # this version\n'
        "model.predict(rows)"
    )
    columns = f"`rows` is a `pandas.DataFrame` with the columns {_enumerated(model.feature_names_in_, 'and')}."
    return f"{_fenced(code, 'python')}\n\n{columns} Set `MLFLOW_TRACKING_URI` to the address of MLflow."


def _who(reason: str, decided: str, by: str, approver: str, previous: str) -> dict[str, str]:
    return {
        "Reason": _plain(reason),
        "Decided": _plain(decided),
        "By": _plain(by),
        "Approved by": _plain(approver),
        "Previous champion": _plain(previous or "none"),
    }


def _evaluation(metric: str, scores: Mapping[str, float]) -> dict[str, list[str]]:
    known = [*GREATER_IS_BETTER, *sorted(scores.keys() - GREATER_IS_BETTER.keys() - MEASURED.keys())]
    names = sorted((name for name in known if name in scores), key=lambda name: name != metric)
    return {
        "Metric": [f"**{name}**" if name == metric else name for name in names],
        "Value": [f"{scores[name]:.4f}" for name in names],
        "Better": ["higher" if greater_is_better(name) else "lower" for name in names],
        "Meaning": [MEANING.get(name, f"scikit-learn's scorer {name}") for name in names],
    }


def _data(
    model: Any, tags: Mapping[str, str], target: str, rows: tuple[int, int], split: Mapping[str, Any]
) -> dict[str, str]:
    return {
        "Data set": _code(tags.get(tag_names.DATA, "")),
        "SHA-256": _code(tags.get(tag_names.DATA_DIGEST, "")),
        "Rows": f"{rows[0]} for training, {rows[1]} held out",
        "Split": _split(split),
        "Target": f"{_code(target)}, {len(model.classes_)} classes",
        "Features": f"{len(model.feature_names_in_)} columns",
    }


def _found(report: DataReport) -> list[str]:
    """Return what the data report says, as far as a user of the model needs it."""
    noted = [*report.dropping, *report.suspicious, *report.assumptions]
    more = [f"{len(noted) - MOST_NAMES} more are in the data report"] if len(noted) > MOST_NAMES else []
    return [f"{report.shape}; {report.kinds}", *map(_plain, noted[:MOST_NAMES]), *more]


def _split(split: Mapping[str, Any]) -> str:
    """Return how the rows were divided, as a sentence without a full stop."""
    share = f"about {split['test_size']:.0%} of the"
    ways = {
        "random": f"{share} rows held out, by a digest of the row with seed {split['seed']:g}",
        "group": f"{share} groups held out, by a digest of {_code(split.get('group'))} with seed {split['seed']:g}",
        "time": f"{share} rows held out, the newest by {_code(split.get('time'))}",
        "given": f"the rows held out that {_code(split.get('fold'))} marks",
    }
    folds = "" if split["kind"] == "given" else f"; {split['folds']:g} folds of cross-validation on the training rows"
    return ways[split["kind"]] + folds


def _structure(model: Any) -> str:
    """Return the full representation of a model: its steps and all parameters that are not the default."""
    return str(model.__repr__(N_CHAR_MAX=WHOLE))


def _hyperparameters(model: Any) -> dict[str, list[str]]:
    """Return the parameters of every nested estimator, without the estimators themselves."""
    values = {name: value for name, value in model.get_params().items() if not _holds_estimators(value)}
    return {
        "Hyperparameter": [_code(name) for name in sorted(values)],
        "Value": [_code(_short(repr(values[name]))) for name in sorted(values)],
    }


def _holds_estimators(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_estimators, value))
    return hasattr(value, "get_params")


def _provenance(tags: Mapping[str, str], links: Mapping[str, str]) -> dict[str, str]:
    known = {
        "Config": tags.get(tag_names.CONFIG, ""),
        "Config's SHA-256": tags.get(tag_names.CONFIG_DIGEST, ""),
        "Git commit": tags.get(tag_names.COMMIT, ""),
    }
    return {
        **{name: _code(value) for name, value in known.items()},
        **{name: f"[{address}]({address})" for name, address in links.items() if address},
    }


def _facts(facts: Mapping[str, str]) -> str:
    return _list(f"**{name}:** {value}" for name, value in facts.items() if value)


def _list(points: Iterable[str]) -> str:
    return "\n".join(f"- {point}" for point in points)


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def _enumerated(names: Sequence[Any], last: str) -> str:
    """Return names as a list in a sentence, such as `a`, `b` or `c`."""
    *first, final = [_code(name) for name in names[:MOST_NAMES]]
    if len(names) > MOST_NAMES:
        return f"{', '.join([*first, final])} and {len(names) - MOST_NAMES} more"
    return f"{', '.join(first)} {last} {final}" if first else final


def _code(value: Any) -> str:
    """Return a value as inline code, in which nothing is Markdown or HTML; empty if the value is."""
    text = " ".join(str(value).split())
    if "`" in text:
        return f"`` {text} ``"
    return f"`{text}`" if text else ""


def _plain(text: str) -> str:
    """Return text in one line, with HTML escaped."""
    return " ".join(html.escape(text, quote=False).split())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
