"""Credentials that end for good at any record of any directed move: told, nothing lost, carried on after a login."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from pointsman.errors import PointsmanError
from pointsman.move.control import Control
from pointsman.move.journal.ledger import Ledger
from tests.move.test_kill_everywhere import IDS, Felt, Way, records
from tests.world.cluster import Write
from tests.world.tenants import Tenants
from tests.world.world import World

each_pair = pytest.mark.parametrize(
    "way", [Way(*pair) for pair in itertools.permutations(IDS, 2)], ids=lambda way: f"{way.source}-{way.target}"
)


def ending(world: World, number: int) -> Callable[[Write], None]:
    """A hook: from the record of this number on, nobody accepts the credentials."""

    def end(write: Write) -> None:
        data = (write.body.get("data") or {}) if isinstance(write.body, dict) else {}
        if write.verb == "patch" and write.ref.name.startswith("qwen-2026") and f"{number:06d}" in data:
            world.cluster.ended = True
            world.cluster.known()

    return end


def both(tenants: Tenants, hook: Callable[[Write], None]) -> Callable[[Write], None]:
    def after(write: Write) -> None:
        tenants.written(write)
        hook(write)

    return after


@each_pair
@pytest.mark.parametrize("moment", ["before", pytest.param("after", marks=pytest.mark.soak)])
async def test_it_is_told_and_can_be_resumed_and_no_tenant_loses_anything(way: Way, moment: str) -> None:
    undisturbed = await way.begin()
    assert (await way.move(undisturbed, way.target)).error is None
    felt, ends = Felt(), 0
    for number in range(2, records(undisturbed) + 1):
        world = await way.begin()
        tenants = Tenants(world, long=20)
        tenants.begin()
        end = ending(world, number)
        world.cluster.before = end if moment == "before" else lambda write: None
        world.cluster.after = both(tenants, end if moment == "after" else lambda write: None)
        try:
            error = (await way.move(world, way.target)).error
        except PointsmanError as raised:
            error = raised
        world.cluster.before, world.cluster.after = lambda write: None, tenants.written
        world.cluster.ended = False
        open_ones = await Ledger(world.cluster, world.clock).moves(model="qwen")
        if not open_ones:
            tenants.stop()
            continue
        ends += 1
        assert error is not None, number
        assert "does not accept the credentials" in error.what, (number, error)
        assert "log in again" in error.next_action, (number, error)
        assert "pointsman resume qwen" in error.next_action, (number, error)
        result = await Control(world.conductor("second@test/2")).resume("qwen")
        assert result.error is None or result.receipt["state"] == "undone", (number, result.error)
        assert world.edge.outages == [], number
        felt.take(way, tenants)
    assert ends >= 15
