"""The content of the model card of a version in Production."""

import re
from dataclasses import asdict

import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from podium.configs import catalogue
from podium.configs.config import ClassifierConfig
from podium.configs.parameters import parameters_of, required_parameters
from podium.data import datasets
from podium.data.splits import Split
from podium.evaluation import metrics
from podium.promotion.card import MEANING
from podium.promotion.card import card as write_card
from podium.registry import tag_names
from podium.training import fit

SPLIT = Split(test_size=0.4, folds=2, seed=3)
TAGS = {
    tag_names.CONFIG: "forest_small",
    tag_names.ESTIMATOR: "RandomForestClassifier",
    tag_names.CONFIG_DIGEST: "c" * 64,
    tag_names.DATA: "iris",
    tag_names.DATA_DIGEST: "d" * 64,
    tag_names.COMMIT: "e" * 40,
}
SCORES = {"accuracy": 0.96, "log_loss": 0.21, "roc_auc": 0.98765, "worst_class_recall": 0.875}
# Multi-output classifiers cannot be candidates: a data set has one target.
CLASSIFIERS = sorted(catalogue.classifiers().keys() - {"ClassifierChain", "MultiOutputClassifier"})


def fitted(*steps):
    bunch = load_iris(as_frame=True)
    two = bunch.target < 2
    return make_pipeline(*steps).fit(bunch.data[two], bunch.target_names[bunch.target[two]].astype(object))


def written(model, **changed):
    given = {
        "name": "iris-classifier",
        "version": 17,
        "tags": TAGS,
        "target": "species",
        "rows": (90, 60),
        "split": asdict(SPLIT),
        "metric": "roc_auc",
        "scores": SCORES,
        "reason": "version 17 (forest_small) has roc_auc 0.9877 against 0.9712 of version 3 (bayes)",
        "decided": "2026-11-23 15:02 UTC",
        "by": "iris_train",
    }
    return write_card(model, **given | changed)


def tables(card):
    """Return the cells of every table of a card, by the heading above it."""
    found = {}
    for section in re.split(r"^#+ ", card, flags=re.MULTILINE)[1:]:
        lines = [line for line in section.splitlines() if line.startswith("|")]
        if lines:
            rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
            found[section.splitlines()[0]] = [rows[0], *rows[2:]]
    return found


def headings(card):
    return re.findall(r"^#+ .*", re.sub(r"^```.*?^```", "", card, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)


@pytest.fixture(scope="module")
def card():
    return written(fitted(StandardScaler(), GaussianNB(var_smoothing=0.125)))


def test_it_has_these_sections_and_no_placeholder(card):
    assert headings(card) == [
        "# iris-classifier version 17",
        "## Intended use",
        "## Limits",
        "## How to load it",
        "## Decision",
        "## Evaluation",
        "## Training data",
        "## Model",
        "### Hyperparameters",
        "## Provenance",
    ]
    assert card.startswith("# ")
    assert "More Information Needed" not in card
    assert "****" not in card
    assert "``" not in card.replace("```", "")
    assert not re.search(r":\*\* *$", card, re.MULTILINE)


def test_it_says_what_it_predicts_from_what(card):
    assert "Predicts `species` for a row of `iris`: `setosa` or `versicolor`." in card
    assert "`RandomForestClassifier`, from the config `forest_small`" in card
    assert "`sepal length (cm)`, `sepal width (cm)`, `petal length (cm)` and `petal width (cm)`" in card


def test_the_scores_are_in_a_table_the_one_that_decided_first(card):
    head, *rows = tables(card)["Evaluation"]
    assert head == ["Metric", "Value", "Better", "Meaning"]
    assert [row[:3] for row in rows] == [
        ["**roc_auc**", "0.9877", "higher"],
        ["accuracy", "0.9600", "higher"],
        ["worst_class_recall", "0.8750", "higher"],
        ["log_loss", "0.2100", "lower"],
    ]
    assert all(row[3] for row in rows)
    assert "60 held-out rows" in card
    assert "Its lowest recall of a class is 87.5%." in card


def test_every_metric_has_a_meaning():
    assert MEANING.keys() == metrics.GREATER_IS_BETTER.keys()


def test_the_hyperparameters_are_those_of_every_part(card):
    rows = dict(tables(card)["Hyperparameters"])
    assert rows["`gaussiannb__var_smoothing`"] == "`0.125`"
    assert rows["`standardscaler__with_mean`"] == "`True`"
    assert not {"`steps`", "`gaussiannb`", "`standardscaler`"} & rows.keys()
    assert "GaussianNB(var_smoothing=0.125)" in card


def test_it_says_why_it_is_in_production_and_who_decided():
    card = written(fitted(GaussianNB()), approver="ann <ann@example.com>", previous="version 3 (bayes)")
    decision = card.split("## Decision")[1].split("\n## ")[0]
    assert "- **Reason:** version 17 (forest_small) has roc_auc 0.9877 against 0.9712 of version 3 (bayes)" in decision
    assert "- **Decided:** 2026-11-23 15:02 UTC" in decision
    assert "- **By:** iris_train" in decision
    assert "- **Approved by:** ann &lt;ann@example.com&gt;" in decision
    assert "- **Previous champion:** version 3 (bayes)" in decision


def test_unknown_facts_are_left_out(card):
    assert "Approved" not in card
    assert "- **Previous champion:** none" in card
    outside_git = written(fitted(GaussianNB()), tags=TAGS | {tag_names.COMMIT: ""}, links={"MLflow run": ""})
    assert "Git commit" not in outside_git
    assert "MLflow run" not in outside_git


def test_it_says_which_rows_and_where_it_comes_from():
    card = written(
        fitted(GaussianNB()), links={"MLflow run": "http://mlflow/runs/1"}, description="A small\n# forest <b>"
    )
    assert f"`{'d' * 64}`" in card
    assert "90 for training, 60 held out" in card
    assert "about 40% of the rows held out, by a digest of the row with seed 3; 2 folds" in card
    assert f"- **Git commit:** `{'e' * 40}`" in card
    assert "[http://mlflow/runs/1](http://mlflow/runs/1)" in card
    assert "> A small # forest &lt;b&gt;" in card


def test_it_names_what_is_special_about_each_kind_of_split():
    said = {
        "time": "about 40% of the rows held out, the newest by `day`; 2 folds",
        "group": "about 40% of the groups held out, by a digest of `day` with seed 3; 2 folds",
        "given": "the rows held out that `day` marks",
    }
    for kind, words in said.items():
        column = {"given": "fold"}.get(kind, kind)
        split = {"test_size": 0.4, "folds": 2, "seed": 3, "kind": kind, column: "day"}
        card = written(fitted(GaussianNB()), split=split, notes=["5 of 60 test rows equal a training row"])
        assert words in card
        assert "- 5 of 60 test rows equal a training row" in card


def test_a_model_without_probabilities_says_so():
    from sklearn.svm import LinearSVC

    assert "a class, without probabilities" in written(fitted(LinearSVC()))
    assert "a class and the probability of each class" in written(fitted(GaussianNB()))


def test_names_of_columns_and_classes_are_never_markup():
    frame = pd.DataFrame({"a|b": range(20), "`tick`": range(20), "two\nlines": range(20)})
    model = make_pipeline(GaussianNB()).fit(frame, ["_low_"] * 10 + ["*high*"] * 10)
    card = written(model.set_params(gaussiannb__priors="a|b"))
    assert "`*high*` or `_low_`" in card
    assert "`a|b`, `` `tick` `` and `two lines`" in card
    assert dict(tables(card)["Hyperparameters"])["`gaussiannb__priors`"] == r"`'a\|b'`"


def test_many_columns_are_cut_short():
    frame = pd.DataFrame([[row] * 64 for row in range(20)], columns=[f"pixel_{n}" for n in range(64)])
    card = written(make_pipeline(GaussianNB()).fit(frame, [0, 1] * 10))
    assert "`pixel_29` and 34 more" in card
    assert "pixel_30" not in card


def trained(estimator, params, dataset, preprocess=()):
    config = ClassifierConfig("c", "c.yaml", estimator, params, list(preprocess))
    return fit.train(config, dataset, SPLIT)


def test_string_columns_and_missing_values_are_explained(tmp_path):
    rows = "age,town,label\n" + "".join(
        f"{'' if i % 5 == 0 else i},{'' if i % 7 == 0 else 'u|m'},{'yes' if i % 3 else 'no'}\n" for i in range(60)
    )
    (tmp_path / "rows.csv").write_text(rows)
    ref = datasets.DatasetRef.from_spec({"path": "rows.csv", "target": "label"}, tmp_path)
    card = written(trained("GaussianNB", {}, datasets.load(ref, SPLIT)).model)
    assert "A missing number is replaced by the median" in card
    assert "A missing string is a value of its own" in card
    hyperparameters = dict(tables(card)["Hyperparameters"])
    assert hyperparameters["`columntransformer__categories__onehotencoder__handle_unknown`"] == "`'ignore'`"
    assert "A missing number" not in written(fitted(GaussianNB()))


def test_a_stacked_ensemble_is_shown_whole():
    part = {"params": {}, "preprocess": [{"StandardScaler": {}}]}
    names = [f"svm_{number}" for number in range(12)]
    params = {"estimators": {name: {"estimator": "SVC", **part, "params": {"C": 2.5}} for name in names}, "cv": 2}
    dataset = datasets.load(datasets.DatasetRef("iris", None, "target"), SPLIT)
    card = written(trained("StackingClassifier", params, dataset).model)
    hyperparameters = dict(tables(card)["Hyperparameters"])
    assert all(hyperparameters[f"`stackingclassifier__{name}__svc__C`"] == "`2.5`" for name in names)
    structure = card.split("## Model\n")[1].split("### Hyperparameters")[0]
    assert [name for name in names if f"'{name}'" in structure] == names
    assert "..." not in structure
    assert len(card) < 100_000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_has_a_card(name):
    needed = {
        "estimator": LogisticRegression(),
        "estimators": [("a", LogisticRegression()), ("b", GaussianNB())],
    }
    arguments = {key: needed[key] for key in required_parameters(name)}
    arguments |= {"max_iter": 20} if "max_iter" in parameters_of(name).by_name else {}
    card = written(fitted(MinMaxScaler(), catalogue.classifiers()[name](**arguments)))
    step = name.lower()
    shown = [row[0] for row in tables(card)["Hyperparameters"]]
    own = {f"`{step}__{key}`" for key in parameters_of(name).by_name} - {f"`{step}__{key}`" for key in needed}
    assert own <= set(shown)
    assert len(headings(card)) == 10


def test_a_version_of_the_registry_has_a_card(lab):
    lab.write("svm.yaml", "estimator: SVC\nparams: {C: 3.0}\npreprocess: [StandardScaler]\n")
    lab.train_all()
    (version,) = lab.models.versions()
    card = written(
        lab.models.load(1).model, name=lab.models.model, version=1, tags=version.tags, scores=version.metrics
    )
    assert "The classifier is `SVC`, from the config `svm`." in card
    assert f"`{lab.job.dataset.digest()}`" in card
    assert dict(tables(card)["Hyperparameters"])["`svc__C`"] == "`3.0`"
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert f'"models:/{lab.models.model}/1"' in code
    lab.models.set_production(1)
    held_out = datasets.load(lab.job.dataset, lab.job.split).x_test
    names = {"rows": held_out}
    exec(code, names)  # noqa: S102
    assert set(names["model"].predict(held_out)) <= {"setosa", "versicolor", "virginica"}
