"""The node: a value in a file that knows where it stands, whichever syntax the file has."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podium.errors import Position

NOT_STORABLE = re.compile("[\0\ud800-\udfff]")

#: Levels of nesting in a file. Real specs use about ten; the bound keeps recursion safe on hostile ones.
MAX_DEPTH = 64


@dataclass(slots=True)
class Node:
    """A value and its position.

    Parameters
    ----------
    position : Position
        Where the value begins.
    value : str, int, float, bool, None, list of Node, or dict of str to Entry
        What stands there.
    size : int
        Nodes in it and below it, aliases expanded.
    """

    position: Position
    value: Any
    size: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping and what it holds."""

    key: Position
    node: Node


@dataclass(slots=True)
class Findings:
    """What a parser found wrong and could read past, in the order of the file."""

    items: list[tuple[Position, str]] = field(default_factory=list)

    def add(self, position: Position, message: str) -> None:
        """Note a mistake that does not stop the reading."""
        self.items.append((position, message))

    def add_duplicate(self, position: Position, key: str, first: Position) -> None:
        """Note a key that its mapping has already."""
        self.add(position, f"duplicate key {key!r}: it is already on line {first.line}")

    def check_text(self, position: Position, text: str) -> None:
        r"""Note characters that neither UTF-8 nor PostgreSQL can hold: NUL and lone surrogates."""
        if found := NOT_STORABLE.search(text):
            self.add(position, f"the character \\u{ord(found[0]):04x} cannot be stored as text: remove it")


def plain(node: Node) -> Any:
    """Return what a node holds as plain dicts, lists and scalars; nothing is shared between two aliases."""
    if isinstance(node.value, dict):
        return {key: plain(entry.node) for key, entry in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def kind(value: Any) -> str:
    """Return what a JSON value is in a message: ``a mapping``, ``a list``, ``text``, ``a number`` and so on."""
    if value is None:
        return "nothing"
    names = ((bool, "a boolean"), (str, "text"), (int, "a number"), (float, "a number"), (list, "a list"))
    return next((name for type_, name in names if isinstance(value, type_)), "a mapping")
