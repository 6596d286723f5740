"""Objects of other shapes than anybody expects break no check: each part of the examples, replaced by something odd."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from pointsman.adopt.adopted import Adopted, adopt, understood
from pointsman.adopt.edges import edges_in_cluster
from pointsman.adopt.objects import Deployed
from pointsman.adopt.standing import Origin, Standing, World
from pointsman.checks.catalogue import CHECKS
from pointsman.checks.check import Source
from pointsman.checks.running import run
from pointsman.checks.view import View
from tests.checks.grid import Example, examples

ODD: tuple[Any, ...] = (None, [], {}, "odd", 7, True, [None], ["odd"], {"odd": None}, "")
MOST = 12
"""Changes that are tried of one example; which, its name decides."""
FAILING = [one for one in examples() if one.fails]


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*above, key)
        yield from _places(part, (*above, key))


def _changed(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(data)
    inner = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return made


def _world(objects: list[dict[str, Any]]) -> Adopted:
    """As a cluster is read."""
    found = World()
    for one in objects:
        namespace = one["metadata"].get("namespace") if isinstance(one.get("metadata"), dict) else ""
        found.objects.append(Standing(Deployed(one), str(namespace or ""), Origin("")))
    return understood(found, edges_in_cluster(found))


@pytest.mark.parametrize("example", FAILING, ids=lambda one: one.id)
def test_no_check_breaks_at_odd_objects(example: Example) -> None:
    objects = [dict(one.data) for one in adopt(example.path).world.objects]
    drawn = random.Random(example.id)
    places = [(at, place) for at, one in enumerate(objects) for place in _places(one) if place[0] != "metadata"]
    for at, place in drawn.sample(places, min(MOST, len(places))):
        value = drawn.choice(ODD)
        odd = [_changed(one, place, value) if number == at else one for number, one in enumerate(objects)]
        for source in Source:
            broken = run(View(_world(odd), source), CHECKS).broken
            assert [(one.check.id, one.error, objects[at]["kind"], place, value) for one in broken] == []
