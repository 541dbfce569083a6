"""The ``read`` options of a data set: how its file is written."""

from __future__ import annotations

import codecs
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from podium.errors import PodiumError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


#: The value of ``sep`` for fields that any white space separates.
WHITE_SPACE = r"\s+"


def _option(default: Any, schema: dict[str, Any], description: str) -> Any:
    return field(default=default, metadata={**schema, "description": description})


@dataclass(frozen=True)
class ReadOptions:
    r"""How a text file is written.

    Parameters
    ----------
    sep : str or None
        What separates fields: one character, or ``\s+`` for any white space. None: a tab for ``.tsv``, else a comma.
    decimal : str
        The decimal mark.
    thousands : str or None
        What separates groups of digits.
    encoding : str
        A codec of Python.
    na_values : tuple of str
        Values that mean missing in every column, the target included.
    compression : str
        ``gzip``, ``bz2``, ``xz``, ``zstd``, ``zip``, ``none``, or ``infer`` from the file's suffix.
    """

    # The metadata is each field's JSON Schema in a spec.
    sep: str | None = _option(
        None,
        {"type": "string", "minLength": 1, "maxLength": 3},
        "What separates fields. Default: a tab for .tsv, else a comma.",
    )
    decimal: str = _option(".", {"enum": [".", ","]}, "The decimal mark. Default: a point.")
    thousands: str | None = _option(
        None, {"enum": [",", ".", " ", "'", "_"]}, "What separates groups of digits, as in 1,234. Default: nothing."
    )
    encoding: str = _option(
        "utf-8", {"type": "string", "minLength": 1}, "Encoding of the text, such as latin-1. Default: utf-8."
    )
    na_values: tuple[str, ...] = _option(
        (),
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
        "Values that mean missing in every column, the target included.",
    )
    compression: str = _option(
        "infer",
        {"enum": ["infer", "gzip", "bz2", "xz", "zstd", "zip", "none"]},
        "Compression of the file. Default: infer it from the suffix.",
    )

    @classmethod
    def from_spec(cls, value: Mapping[str, Any] | None) -> ReadOptions:
        """Read the ``read`` key of a data set; missing keys have their defaults.

        Raises
        ------
        PodiumError
            If a key is unknown or a value is not one of those allowed.
        """
        given = dict(value or {})
        for key, option in given.items():
            rule = cls.__dataclass_fields__.get(key)
            if rule is None:
                raise PodiumError(f"unknown key {key!r} in read{did_you_mean(key, cls.__dataclass_fields__)}")
            allowed = rule.metadata.get("enum")
            if allowed and option not in allowed:
                raise PodiumError(f"read: {key} must be one of {', '.join(map(repr, allowed))}, not {option!r}")
        if "na_values" in given:
            given["na_values"] = tuple(map(str, given["na_values"]))
        read = cls(**given)
        _check_text(read)
        if read.thousands == read.decimal:
            raise PodiumError(f"read: thousands and decimal cannot both be {read.decimal!r}")
        return read

    def as_spec(self) -> dict[str, Any]:
        """Return the options that differ from their defaults, as :meth:`from_spec` reads them."""
        plain = ReadOptions()
        given = {key: value for key, value in asdict(self).items() if value != getattr(plain, key)}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}


def _check_text(read: ReadOptions) -> None:
    if read.sep is not None and len(read.sep) != 1 and read.sep != WHITE_SPACE:
        raise PodiumError(f"read: sep must be one character or {WHITE_SPACE}, not {read.sep!r}")
    try:
        codecs.lookup(read.encoding)
    except LookupError:
        hint = did_you_mean(read.encoding, ("utf-8", "utf-16", "latin-1", "cp1252"))
        raise PodiumError(f"read: unknown encoding {read.encoding!r}{hint}") from None


#: The JSON Schema of ``read``.
READ_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {option.name: dict(option.metadata) for option in fields(ReadOptions)},
    "additionalProperties": False,
}
