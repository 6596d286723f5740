"""A move killed at every record, under tenants: its receipt is the ledger, or says unknown, with a range that holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from pointsman.move.control import Control
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.judging.evidence import PARTS
from pointsman.report.contract import Happening, Topic
from pointsman.spec.move import Evidence
from tests.world.cluster import Write
from tests.world.tenants import Tenants
from tests.world.world import World, quick

ROUND = 2 * Evidence().requests // (2 * PARTS)
"""Own requests of one round of evidence, to both sides: the most that one allowance is good for."""


class Died(BaseException):
    """The process is gone."""


def check(rows: Mapping[str, Any], ledger: Mapping[str, int], told: Counter[str]) -> None:
    """One receipt against one ledger."""
    for layer, row in rows.items():
        counted, known = ledger.get(layer, 0), row["range"]
        told["exact" if row["tenants"] != "unknown" else "unknown"] += 1
        if row["tenants"] != "unknown":
            assert row["tenants"] == counted, (layer, row)
            continue
        assert row["why"], (layer, row)
        assert known["atLeast"] == "unknown" or known["atLeast"] <= counted, (layer, row, counted)
        assert known["atMost"] == "unknown" or counted <= known["atMost"], (layer, row, counted)
        if all("died, with up to" in one for one in row["why"]):
            told["bounded"] += 1
            assert known["atMost"] - known["atLeast"] <= ROUND, (layer, row)


def watch(world: World, tenants: Tenants) -> None:
    """Tenants call from the opening record on, until the closing one."""
    begun: list[bool] = []

    def react(happening: Happening) -> None:
        if happening.topic is Topic.MOVE_OPENED and not begun:
            begun.append(True)
            tenants.begin()

    world.seen.react = react


async def killed(number: int, verb: str) -> tuple[World, Tenants, dict[str, Any] | None]:
    """A move whose process dies before record ``number``; another one resumes it or takes it back."""
    world = World()
    tenants = Tenants(world, long=5)
    watch(world, tenants)

    def die(write: Write) -> None:
        if write.verb == "patch" and f"{number:06d}" in (write.body.get("data") or {}):
            raise Died

    world.cluster.before = die
    try:
        await world.conductor().move(world.model, "kserve", quick())
    except Died:
        world.cluster.before = lambda write: None
    moves = await Ledger(world.cluster, world.clock).moves(model="qwen")
    if not moves:
        return world, tenants, None
    control = Control(world.conductor("second@test/2"))
    if verb == "rollback" and number < 21:
        return world, tenants, dict((await control.ask(Verb.ROLLBACK, "qwen")).receipt)
    return world, tenants, dict((await control.resume("qwen")).receipt)


@pytest.mark.parametrize("verb", ["resume", "rollback"])
async def test_no_receipt_tells_a_number_that_is_not_the_ledgers(verb: str) -> None:
    told: Counter[str] = Counter()
    number = 2
    while True:
        _, tenants, receipt = await killed(number, verb)
        if receipt is None:
            break
        check(receipt["traffic"]["layers"], tenants.answered, told)
        assert (tenants.lost, tenants.cut) == (0, 0), (number, receipt["steps"])
        number += 1
    assert number > 20
    assert told["exact"] >= 10, told
    assert told["exact"] + told["unknown"] == 2 * (number - 2)
    assert told["bounded"] == told["unknown"], told
