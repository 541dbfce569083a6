"""Nodes: the values of a YAML or JSON file with their positions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podium.errors import Position

NOT_STORABLE = re.compile("[\0\ud800-\udfff]")

#: Levels of nesting in a file. Real specs have about ten; the limit keeps recursion safe on hostile ones.
MAX_DEPTH = 64


@dataclass(slots=True)
class Node:
    """A value and its position.

    Parameters
    ----------
    position : Position
        Where the value begins.
    value : str, int, float, bool, None, list of Node, or dict of str to Entry
        The value.
    size : int
        Number of nodes in it, itself included, with aliases expanded.
    """

    position: Position
    value: Any
    size: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """The position of a key in a mapping, and the node of its value."""

    key: Position
    node: Node


@dataclass(slots=True)
class SyntaxProblems:
    """Mistakes that did not stop the parser, in the order of the file."""

    items: list[tuple[Position, str]] = field(default_factory=list)

    def add(self, position: Position, message: str) -> None:
        """Add a mistake."""
        self.items.append((position, message))

    def add_duplicate(self, position: Position, key: str, first: Position) -> None:
        """Add the mistake of a key that is already in its mapping."""
        self.add(position, f"duplicate key {key!r}: it is already on line {first.line}")

    def check_text(self, position: Position, text: str) -> None:
        r"""Add the mistake of a character that UTF-8 or PostgreSQL cannot store: NUL and lone surrogates."""
        if found := NOT_STORABLE.search(text):
            self.add(position, f"the character \\u{ord(found[0]):04x} cannot be stored: remove it")


def plain(node: Node) -> Any:
    """Return the value of a node as plain dicts, lists and scalars; two aliases of an anchor share no object."""
    if isinstance(node.value, dict):
        return {key: plain(entry.node) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def kind(value: Any) -> str:
    """Return the name of a value's type in a message: ``a mapping``, ``a list``, ``a string`` and so on."""
    if value is None:
        return "null"
    names = ((bool, "a boolean"), (str, "a string"), (int, "a number"), (float, "a number"), (list, "a list"))
    return next((name for type_, name in names if isinstance(value, type_)), "a mapping")
