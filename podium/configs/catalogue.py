"""The estimator: which classes a config may name, and the unfitted pipeline that it describes.

A classifier that takes others as parameters (voting, stacking, bagging, calibration, one-vs-rest, ...) takes them by
the rules of a config::

    estimator: BaggingClassifier
    params:
      estimator: {estimator: SVC, params: {C: 10}, preprocess: [StandardScaler]}   # or just: SVC

    estimator: VotingClassifier
    params:
      estimators: {svm: {estimator: SVC}, tree: DecisionTreeClassifier}            # used in the order of their names
"""

from __future__ import annotations

from functools import cache

#: Classifiers of other packages, which work where the package is installed.
EXTRAS = {
    "LGBMClassifier": "lightgbm",
    "XGBClassifier": "xgboost",
    "XGBRFClassifier": "xgboost",
}

#: Transformers of scikit-learn that cannot stand in ``preprocess``, and why.
UNUSABLE = {
    **dict.fromkeys(("Birch",), "skops cannot save it"),
    **dict.fromkeys(("CCA", "PLSCanonical", "PLSRegression", "PLSSVD"), "it takes a numeric target"),
    **dict.fromkeys(("ColumnTransformer", "FeatureUnion"), "it holds transformers of its own"),
    **dict.fromkeys(("DictVectorizer", "FeatureHasher", "HashingVectorizer", "PatchExtractor"), "it takes no table"),
    **dict.fromkeys(("FunctionTransformer",), "a config cannot hold a function"),
    **dict.fromkeys(("IsotonicRegression",), "it takes one column"),
    **dict.fromkeys(("KernelCenterer",), "it takes a kernel matrix"),
    **dict.fromkeys(("LabelBinarizer", "LabelEncoder", "MultiLabelBinarizer"), "it is for the target"),
    **dict.fromkeys(("SparseCoder",), "it takes a dictionary learnt elsewhere"),
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
    """Return the transformers of scikit-learn that can stand in ``preprocess``, by class name."""
    from sklearn.utils import all_estimators

    return {name: class_ for name, class_ in all_estimators(type_filter="transformer") if name not in UNUSABLE}
