"""The document: a YAML or JSON file as plain data, with the position of every key and value."""

from __future__ import annotations

import codecs
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podium.errors import FileSyntaxError, InvalidFileError, Position, Problem
from podium.files import json_nodes, yaml_nodes
from podium.files.nodes import Findings, kind, plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from podium.files.nodes import Node


#: Size of the largest file that is read, in bytes. A spec of 1,000 tasks has about 150 KiB.
MAX_BYTES = 256 * 1024

# What YAML 1.2 calls not printable; libyaml refuses it without saying where.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Document:
    """What a file holds, and where.

    Parameters
    ----------
    path : str
        The file as messages show it.
    text : str
        Its content.
    data : dict
        The content as plain dicts, lists, text, numbers, booleans and None. All keys are text, as they are spelled.
    problems : tuple of Problem
        What is wrong with the syntax but could be read past, such as duplicate keys (the first one counts).
    root : Node
        The nodes behind ``data``.
    """

    path: str
    text: str
    data: dict[str, Any]
    problems: tuple[Problem, ...]
    root: Node

    def position(self, pointer: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of what a pointer leads to, or of the last thing on the way that exists.

        Parameters
        ----------
        pointer : sequence of str or int
            Keys and indices from the top, as in ``("params", "max_depth")``.
        key : bool, default=False
            The position of the key instead of its value's.
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
        """Return a problem with what a pointer leads to."""
        line, column = self.position(pointer, key=key)
        return Problem(self.path, line, column, message)


def load_document(path: Path, shown: str) -> Document:
    """Read a file that must be free of mistakes in its syntax.

    Parameters
    ----------
    path : pathlib.Path
        A YAML file, or a JSON file if it ends in ``.json``.
    shown : str
        The path as messages show it.

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
    """Read a file as far as its syntax allows, so that its content can be checked in the same pass.

    Parameters are those of `load_document`. Mistakes that can be read past are in the result's ``problems``.

    Raises
    ------
    InvalidFileError
        If the file cannot be read, is not UTF-8, is too large, or its syntax is broken.
    """
    text = _text(path, shown)
    findings = Findings()
    try:
        root = _root(text, findings, is_json=path.suffix == ".json")
    except FileSyntaxError as fault:
        findings.add(fault.position, fault.message)
        raise InvalidFileError(_problems(shown, findings)) from None
    return Document(shown, text, plain(root), tuple(_problems(shown, findings)), root)


def _root(text: str, findings: Findings, *, is_json: bool) -> Node:
    root = json_nodes.compose(text, findings) if is_json else yaml_nodes.compose(text, findings)
    if root is None:
        raise FileSyntaxError(Position(1, 1), "the file is empty")
    if not isinstance(root.value, dict):
        raise FileSyntaxError(root.position, f"expected a mapping (lines of 'key: value'), not {kind(root.value)}")
    return root


def _problems(shown: str, findings: Findings) -> list[Problem]:
    return [Problem(shown, position.line, position.column, message) for position, message in findings.items]


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
    """Return a file's first bytes, one more than are allowed; None if opening it could wait, as for a named pipe."""
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)
