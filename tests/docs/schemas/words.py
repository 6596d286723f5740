"""Words that schemas are written in; each field is required, and no other may be there, unless it is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["flag", "listed", "mapped", "maybe", "number", "obj", "one_of", "text", "whole"]

Schema = dict[str, Any]


def _with(schema: Schema, about: str) -> Schema:
    return schema | ({"description": about} if about else {})


def text(about: str = "") -> Schema:
    """A text."""
    return _with({"type": "string"}, about)


def whole(about: str = "") -> Schema:
    """A whole number, 0 or more."""
    return _with({"type": "integer", "minimum": 0}, about)


def number(about: str = "") -> Schema:
    """A number, 0 or more."""
    return _with({"type": "number", "minimum": 0}, about)


def flag(about: str = "") -> Schema:
    """True or false."""
    return _with({"type": "boolean"}, about)


def one_of(about: str, *words: str) -> Schema:
    """One of these words."""
    return _with({"enum": list(words)}, about)


def maybe(schema: Schema, about: str = "") -> Schema:
    """The same, or null."""
    inner = {key: value for key, value in schema.items() if key != "description"}
    return _with({"anyOf": [inner, {"type": "null"}]}, about or str(schema.get("description") or ""))


def listed(schema: Schema, about: str = "") -> Schema:
    """A list of these."""
    return _with({"type": "array", "items": schema}, about)


def mapped(schema: Schema | bool, about: str = "") -> Schema:
    """These by any name."""
    return _with({"type": "object", "additionalProperties": schema}, about)


def obj(fields: Mapping[str, Schema], about: str = "", optional: Mapping[str, Schema] | None = None) -> Schema:
    """These fields and no others."""
    made = {"type": "object", "additionalProperties": False, "required": list(fields)}
    return _with(made | {"properties": {**fields, **(optional or {})}}, about)
