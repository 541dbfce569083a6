"""Reading YAML and JSON files: values, positions and mistakes; no file crashes the parser."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.errors import InvalidFileError
from podium.files.documents import MAX_BYTES, load_document, read_document

ROOT = Path(__file__).parents[3]
SHIPPED = [path for path in sorted((ROOT / "config").rglob("*.*")) if path.is_file()]


def document(tmp_path, text, name="a.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_document(path, name)


def problems(tmp_path, text, name="a.yaml"):
    with pytest.raises(InvalidFileError) as caught:
        document(tmp_path, text, name)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("true", True),
        ("False", False),
        ("1e3", 1000.0),
        ("1.5e-3", 0.0015),
        (".5", 0.5),
        ("1.", 1.0),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2024-05-01", "2024-05-01"),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("'no'", "no"),
        (".inf", float("inf")),
        ("-.inf", float("-inf")),
        ("!!str 1", "1"),
        ("=", "="),
    ],
)
def test_scalars_follow_yaml_1_2(tmp_path, written, meant):
    value = document(tmp_path, f"key: {written}\n").data["key"]
    assert value == meant
    assert type(value) is type(meant)


def test_keys_are_strings_as_spelled(tmp_path):
    assert document(tmp_path, "{1: a, no: b, 2024-01-01: c, null: d}").data == {
        "1": "a",
        "no": "b",
        "2024-01-01": "c",
        "null": "d",
    }


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_positions_of_keys_and_values(tmp_path, name):
    found = document(tmp_path, '{"é😀": 1,\n "b": [1,\n  {"c": null}]}', name)
    assert found.position(("é😀",)) == (1, 8)
    assert found.position(("b",), key=True) == (2, 2)
    assert found.position(("b", 1, "c"), key=True) == (3, 4)
    assert found.position(("b", 1, "c")) == (3, 9)
    assert found.position(("b", 7)) == found.position(("b",)) == (2, 7)
    assert found.position(("missing",)) == (1, 1)


def test_a_byte_order_mark_and_windows_line_ends_do_not_move_positions(tmp_path):
    found = document(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert found.data == {"a": 1, "b": 2}
    assert found.position(("b",)) == (2, 4)


def test_anchors_and_merge_keys(tmp_path):
    text = "base: &base {x: 1, y: 2}\nall: &all [{x: 5}, *base]\none: {<<: *base, y: 3}\ntwo: {<<: [*base, {z: 4}]}\n"
    found = document(tmp_path, text)
    assert found.data["all"] == [{"x": 5}, {"x": 1, "y": 2}]
    assert found.data["one"] == {"x": 1, "y": 3}
    assert found.data["two"] == {"x": 1, "y": 2, "z": 4}
    assert found.position(("one", "x")) == (1, 17)  # the place of the value itself
    assert found.data["base"] is not found.data["all"][1]


def test_all_mistakes_that_do_not_stop_the_parser_are_reported_at_once(tmp_path):
    assert problems(tmp_path, "a: 1\na: 2\nb: !x 3\nc: {d: 1, d: 2}\n") == [
        "a.yaml:2:1  duplicate key 'a': it is already on line 1",
        "a.yaml:3:4  the tag !x is not allowed: only plain values are",
        "a.yaml:4:11  duplicate key 'd': it is already on line 4",
    ]
    assert len(problems(tmp_path, '{"a": 1, // x\n "a": NaN,}', "a.json")) == 4


def test_a_file_that_is_too_large_is_refused(tmp_path):
    assert problems(tmp_path, "a: " + "x" * MAX_BYTES) == ["a.yaml:1:1  the file is larger than 256 KiB"]


def test_folders_and_absent_files_are_refused(tmp_path):
    for path, words in ((tmp_path, "not a file"), (tmp_path / "absent.yaml", "No such file")):
        with pytest.raises(InvalidFileError, match=words):
            read_document(path, "shown")


@settings(max_examples=300, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(st.sampled_from("ab:-[]{}&*!<>|'\"\\#%@`,.0123e \n\t?~=/NI"), max_size=120).map(str.encode),
        st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    ),
    name=st.sampled_from(["a.yaml", "a.json"]),
)
def test_any_bytes_give_data_or_problems(content, name, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        found = load_document(path, name)
    except InvalidFileError as error:
        assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in error.problems)  # noqa: PT017
    else:
        json.dumps(found.data).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(data=st.dictionaries(st.text(max_size=5), JSON, max_size=5), indent=st.sampled_from([None, 2, "\t"]))
def test_json_reads_as_the_standard_library_reads_it(data, indent, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "b.json"
    text = json.dumps(data, indent=indent)
    path.write_text(text)
    if "\\u0000" in text or "\\ud" in text:  # NUL is refused; surrogate pairs are covered above
        return
    assert read_document(path, "b.json").data == data


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_mutations_of_shipped_files_never_crash(path, tmp_path):
    dice = random.Random(path.name)  # noqa: S311
    original = path.read_bytes()
    target = tmp_path / path.name
    for _ in range(100):
        content = bytearray(original)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(content))
            content[at : at + dice.randint(0, 3)] = dice.choice(
                [
                    b"",
                    b"\t",
                    b"{",
                    b"]",
                    b'"',
                    b"!",
                    b"&a",
                    b"*a",
                    b":",
                    b"\n",
                    b"\xff",
                    b"%",
                    bytes([dice.randrange(256)]),
                ]
            )
        target.write_bytes(content)
        try:
            load_document(target, "shown")
        except InvalidFileError as error:
            assert error.problems  # noqa: PT017
