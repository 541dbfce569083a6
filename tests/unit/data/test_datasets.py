"""Data sets of a spec: reading their rows, their digest and their split."""

from pathlib import Path

import pandas as pd
import pytest

from podium.data.datasets import BUILT_IN, DatasetRef, load
from podium.data.splits import Split
from podium.errors import PodiumError

ROWS = "age,town,member,label\n" + "".join(
    f"{'' if i % 5 == 0 else i},{'' if i % 7 == 0 else 'ulm'},{i % 2 == 0},{'yes' if i % 3 else 'no'}\n"
    for i in range(30)
)


def csv(folder, text=ROWS, target="label", name="rows.csv"):
    (folder / name).write_text(text)
    return DatasetRef.from_spec({"path": name, "target": target}, folder)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_the_data_sets_of_scikit_learn_are_known_by_name(name):
    ref = DatasetRef.from_spec(name, Path())
    rows = load(ref, Split(test_size=0.25))
    total = len(rows.x_train) + len(rows.x_test)
    assert len(rows.x_test) == pytest.approx(total / 4, abs=2 * (total * 0.25 * 0.75) ** 0.5)
    assert rows.source == f"sklearn.datasets.load_{name}"
    assert len(rows.digest) == 64
    assert set(rows.y_train) == set(rows.y_test)
    assert not set(rows.keys_train) & set(rows.keys_test)


def test_iris_has_its_names_and_the_split_is_the_same_every_time():
    ref = DatasetRef.from_spec("iris", Path())
    one, same, other = (load(ref, Split(seed=seed)) for seed in (0, 0, 1))
    assert set(one.y_train) == {"setosa", "versicolor", "virginica"}
    assert one.x_test.index.equals(same.x_test.index)
    assert not one.x_test.index.equals(other.x_test.index)
    assert not set(one.x_train.index) & set(one.x_test.index)


def test_csv_columns_are_numbers_or_strings_and_keep_missing_values(tmp_path):
    rows = load(csv(tmp_path), Split(folds=2))
    everything = pd.concat([rows.x_train, rows.x_test])
    assert {name: str(kind) for name, kind in everything.dtypes.items()} == {
        "age": "float64",
        "town": "object",
        "member": "float64",
    }
    assert everything.isna().sum().to_dict() == {"age": 6, "town": 5, "member": 0}
    assert (rows.name, rows.source) == ("rows", (tmp_path / "rows.csv").as_uri())


def test_parquet_gives_the_same_rows_as_csv(tmp_path):
    from_csv = load(csv(tmp_path), Split(folds=2))
    pd.read_csv(tmp_path / "rows.csv").to_parquet(tmp_path / "rows.parquet")
    ref = DatasetRef.from_spec({"path": "rows.parquet", "target": "label"}, tmp_path)
    pd.testing.assert_frame_equal(load(ref, Split(folds=2)).x_test, from_csv.x_test)


def test_rows_without_a_label_are_dropped_and_counted(tmp_path):
    rows = load(csv(tmp_path, ROWS + "99,ulm,True,yes\n" * 70 + "99,ulm,True,\n"), Split(folds=2))
    assert len(rows.x_train) + len(rows.x_test) == 100
    assert rows.report.dropped == (("no label", 1),)


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (ROWS, "lable", "data set rows has no column 'lable': did you mean 'label'?"),
        (
            ROWS + "1,ulm,True,maybe\n" * 5,
            "label",
            "class 'maybe' has 5 training and 0 test rows: each class needs both",
        ),
        ("a,label\n1,yes\n2,yes\n", "label", "column 'label' needs at least 2 classes, not 1"),
        ("a,label\n", "label", "column 'label' needs at least 2 classes, not 0"),
    ],
    ids=["unknown target", "rare class", "one class", "no rows"],
)
def test_rows_that_no_classifier_can_learn_from_are_refused(tmp_path, text, target, message):
    with pytest.raises(PodiumError) as caught:
        load(csv(tmp_path, text, target), Split())
    assert message in str(caught.value)


MAKERS = "size,maker\n" + "".join(
    f"{i}.5,{maker}\n" for maker, rows in {"Ford": 40, "Audi": 40, "Saab": 2, "Lada": 1}.items() for i in range(rows)
)


def test_rare_classes_are_refused_dropped_or_joined_as_the_spec_says(tmp_path):
    def loaded(**keys):
        (tmp_path / "rows.csv").write_text(keys.pop("text", MAKERS))
        rows = load(DatasetRef.from_spec({"path": "rows.csv", "target": "maker", **keys}, tmp_path), Split(folds=2))
        return set(rows.y_train) | set(rows.y_test), len(rows.x_train) + len(rows.x_test), rows.report

    with pytest.raises(PodiumError, match=r"'Lada' has .* `rare_classes: drop` leaves their rows out"):
        loaded()
    classes, count, report = loaded(rare_classes="drop")
    assert (classes, count) == ({"Ford", "Audi"}, 80)
    assert report.dropped == (("the rare class 'Lada'", 1), ("the rare class 'Saab'", 2))
    many = MAKERS + "".join(f"{i}.7,Lada\n" for i in range(19)) + "8,Fiat\n" * 2 + "9,Seat\n" * 2
    classes, count, report = loaded(text=many, rare_classes="other")
    assert (classes, count) == ({"Ford", "Audi", "Lada", "other"}, 106)
    assert "3 rare classes are joined into 'other': 'Saab', 'Fiat', 'Seat'" in report.assumptions
    with pytest.raises(PodiumError, match="the positive class 'Lada' is too rare"):
        loaded(rare_classes="drop", positive="Lada")
    numbers = MAKERS.replace("Ford", "1").replace("Audi", "2").replace("Saab", "3").replace("Lada", "4")
    with pytest.raises(PodiumError, match="other needs labels that are text; 'maker' has int64: use drop"):
        loaded(text=numbers, rare_classes="other")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("iriss", "unknown data set 'iriss': did you mean 'iris'?"),
        ("mnist_784", "unknown data set 'mnist_784': use one of iris, wine, breast_cancer, digits, or a path"),
        ({"path": "no.csv", "target": "y"}, "data set no.csv: no such file"),
        ({"path": "rows.xls", "target": "y"}, "data set rows.xls: .xls is not one of"),
        ({"path": "rows"}, "a data set must be a name or {path, target}"),
        ({"path": "rows.csv", "target": "y", "traget": "y"}, "unknown key 'traget' in dataset: did you mean 'target'?"),
    ],
)
def test_an_unknown_data_set_is_refused(tmp_path, value, message):
    with pytest.raises(PodiumError) as caught:
        DatasetRef.from_spec(value, tmp_path)
    assert message in str(caught.value)


def test_the_digest_changes_with_one_byte_and_with_the_target_and_with_nothing_else(tmp_path):
    first = csv(tmp_path).digest()
    assert csv(tmp_path).digest() == first
    assert csv(tmp_path, name="copy.csv").digest() == first
    assert csv(tmp_path, target="town").digest() != first
    assert csv(tmp_path, ROWS.replace("29,", "28,")).digest() != first


def test_rows_that_change_on_disk_are_read_again(tmp_path):
    load(csv(tmp_path), Split(folds=2))
    rows = load(csv(tmp_path, ROWS.replace("ulm", "bonn")), Split(folds=2))
    assert "bonn" in set(rows.x_train["town"])
