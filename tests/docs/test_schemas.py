"""docs/schemas is what is written here; each schema is one, explains itself, and says no.

What commands print is held to them where commands are tested: ``tests.docs.schemas.holding``.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from pointsman.audit.finding import KINDS
from pointsman.cli.entry import COMMANDS
from tests.docs.schemas.holding import PUBLISHED, held
from tests.docs.schemas.published import FOLDER, SCHEMAS, data_text

ERROR = {"error": {"code": "usage", "what": "x", "where": "", "next": ""}}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_the_one_that_is_written_here(name: str) -> None:
    text = (FOLDER / f"{name}.schema.json").read_text("utf-8")
    assert text == data_text(name), "python -m tests.docs.schemas.published writes it"
    Draft202012Validator.check_schema(json.loads(text))


def test_every_file_is_written_here_or_by_hand() -> None:
    files = {one.name.removesuffix(".schema.json") for one in FOLDER.iterdir()}
    assert files == {*SCHEMAS, "receipt"}
    assert set(PUBLISHED) <= set(COMMANDS)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name != "explain"])
def test_a_field_more_and_a_field_less_are_refused(name: str) -> None:
    _, schema = SCHEMAS[name]
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= set(schema["properties"])
    objects = [one for one in _all(schema) if one.get("type") == "object" and "properties" in one]
    assert all(one["additionalProperties"] is False for one in objects)


def _all(schema: Any) -> list[dict[str, Any]]:
    """Every schema in it."""
    if isinstance(schema, list):
        return [one for each in schema for one in _all(each)]
    return [schema, *(one for each in schema.values() for one in _all(each))] if isinstance(schema, dict) else []


def test_an_error_has_its_schema_whatever_the_command() -> None:
    held("cost", ERROR)
    for change in ({"code": None}, {"more": ""}):
        wrong = copy.deepcopy(ERROR)
        wrong["error"] |= change  # type: ignore[arg-type]
        with pytest.raises(ValidationError):
            held("cost", wrong)


def test_kinds_of_findings_are_those_there_are() -> None:
    finding = SCHEMAS["audit"][1]["properties"]["findings"]["items"]
    assert set(finding["properties"]["kind"]["enum"]) == set(KINDS)
