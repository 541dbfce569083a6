"""Documents: YAML and JSON files as plain data, with the position of every key and value."""

from __future__ import annotations

import codecs
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.errors import FileSyntaxError, InvalidFileError, Position, Problem
from podium.files import json_nodes, yaml_nodes
from podium.files.nodes import SyntaxProblems, kind, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from podium.files.nodes import Node


#: Size of the largest file that is read, in bytes. A spec of 1,000 tasks has about 150 KiB.
MAX_BYTES = 256 * 1024

# Characters that are not printable by YAML 1.2; libyaml refuses them without a position.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Document:
    """The content of a file, with positions.

    Parameters
    ----------
    path : str
        The file, as messages show it.
    text : str
        Its content, unparsed.
    data : dict
        The content as plain dicts, lists, strings, numbers, booleans and None. All keys are strings, as spelled.
    problems : tuple of Problem
        Syntax mistakes that did not stop the parser, such as duplicate keys (the first one counts).
    root : Node
        The nodes behind ``data``.
    """

    path: str
    text: str
    data: dict[str, Any]
    problems: tuple[Problem, ...]
    root: Node

    def position(self, pointer: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of the value at a pointer, or of its nearest parent that exists.

        Parameters
        ----------
        pointer : sequence of str or int
            Keys and indices from the top, as in ``("params", "max_depth")``.
        key : bool, default=False
            Return the position of the key instead of the value.
        """
        node, found = self.root, self.root.position
        for step in pointer:
            if isinstance(node.value, dict) and step in node.value:
                entry = node.value[step]
                node, found = entry.node, entry.key if key else entry.node.position
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                found = node.position
            else:
                break
        return found.line, found.column

    def problem(self, pointer: Sequence[str | int], message: str, *, key: bool = False) -> Problem:
        """Return a problem with the value, or its key, at a pointer."""
        line, column = self.position(pointer, key=key)
        return Problem(self.path, line, column, message)


def load_document(path: Path, shown: str) -> Document:
    """Read a file that must have no syntax mistakes.

    Parameters
    ----------
    path : pathlib.Path
        A YAML file, or a JSON file if it ends in ``.json`` or ``.JSON``.
    shown : str
        The path, as messages show it.

    Raises
    ------
    InvalidFileError
        With every mistake found.
    """
    document = read_document(path, shown)
    if document.problems:
        raise InvalidFileError(document.problems)
    return document


def read_document(path: Path, shown: str) -> Document:
    """Read a file even if it has some syntax mistakes, so that its content can be checked in the same pass.

    Parameters are those of `load_document`. Mistakes that did not stop the parser are in the result's ``problems``.

    Raises
    ------
    InvalidFileError
        If the file cannot be read, is not UTF-8, is too large, or its syntax is broken.
    """
    text = _text(path, shown)
    problems = SyntaxProblems()
    try:
        root = _root(text, problems, is_json=path.suffix.lower() == ".json")
    except FileSyntaxError as fault:
        problems.add(fault.position, fault.message)
        raise InvalidFileError(_problems(shown, problems)) from None
    return Document(shown, text, plain(root), tuple(_problems(shown, problems)), root)


def _root(text: str, problems: SyntaxProblems, *, is_json: bool) -> Node:
    root = json_nodes.compose(text, problems) if is_json else yaml_nodes.compose(text, problems)
    if root is None:
        raise FileSyntaxError(Position(1, 1), "the file is empty")
    if not isinstance(root.value, dict):
        raise FileSyntaxError(root.position, f"expected a mapping (lines of 'key: value'), not {kind(root.value)}")
    return root


def _problems(shown: str, problems: SyntaxProblems) -> list[Problem]:
    return [Problem(shown, position.line, position.column, message) for position, message in problems.items]


def _text(path: Path, shown: str) -> str:
    def refuse(message: str, before: str = "") -> InvalidFileError:
        lines = re.split(r"\r\n|\r|\n", before)
        return InvalidFileError([Problem(shown, len(lines), len(lines[-1]) + 1, message)])

    try:
        content = _head(path)
    except OSError as error:
        raise refuse(f"the file cannot be read: {error.strerror}") from None
    if content is None:
        raise refuse("this is not a file")
    if len(content) > MAX_BYTES:
        raise refuse(f"the file is larger than {MAX_BYTES // 1024} KiB")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise refuse("the file is UTF-16: save it as UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        raise refuse(f"the byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8", before) from None
    if bad := _FORBIDDEN.search(text):
        raise refuse(f"the control character \\x{ord(bad[0]):02x} is not allowed", text[: bad.start()])
    return text


def _head(path: Path) -> bytes | None:
    """Return a file's first bytes, one more than allowed; None if opening it could block, as with a named pipe."""
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
