"""The classes that a config can name."""

from __future__ import annotations

from functools import cache

#: Classifiers of other packages, available if the package is installed.
EXTRAS = {
    "LGBMClassifier": "lightgbm",
    "XGBClassifier": "xgboost",
    "XGBRFClassifier": "xgboost",
}

#: Transformers of scikit-learn that ``preprocess`` cannot use, and why.
UNUSABLE = {
    **dict.fromkeys(("Birch",), "skops cannot save it"),
    **dict.fromkeys(("CCA", "PLSCanonical", "PLSRegression", "PLSSVD"), "it takes a numeric target"),
    **dict.fromkeys(("ColumnTransformer", "FeatureUnion"), "it contains other transformers"),
    **dict.fromkeys(
        ("DictVectorizer", "FeatureHasher", "HashingVectorizer", "PatchExtractor"), "it does not take a table"
    ),
    **dict.fromkeys(("FunctionTransformer",), "a config cannot contain a function"),
    **dict.fromkeys(("IsotonicRegression",), "it takes one column"),
    **dict.fromkeys(("KernelCenterer",), "it takes a kernel matrix"),
    **dict.fromkeys(("LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer"), "it transforms the target"),
    **dict.fromkeys(("SparseCoder",), "it needs a dictionary learned elsewhere"),
    **dict.fromkeys(("StackingRegressor", "VotingRegressor", "StackingClassifier", "VotingClassifier"), "it predicts"),
    **dict.fromkeys(("TSNE",), "it cannot transform new rows"),
    **dict.fromkeys(("TfidfTransformer",), "it takes counts of words"),
}


@cache
def classifiers() -> dict[str, type]:
    """Return scikit-learn's classifiers by class name."""
    from sklearn.utils import all_estimators

    return dict(all_estimators(type_filter="classifier"))


@cache
def transformers() -> dict[str, type]:
    """Return the transformers of scikit-learn that ``preprocess`` can use, by class name."""
    from sklearn.utils import all_estimators

    return {name: class_ for name, class_ in all_estimators(type_filter="transformer") if name not in UNUSABLE}
