"""What to write instead of a class that exists and cannot be used where a config names it."""

from __future__ import annotations

from podium.configs.catalogue import UNUSABLE
from podium.configs.parameters import classifier_names, load_schema, transformer_names

#: Words of other tools for the keys of a config.
SYNONYMS = {
    **dict.fromkeys(("model", "classifier", "class", "algorithm"), "estimator"),
    **dict.fromkeys(("parameters", "hyperparameters", "kwargs", "init_params"), "params"),
    **dict.fromkeys(("param_grid", "param_distributions", "search"), "grid"),
    **dict.fromkeys(("pipeline", "transformers", "preprocessing", "preprocessor"), "preprocess"),
}

_SEARCH = "name the classifier here, and list the values to try under grid"
_PIPELINE = "name its classifier here, and the steps before it under preprocess"
_COLUMNS = "name the classifier here; steps for some columns go under preprocess as {columns: [...], steps: [...]}"
_INSTEAD = {
    **dict.fromkeys(("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"), _SEARCH),
    **dict.fromkeys(("Pipeline", "make_pipeline"), _PIPELINE),
    **dict.fromkeys(("ColumnTransformer", "make_column_transformer", "FeatureUnion", "make_union"), _COLUMNS),
}
_STEPS_INSTEAD = {
    **dict.fromkeys(("Pipeline", "make_pipeline"), "list its steps here"),
    **dict.fromkeys(
        ("ColumnTransformer", "make_column_transformer"),
        "steps for some columns are written as {columns: [...], steps: [...]}",
    ),
}


def remedy(name: str, noun: str) -> str:
    """Return what to write instead of a class, as the end of a message; empty if nothing is known of it.

    Parameters
    ----------
    name : str
        What a config names, maybe with its module.
    noun : {"classifier", "transformer"}
        What it should be.
    """
    last = name.rpartition(".")[2]
    instead = (_INSTEAD if noun == "classifier" else _STEPS_INSTEAD).get(last)
    if instead:
        return f": {instead}"
    if noun == "transformer":
        if last in UNUSABLE:
            return f": scikit-learn's {last} cannot be used here because {UNUSABLE[last]}"
        return ": it is not a transformer" if name in classifier_names() else ""
    if reason := load_schema()["x-not-classifiers"].get(last):
        return f": {reason}"
    return ": it is a transformer, which goes under preprocess" if name in transformer_names() else ""


def foreign(name: str) -> str:
    """Return how to use a class of another package, if a name has a package."""
    if "." not in name or name.partition(".")[0] in ("sklearn", "xgboost", "lightgbm"):
        return ""
    return ": declare it under [tool.podium] in pyproject.toml, and name it here without its module"
