"""Turns pydantic's verdicts into problems a person can act on.

pydantic's types and wording stop here. An unknown field gets the nearest known name of the mapping it stands in; a
wrong value gets what is allowed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pointsman.spec.block import Block
from pointsman.spec.blocks import FILE, RETIRED
from pointsman.spec.document import Document, Place
from pointsman.spec.model import Model
from pointsman.spec.problems import MOST_TOLD, Problem
from pointsman.spec.words import short, shown

__all__ = ["judge", "judge_as", "nearest"]

Shape = TypeVar("Shape", bound=Block)

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LIMITS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "less_than": "below {lt}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "finite_number": "a finite number",
}


def judge(document: Document) -> Model | tuple[Problem, ...]:
    """The model a document describes, or everything that is wrong with its structure and values."""
    return judge_as(document, Model)


def judge_as(document: Document, shape: type[Shape]) -> Shape | tuple[Problem, ...]:
    """The same for a document of another shape."""
    try:
        return shape.model_validate(document.data, by_alias=True, by_name=False, context=FILE)
    except ValidationError as error:
        details = error.errors(include_url=False)
    placed = sorted(
        ((_existing(document, each["loc"], each["type"]), each) for each in details), key=_by_line(document)
    )
    told = [_problem(document, place, each, shape) for place, each in placed[:MOST_TOLD]]
    return (*told, *(Problem(document.line(place), "it is wrong", "correct it") for place, _ in placed[MOST_TOLD:]))


def _by_line(document: Document) -> Callable[[tuple[Place, ErrorDetails]], int]:
    return lambda found: document.line(found[0])


def _problem(document: Document, place: Place, detail: ErrorDetails, shape: type[Block]) -> Problem:
    if detail["type"] == "extra_forbidden":
        what, next_action, code = _unknown(document, place, shape)
    else:
        what, next_action, code = _EXPLAIN.get(detail["type"], _wrong_value)(place, detail, shape)
    return Problem(document.line(place), what, next_action, code)


def _existing(document: Document, loc: tuple[int | str, ...], kind: str) -> Place:
    """pydantic marks dictionary keys with ``[key]``; keep what stands in the file."""
    place: Place = tuple(part for part in loc if part != "[key]")
    if kind == "missing" or place in document.lines:
        return place
    while place and place not in document.lines:
        place = place[:-1]
    return place


def _told(place: Place) -> str:
    return ".".join(short(str(part)) for part in place) or "the document"


def _unknown(document: Document, place: Place, shape: type[Block]) -> tuple[str, str, str]:
    """A field that is already there is not what another one was meant to be."""
    name, known = str(place[-1]), _fields_at(place[:-1], shape)
    if place[:2] == ("spec", "layers") and name in RETIRED:
        return f"{_told(place)} is no field any more: {RETIRED[name]}", "remove it", "spec-unknown-field"
    free = [each for each in known if (*place[:-1], each) not in document.lines]
    parent = _told(place[:-1]) if place[:-1] else f"a {shape.__name__}"
    near = nearest(name, free) or nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"known fields: {', '.join(known)}"
    return f"{shown(name)} is not a field of {parent}", hint, "spec-unknown-field"


def _missing(place: Place, detail: ErrorDetails, shape: type[Block]) -> tuple[str, str, str]:
    return f"{_told(place)} is required", f"add {place[-1]}", "spec-missing-field"


def _literal(place: Place, detail: ErrorDetails, shape: type[Block]) -> tuple[str, str, str]:
    expected = str(detail.get("ctx", {}).get("expected", ""))
    allowed = expected.replace(" or ", ", ").replace("'", "").split(", ")
    near = nearest(str(detail["input"]), allowed)
    hint = f"use one of: {', '.join(allowed)}" + (f" (did you mean {near}?)" if near and len(allowed) > 1 else "")
    return f"{_told(place)} is {shown(detail['input'])}", hint, "spec-wrong-value"


def _own(place: Place, detail: ErrorDetails, shape: type[Block]) -> tuple[str, str, str]:
    context: Mapping[str, Any] = detail.get("ctx", {})
    return f"{_told(place)}: {context['what']}", str(context["allowed"]), "spec-wrong-value"


def _wrong_value(place: Place, detail: ErrorDetails, shape: type[Block]) -> tuple[str, str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    limit = _LIMITS.get(kind, "").format(**context)
    allowed = _KINDS.get(kind) or limit or f"what {shape.page} says of it"
    return f"{_told(place)} is {shown(detail['input'])}", f"it must be {allowed}", "spec-wrong-value"


_EXPLAIN: Mapping[str, Callable[[Place, ErrorDetails, type[Block]], tuple[str, str, str]]] = {
    "missing": _missing,
    "literal_error": _literal,
    "pointsman": _own,
}


def nearest(word: str, known: list[str]) -> str | None:
    """The known word that was probably meant, ignoring case, '-' and '_'."""
    plain = {_plain(each): each for each in known}
    if _plain(word) in plain:
        return plain[_plain(word)]
    close = get_close_matches(_plain(word), list(plain), n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def _fields_at(place: Place, shape: type[Block]) -> list[str]:
    """Known field names of the mapping at ``place``, as they are written in a file."""
    current: Any = shape
    for part in place:
        block = _block_of(current)
        if block is None:
            break
        if isinstance(part, int):  # an item of a list has the fields of every item
            continue
        current = next(
            (info.annotation for name, info in block.model_fields.items() if (info.alias or name) == part), None
        )
    block = _block_of(current)
    return [info.alias or name for name, info in block.model_fields.items()] if block else []


def _block_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, tuple):
        return next((found for part in get_args(annotation) if (found := _block_of(part))), None)
    return None
