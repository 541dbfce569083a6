"""Docstrings of other libraries."""

from podium.source import docstrings


def test_a_docstring_without_sections_has_no_parameters():
    assert docstrings.parameters(type("A", (), {"__doc__": "Nothing more."})) == {}
    assert docstrings.parameters(type("B", (), {"__doc__": "B.\n\nParameters\n----------\na : int\n    It."})) == {
        "a": "int. It."
    }
