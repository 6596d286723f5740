"""Journals that somebody else wrote: read as data, refused with a sentence; nothing is touched but the move's own.

Whoever may write in ``pointsman-system`` can make moves do what pointsman may do (``docs/security.md``); what is tried
here is to make it do more than that, print something that acts, or fall over.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from pointsman.edge.contract import AliasState
from pointsman.errors import PointsmanError
from pointsman.move.control import Control
from pointsman.move.counting.receipt import receipt_from
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.journal import digest
from pointsman.move.journal.ledger import Ledger
from pointsman.move.overview import overview
from pointsman.report.lines import PlainLines
from pointsman.report.status import print_status
from pointsman.spec.model import Model
from tests.cli.test_foreign_text import ACTS, acting
from tests.move.test_kill_everywhere import Way, killed
from tests.world.cluster import Write
from tests.world.layers import LAYERS
from tests.world.world import World

Forge = Callable[[dict[str, Any]], None]


def spec(change: Callable[[dict[str, Any]], None]) -> Forge:
    """A forgery of the spec that the first record holds."""

    def forge(record: dict[str, Any]) -> None:
        if record["seq"] == 1:
            change(record["detail"]["spec"])

    return forge


def opening(**changes: Any) -> Forge:
    """A forgery of the first record's detail."""

    def forge(record: dict[str, Any]) -> None:
        if record["seq"] == 1:
            record["detail"] |= changes

    return forge


def named(name: str) -> Forge:
    return spec(lambda found: found["metadata"].update(name=name))


def everywhere(text: str) -> Forge:
    """Every step and every text of the detail says something else."""

    def forge(record: dict[str, Any]) -> None:
        if record["seq"] > 1:
            record["detail"] |= {"what": text, "why": text}
        if record["step"] and record["seq"] > 8:
            record["step"] = text

    return forge


FORGERIES: dict[str, Forge] = {
    "a path for a name": named("../../kube-system/secrets"),
    "another model": named("billing"),
    "a name without end": named("x" * 100_000),
    "no spec": spec(lambda found: found.clear()),
    "a layer that is none": spec(lambda found: found["spec"].update(layer="../etc")),
    "text that acts": everywhere(ACTS),
    "a source that is none": opening(source="../etc"),
    "a target that is none": opening(target="billing"),
    "steps that are none": opening(steps=["deploy", "rm -rf"]),
    "options that are none": opening(options={"hold": "long", "shell": "rm"}),
    "members that are none": opening(alias={"alias": "qwen-local", "members": [{"id": 5}]}),
    "an alias of somebody else": opening(alias={"alias": "billing", "members": []}),
    "a strategy that is none": opening(strategy="../etc"),
    "times that are none": opening(predicted={"seconds": -1e308}),
    "counts that are none": opening(captured={"engines": "many", "x": {}}),
    "a namespace that is a path": spec(
        lambda found: found["spec"]["tenant"]["edge"].update(namespace="llm-gateway/secrets/x?")
    ),
}


async def left_open(records: int) -> World:
    """A world with an open move whose process died after so many records."""
    found = await killed(Way("raw-vllm", "kserve"), records, "after")
    assert found is not None
    world, tenants = found
    tenants.stop()
    return world


def rewrite(world: World, forge: Callable[[list[dict[str, Any]]], None]) -> None:
    """Somebody rewrites the move's journal, each record true to the one before."""
    for ref, one in world.cluster.objects.items():
        if ref.namespace == NAMESPACE and "000001" in (one.get("data") or {}):
            keys, before = sorted(one["data"]), ""
            records = [json.loads(one["data"][key]) for key in keys]
            forge(records)
            for key, record in zip(keys, records, strict=True):
                if before:
                    record["previous"] = digest(before)
                one["data"][key] = before = json.dumps(record)


async def shown(world: World) -> list[dict[str, Any]]:
    """As ``pointsman status`` has it."""

    async def aliases(models: Sequence[Model]) -> dict[str, AliasState | PointsmanError]:
        return {model.name: await world.edge.read() for model in models}

    return await overview(world.cluster, world.clock, LAYERS, aliases)


@pytest.fixture(params=sorted(FORGERIES))
async def forged(request: pytest.FixtureRequest) -> World:
    world, forge = await left_open(12), FORGERIES[request.param]

    def each(records: list[dict[str, Any]]) -> None:
        for one in records:
            forge(one)

    rewrite(world, each)
    return world


async def test_what_it_touches_is_the_models_own_and_what_it_prints_does_nothing(forged: World) -> None:
    written: list[Write] = []
    forged.cluster.before = written.append
    told = io.StringIO()
    forged.seen.react = PlainLines(told).tell
    try:
        result = await Control(forged.conductor("second@test/2")).resume("qwen")
        said = str(result.error or "")
    except PointsmanError as error:
        said = "\n".join(error.lines())
    rows = await shown(forged)
    print_status(told, rows)
    assert acting(told.getvalue() + said) == set()
    assert {one.ref.namespace for one in written} <= {"serving", "kserve", "llm-d", "llm-gateway", NAMESPACE, None}
    names = {one.ref.name for one in written if one.ref.namespace not in (NAMESPACE, None)}
    assert all("qwen" in name or "litellm" in name for name in names), names


VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    "",
    "x",
    "../..",
    [],
    [1],
    {},
    {"a": 1},
    [[]],
    "2026-13-45T99:00:00Z",
    2**70,
)
FIXED = ("v", "seq", "move", "previous", "epoch")
"""What any forger would leave as it is."""


def paths(value: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Everything inside, by its keys."""
    inside: list[tuple[str | int, Any]] = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [path for key, one in inside for path in ((*above, key), *paths(one, (*above, key)))]


def scramble(records: list[dict[str, Any]], draw: random.Random) -> None:
    """One to three values of the journal are others, or gone."""
    for _ in range(draw.randint(1, 3)):
        record = draw.choice(records)
        *above, last = draw.choice([one for one in paths(record) if one[0] not in FIXED])
        place: Any = record
        for key in above:
            place = place[key]
        place[last] = draw.choice(VALUES)


@pytest.mark.parametrize("seed", range(60))
async def test_whatever_is_in_it_is_told_as_an_error_of_ours(seed: int) -> None:
    draw = random.Random(seed)
    world = await left_open(draw.choice((4, 6, 9, 12, 16, 20)))
    rewrite(world, lambda records: scramble(records, draw))
    await shown(world)
    with suppress(PointsmanError):
        for move in await Ledger(world.cluster, world.clock).moves():
            receipt_from(move.progress)
    with suppress(PointsmanError):
        error = (await Control(world.conductor("second@test/2")).resume("qwen")).error
        assert error is None or "internal" not in error.code, error
