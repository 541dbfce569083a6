"""A skops file is checked before it is opened: types, functions, sizes."""

import io
import json
import zipfile

import numpy as np
import pytest
import scipy.sparse
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from podium.errors import PodiumError
from podium.registry.fitted_parts import check_parts
from podium.registry.skops_file import check_skops

X, Y = load_iris(return_X_y=True)


def saved(tmp_path, model, **how):
    path = tmp_path / "model.skops"
    skops.io.dump(model, path, **how)
    return path


def refused(path, message="refused: "):
    with pytest.raises(PodiumError, match=message):
        check_skops(path)


def with_structure(path, change):
    """Change the structure of a file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    structure = json.loads(members["schema.json"])
    change(structure)
    members["schema.json"] = json.dumps(structure).encode()
    return with_members(path, members)


def with_members(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(ColumnTransformer([("a", CountVectorizer(input="filename"), 0)]), GaussianNB()),
        make_pipeline(FunctionTransformer(np.load), GaussianNB()),
        make_pipeline(FunctionTransformer(scipy.sparse.load_npz), GaussianNB()),
    ],
    ids=["a vectorizer", "numpy.load", "load_npz"],
)
def test_what_skops_trusts_by_itself_is_refused_if_no_config_leads_to_it(tmp_path, model):
    try:
        path = saved(tmp_path, model)
    except Exception:  # noqa: BLE001 - skops has types that it does not save
        pytest.skip("skops cannot save it")
    refused(path, "types that no allowed config produces")


def test_a_vectorizer_of_our_own_models_reads_no_file(tmp_path):
    texts = TfidfVectorizer().fit(["a cat", "a dog"])
    path = saved(tmp_path, texts)
    check_skops(path)
    check_parts(texts)
    texts.input = "filename"
    with pytest.raises(PodiumError, match="TfidfVectorizer: it reads files"):
        check_parts(texts)


@pytest.mark.parametrize(
    ("loader", "name"),
    [
        ("MethodNode", "sklearn.naive_bayes.GaussianNB"),
        ("OperatorFuncNode", "operator.attrgetter"),
        ("ConstructorFromReduceNode", "sklearn.naive_bayes.GaussianNB"),
        ("ObjectNode", "subprocess.Popen"),
        ("ObjectNode", "mlflow.pyfunc.model._PythonModelPyfuncWrapper"),
        ("ObjectNode", "sklearn.feature_extraction.text.HashingVectorizer"),
        ("FunctionNode", "numpy.loadtxt"),
        ("FunctionNode", "builtins.list"),
        ("FunctionNode", "sklearn.datasets._base.load_files"),
        ("TypeNode", "builtins.eval"),
        ("NdArrayNode", "numpy.memmap"),
        ("LossNode", "sklearn._loss._loss.os"),
        ("unknown", "builtins.str"),
    ],
)
def test_a_type_that_no_config_leads_to_is_refused_wherever_it_stands(tmp_path, loader, name):
    module, _, class_ = name.rpartition(".")
    node = {"__loader__": loader, "__module__": module, "__class__": class_, "content": {}}

    def change(structure):
        structure["content"]["hidden"] = [{"deep": node}]

    path = with_structure(saved(tmp_path, GaussianNB().fit(X, Y)), change)
    refused(path, f"types that no allowed config produces: {name}")


def test_a_file_that_unpacks_to_more_is_refused(tmp_path):
    refused(saved(tmp_path, GaussianNB().fit(X, Y), compression=zipfile.ZIP_DEFLATED), "is compressed")


def array_file(shape, content, dtype="<f8"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


@pytest.mark.parametrize(
    "array",
    [
        array_file((10**12,), b"12345678"),
        array_file((2,), b"12345678"),
        array_file((10**9,), b"", "<U0"),
        array_file((1,), b"12345678", "|O"),
    ],
    ids=["huge", "short", "empty", "pickle"],
)
def test_an_array_has_the_bytes_that_it_says(tmp_path, array):
    path = saved(tmp_path, GaussianNB().fit(X, Y))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (name, *_) = [name for name in members if name.endswith(".npy")]
    refused(with_members(path, {**members, name: array}), "an array is not as large as its header says")


def test_a_sparse_matrix_is_checked_inside(tmp_path, monkeypatch):
    rows = scipy.sparse.csr_matrix(X)
    path = saved(tmp_path, KNeighborsClassifier(algorithm="brute").fit(rows, Y))
    check_skops(path)
    monkeypatch.setattr("podium.registry.skops_file.MOST_SPARSE", 100)
    refused(path, "a sparse matrix is too large")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + b"x" * 100])
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "model.skops").write_bytes(content)
    refused(tmp_path / "model.skops", "is not a skops file: BadZipFile")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"schema.json": b"{"},
        {"schema.json": b"[" * 100_000},
        {"schema.json": b"{}", "../x.npy": b""},
        {"schema.json": b"{}", "a.npy": b"none"},
    ],
    ids=["no structure", "no JSON", "deep", "a path", "no array"],
)
def test_an_archive_of_other_content_is_refused(tmp_path, members):
    refused(with_members(tmp_path / "model.skops", members), "is not a skops file")
