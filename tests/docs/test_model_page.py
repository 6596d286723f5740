"""The page of the Model is made from the program's own classes: ``python -m tests.docs.test_model_page`` writes it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pointsman.spec.block import Block
from pointsman.spec.model import Model

PAGE = Path(__file__).parents[2] / "docs" / "model.md"
HEAD = """# The Model

Everything that can be written into a model's file. Unknown fields are errors; an optional one
without a default is absent, or has the defaults of its own fields.
`pointsman render FILE --layer LAYER` shows what becomes of it; `examples/platform/models/qwen.yaml` is a complete one.

| Field | Value | Default | Meaning |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    schema = Model.model_json_schema(by_alias=True)
    rows = _rows("", schema, schema["$defs"])
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def every_place() -> list[str]:
    """Every field of the page, blocks too."""
    schema = Model.model_json_schema(by_alias=True)
    return [place.strip("`") for place, *_ in _rows("", schema, schema["$defs"])]


def fields() -> list[str]:
    """Every field of the page that holds a value, and blocks that stand there as a whole."""
    rows = every_place()
    return [one for one in rows if not any(other.startswith((f"{one}.", f"{one}[].")) for other in rows)]


def _rows(path: str, block: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for name, field in block["properties"].items():
        place = f"{path}.{name}".lstrip(".")
        inner = _block(field, known)
        listed = "[]" if "items" in _plain(field) else ""
        needed = name in block.get("required", ())
        default = "required" if needed else f"`{_shown(field['default'])}`" if _told(field, inner) else ""
        value = ("list of mappings" if listed else "mapping") if inner else _value(_plain(field))
        meaning = _meanings()[block["title"]].get(name) or (inner or {}).get("description", "")
        yield f"`{place}`", value, default, meaning.replace("``", "`").replace("\n", " ")
        if inner and not _again(place, inner):
            yield from _rows(place + listed, inner, known)


@cache
def _meanings() -> dict[str, dict[str, str]]:
    """What stands below each field in the source, by class and by the field's name in a file.

    Not asked of pydantic, which would read the source whenever the program starts.
    """
    return {
        block.__name__: {name: said for part in reversed(block.mro()[:-1]) for name, said in _below(part, block)}
        for block in _blocks(Block)
    }


def _blocks(block: type[Block]) -> Iterator[type[Block]]:
    for one in block.__subclasses__():
        yield one
        yield from _blocks(one)


def _below(part: type, block: type[Block]) -> Iterator[tuple[str, str]]:
    """What one of a block's classes says of its fields."""
    if not issubclass(part, Block) or part is Block:
        return
    definition = ast.parse(inspect.getsource(part)).body[0]
    assert isinstance(definition, ast.ClassDef)
    for field, text in pairwise(definition.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield block.model_fields[name].alias or name, inspect.cleandoc(said)


def _told(field: Mapping[str, Any], inner: Mapping[str, Any] | None) -> bool:
    """Is the default a value? Those of a mapping are its fields' own."""
    return inner is None and field.get("default") is not None


def _again(place: str, inner: Mapping[str, Any]) -> bool:
    """Does a layer's block repeat a block of the spec, told there?"""
    return place.startswith("spec.layers.") and inner["title"] in ("Accelerator", "Resources")


def _plain(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the possibility of being absent."""
    found: Mapping[str, Any] = next((one for one in field.get("anyOf", ()) if one.get("type") != "null"), field)
    return found


def _block(field: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any] | None:
    plain = _plain(field)
    reference = plain.get("$ref") or plain.get("items", {}).get("$ref")
    return known[reference.rpartition("/")[2]] if reference else None


def _value(field: Mapping[str, Any]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    kind = str(field.get("type", "string"))
    return {"array": "list of strings", "object": "mapping of strings", "boolean": "true or false"}.get(kind, kind) + (
        _bounds(field)
    )


def _bounds(field: Mapping[str, Any]) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    told = [f"{sign} {field[key]:g}" for key, sign in words.items() if key in field]
    told += [f"at most {field['maxLength']} characters"] if "maxLength" in field else []
    return f", {', '.join(told)}" if told else ""


def _shown(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_page_is_what_the_classes_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_field_is_explained() -> None:
    assert [line for line in page().splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
