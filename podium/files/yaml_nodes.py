"""YAML as nodes, by the rules of YAML 1.2: ``no`` is a string, ``010`` is 10 and ``1e3`` is a number."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from podium.errors import FileSyntaxError, Position
from podium.files.nodes import MAX_DEPTH, Entry, Node, SyntaxProblems

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Nodes that all aliases of a file together can expand to. Without a limit, ten lines of YAML can mean a billion.
MAX_ALIASED_NODES = 10_000

# libyaml's parser is 8 times faster than PyYAML's own; some builds of PyYAML lack it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True"), True),
    **dict.fromkeys(("false", "False"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_VARIABLE = re.compile(r"\$(\w+|\{[^}]*\})")
_CORE = "tag:yaml.org,2002:"
_CORE_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
    "map": (dict,),
    "seq": (list,),
}

# A message of libyaml, the message to show instead, and whether to show it at the start of the element being parsed.
_PLAIN_WORDS = (
    (
        "mapping values are not allowed",
        "a second ':' on this line, or a key indented too far: quote the string or fix the indentation",
        False,
    ),
    (
        "did not find expected key",
        "expected 'key: value' here: fix the indentation, or close a bracket or quote above",
        False,
    ),
    ("could not find expected ':'", "expected ':' after this key", True),
    ("did not find expected ',' or", "this bracket is never closed, or a comma is missing in it", True),
    ("did not find expected '-' indicator", "expected '- ' here: fix the indentation of the list", False),
    (
        "did not find expected <document start>",
        "expected the end of the file here: fix the indentation or a bracket",
        False,
    ),
    ("found unexpected end of stream", "this quote is never closed", True),
    ("did not find expected node content", "expected a value here: close the bracket, or remove a comma", False),
    ("found a tab character", "a tab cannot indent YAML: use spaces", False),
    ("found undefined tag handle", "tags are not allowed: remove the '!'", False),
)


def compose(text: str, problems: SyntaxProblems) -> Node | None:
    """Parse YAML.

    Parameters
    ----------
    text : str
        Content of the file.
    problems : SyntaxProblems
        Receives the mistakes that do not stop the parser: duplicate keys, tags, keys that are not strings.

    Returns
    -------
    Node or None
        The document; None if the file has nothing but comments.

    Raises
    ------
    FileSyntaxError
        If the file is not YAML, holds several documents, nests too deeply, or its aliases expand to too many nodes.
    """
    try:
        return _Composer(text, problems).document()
    except yaml.MarkedYAMLError as error:
        raise _fault(error, text) from None
    except yaml.YAMLError as error:  # ReaderError: a character that YAML forbids; documents.py rejects these earlier
        raise FileSyntaxError(Position(1, 1), f"not valid YAML: {error}".splitlines()[0]) from None


def resolve(text: str) -> Any:
    """Return the value of a plain (unquoted) scalar by the core schema of YAML 1.2.

    Raises
    ------
    ValueError
        If it is a number of more than 4,300 digits.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return int(text, 0) if _BASED.fullmatch(text) else text


def from_environment(text: str) -> Any:
    """Return a string with its environment variables replaced by their values; variables that are not set stay.

    dag-factory replaces them before it parses the YAML, so a value that is only a variable can become a number.
    """
    found = os.path.expandvars(text)
    if found == text or not _VARIABLE.fullmatch(text):
        return found
    try:
        return resolve(found)
    except ValueError:
        return found


class _Composer:
    """Builds nodes from libyaml's events. PyYAML's composer loses alias positions and keeps the last duplicate key."""

    def __init__(self, text: str, problems: SyntaxProblems) -> None:
        self._events: Iterator[Event] = yaml.parse(text, Loader=_LOADER)
        self._problems = problems
        self._anchors: dict[str, Node | None] = {}
        self._aliased = 0

    def document(self) -> Node | None:
        root = None
        for event in self._events:
            if isinstance(event, StreamEndEvent):
                break
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise FileSyntaxError(_start(event), "a second document starts here: move it to another file")
                root = self._node(next(self._events), 0)
        empty = root is not None and root.value is None
        return None if empty else root

    def _node(self, event: Event, depth: int) -> Node:
        position = _start(event)
        if isinstance(event, AliasEvent):
            return self._alias(str(event.anchor), position)
        if depth > MAX_DEPTH:
            raise FileSyntaxError(position, f"nested more than {MAX_DEPTH} levels deep")
        anchor: str | None = event.anchor  # type: ignore[attr-defined]
        if anchor is not None:
            self._anchors[anchor] = None  # known but unfinished: an alias to it from inside would be endless
        if isinstance(event, CollectionStartEvent):
            node = self._collection(event, position, depth)
        else:
            node = self._scalar(event, position)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, anchor: str, position: Position) -> Node:
        if anchor not in self._anchors:
            raise FileSyntaxError(position, f"the alias *{anchor} has no anchor &{anchor} above it")
        node = self._anchors[anchor]
        if node is None:
            raise FileSyntaxError(position, f"the alias *{anchor} is inside its own anchor")
        self._aliased += node.size
        if self._aliased > MAX_ALIASED_NODES:
            raise FileSyntaxError(position, f"the aliases expand to more than {MAX_ALIASED_NODES:,} values")
        return node

    def _collection(self, event: Event, position: Position, depth: int) -> Node:
        tag: str | None = event.tag  # type: ignore[attr-defined]
        value: Any
        if isinstance(event, MappingStartEvent):
            value = self._mapping(depth)
            size = 1 + sum(entry.node.size for entry in value.values())
        else:
            value = []
            while not isinstance(event := next(self._events), SequenceEndEvent):
                value.append(self._node(event, depth + 1))
            size = 1 + sum(item.size for item in value)
        self._check_tag(tag, value, position)
        return Node(position, value, size)

    def _mapping(self, depth: int) -> dict[str, Entry]:
        own: dict[str, Entry] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self._events), MappingEndEvent):
            position = _start(event)
            key = self._key(event, depth)
            node = self._node(next(self._events), depth + 1)
            if key is None:
                continue
            if key in own:
                self._problems.add_duplicate(position, key, own[key].key)
                continue
            own[key] = Entry(position, node)
            if key == "<<" and isinstance(event, ScalarEvent) and event.implicit[0]:
                merged = self._merge_sources(node)
                del own[key]
        for source in merged:
            for key, entry in source.value.items():
                own.setdefault(key, entry)
        return own

    def _merge_sources(self, node: Node) -> list[Node]:
        sources = node.value if isinstance(node.value, list) else [node]
        if all(isinstance(source.value, dict) for source in sources):
            return sources
        self._problems.add(node.position, "the merge key << takes a mapping or a list of mappings")
        return []

    def _key(self, event: Event, depth: int) -> str | None:
        """Return a key as it is spelled: JSON only has string keys, so ``1:`` and ``no:`` are strings too."""
        if isinstance(event, ScalarEvent):
            self._check_tag(event.tag, event.value, _start(event))
            self._problems.check_text(_start(event), event.value)
            return event.value
        node = self._node(event, depth + 1)
        if isinstance(node.value, dict | list):
            self._problems.add(_start(event), "a key must be a string, not a mapping or a list: quote '{' and '['")
            return None
        return str(node.value)

    def _scalar(self, event: Event, position: Position) -> Node:
        text: str = event.value  # type: ignore[attr-defined]
        tag: str | None = event.tag  # type: ignore[attr-defined]
        self._problems.check_text(position, text)
        try:
            plain: bool = event.implicit[0]  # type: ignore[attr-defined]
            value = resolve(text) if plain or tag not in (None, "!", _CORE + "str") else text
        except ValueError:
            self._problems.add(position, "a number must not have more than 4,300 digits")
            value = text
        self._check_tag(tag, value, position)
        return Node(position, value)

    def _check_tag(self, tag: str | None, value: Any, position: Position) -> None:
        if tag is None or tag == "!":
            return
        expected = _CORE_TYPES.get(tag.removeprefix(_CORE)) if tag.startswith(_CORE) else None
        shown = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
        if expected is None:
            self._problems.add(position, f"the tag {shown} is not allowed: only plain values are")
        elif not isinstance(value, expected):
            self._problems.add(position, f"the value does not match its tag {shown}")


def _start(event: Event) -> Position:
    assert event.start_mark  # noqa: S101 - every event of a parser has one
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _fault(error: yaml.MarkedYAMLError, text: str) -> FileSyntaxError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    position = Position(line + 1, column + 1)
    problem = error.problem or "it cannot be read"
    lines = text.splitlines() or [""]
    here = lines[line][column : column + 1] if line < len(lines) else ""
    if "cannot start any token" in problem:
        if here == "\t":
            return FileSyntaxError(position, "a tab cannot indent YAML: use spaces")
        return FileSyntaxError(position, f"a value cannot start with {here!r}: quote it")
    for known, words, at_start in _PLAIN_WORDS:
        if known in problem:
            start = error.context_mark if at_start else None
            return FileSyntaxError(Position(start.line + 1, start.column + 1) if start else position, words)
    return FileSyntaxError(position, f"not valid YAML: {problem}")
