"""Manifests of odd shapes, null where a list is meant, a word where a number is: no check breaks on them."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.checks.repository import lint
from tests.checks.grid import examples

ODD: tuple[Any, ...] = (None, [], {}, "", "ten", 0, -1, True, [None], ["a", 1], {"a": None}, [[]], 1.5, "8Gi")
FAILING = [one for one in examples() if one.fails and (one.path / "manifest.yaml").is_file()]


def places(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in it but the object's own name and kind."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if key not in ("apiVersion", "kind", "metadata"):
            yield (*at, key)
        yield from places(value, (*at, key))


def changed(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The same with something else in one place."""
    made = copy.deepcopy(data)
    inner = made
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    return made


@pytest.mark.parametrize("example", FAILING, ids=lambda one: one.path.name)
def test_no_check_breaks_on_odd_shapes(example: Any, tmp_path: Path) -> None:
    chance = random.Random(example.id)
    documents = list(yaml.safe_load_all((example.path / "manifest.yaml").read_text("utf-8")))
    made = []
    for number in range(10):
        one = chance.randrange(len(documents))
        place = chance.choice(list(places(documents[one])))
        odd = changed(documents[one], place, chance.choice(ODD))
        odd.setdefault("metadata", {})["name"] = f"odd-{number}"
        made.append(odd)
    (tmp_path / "manifests.yaml").write_text(yaml.safe_dump_all(made), "utf-8")
    found = lint(tmp_path)[1]
    assert [one.as_dict() for one in found.broken] == []
    assert found.objects > 0
