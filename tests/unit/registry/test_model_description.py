"""A model's `MLmodel` file chooses nothing: no loader, no path, no code; and its folder has plain files only."""

import os
import pickle
from pathlib import Path

import pytest
import yaml
from sklearn.naive_bayes import GaussianNB

from podium.data import datasets
from podium.data.splits import Split
from podium.errors import PodiumError
from podium.registry import model_description, model_files


class Trap:
    """An object whose pickle writes a file when it is opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    rows = datasets.load(datasets.DatasetRef.from_spec("iris", Path()), Split())
    folder = tmp_path_factory.mktemp("saved") / "model"
    model_files.save_model(GaussianNB().fit(rows.x_train, rows.y_train), rows, folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of a saved model, with a pickle beside it that must not be opened."""
    copy = tmp_path / "model"
    copy.mkdir()
    for file in saved.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "sub").mkdir()
    (copy / "sub" / "m.bin").write_bytes(pickle.dumps(Trap(tmp_path / "opened")))
    (copy / "sub" / "MLmodel").write_bytes((saved / "MLmodel").read_bytes().replace(b"skops", b"pickle"))
    yield copy
    assert not (tmp_path / "opened").exists()


def changed(folder, change):
    path = folder / "MLmodel"
    described = yaml.safe_load(path.read_text())
    change(described)
    path.write_text(yaml.safe_dump(described))


def flavor(name, **values):
    return lambda described: described["flavors"][name].update(values)


def whole(**values):
    return lambda described: described.update(values)


def example(**values):
    return lambda described: described["saved_input_example_info"].update(values)


def test_what_podium_saves_is_loaded_with_its_example(folder):
    loaded = model_files.load_model(str(folder))
    assert len(loaded.served.predict(loaded.served.input_example)) == model_files.INPUT_EXAMPLE_ROWS


@pytest.mark.parametrize(
    "change",
    [
        flavor("python_function", data="sub/m.bin"),
        flavor("python_function", data="sub"),
        flavor("python_function", data="../model/sub"),
        flavor("python_function", model_path="sub/m.bin"),
        flavor("python_function", model_path="/etc/passwd"),
        flavor("python_function", loader_module="mlflow.pyfunc.model"),
        flavor("python_function", code="sub"),
        flavor("python_function", predict_fn="__init__"),
        flavor("python_function", config={"a": 1}),
        flavor("python_function", env={"conda": "../x"}),
        flavor("sklearn", pickled_model="sub/m.bin"),
        flavor("sklearn", serialization_format="cloudpickle"),
        flavor("sklearn", code="sub"),
        lambda described: described["flavors"].update(other={"loader_module": "os"}),
        lambda described: described["flavors"].pop("sklearn"),
        lambda described: described["flavors"]["python_function"].pop("loader_module"),
        example(artifact_path="../x"),
        example(artifact_path="/etc/passwd"),
        example(serving_input_path="sub/../../x"),
        example(type="ndarray"),
        whole(metadata={"mlflow.model_is_external": True}),
        whole(metadata={"booleans": "x"}),
        whole(resources={"databricks": []}),
        whole(auth_policy={"a": 1}),
        whole(signature=["x"]),
        whole(flavors=[1]),
        whole(run_id=["x"]),
    ],
)
def test_every_other_key_and_value_is_refused(folder, change):
    changed(folder, change)
    with pytest.raises(PodiumError, match="refused: not a scikit-learn model saved with skops"):
        model_files.load_model(str(folder))


@pytest.mark.parametrize(
    "text", [b"\xff", b"a: [", b"- 1", b"", b"!!python/object/apply:os.system ['true']", b"[" * 5000]
)
def test_a_description_that_is_none_is_refused(folder, text):
    (folder / "MLmodel").write_bytes(text)
    with pytest.raises(PodiumError, match="refused: not a scikit-learn model saved with skops"):
        model_files.load_model(str(folder))


@pytest.mark.parametrize("name", ["model.skops", "MLmodel", "input_example.json", "more"])
def test_a_link_is_refused(folder, name, tmp_path):
    (tmp_path / "outside").write_bytes(b"{}")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "outside")
    with pytest.raises(PodiumError, match="is not a plain file"):
        model_files.load_model(str(folder))


def test_devices_large_and_many_files_are_refused(folder, monkeypatch):
    os.mkfifo(folder / "pipe")
    with pytest.raises(PodiumError, match="'pipe' is not a plain file"):
        model_files.load_model(str(folder))
    (folder / "pipe").unlink()
    with (folder / "input_example.json").open("wb") as file:
        file.truncate(model_description.MOST_EXAMPLE + 1)  # no block of it is on the disk
    with pytest.raises(PodiumError, match=r"'input_example.json' has 16,777,217 bytes"):
        model_files.load_model(str(folder))
    (folder / "input_example.json").unlink()
    monkeypatch.setattr(model_description, "MOST_FILES", 3)
    with pytest.raises(PodiumError, match="it has more than 3 files"):
        model_files.load_model(str(folder))
