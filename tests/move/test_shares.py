"""Steps that were chosen with ``--shift``: what they are, and that a move by one of them ends as one by three does."""

from __future__ import annotations

import pytest

from pointsman.cli.choices import shares_in
from pointsman.errors import NeedsPersonError, UsageError
from pointsman.move.control import Control
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.journal.states import REVERSIBLE
from pointsman.report.contract import Happening, Topic
from tests.move.test_kill_everywhere import SECOND, Died
from tests.move.test_strategy import bridged
from tests.world.cluster import Write
from tests.world.virtual import Clock
from tests.world.world import World, quick


def steps(result_steps: list[dict[str, object]]) -> list[str]:
    return [str(one["id"]) for one in result_steps if str(one["id"]) != "preflight"]


@pytest.mark.parametrize(
    ("text", "found"), [("100", (100,)), ("10,50,100", (10, 50, 100)), (" 1, 99 ,100", (1, 99, 100)), (None, ())]
)
def test_shares_are_rising_numbers_up_to_all(text: str | None, found: tuple[int, ...]) -> None:
    assert shares_in(text) == found


@pytest.mark.parametrize("text", ["", "50", "0,100", "50,50,100", "50,10,100", "10;100", "100,101", "ten", "²,100"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        shares_in(text)


async def test_all_at_once_leaves_the_source_out_and_parks_it() -> None:
    world = World()
    result = await world.conductor().move(world.model, "kserve", quick(shares=(100,)))
    assert result.error is None, result.error
    assert steps(result.receipt["steps"])[3:] == ["shift-100", "hold", "drain", "park"]
    assert world.serving() == {"kserve": 100}
    assert result.receipt["servedFrom"] == "kserve"


async def test_all_at_once_over_a_bridge_is_one_change_a_leg() -> None:
    world = World(gpus=1)
    world.model = bridged(world)
    plan = await world.conductor().plan(world.model, "llm-d", quick(shares=(100,)))
    assert plan.strategy == "bridge"
    assert [one["step"] for one in plan.shifting.changes] == ["bridge.shift-100", "shift-100"]
    result = await world.conductor().move(world.model, "llm-d", quick(shares=(100,)))
    assert result.error is None, result.error
    assert world.serving() == {"llm-d": 100}


async def test_a_target_that_breaks_with_all_tenants_on_it_gives_them_back() -> None:
    world = World()
    before = world.workloads()

    def break_it(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-100":
            for (namespace, _), engine in world.cluster.engines.items():
                engine.faults.broken = namespace == "kserve"

    world.seen.react = break_it
    result = await world.conductor().move(world.model, "kserve", quick(shares=(100,)))
    assert result.error is not None
    assert result.receipt["state"] == "undone"
    assert (world.serving(), world.workloads()) == ({"raw-vllm": 100}, before)


async def test_a_source_that_dies_meanwhile_is_not_gone_back_to() -> None:
    world = World()

    def die(happening: Happening) -> None:
        if (happening.topic, happening.step) == (Topic.STEP_BEGUN, "shift-100"):
            for where in [where for where in world.cluster.engines if where[0] == "serving"]:
                del world.cluster.engines[where]

    world.seen.react = die
    result = await world.conductor().move(world.model, "kserve", quick(drain_timeout=20.0, shares=(100,)))
    assert isinstance(result.error, NeedsPersonError)
    assert world.serving() == {"kserve": 100}


@pytest.mark.parametrize("verb", ["resume", "rollback"])
@pytest.mark.parametrize("number", range(4, 17, 3))
async def test_another_process_goes_on_with_the_shares_that_were_chosen(number: int, verb: str) -> None:
    world = World()

    def die(write: Write) -> None:
        body = write.body if isinstance(write.body, dict) else {}
        if f"{number:06d}" in (body.get("data") or {}):
            raise Died

    world.cluster.after = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick(shares=(100,)))
    world.cluster.after = lambda write: None
    control = Control(world.conductor(SECOND))
    open_moves = await Ledger(world.cluster, Clock()).moves(model="qwen")
    back = verb == "rollback" and open_moves[0].progress.state in REVERSIBLE
    ended = await (control.ask(Verb.ROLLBACK, "qwen") if back else control.resume("qwen"))
    assert ended.error is None, ended.error
    assert world.serving() == {"raw-vllm" if back else "kserve": 100}
    assert "detach" not in steps(ended.receipt["steps"])
