"""What a command printed, held to the schema that is published of it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from pointsman.report.data import data_text
from tests.docs.schemas.published import FOLDER, RECEIPT

__all__ = ["held"]


def held(name: str, found: Any) -> None:
    """Raises ValidationError; an error in the place of the data has a schema of its own."""
    alone = isinstance(found, dict) and set(found) == {"error"}
    _validator("error" if alone else name).validate(json.loads(data_text(found, "json")))


@cache
def _validator(name: str) -> Draft202012Validator:
    receipt = Resource.from_contents(_schema(RECEIPT))
    return Draft202012Validator(_schema(name), registry=Registry().with_resource(receipt.id() or "", receipt))


def _schema(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
