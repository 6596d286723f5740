"""docs/schemas is what is written here; each schema is one, explains itself, and says no.

What commands print is held to them where commands are tested: ``tests.docs.schemas.holding``.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from typer.core import TyperGroup

from pointsman.audit.finding import KINDS
from pointsman.cli.entry import COMMANDS, command_named
from tests.docs.schemas.holding import held
from tests.docs.schemas.published import FOLDER, OUTPUTS, RECEIPT, SCHEMAS, data_text, schema_of, table

ERROR = {"error": {"code": "usage", "what": "x", "where": "", "next": ""}}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_the_one_that_is_written_here(name: str) -> None:
    text = (FOLDER / f"{name}.schema.json").read_text("utf-8")
    assert text == data_text(name), "python -m tests.docs.schemas.published writes it"
    Draft202012Validator.check_schema(json.loads(text))


def test_every_file_is_written_here_or_by_hand() -> None:
    files = {one.name.removesuffix(".schema.json") for one in FOLDER.iterdir()}
    assert files == {*SCHEMAS, RECEIPT}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_with_an_output_has_a_schema(command: str) -> None:
    made = command_named(command)
    each = {f"{command} {name}": one for name, one in made.commands.items()} if isinstance(made, TyperGroup) else {}
    printing = {name for name, one in (each or {command: made}).items() if _has_output(one)}
    assert printing <= set(OUTPUTS), "tests.docs.schemas.published says which schema it has"
    assert printing == {name for name in OUTPUTS if name in each or name == command}


def _has_output(command: Any) -> bool:
    return any("--output" in one.opts for one in command.params)


def test_what_a_schema_is_of_are_commands_and_every_schema_is_of_one() -> None:
    assert set(OUTPUTS.values()) | {"error"} == {*SCHEMAS, RECEIPT}
    for words in map(str.split, OUTPUTS):
        made = command_named(words[0])
        options = {
            name for one in getattr(made, "commands", {"": made}).values() for each in one.params for name in each.opts
        }
        assert {one for one in words if one.startswith("--")} <= options, words


def test_the_longest_line_that_fits_says_the_schema() -> None:
    assert schema_of(("teardown", "qwen")) == "teardown"
    assert schema_of(("teardown", "qwen", "--layer", "kserve", "--dry-run", "--yes")) == "teardown-layer-preview"
    assert schema_of(("features", "enable", "n8n", "--push")) == "proposal"
    with pytest.raises(KeyError):
        schema_of(("completion", "bash"))


def test_the_page_lists_every_schema_with_its_commands() -> None:
    assert table() in (FOLDER.parent / "output.md").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name != "explain"])
def test_a_field_more_and_a_field_less_are_refused(name: str) -> None:
    _, schema = SCHEMAS[name]
    for one in schema.get("oneOf", [schema]):
        assert one["additionalProperties"] is False
        assert set(one["required"]) <= set(one["properties"])
    objects = [one for one in _all(schema) if one.get("type") == "object" and "properties" in one]
    assert all(False in (one.get("additionalProperties"), one.get("unevaluatedProperties")) for one in objects)


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
