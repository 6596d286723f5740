"""What a command printed, held to the schema that is published of it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.docs.schemas.published import FOLDER

__all__ = ["PUBLISHED", "held"]

PUBLISHED = {
    **{name: name for name in ("status", "history", "cost", "audit", "doctor", "lint", "explain", "pick", "compare")},
    **{"features": "features", "resolve": "resolve", "receipt": "receipt"},
}
"""Schemas by the command that prints such data."""


def held(name: str, found: Any) -> None:
    """Raises ValidationError; what went wrong has a schema of its own."""
    _validator("error" if isinstance(found, dict) and "error" in found else name).validate(found)


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8")))
