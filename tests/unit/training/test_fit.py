"""Fitting and scoring one config: what goes into the pipeline and what comes out."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score

from podium.configs.config import ClassifierConfig
from podium.data.datasets import DatasetRef, load
from podium.data.splits import Split
from podium.training.fit import confusion_matrix_figure, pipeline, train

SPLIT = Split(test_size=0.4, folds=5, seed=3)


def config(estimator="GaussianNB", preprocess=(), **params):
    return ClassifierConfig("c", "config/c.yaml", estimator, params, [{name: {}} for name in preprocess])


def mixed_rows(tmp_path):
    """Numbers with gaps, text with gaps, and a town that only the held-out rows have."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(40, 9, 120), "town": rng.choice(["ulm", "bonn"], 120)})
    frame["label"] = np.where(frame["age"] + 10 * (frame["town"] == "ulm") > 45, "yes", "no")
    frame.loc[::9, "age"] = np.nan
    frame.loc[::11, "town"] = None
    ref = csv(tmp_path, frame.assign(town="trier"))
    frame.loc[load(ref, SPLIT).x_test.index[:3], "town"] = "trier"
    return load(csv(tmp_path, frame), SPLIT)


def csv(tmp_path, frame):
    frame.to_csv(tmp_path / "rows.csv", index=False)
    return DatasetRef.from_spec({"path": "rows.csv", "target": "label"}, tmp_path)


def iris():
    return load(DatasetRef("iris", None, "target"), SPLIT)


def test_scores_are_what_scikit_learn_gives_by_hand():
    rows = iris()
    found = train(config("RandomForestClassifier", n_estimators=10), rows, SPLIT).scores
    x_fit, y_fit = rows.x_train, rows.y_train
    by_hand = RandomForestClassifier(n_estimators=10, random_state=3).fit(x_fit, y_fit)
    in_folds = cross_val_score(RandomForestClassifier(n_estimators=10, random_state=3), x_fit, y_fit, cv=rows.folds)
    assert found["test_accuracy"] == accuracy_score(rows.y_test, by_hand.predict(rows.x_test))
    assert found["cv_accuracy"] == pytest.approx(in_folds.mean())
    assert found["cv_accuracy_std"] == pytest.approx(in_folds.std(ddof=1))


def test_two_trainings_give_the_same_scores():
    one, two = (train(config("ExtraTreesClassifier", n_estimators=5), iris(), SPLIT).scores for _ in range(2))
    untimed = {name: value for name, value in one.items() if "seconds" not in name}
    assert untimed == {name: value for name, value in two.items() if "seconds" not in name}
    assert untimed
    assert one["fit_seconds"] > 0


def test_an_estimator_may_name_its_own_seed():
    model = train(config("RandomForestClassifier", n_estimators=2, random_state=7), iris(), SPLIT).model
    assert model[-1].random_state == 7
    assert train(config("RandomForestClassifier", n_estimators=2), iris(), SPLIT).model[-1].random_state == 3


def test_the_held_out_rows_are_never_fitted():
    rows = iris()
    training = train(config("KNeighborsClassifier", n_neighbors=1), rows, SPLIT)
    assert training.model[-1].n_samples_fit_ == len(rows.x_train)
    assert [len(training.fold_scores)] == [5]


def test_each_fold_has_the_scores_of_the_whole():
    training = train(config(), iris(), SPLIT)
    names = {name.removeprefix("test_") for name in training.scores if name.startswith("test_")}
    assert all(set(fold) == {*names, "fit_seconds"} for fold in training.fold_scores)


def test_text_and_missing_values_are_part_of_the_saved_pipeline(tmp_path):
    rows = mixed_rows(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training = train(config("LogisticRegression", ["StandardScaler"]), rows, SPLIT)
    assert training.scores["test_accuracy"] > 0.75
    unseen = pd.DataFrame({"age": [np.nan, 70.0], "town": ["trier", None]})
    assert list(training.model.predict(unseen))[1] == "yes"
    assert list(training.model.feature_names_in_) == ["age", "town"]


def step_names(estimator, preprocess=()):
    return [type(step).__name__ for step in pipeline(config(estimator, preprocess), iris(), 0)]


def test_numbers_are_only_imputed_and_scaled_as_far_as_the_classifier_needs_it():
    assert step_names("LogisticRegression") == ["SimpleImputer", "StandardScaler", "LogisticRegression"]
    assert step_names("LogisticRegression", ["MinMaxScaler"]) == ["SimpleImputer", "MinMaxScaler", "LogisticRegression"]
    assert step_names("GradientBoostingClassifier") == ["SimpleImputer", "GradientBoostingClassifier"]
    assert step_names("HistGradientBoostingClassifier") == ["HistGradientBoostingClassifier"]


@pytest.mark.parametrize("name", ["LogisticRegression", "RandomForestClassifier", "HistGradientBoostingClassifier"])
def test_a_gap_that_first_appears_after_training_is_predicted(name):
    rows = iris()
    model = train(config(name), rows, SPLIT).model
    gap = rows.x_test.copy()
    gap.iloc[:, 0] = np.nan
    assert set(model.predict(gap)) <= set(rows.y_train)


def test_what_the_classifier_raises_comes_through():
    with pytest.raises(ValueError, match="n_neighbors"):
        train(config("KNeighborsClassifier", n_neighbors=5000), iris(), SPLIT)


def test_the_confusion_matrix_shows_every_class_and_every_row():
    rows = iris()
    model = train(config(), rows, SPLIT).model
    figure = confusion_matrix_figure(model, rows.x_test, rows.y_test, "a title")
    assert {*model.classes_, "a title"} <= {text.get_text() for text in figure.texts}
    assert sum(int(text.get_text()) for text in figure.axes[0].texts) == len(rows.x_test)


def weighted(estimator):
    rng = np.random.default_rng(0)
    rows = iris()
    x = pd.DataFrame({column: rng.normal(size=len(rows.x_train)) for column in rows.x_train}, index=rows.x_train.index)
    weights = (rows.y_train == "setosa") * 1000.0 + 1
    return train(config(estimator), dataclasses.replace(rows, x_train=x, w_train=weights), SPLIT), x


def test_weights_of_rows_are_fitted():
    training, rows = weighted("LogisticRegression")
    assert set(training.model.predict(rows)) == {"setosa"}


def test_a_classifier_without_weights_says_so():
    (warning,) = weighted("KNeighborsClassifier")[0].warnings
    assert warning.message == "KNeighborsClassifier takes no weights: its rows count the same"
