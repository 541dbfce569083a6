"""The schema of DAG specs, as an editor applies it."""

import jsonschema

from podium.files.documents import read_document
from podium.specs.arguments import load_spec_schema
from tests.support.specs import BAD


def test_an_editor_finds_mistakes_too():
    """The published schema, read by a plain validator, refuses the mistakes that a schema can tell."""
    editor = jsonschema.Draft202012Validator(load_spec_schema())
    kinds = {"dag/unknown_key", "dag/type", "dag/ignored_key", "tasks/unknown_argument", "tasks/option"}
    kinds |= {
        "mapping/unknown_argument",
        "mapping/unknown_partial",
        "promotion/unknown_metric",
        "data/split_key",
        "callables/unknown_argument",
        "objects/unknown_argument",
    }
    for path in BAD:
        if f"{path.parent.name}/{path.stem}" in kinds:
            kinds.discard(f"{path.parent.name}/{path.stem}")
            assert not editor.is_valid(read_document(path, path.name).data), path
    assert not kinds


def test_each_shipped_step_is_in_the_schema():
    definitions = load_spec_schema()["$defs"]
    for name in ("detect.detect_configs", "train.train_classifier", "promote.promote_best", "validate.list_versions"):
        step = definitions[f"podium.steps.{name}"]
        assert step["x-required"]
        assert all(step["properties"][argument]["description"] for argument in ("pipeline", "dataset", "split"))
    jsonschema.Draft202012Validator.check_schema(load_spec_schema())
