"""Class labels in parameters: a config writes them as strings, the data has strings, numbers or booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Classifiers that number the labels, in their order, for the classifiers inside them.
NUMBERING = ("BaggingClassifier", "BoostingClassifier", "StackingClassifier", "VotingClassifier")


def match(model: Any, labels: Iterable[Any]) -> Any:
    """Replace the labels in each ``class_weight`` of an unfitted model by those of the data, and return the model.

    Parameters
    ----------
    model : estimator
        The model, maybe with classifiers inside it.
    labels : iterable
        The labels of the data, each once.

    Raises
    ------
    PodiumError
        If a label is not in the data.
    """
    ordered = sorted(labels)
    written = [_written(label) for label in ordered]
    _replace(model, dict(zip(written, ordered, strict=True)), {label: at for at, label in enumerate(written)})
    return model


def _replace(part: Any, labels: Mapping[str, Any], numbers: Mapping[str, int]) -> None:
    inner = numbers if type(part).__name__ in NUMBERING else labels
    for name, value in part.get_params(deep=False).items():
        if name == "class_weight" and isinstance(value, dict):
            found = {_label(key, labels): weight for key, weight in value.items()}
            is_scikit_learn = type(part).__module__.startswith("sklearn.")
            part.set_params(class_weight=_looked_up(found) if is_scikit_learn else found)
        for one in value if isinstance(value, list | tuple) else [value]:
            inside = one[1] if isinstance(one, tuple) and len(one) > 1 else one
            if hasattr(inside, "get_params") and not isinstance(inside, type):
                _replace(inside, inner, numbers)


def _looked_up(weights: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return weights by what scikit-learn looks up: a label that ``int`` can read as a number, even if it is text."""
    return {int(label) if str(label).strip("+-").isdecimal() else label: weight for label, weight in weights.items()}


def _label(key: Any, labels: Mapping[str, Any]) -> Any:
    written = _written(key)
    if written in labels:
        return labels[written]
    words = did_you_mean(written, labels) or f": it has {', '.join(labels)}"
    raise PodiumError(f"class_weight names the class {key!r}, which the data does not have{words}")


def _written(label: Any) -> str:
    """Return a label as a config writes it: booleans as ``true`` and ``false``."""
    text = str(label)
    return text.lower() if text in ("True", "False") else text
