"""Somebody changes something while a move runs: noticed at the next step, named, answered by its rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.edge.contract import Replica
from pointsman.errors import MoveFailedError, NeedsPersonError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.control import Control
from pointsman.move.drift.rules import RULES, Answer, Kind, Phase, table
from pointsman.move.means import Result
from pointsman.report.contract import Happening, Topic
from tests.world.world import World, quick

PAGE = Path(__file__).parents[2] / "docs" / "drift.md"
CONFIG = kind_of("ConfigMap")

Meddle = Callable[[World], None]


async def moved(after: str, meddle: Meddle, world: World | None = None) -> tuple[World, Result]:
    """A move during which somebody does something once a step is done."""
    world = world or World()
    done: list[bool] = []

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_DONE and happening.step == after and not done:
            done.append(True)
            meddle(world)

    world.seen.react = react
    return world, await world.conductor().move(world.model, "kserve", quick())


def told(world: World) -> list[str]:
    """Ids of the rules that were applied."""
    return [str(one.data["rule"]) for one in world.seen.happenings if "rule" in one.data]


def delete(kind: str, name: str, namespace: str) -> Meddle:
    def act(world: World) -> None:
        world.cluster.objects.pop(Ref(kind_of(kind), name, namespace))
        world.cluster._control()

    return act


def scale(name: str, namespace: str, replicas: int) -> Meddle:
    def act(world: World) -> None:
        world.cluster.objects[Ref(kind_of("Deployment"), name, namespace)]["spec"]["replicas"] = replicas
        world.cluster._control()

    return act


def edit_alias(world: World) -> None:
    first, second = world.edge.members
    world.edge.members = (replace(first, weight=70), replace(second, weight=30))


def edit_model(world: World) -> None:
    found = world.cluster.objects[Ref(CONFIG, "model-qwen", "pointsman-system")]
    spec = json.loads(found["data"]["model.json"])
    spec["spec"]["replicas"] = 3
    found["data"]["model.json"] = json.dumps(spec)


def restart_edge(world: World) -> None:
    world.edge.name = "edge-1"


def lag(world: World) -> None:
    world.edge.lagging = [Replica("edge-old", (), ready=True, terminating=False)]


CASES: list[tuple[str, Meddle, str, Answer]] = [
    ("shift-10", edit_alias, "alias", Answer.PAUSE),
    ("hold", edit_alias, "alias", Answer.PAUSE),
    ("shift-50", delete("Deployment", "qwen-kserve", "kserve"), "target-deleted", Answer.ROLL_BACK),
    ("shift-50", delete("Service", "qwen-kserve", "kserve"), "target-deleted", Answer.ROLL_BACK),
    ("serve-ready", delete("Deployment", "qwen-raw-vllm", "serving"), "source-deleted", Answer.PAUSE),
    ("shift-100", delete("Deployment", "qwen-raw-vllm", "serving"), "source-deleted", Answer.GO_ON),
    ("shift-10", scale("qwen-kserve", "kserve", 0), "target-gone", Answer.ROLL_BACK),
    ("shift-10", scale("qwen-kserve", "kserve", 2), "target-more", Answer.GO_ON),
    ("serve-ready", scale("qwen-raw-vllm", "serving", 0), "source-gone", Answer.PAUSE),
    ("shift-100", scale("qwen-raw-vllm", "serving", 0), "source-gone", Answer.GO_ON),
    ("shift-10", scale("qwen-raw-vllm", "serving", 2), "source-other", Answer.GO_ON),
    ("shift-10", restart_edge, "edge-same", Answer.GO_ON),
    ("shift-10", lag, "edge-other", Answer.PAUSE),
    ("shift-10", edit_model, "model", Answer.PAUSE),
]


@pytest.mark.parametrize(("after", "meddle", "rule", "answer"), CASES, ids=[f"{one[2]}-{one[0]}" for one in CASES])
async def test_a_change_is_named_and_answered_by_its_rule(
    after: str, meddle: Meddle, rule: str, answer: Answer
) -> None:
    world, result = await moved(after, meddle)
    assert rule in told(world)
    if answer is Answer.GO_ON:
        assert result.error is None
        assert world.serving() == {"kserve": 100}
    elif answer is Answer.ROLL_BACK:
        assert isinstance(result.error, MoveFailedError)
        assert result.error.code.endswith(".drifted")
        assert world.serving() == {"raw-vllm": 100}
    else:
        assert isinstance(result.error, NeedsPersonError)
        assert result.error.code.endswith(".drift")
        assert result.receipt["state"] == "paused"


async def test_a_target_with_fewer_replicas_than_were_proved_pauses() -> None:
    world = World()
    world.model = world.model.model_copy(update={"spec": world.model.spec.model_copy(update={"replicas": 2})})
    world.serve_from("raw-vllm")
    world, result = await moved("shift-10", scale("qwen-kserve", "kserve", 1), world)
    assert told(world)[0] == "target-fewer"
    assert result.receipt["state"] == "paused"


async def test_what_was_put_back_lets_the_move_go_on() -> None:
    world, result = await moved("shift-10", edit_alias)
    assert result.receipt["state"] == "paused"
    first, second = world.edge.members
    world.edge.members = (replace(first, weight=90), replace(second, weight=10))
    ended = await Control(world.conductor("second@test/2")).resume("qwen")
    assert ended.error is None
    assert world.serving() == {"kserve": 100}


async def test_what_is_still_there_pauses_it_again_and_a_rollback_writes_the_alias_as_it_was() -> None:
    world, _ = await moved("shift-10", edit_alias)
    again = await Control(world.conductor("second@test/2")).resume("qwen")
    assert again.receipt["state"] == "paused"
    from pointsman.move.journal.requests import Verb

    back = await Control(world.conductor("third@test/3")).ask(Verb.ROLLBACK, "qwen")
    assert back.receipt["state"] == "undone"
    assert world.serving() == {"raw-vllm": 100}


async def test_a_source_that_the_alias_names_again_is_never_parked() -> None:
    world = World()

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            target = world.edge.members[0]
            source = replace(target, id="qwen-raw-vllm", layer="raw-vllm", weight=50)
            world.edge.members = (replace(target, weight=50), source)

    world.seen.react = react
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.error is not None
    assert result.error.code == "drain.drift"
    assert world.workloads()["Deployment serving/qwen-raw-vllm"] == 1


async def test_nothing_is_noticed_where_nobody_did_anything() -> None:
    world = World()
    await world.conductor().move(world.model, "kserve", quick())
    assert told(world) == []


async def test_a_roll_of_the_moves_own_is_no_drift_and_a_restart_between_two_of_them_is() -> None:
    world = World()
    world.edge.renews = True
    result = await world.conductor().move(world.model, "kserve", quick())
    assert result.receipt["state"] == "done"
    assert told(world) == []
    world = World()
    world.edge.renews = True
    await moved("shift-10", lambda world: setattr(world.edge, "name", "edge-restarted"), world)
    assert told(world) == ["edge-same"]


async def test_an_alias_that_was_put_back_past_the_point_of_no_return_is_a_roll_of_the_moves_own() -> None:
    world = World()
    world.edge.renews = True
    mover = world.conductor()

    def stop() -> None:
        mover.interrupt()
        mover.interrupt()

    world.at_commit(stop)
    await mover.move(world.model, "kserve", quick())
    (target,) = world.edge.members
    world.edge.members = (replace(target, weight=50), replace(target, id="qwen-raw-vllm", layer="raw-vllm", weight=50))
    asked = await Control(world.conductor("second@test/2")).resume("qwen")
    assert asked.receipt["state"] == "forward-stuck"
    done = await Control(world.conductor("third@test/3")).resume("qwen")
    assert done.receipt["state"] == "done"
    assert world.serving() == {"kserve": 100}
    assert "edge-same" not in told(world)


async def test_what_was_only_told_is_in_the_journal() -> None:
    world, result = await moved("shift-10", restart_edge)
    text = world.cluster.objects[Ref(CONFIG, str(result.receipt["move"]), "pointsman-system")]["data"]
    assert any('"rule":"edge-same"' in line for line in text.values())


def test_every_kind_has_a_rule_in_every_phase_and_only_one() -> None:
    for kind in Kind:
        assert {phase for rule in RULES if rule.kind is kind for phase in rule.phases} == set(Phase)
    lines = [(rule.id, phase) for rule in RULES for phase in rule.phases]
    assert len(lines) == len(set(lines))


def test_nothing_is_rolled_back_past_the_point_of_no_return() -> None:
    assert [rule for rule in RULES if Phase.COMMITTED in rule.phases and rule.answer is Answer.ROLL_BACK] == []


def test_the_page_shows_the_table() -> None:
    assert f"<!-- rules -->\n\n{table()}\n<!-- /rules -->" in PAGE.read_text(encoding="utf-8")
