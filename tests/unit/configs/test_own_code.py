"""A project's own estimators, transformers and metrics: declared, checked, trained, saved and loaded."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from podium.configs import own_code
from podium.configs.files import load_config
from podium.data import datasets
from podium.errors import InvalidFileError, PodiumError
from podium.schema_generation import writing
from podium.specs.checks.project import problems_of

ROOT = Path(__file__).parents[3]
MODULE = '''
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils._param_validation import Interval
from numbers import Integral, Real


class Centre:
    def __init__(self, values):
        self.values = values


class NearestMean(ClassifierMixin, BaseEstimator):
    """Predict the class whose mean is nearest."""

    def __init__(self, power: float = 2.0, weighting: str | None = None, rounds: int = 1, seed=None):
        self.power, self.weighting, self.rounds, self.seed = power, weighting, rounds, seed

    def fit(self, X, y):
        X = np.asarray(X, dtype=float)
        self.classes_ = np.unique(y)
        self.means_ = Centre(np.array([X[np.asarray(y) == label].mean(axis=0) for label in self.classes_]))
        return self

    def predict_proba(self, X):
        distances = np.abs(np.asarray(X, dtype=float)[:, None] - self.means_.values) ** self.power
        close = np.exp(-distances.sum(axis=2))
        return close / close.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Clipper(TransformerMixin, BaseEstimator):
    """Clip every value."""

    _parameter_constraints = {"most": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, most=5.0):
        self.most = most

    def fit(self, X, y=None):
        self._validate_params()
        self.n_features_in_ = np.asarray(X).shape[1]
        return self

    def transform(self, X):
        return np.clip(np.asarray(X, dtype=float), -self.most, self.most)


def profit(estimator, X, y):
    return float((estimator.predict(X) == np.asarray(y)).sum()) * 2


def wide_and_right(estimator, X, y):
    return float(((estimator.predict(X) == y) * X.iloc[:, 0].to_numpy()).sum())


def error_share(y_true, y_pred):
    return float((np.asarray(y_true) != np.asarray(y_pred)).mean())


NUMBER = 5
'''
COUNTER = itertools.count()


@pytest.fixture
def package(project):
    """The name of a package of the project, which is not installed."""
    name = f"team_{next(COUNTER)}"
    (project.root / name).mkdir()
    (project.root / name / "__init__.py").touch()
    (project.root / name / "own.py").write_text(MODULE)
    yield name
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]
    if str(project.root) in sys.path:
        sys.path.remove(str(project.root))


def declare(project, package, **kinds):
    kinds = kinds or {
        "estimators": f'[{{name = "{package}.own:NearestMean", trusted_types = ["{package}.own.Centre"]}}]',
        "transformers": f'["{package}.own:Clipper"]',
        "metrics": f'["{package}.own:profit", {{name = "{package}.own:error_share", loss = true}}]',
    }
    lines = ["[project]", 'name = "team"', "[tool.podium]", *(f"{kind} = {value}" for kind, value in kinds.items())]
    (project.root / "pyproject.toml").write_text("\n".join(lines) + "\n")


def load(project, text):
    path = project.config / "demo" / "own.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return load_config(path, project)


def messages(project, text):
    with pytest.raises(InvalidFileError) as caught:
        load(project, text)
    return [str(problem) for problem in caught.value.problems]


def test_own_classes_are_trained_promoted_and_loaded_again(lab, package):
    from podium.registry.model_files import load_model

    declare(lab.project, package)
    text = "estimator: NearestMean\nparams: {power: 2}\npreprocess: [{Clipper: {most: 9}}]\n"
    lab.write("own.yaml", text + "grid: {Clipper__most: [8, 9], power: [1, 2]}\n")
    lab.write("inside.yaml", "estimator: VotingClassifier\nparams: {estimators: {a: NearestMean, b: GaussianNB}}\n")
    results = lab.train_all()
    assert len(results) == 5
    assert all(result["metrics"]["accuracy"] > 0.7 for result in results)
    verdict = lab.promote(results)
    assert verdict["verdict"] == "promoted"
    (champion,) = [version for version in lab.models.versions() if version.number == verdict["version"]]
    from mlflow.artifacts import download_artifacts

    loaded = load_model(download_artifacts(f"models:/{lab.pipeline}-classifier/{champion.number}"))
    assert set(loaded.model.classes_) == {"setosa", "versicolor", "virginica"}
    assert lab.detect() == []


def test_an_own_metric_decides_and_is_a_gate(lab, package):
    declare(lab.project, package)
    lab.write("poor.yaml", "estimator: DummyClassifier\n")
    lab.write("good.yaml", "estimator: GaussianNB\n")
    results = lab.train_all()
    verdict = lab.promote(results, metric="profit", gates={"error_share": {"threshold": -0.5}}, confidence=0.9)
    (champion,) = [version for version in lab.models.versions() if version.number == verdict["version"]]
    assert champion.config == "good"
    with pytest.raises(Exception, match=r"profitt.*did you mean 'profit'"):
        lab.promote(results, metric="profitt")


def test_specs_may_name_own_metrics(project, package):
    declare(project, package)
    spec = (ROOT / "dag_specs" / "iris_train.yaml").read_text()
    assert "metric: log_loss" in spec
    (project.root / "tasks").symlink_to(ROOT / "tasks")
    for metric, problems in (("profit", 0), ("log_loss", 0), ("profitt", 1)):
        (project.dag_specs / "iris_train.yaml").write_text(spec.replace("metric: log_loss", f"metric: {metric}"))
        found = [str(problem) for problem in problems_of([], project) if "metric" in problem.message]
        assert len(found) == problems, found
        assert not found or "did you mean 'profit'?" in found[0]


def test_a_process_that_has_trained_own_code_imports_it_again_when_it_changes(project, package):
    from podium.configs import building

    declare(project, package)
    (config,) = load(project, "estimator: NearestMean\n")
    assert not hasattr(building.build(config), "news")
    file = project.root / package / "own.py"
    file.write_text(file.read_text() + "\nNearestMean.news = True\n")
    assert building.build(config).news


def test_a_change_of_own_code_trains_its_configs_again_and_no_others(lab, package):
    declare(lab.project, package)
    lab.write("own.yaml", "estimator: SVC\npreprocess: [Clipper]\n")
    lab.write("other.yaml", "estimator: GaussianNB\n")
    before = {item["config"]["name"]: item["identity"] for item in lab.detect()}
    file = lab.project.root / package / "own.py"
    file.write_text(file.read_text() + "\n# changed\n")
    after = {item["config"]["name"]: item["identity"] for item in lab.detect()}
    assert before["own"] != after["own"]
    assert before["other"] == after["other"]


def test_parameters_of_own_classes_are_checked(project, package):
    declare(project, package)
    assert messages(project, "estimator: NearestMean\nparams: {powr: 1, rounds: 1.5, weighting: 3}\n") == [
        "config/demo/own.yaml:2:10  unknown parameter 'powr' for NearestMean: did you mean 'power'?",
        "config/demo/own.yaml:2:27  rounds must be an integer, not 1.5",
        "config/demo/own.yaml:2:43  weighting must be a string or null, not 3",
    ]
    assert messages(project, "estimator: SVC\npreprocess: [{Clipper: {most: 0}}]\n") == [
        "config/demo/own.yaml:2:31  most must be a number above 0, not 0"
    ]
    assert messages(project, "estimator: NearstMean\n") == [
        "config/demo/own.yaml:1:12  unknown classifier 'NearstMean': did you mean 'NearestMean'?"
    ]


def test_a_seed_reaches_own_classes_only_if_they_have_one(project, package):
    from podium.configs import building

    declare(project, package)
    (config,) = load(project, "estimator: NearestMean\n")
    assert building.build(config, 3).seed is None


def test_code_that_cannot_be_imported_is_one_line_and_nothing_else_stops(project, package):
    (project.root / package / "broken.py").write_text("import nothing_like_this\n")
    declare(project, package, estimators=f'["{package}.broken:Thing", "{package}.own:NearestMean"]')
    (line,) = messages(project, "estimator: Thing\n")
    assert line == (
        f"config/demo/own.yaml:1:12  Thing cannot be used: pyproject.toml:4:16  '{package}.broken:Thing' cannot be"
        " imported: ModuleNotFoundError: No module named 'nothing_like_this'"
    )
    assert load(project, "estimator: NearestMean\n")
    assert load(project, "estimator: SVC\n")
    assert "Thing" in json.loads(writing.render(own_code.of(project))["classifier_config.schema.json"])["$defs"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("own:Absent", "cannot be imported: AttributeError: module '{}.own' has no attribute 'Absent'"),
        ("own:NUMBER", "is not a class with fit, predict, get_params"),
        ("own:Centre", "is not a class with fit, predict, get_params"),
        ("own:BaseEstimator", "is not a class with fit, predict"),
    ],
)
def test_what_is_no_classifier_is_refused(project, package, target, words):
    declare(project, package, estimators=f'["{package}.{target}"]')
    (line,) = messages(project, f"estimator: {target.partition(':')[2]}\n")
    assert line.endswith(f"'{package}.{target}' {words.format(package)}")


def test_a_class_is_declared_where_it_is_defined(project, package):
    (project.root / package / "__init__.py").write_text(f"from {package}.own import NearestMean\n")
    declare(project, package, estimators=f'["{package}:NearestMean"]')
    (line,) = messages(project, "estimator: NearestMean\n")
    assert line.endswith(f"'{package}:NearestMean' is '{package}.own:NearestMean': declare it by that path")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('"team"', '4:1  [tool.podium] estimators must be a list such as ["my_package.module:Name"]'),
        ('["team.Name"]', "4:16  [tool.podium] estimators: 'team.Name' must have the form 'my_package.module:Name'"),
        ("[5]", "4:15  [tool.podium] estimators: 5 must have the form 'my_package.module:Name'"),
        (
            '[{name = "a:B", trust = []}]',
            "4:24  [tool.podium] estimators: 'a:B' has the unknown key 'trust': known are name, trusted_types",
        ),
        (
            '[{name = "a:B", trusted_types = "c"}]',
            "4:24  [tool.podium] estimators: 'a:B' takes a list of strings as trusted_types",
        ),
        ('["a:SVC"]', "4:16  [tool.podium] estimators: SVC is the name of a packaged class: rename yours"),
    ],
)
def test_mistakes_in_declarations_are_found_by_the_check(project, value, message):
    declare(project, "", estimators=value)
    assert [str(problem) for problem in problems_of([], project)] == [f"pyproject.toml:{message}"]
    assert load(project, "estimator: SVC\n")


def test_the_schema_of_the_project_has_own_classes_and_the_packaged_one_has_not(project, package):
    declare(project, package)
    files = writing.stale(project)
    schema = json.loads(files[project.root / "schemas" / "classifier_config.schema.json"])
    editor = jsonschema.Draft202012Validator(schema)
    editor.check_schema(schema)
    assert editor.is_valid({"estimator": "NearestMean", "params": {"power": 1}, "preprocess": ["Clipper"]})
    assert not editor.is_valid({"estimator": "NearestMean", "params": {"powr": 1}})
    assert not editor.is_valid({"estimator": "SVC", "preprocess": [{"Clipper": {"most": 0}}]})
    assert "NearestMean" not in writing.render()["classifier_config.schema.json"]


def test_a_metric_that_reads_the_rows_gets_those_that_were_scored(lab, package):
    """In training, and again for each resample of a test."""
    declare(lab.project, package, metrics=f'["{package}.own:wide_and_right"]')
    lab.write("poor.yaml", "estimator: DummyClassifier\n")
    lab.write("good.yaml", "estimator: GaussianNB\n")
    reports = {report["name"]: report for report in lab.train_all()}
    verdict = lab.promote(list(reports.values()), metric="wide_and_right", confidence=0.9)
    assert verdict["version"] == reports["good"]["version"]
    rows = datasets.load(lab.job.dataset, lab.job.split)
    right = lab.models.load(verdict["version"]).model.predict(rows.x_test) == rows.y_test
    version = lab.models.version(verdict["version"])
    assert version.metrics["wide_and_right"] == pytest.approx((right * rows.x_test.iloc[:, 0]).sum())


def test_metrics_are_scorers(project, package):
    from sklearn.dummy import DummyClassifier

    declare(project, package)
    own = own_code.current()
    x, y = np.zeros((4, 1)), np.array(["a", "a", "a", "b"])
    model = DummyClassifier().fit(x, y)
    assert own.names(own_code.METRICS) == ["profit", "error_share"]
    assert own.scorer("profit")(model, x, y) == 6
    assert own.scorer("error_share")(model, x, y) == -0.25  # lower is better
    assert own.scorer("accuracy") is None


def test_an_installed_package_declares_by_entry_points(project, tmp_path):
    site = tmp_path / "site"
    (site / "team_kit-1.0.dist-info").mkdir(parents=True)
    (site / "team_kit-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: team-kit\nVersion: 1.0\n")
    (site / "team_kit-1.0.dist-info" / "entry_points.txt").write_text(
        "[podium.estimators]\nNearestMean = team_kit:NearestMean\nLost = team_kit:Lost\n"
        "[podium.trusted_types]\ncentre = team_kit:Centre\n"
    )
    (site / "team_kit.py").write_text(MODULE)
    config = project.config / "demo" / "own.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("estimator: NearestMean\nparams: {powr: 2}\n")
    (config.parent / "lost.yaml").write_text("estimator: Lost\n")
    code = (
        "from pathlib import Path; from podium.specs.checks.project import problems_of; from podium.project import *\n"
        f"print(*problems_of([], find_project(Path({str(project.root)!r}))), sep='\\n')\n"
        "from podium.registry.trusted_types import trusted_types; print(trusted_types()[-3:])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={"PYTHONPATH": str(site)},
        cwd=project.root,
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines() == [
        (
            "config/demo/lost.yaml:1:12  Lost cannot be used: entry point podium.estimators of team-kit"
            "  'team_kit:Lost' cannot be imported: AttributeError: module 'team_kit' has no attribute 'Lost'"
        ),
        "config/demo/own.yaml:2:10  unknown parameter 'powr' for NearestMean: did you mean 'power'?",
        "('team_kit.NearestMean', 'team_kit.Lost', 'team_kit.Centre')",
    ], run.stderr


def test_models_with_types_that_are_not_declared_are_not_saved(lab, package):
    declare(lab.project, package, estimators=f'["{package}.own:NearestMean"]')
    lab.write("own.yaml", "estimator: NearestMean\n")
    with pytest.raises(Exception, match=f"{package}.own.Centre"):
        lab.train_all()


def test_declarations_import_nothing(project, package):
    declare(project, package)
    assert own_code.of(project).trusted_types() == (
        f"{package}.own.NearestMean",
        f"{package}.own.Centre",
        f"{package}.own.Clipper",
    )
    assert f"{package}.own" not in sys.modules


def test_unknown_own_code_is_refused_when_it_is_built(project):
    from podium.configs import building
    from podium.configs.config import ClassifierConfig

    with pytest.raises(PodiumError, match="unknown estimator 'NearestMean'"):
        building.build(ClassifierConfig("x", "x", "NearestMean"))
    assert project
