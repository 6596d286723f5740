"""What ``status`` says of aliases: what is declared, and what replicas of the edge run instead."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pointsman.edge.contract import CLOSED, CLOSED_URL, OTHER, AliasState, Member, Replica
from pointsman.errors import PermanentError, PointsmanError
from pointsman.move.bring_up import bring_up
from pointsman.move.overview import ASKED, overview
from pointsman.move.records import remember
from pointsman.report.contract import Happening, Topic
from pointsman.report.status import print_status
from pointsman.spec.model import Model
from tests.world.layers import LAYERS
from tests.world.world import World, quick

AT = datetime(2026, 3, 1, 12, 4, 31, tzinfo=UTC)


def member(layer: str, weight: float, alias: str = "qwen-local") -> Member:
    return Member(f"qwen-{layer}", layer, f"http://{layer}/v1", "qwen", weight, alias)


async def told(world: World, asked: list[str] | None = None, failing: bool = False) -> list[dict[str, Any]]:
    """What status says; who was asked is added to ``asked``."""

    async def aliases(models: Sequence[Model]) -> Mapping[str, AliasState | PointsmanError]:
        return {model.name: await world.edge.read() for model in models}

    async def running(models: Sequence[Model]) -> Mapping[str, Sequence[Replica] | PointsmanError]:
        (asked if asked is not None else []).extend(model.name for model in models)
        error = PermanentError("secrets is forbidden")
        return {model.name: error if failing else await world.edge.replicas() for model in models}

    return await overview(world.cluster, world.clock, LAYERS, aliases, running)


async def known(*members: Member) -> World:
    """A model that was brought up, and what is declared of its alias."""
    world = World()
    await remember(world.cluster, world.model)
    world.edge.members = members
    return world


def printed(models: Sequence[Mapping[str, Any]]) -> list[str]:
    stream = io.StringIO()
    print_status(stream, models)
    return stream.getvalue().splitlines()


async def test_replicas_that_run_what_is_declared_are_not_worth_a_word() -> None:
    world = await known(member("kserve", 100))
    (model,) = await told(world)
    assert (model["split"], model["running"], model["warnings"]) == ({"kserve": 100}, [], [])
    assert not [line for line in printed([model]) if "running" in line]


async def test_replicas_that_run_something_else_are_told_together_and_since_when() -> None:
    world = await known(member("kserve", 100))
    runs = (member("kserve", 9), member("raw-vllm", 1))
    world.edge.lagging = [
        Replica("edge-1", runs, ready=True, terminating=False, since=AT),
        Replica("edge-2", runs[::-1], ready=True, terminating=False, since=AT.replace(hour=3)),
        Replica("edge-3", runs, ready=True, terminating=True, since=AT),
        Replica("edge-4", None, ready=False, terminating=False, why="it is not ready"),
    ]
    (model,) = await told(world)
    assert model["running"] == [
        {
            "replicas": 2,
            "of": 3,
            "split": {"kserve": 90, "raw-vllm": 10},
            "members": {"qwen-kserve": 9, "qwen-raw-vllm": 1},
            "since": AT.isoformat(),
            "why": "",
        }
    ]
    assert printed([model])[-1] == (
        "qwen: declared 100 % KServe, running 90 % KServe and 10 % raw vLLM on 2 of 3 replicas"
        " since 2026-03-01 12:04:31 UTC"
    )


async def test_the_same_split_to_another_address_is_something_else() -> None:
    world = await known(member("kserve", 100))
    world.edge.running = (replace(member("kserve", 100), base_url="http://elsewhere/v1"),)
    (model,) = await told(world)
    assert printed([model])[-1].endswith("running other members (qwen-kserve 100) on 1 of 1 replicas")


async def test_a_replica_that_does_not_say_is_told_with_its_reason() -> None:
    world = await known(member("kserve", 100))
    world.edge.lagging = [Replica("edge-1", None, ready=True, terminating=False, why="it refuses the master key (401)")]
    (model,) = await told(world)
    assert model["running"][0]["split"] is None
    assert printed([model])[-1] == (
        "qwen: what 1 of 2 replicas of the edge run is not known: it refuses the master key (401)"
    )


async def test_that_replicas_may_not_be_asked_is_said_and_stops_nothing() -> None:
    (model,) = await told(await known(member("kserve", 100)), failing=True)
    assert "running" not in model
    assert model["warnings"] == ["what replicas of its edge run cannot be asked: secrets is forbidden"]


async def test_members_of_others_have_their_share_and_a_closed_alias_is_told() -> None:
    cloud = Member("cloud", OTHER, "", "bedrock/claude", 20, "qwen-local")
    world = await known(member("kserve", 80), cloud)
    (model,) = await told(world)
    assert model["split"] == {"kserve": 80, "others": 20}
    assert [row["traffic"] for row in model["layers"] if row["layer"] == "kserve"] == [80]
    world.edge.members = (Member("qwen-closed", CLOSED, CLOSED_URL, "qwen", 100, "qwen-local"),)
    assert (await told(world))[0]["warnings"] == [
        "alias qwen-local is closed: tenants get errors until a move opens it"
    ]


async def test_an_alias_that_moves_along_and_stands_otherwise_is_told() -> None:
    world = World()
    tenant = world.model.spec.tenant.model_copy(update={"aliases": ("gpt",)})
    model = world.model.model_copy(update={"spec": world.model.spec.model_copy(update={"tenant": tenant})})
    await remember(world.cluster, model)
    world.edge.aliases = ("qwen-local", "gpt")
    world.edge.members = (member("kserve", 3), member("raw-vllm", 5, "gpt"))
    (told_of,) = await told(world)
    assert told_of["split"] == {"kserve": 100}
    assert told_of["warnings"] == ["alias gpt is declared otherwise: 100 % raw-vllm"]


async def test_of_very_many_models_only_those_that_move_are_asked() -> None:
    world = World()
    await bring_up(world.conductor(), world.model, quick())
    asked: list[str] = []
    await told(world, asked)
    assert asked == ["qwen"]
    for number in range(ASKED):
        name = world.model.metadata.model_copy(update={"name": f"m-{number}"})
        await remember(world.cluster, world.model.model_copy(update={"metadata": name}))
    asked.clear()
    await told(world, asked)
    assert asked == []
    looks = []

    def look(happening: Happening) -> None:
        if happening.topic is Topic.STEP_DONE and happening.step == "shift-50":
            looks.append(asyncio.create_task(told(world, asked)))

    world.seen.react = look
    await world.conductor().move(world.model, "kserve", quick())
    await looks[0]
    assert asked == ["qwen"]
