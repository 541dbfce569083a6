"""JSON as nodes: RFC 8259 only, with a message of its own for each common habit that is not JSON."""

from __future__ import annotations

import json.decoder
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NoReturn

from podium.errors import FileSyntaxError, Position
from podium.files.nodes import MAX_DEPTH, Entry, Node, SyntaxProblems

if TYPE_CHECKING:
    from collections.abc import Callable


# CPython's scanner of a string's body, including escapes; returns the string and where it ends.
_scan_string: Callable[[str, int, bool], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]

_SPACE = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"//[^\r\n]*|#[^\r\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_WORD = re.compile(r"[^\s,:\[\]{}\"']+")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CONSTANTS = {"true": True, "false": False, "null": None}
_SPELLINGS = {"True": "true", "False": "false", "None": "null", "yes": "true", "no": "false", "undefined": "null"}
_NOT_NUMBERS = {"NaN", "Infinity", "-Infinity", "+Infinity"}


def compose(text: str, problems: SyntaxProblems) -> Node | None:
    """Parse JSON.

    Parameters
    ----------
    text : str
        Content of the file.
    problems : SyntaxProblems
        Receives the mistakes that do not stop the parser: comments, trailing commas, duplicate keys, NaN.

    Returns
    -------
    Node or None
        The document; None if the file is empty.

    Raises
    ------
    FileSyntaxError
        If the parser cannot continue after a mistake.
    """
    return _Composer(text, problems).document()


class _Composer:
    def __init__(self, text: str, problems: SyntaxProblems) -> None:
        self._text = text
        self._at = 0
        self._problems = problems
        self._lines = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]

    def document(self) -> Node | None:
        self._skip()
        if self._at == len(self._text):
            return None
        node = self._value(0)
        self._skip()
        if self._at < len(self._text):
            self._fail(f"unexpected {self._shown()} after the end of the document")
        return node

    def _position(self, at: int) -> Position:
        line = bisect_right(self._lines, at)
        return Position(line, at - self._lines[line - 1] + 1)

    def _here(self) -> Position:
        return self._position(self._at)

    def _fail(self, message: str) -> NoReturn:
        raise FileSyntaxError(self._here(), message)

    def _shown(self) -> str:
        if self._at == len(self._text):
            return "the end of the file"
        word = _WORD.match(self._text, self._at)
        return repr(word[0][:20] if word else self._text[self._at])

    def _skip(self) -> None:
        """Move past white space and comments; each comment is a problem."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            comment = _COMMENT.match(self._text, self._at)
            if not comment:
                return
            self._problems.add(self._here(), "JSON has no comments: remove it, or make this a YAML file")
            self._at = comment.end()

    def _next(self) -> str:
        self._skip()
        return self._text[self._at : self._at + 1]

    def _value(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._fail(f"nested more than {MAX_DEPTH} levels deep")
        start = self._next()
        position = self._here()
        if start == "{":
            entries = self._object(depth)
            return Node(position, entries, 1 + sum(entry.node.size for entry in entries.values()))
        if start == "[":
            items = self._array(depth)
            return Node(position, items, 1 + sum(item.size for item in items))
        if start == '"':
            return Node(position, self._string())
        if start == "'":
            self._fail("JSON strings take double quotes")
        return Node(position, self._word())

    def _object(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}

        def member() -> None:
            position = self._here()
            if self._text[self._at] != '"':
                self._fail(f"expected a key in double quotes, not {self._shown()}")
            key = self._string()
            if self._next() != ":":
                self._fail(f"expected ':' after the key, not {self._shown()}")
            self._at += 1
            node = self._value(depth + 1)
            if key in entries:
                self._problems.add_duplicate(position, key, entries[key].key)
            else:
                entries[key] = Entry(position, node)

        self._members("}", member)
        return entries

    def _array(self, depth: int) -> list[Node]:
        items: list[Node] = []
        self._members("]", lambda: items.append(self._value(depth + 1)))
        return items

    def _members(self, close: str, member: Callable[[], None]) -> None:
        """Read the members between two brackets, separated by commas."""
        opened = self._here()
        self._at += 1
        comma: Position | None = None
        while (found := self._next()) != close:
            if not found:
                raise FileSyntaxError(opened, f"this bracket is never closed: expected {close!r}")
            member()
            comma = None
            found = self._next()
            if found == ",":
                comma = self._here()
                self._at += 1
            elif found and found != close:
                self._fail(f"expected ',' or {close!r}, not {self._shown()}")
        if comma:
            self._problems.add(comma, f"trailing comma: JSON has none before {close!r}")
        self._at += 1

    def _string(self) -> str:
        position = self._here()
        try:
            text, self._at = _scan_string(self._text, self._at + 1, True)
        except json.JSONDecodeError as error:
            if error.msg.startswith("Unterminated"):
                raise FileSyntaxError(position, "this string is never closed") from None
            # error.pos is the position of the bad character, or of the backslash before it.
            if error.msg.startswith("Invalid control"):
                message = "write a line break or tab in a string as \\n or \\t"
                raise FileSyntaxError(self._position(error.pos), message) from None
            raise FileSyntaxError(self._position(error.pos), "not a JSON escape: write \\\\ for \\") from None
        self._problems.check_text(position, text)
        return text

    def _word(self) -> Any:
        match = _WORD.match(self._text, self._at)
        if not match:
            self._fail(f"expected a value, not {self._shown()}")
        word = match[0]
        if word in _NOT_NUMBERS:
            self._problems.add(self._here(), f"{word} is not JSON: make this a YAML file and write .nan or .inf")
        elif word not in _CONSTANTS and not _NUMBER.fullmatch(word):
            hint = f": did you mean {_SPELLINGS[word]}?" if word in _SPELLINGS else ": a string takes double quotes"
            if word[0] in "+-.0123456789":
                hint = ": JSON writes numbers as in 12, -0.5 or 1e-3"
            self._fail(f"expected a value, not {word[:20]!r}{hint}")
        number = self._number(word) if word not in _CONSTANTS and word not in _NOT_NUMBERS else None
        self._at = match.end()
        return _CONSTANTS.get(word, number)

    def _number(self, word: str) -> int | float | None:
        try:
            return float(word) if set(word) & set(".eE") else int(word)
        except ValueError:  # CPython refuses to convert more than 4,300 digits, which takes quadratic time
            self._problems.add(self._here(), "a number must not have more than 4,300 digits")
            return None
