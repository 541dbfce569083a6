"""Docstrings: the summary of a class, and the descriptions of its parameters."""

from __future__ import annotations

import inspect
import re
from itertools import zip_longest

#: Longest description in a schema, in characters; an editor's hover shows about this much.
MAX_LENGTH = 400

_SECTION = re.compile(r"^(?P<title>[A-Z][A-Za-z ]+)\n-{3,}$", re.MULTILINE)
_ENTRY = re.compile(r"^(?P<names>\*{0,2}\w[\w, *]*?) *: *(?P<type>.*)$")
_DIRECTIVE = re.compile(r"^\.\. ?[\w-]+::.*(?:\n(?:[ \t]+.*)?)*", re.MULTILINE)
_ROLE = re.compile(r":[\w:]+:`~?(?:(?P<title>[^`<]+?)\s*<[^>`]+>|(?P<target>[^`]+))`")
_LINK = re.compile(r"`(?P<title>[^`<]+?)\s*<[^>`]+>`_+")


def summary(class_: type) -> str:
    """Return the first paragraph of a class's docstring, as one line."""
    return _clean((inspect.getdoc(class_) or "").split("\n\n")[0])


def parameters(documented: object) -> dict[str, str]:
    """Return the type and the beginning of the description of each parameter in a numpydoc docstring."""
    doc = inspect.getdoc(documented) or ""
    return {name: _described(lines) for name, lines in _entries(_section(doc, "Parameters"))}


def _section(doc: str, title: str) -> str:
    found = list(_SECTION.finditer(doc))
    for match, following in zip_longest(found, found[1:]):
        if match["title"] == title:
            # XGBoost indents the whole section.
            return inspect.cleandoc(doc[match.end() : following.start() if following else None])
    return ""


def _entries(section: str) -> list[tuple[str, list[str]]]:
    entries: list[tuple[str, list[str]]] = []
    for line in section.splitlines():
        match = _ENTRY.match(line)
        if match:
            body = [match["type"]]
            entries += [(name.strip(" *"), body) for name in match["names"].split(",")]
        elif entries:
            entries[-1][1].append(line)
    return entries


def _described(lines: list[str]) -> str:
    kind, body = lines[0].strip(), _clean(inspect.cleandoc("\n".join(lines[1:])))
    return _shorten(f"{kind}. {body}" if body else kind)


def _clean(text: str) -> str:
    text = _DIRECTIVE.sub("", text)
    text = _ROLE.sub(lambda match: match["title"] or match["target"].rsplit(".", 1)[-1], text)
    text = _LINK.sub(lambda match: match["title"], text)
    return " ".join(text.replace("``", "`").split())


def _shorten(text: str) -> str:
    if len(text) <= MAX_LENGTH:
        return text
    sentence = text.rfind(". ", 0, MAX_LENGTH)
    return text[: sentence + 1] if sentence > MAX_LENGTH // 3 else text[: text.rfind(" ", 0, MAX_LENGTH)] + " …"
