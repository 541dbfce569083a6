"""Config files: the candidates that they become, and the messages about mistakes."""

import json
import time
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.configs import building
from podium.configs.config import ClassifierConfig
from podium.configs.files import config_files, load_config
from podium.configs.parameters import classifier_names, load_schema, parameters_of, transformer_names
from podium.errors import InvalidFileError
from podium.project import Project

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "configs"
BAD = sorted(path for path in FIXTURES.rglob("*") if path.is_file() and path.suffix != ".expected")
SHIPPED = config_files(ROOT / "config" / "iris")


def load(tmp_path, text, name="rf.yaml"):
    (tmp_path / name).write_text(text if isinstance(text, str) else json.dumps(text))
    return load_config(tmp_path / name, Project(tmp_path, tmp_path))


def messages(tmp_path, text, name="rf.yaml"):
    with pytest.raises(InvalidFileError) as caught:
        load(tmp_path, text, name)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_each_mistake_is_reported_with_its_position(path):
    expected = path.with_name(path.name + ".expected").read_text().splitlines()
    with pytest.raises(InvalidFileError) as caught:
        load_config(path, Project(path.parent, path.parent))
    assert [str(problem) for problem in caught.value.problems] == [f"{path.name}:{line}" for line in expected]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configs_are_valid_for_podium_and_for_an_editor(path):
    project = Project(ROOT, ROOT / ".podium")
    for config in load_config(path, project):
        assert config.path == f"config/iris/{path.name}"
        assert ClassifierConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    assert "schemas/classifier_config.schema.json" in path.read_text().split("estimator")[0]


def test_all_problems_of_a_file_come_in_one_pass(tmp_path):
    text = (
        "estimator: RandomForestClassifier\nparams:\n  max_depht: 4\n  n_estimators: -5\n  criterion: ginni\ntag: {}\n"
    )
    assert messages(tmp_path, text) == [
        "rf.yaml:3:3  unknown parameter 'max_depht' for RandomForestClassifier: did you mean 'max_depth'?",
        "rf.yaml:4:17  n_estimators must be an integer of 1 or more, not -5",
        "rf.yaml:5:14  criterion must be one of 'gini', 'entropy', 'log_loss', not 'ginni': did you mean 'gini'?",
        "rf.yaml:6:1  unknown key 'tag': did you mean 'tags'?",
    ]


def test_a_grid_is_one_candidate_per_combination_and_overrides_params(tmp_path):
    found = load(
        tmp_path,
        "estimator: RandomForestClassifier\nparams: {max_depth: 3, max_features: sqrt}\n"
        "grid: {n_estimators: [5, 6], max_depth: [2, null]}\n",
    )
    assert [config.name for config in found] == [
        "rf-max_depth=2-n_estimators=5",
        "rf-max_depth=2-n_estimators=6",
        "rf-max_depth=null-n_estimators=5",
        "rf-max_depth=null-n_estimators=6",
    ]
    assert found[0].params == {"max_depth": 2, "n_estimators": 5, "max_features": "sqrt"}


def test_a_grid_reaches_steps_and_classifiers_inside(tmp_path):
    found = load(
        tmp_path,
        "estimator: VotingClassifier\n"
        "params: {estimators: {svm: {estimator: SVC, preprocess: [PCA]}, tree: DecisionTreeClassifier}}\n"
        "preprocess: [{columns: [a, b], steps: [StandardScaler, PCA]}, PCA, {SelectFromModel: {estimator: SVC}}]\n"
        "grid: {PCA-1__n_components: [2], PCA-2__n_components: [3, 4], svm__C: [5], svm__PCA__whiten: [true],"
        " SelectFromModel__estimator__C: [6], tree__max_depth: [7], voting: [soft]}\n",
    )
    begin = "rf-PCA-1__n_components=2-PCA-2__n_components={}-SelectFromModel__estimator__C=6.0-svm__C=5.0-svm__PCA"
    assert [config.name[: len(begin) - 1] for config in found] == [begin.format(components) for components in (3, 4)]
    svm = {"estimator": "SVC", "params": {"C": 5.0}, "preprocess": [{"PCA": {"whiten": True}}]}
    tree = {"estimator": "DecisionTreeClassifier", "params": {"max_depth": 7}, "preprocess": []}
    assert found[0].params == {"estimators": {"svm": svm, "tree": tree}, "voting": "soft"}
    inner = {"estimator": "SVC", "params": {"C": 6.0}, "preprocess": []}
    assert [config.preprocess for config in found] == [
        [
            {"columns": ["a", "b"], "steps": [{"StandardScaler": {}}, {"PCA": {"n_components": 2}}]},
            {"PCA": {"n_components": components}},
            {"SelectFromModel": {"estimator": inner}},
        ]
        for components in (3, 4)
    ]
    assert len({config.digest for config in found}) == 2


def test_columns_are_checked_against_those_of_the_data_set(tmp_path):
    (tmp_path / "rf.yaml").write_text(
        "estimator: SVC\npreprocess:\n  - columns: [age, incme]\n    steps: [StandardScaler]\n"
        "  - columns: [x]\n    steps: [PCA]\n"
    )
    with pytest.raises(InvalidFileError) as caught:
        load_config(tmp_path / "rf.yaml", Project(tmp_path, tmp_path), lambda: ["age", "income"])
    assert [str(problem) for problem in caught.value.problems] == [
        "rf.yaml:3:20  the data set has no feature 'incme': did you mean 'income'?",
        "rf.yaml:5:15  the data set has no feature 'x': it has age, income",
    ]


def test_configs_that_name_no_columns_do_not_read_the_data_set(tmp_path):
    (tmp_path / "rf.yaml").write_text("estimator: SVC\npreprocess: [PCA]\n")
    assert load_config(tmp_path / "rf.yaml", Project(tmp_path, tmp_path), lambda: 1 / 0)


def test_digests_stay_as_they_are(tmp_path):
    (config,) = load(
        tmp_path, "estimator: SVC\nparams: {C: 2}\npreprocess: [StandardScaler, {PCA: {n_components: 2}}]\n"
    )
    assert config.digest == "20ef5cc876a168a32bc1c940e0cfe64b23a43a75e7b5c0bf001ecf0088174899"


def test_grid_points_with_equal_labels_get_different_names(tmp_path):
    grid = {"estimator": ["SVC", {"estimator": "SVC", "params": {"C": 2}}]}
    names = [config.name for config in load(tmp_path, {"estimator": "BaggingClassifier", "grid": grid})]
    assert len(set(names)) == 2
    assert all(name.startswith("rf-estimator=SVC-") for name in names)


def test_the_digest_covers_what_determines_the_training(tmp_path):
    def digest(text):
        return load(tmp_path, text)[0].digest

    base = digest("estimator: SVC\nparams: {C: 1, kernel: rbf}\n")
    assert base == digest("params: {kernel: rbf, C: 1.0}\ntags: {a: b}\ndescription: x\nestimator: SVC\n")
    assert base != digest("estimator: SVC\nparams: {C: 2, kernel: rbf}\n")
    assert base != digest("estimator: SVC\nparams: {C: 1, kernel: rbf}\npreprocess: [StandardScaler]\n")
    forest = "estimator: RandomForestClassifier\nparams: {max_features: %s}\n"
    assert digest(forest % "1") != digest(forest % "1.0")  # one feature, all features


def test_preprocess_and_nested_classifiers_have_one_form(tmp_path):
    (short,) = load(tmp_path, "estimator: BaggingClassifier\nparams: {estimator: SVC}\npreprocess: [PCA]\n")
    (long,) = load(
        tmp_path,
        "estimator: BaggingClassifier\nparams: {estimator: {estimator: SVC, params: {}}}\npreprocess: [{PCA: {}}]\n",
    )
    assert short == long
    assert short.params == {"estimator": {"estimator": "SVC", "params": {}, "preprocess": []}}


def test_infinite_numbers_survive_json(tmp_path):
    (config,) = load(tmp_path, "estimator: LogisticRegression\nparams: {C: .inf}\n")
    values = json.loads(json.dumps(config.as_dict(), allow_nan=False))
    assert values["params"] == {"C": ".inf"}
    assert ClassifierConfig.from_dict(values) == config


def test_tags_become_strings(tmp_path):
    (config,) = load(tmp_path, "estimator: SVC\ntags: {owner: ann, ticket: 7, since: 2024-05-01, good: true}\n")
    assert config.tags == {"owner": "ann", "ticket": "7", "since": "2024-05-01", "good": "true"}


def test_of_two_files_with_one_name_the_later_is_refused(tmp_path):
    (tmp_path / "rf.json").write_text('{"estimator": "SVC"}')
    assert messages(tmp_path, "estimator: SVC\n") == [
        "rf.yaml:1:1  the name 'rf' is already taken by rf.json: rename one of them"
    ]
    assert load_config(tmp_path / "rf.json", Project(tmp_path, tmp_path))


def test_only_configs_are_listed(tmp_path):
    names = ["b.yaml", "a.json", "c.yml", ".d.yaml", "e.yaml~", "#f.yaml#", "g.yaml.swp", "h.tmp", ".#i.yaml", "j.txt"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "k.yaml").mkdir()
    assert [path.name for path in config_files(tmp_path)] == ["a.json", "b.yaml", "c.yml"]
    assert config_files(tmp_path / "absent") == []


def test_upper_case_suffixes_are_configs_too(tmp_path):
    for name, text in {"a.YAML": "estimator: SVC", "b.Yml": "estimator: SVC", "c.JSON": '{"estimator": "SVC"}'}.items():
        (tmp_path / name).write_text(text)
    files = config_files(tmp_path)
    assert [path.name for path in files] == ["a.YAML", "b.Yml", "c.JSON"]
    names = [config.name for path in files for config in load_config(path, Project(tmp_path, tmp_path))]
    assert names == ["a", "b", "c"]
    assert messages(tmp_path, "estimator: SVC\n", "a.yaml") == [
        "a.yaml:1:1  the name 'a' is already taken by a.YAML: rename one of them"
    ]
    assert "control" not in messages(tmp_path, "{// no\n}", "d.JSON")[0]


def test_two_thousand_configs_take_less_than_two_seconds(tmp_path):
    for at in range(2000):
        source = SHIPPED[at % len(SHIPPED)]
        (tmp_path / f"c{at:04}{source.suffix}").write_bytes(source.read_bytes())
    begin = time.process_time()
    for path in config_files(tmp_path):
        load_config(path, Project(tmp_path, tmp_path))
    assert time.process_time() - begin < 2  # 0.25 s where it was measured


NAMES = st.sampled_from(
    ["SVC", "RandomForestClassifier", "VotingClassifier", "BaggingClassifier", "LGBMClassifier", "PCA", "Nonsense"]
)
KEYS = st.sampled_from(
    [
        "estimator",
        "params",
        "grid",
        "preprocess",
        "estimators",
        "C",
        "max_depth",
        "n_estimators",
        "columns",
        "steps",
        "PCA__n_components",
        "estimator__C",
        "one__max_depth",
    ]
)
VALUES = st.recursive(
    NAMES | st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
LIKELY = st.fixed_dictionaries(
    {"estimator": NAMES | VALUES},
    optional={
        "params": st.dictionaries(KEYS, VALUES, max_size=3) | VALUES,
        "grid": st.dictionaries(KEYS, st.lists(VALUES, max_size=3), max_size=2) | VALUES,
        "preprocess": st.lists(NAMES | VALUES, max_size=2) | VALUES,
        "tags": VALUES,
        "description": VALUES,
    },
)
EDITOR = jsonschema.Draft202012Validator(load_schema())


@settings(max_examples=400, deadline=None)
@given(data=LIKELY | st.dictionaries(st.text(max_size=6), VALUES, max_size=4))
def test_any_mapping_is_parsed_or_refused_and_valid_configs_pass_in_an_editor(data, tmp_path_factory):
    text = json.dumps(data).replace("-Infinity", "-.inf").replace("Infinity", ".inf").replace("NaN", ".nan")
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text)
    project = Project(path.parent, path.parent)
    try:
        candidates = load_config(path, project)
    except InvalidFileError as error:
        assert all("\n" not in str(problem) for problem in error.problems)  # noqa: PT017
    else:
        assert EDITOR.is_valid(data), data
        assert ClassifierConfig.from_dict(candidates[0].as_dict()).digest == candidates[0].digest


SIMPLE = ["SVC", "RandomForestClassifier", "MLPClassifier", "KNeighborsClassifier", "GaussianNB"]
OWN = {name: parameters_of(name).by_name for name in (*SIMPLE, "PCA", "StandardScaler", "BaggingClassifier")}


@st.composite
def parameters(draw, name):
    """Draw parameters of a class: its options, numbers near its bounds, its default."""
    chosen = draw(st.lists(st.sampled_from(sorted(OWN[name])), max_size=3, unique=True))
    values = {}
    for key in chosen:
        branches = OWN[name][key].branches
        options = [option for branch in branches for option in branch.get("enum", [])]
        bounds = [branch[bound] for branch in branches for bound in ("minimum", "maximum") if bound in branch]
        near = [*options, *bounds, *(bound + 1 for bound in bounds), None, True, 0.5, 1, 2, 1e-3, [0.2, 0.3], {"0": 2}]
        values[key] = draw(st.sampled_from(near))
    return values


@st.composite
def configs(draw, depth=0):
    """Draw a config, with classifiers inside it and transformers before it."""
    name = draw(st.sampled_from([*SIMPLE, "BaggingClassifier", "VotingClassifier"] if depth < 2 else SIMPLE))
    params = draw(parameters(name)) if name in OWN else {}
    if name == "BaggingClassifier" and draw(st.booleans()):
        params["estimator"] = draw(configs(depth + 1))
    if name == "VotingClassifier":
        names = st.sampled_from(["one", "two", "three"])
        params["estimators"] = draw(st.dictionaries(names, configs(depth + 1), min_size=1, max_size=2))
    steps = draw(st.lists(st.sampled_from(["PCA", "StandardScaler"]), max_size=2))
    return {"estimator": name, "params": params, "preprocess": [{step: draw(parameters(step))} for step in steps]}


def said(model):
    """Return the config of an estimator."""
    *steps, last = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    return {
        "estimator": type(last).__name__,
        "params": {name: said_value(value) for name, value in last.get_params(deep=False).items()},
        "preprocess": [{type(step).__name__: said(step)["params"]} for step in steps],
    }


def said_value(value):
    if hasattr(value, "get_params"):
        return said(value)
    if isinstance(value, tuple | list):
        named = bool(value) and all(isinstance(item, tuple) for item in value)
        return {name: said_value(inner) for name, inner in value} if named else list(value)
    return {str(key): inner for key, inner in value.items()} if isinstance(value, dict) else value


def is_part(config, got):
    """Return whether the built estimator has all values of a config; it also has defaults."""
    if isinstance(config, dict) and isinstance(got, dict):
        return all(key in got and is_part(value, got[key]) for key, value in config.items())
    if isinstance(config, list) and isinstance(got, list):
        return len(config) == len(got) and all(map(is_part, config, got))
    return config == got and isinstance(config, bool) == isinstance(got, bool)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=configs())
def test_a_valid_config_builds_an_estimator_with_its_parameters(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "said.json"
    path.write_text(json.dumps(data))
    try:
        (config,) = load_config(path, Project(path.parent, path.parent))
    except InvalidFileError:
        return
    assert is_part(data, said(building.build(config))), data


def test_an_editor_finds_mistakes_in_the_content_too():
    """A plain validator with the published schema refuses what Podium refuses, apart from syntax."""
    from podium.files.documents import read_document

    beyond = {  # what JSON Schema cannot express
        "float_for_integer",  # for JSON Schema 1.0 is an integer
        "integer_for_float",
        "infinite",
        "not_a_number",
        "repeated",
        "too_many",
        "columns_twice",  # across items
        "columns_last",
        "step_absent",  # which steps and classifiers a config has
        "step_twice",
        "nested_absent",
        "nested_parameter",
        "step_parameter",
        "overlap",
    }
    for path in BAD:
        if path.parent.name in ("yaml", "json", "file") or path.stem in beyond:
            continue
        assert not EDITOR.is_valid(read_document(path, path.name).data), path


def test_the_schema_is_a_schema_and_covers_every_class():
    schema = load_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert len(classifier_names()) >= 44
    for name in classifier_names() | transformer_names():
        table = parameters_of(name)
        assert all(parameter.schema["description"] for parameter in table.by_name.values())
        for parameter in table.by_name.values():
            default = parameter.schema.get("default", ...)
            if default is not ... and parameter.nested is None:
                assert parameter.accepts(list(default) if isinstance(default, tuple) else default), (name, parameter)
