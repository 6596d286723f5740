"""One receipt, one set of figures: what a move prints at its end is what ``receipt`` says ever after, to the digit."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pointsman.cli.words import Output, leave
from pointsman.errors import PointsmanError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.conductor import Conductor
from pointsman.move.control import Control
from pointsman.move.counting.history import history, receipt_of
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Request, Verb
from pointsman.move.journal.requests import leave as leave_wish
from pointsman.move.means import Result
from pointsman.report.contract import Happening, Topic
from tests.cli.program import run
from tests.docs.schemas.holding import held
from tests.parking.test_command_line import live
from tests.world.cluster import Write
from tests.world.world import MemoryClock, World, lenient, quick

STEPS = ("deploy", "serve-ready", "contract", "shift-10", "shift-50", "shift-100", "hold", "detach", "drain", "park")
TROUBLES = ("none", "interrupted", "interrupted-twice", "paused", "died", "failed", "undo-failed")
AFTERWARDS = ("resume", "rollback", "promote", "abort")
TICK = 0.0137


class Died(BaseException):
    """The process is gone."""


@dataclass
class Busy(MemoryClock):
    """Time passes with every look at the clock: work takes time, too."""

    def monotonic(self) -> float:
        self.seconds += TICK
        return self.seconds

    def now(self) -> datetime:
        self.seconds += TICK
        return super().now()


class Journey:
    """A move that meets one trouble at one step, and what people do until it is over."""

    def __init__(self, trouble: str, step: str, behind: float = 0.0) -> None:
        self.world = World()
        self.world.model = lenient(self.world.model)
        self.world.clock = Busy()
        self.trouble, self.step = trouble, step
        self.behind = timedelta(seconds=behind)
        """How far the other machines' clock is behind."""
        self.met = False
        self.told: list[Result] = []

    async def walk(self, afterwards: str) -> None:
        mover = self.world.conductor()
        self.world.seen.react = lambda happening: self.meet(happening, mover)
        self.world.cluster.before = self.die
        try:
            await self.tell(mover.move(self.world.model, "kserve", quick(hold=20.0)))
        except Died:
            self.world.cluster.before = lambda write: None
        self.world.cluster.before = lambda write: None
        self.world.seen.react = lambda happening: None
        self.world.clock.start -= self.behind
        for number, act in enumerate((afterwards, "resume", "resume")):
            if not await Ledger(self.world.cluster, self.world.clock).moves(model="qwen"):
                return
            self.world.clock.spend(1000.0)
            control = Control(self.world.conductor(f"other@test/{number}"))
            await self.tell(control.resume("qwen") if act == "resume" else control.ask(Verb(act), "qwen"))

    async def tell(self, work: Any) -> None:
        try:
            self.told.append(await work)
        except PointsmanError as error:
            assert error.code in ("point-of-no-return", "source-parked", "no-open-move"), error  # noqa: PT017
            return
        await self.agree(self.told[-1])

    def meet(self, happening: Happening, mover: Conductor) -> None:
        if happening.topic is not Topic.STEP_BEGUN or happening.step != self.step or self.met:
            return
        self.met = self.trouble != "died"
        if self.trouble.startswith("interrupted"):
            mover.interrupt()
        if self.trouble == "interrupted-twice":
            mover.interrupt()
        if self.trouble == "paused":
            self.asking = asyncio.get_running_loop().create_task(self.ask_to_pause())
        if self.trouble in ("failed", "undo-failed"):
            for (namespace, _), engine in self.world.cluster.engines.items():
                engine.faults.broken = namespace == "kserve"
            self.world.edge.fail_confirms = 9 if self.trouble == "undo-failed" else 1

    async def ask_to_pause(self) -> None:
        (one,) = await Ledger(self.world.cluster, self.world.clock).moves(model="qwen")
        ref = Ref(kind_of("ConfigMap"), one.progress.move, NAMESPACE)
        await leave_wish(self.world.cluster, ref, Request(Verb.PAUSE, "second@test/2", "1"))

    def die(self, write: Write) -> None:
        lines = (write.body.get("data") or {}) if write.verb == "patch" else {}
        if self.trouble == "died" and not self.met:
            for line in lines.values():
                if f'"step":"{self.step}"' in str(line) and '"event":"outcome"' in str(line):
                    self.met = True
                    raise Died

    async def agree(self, told: Result) -> None:
        """What was printed is what is read now, and its figures can be true."""
        found = await receipt_of(Ledger(self.world.cluster, self.world.clock), "qwen")
        assert json.loads(json.dumps(dict(told.receipt))) == json.loads(json.dumps(found))
        believable(found)
        (line,) = (await history(Ledger(self.world.cluster, self.world.clock), "qwen"))["moves"]
        assert line["seconds"] == found["seconds"]


def believable(receipt: Mapping[str, Any]) -> None:
    for step in receipt["steps"]:
        assert sum(step["waits"].values()) <= step["seconds"] + 1e-6, step
    attended = sum(step["seconds"] for step in receipt["steps"]) + receipt["waits"].get("unattended", 0.0)
    assert attended <= receipt["seconds"] + 0.001 * len(receipt["steps"])
    assert sum(receipt["waits"].values()) + receipt["overheadSeconds"] == pytest.approx(receipt["seconds"], abs=0.01)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("none", "deploy", "resume", 0.0)
@example("interrupted", "shift-50", "resume", 0.0)
@example("interrupted-twice", "shift-50", "resume", 0.0)
@example("interrupted-twice", "hold", "rollback", 0.0)
@example("paused", "shift-10", "promote", 0.0)
@example("died", "shift-10", "resume", 0.0)
@example("died", "shift-10", "resume", 5000.0)
@example("paused", "shift-50", "rollback", 5000.0)
@example("failed", "shift-50", "resume", 0.0)
@example("undo-failed", "shift-50", "rollback", 0.0)
@given(
    st.sampled_from(TROUBLES),
    st.sampled_from(STEPS),
    st.sampled_from(AFTERWARDS),
    st.sampled_from([0.0, 300.0, 5000.0, -300.0]),
)
def search(trouble: str, step: str, afterwards: str, behind: float) -> None:
    """One journey after the other."""
    asyncio.run(Journey(trouble, step, behind).walk(afterwards))


def test_what_a_move_tells_at_its_end_is_its_receipt_and_no_step_waited_longer_than_it_took() -> None:
    search()


JOURNEYS = {
    "plain": ("none", "deploy", "resume", "done"),
    "interrupted": ("interrupted", "shift-50", "resume", "undone"),
    "interrupted-and-resumed": ("interrupted-twice", "hold", "resume", "done"),
    "paused-and-promoted": ("paused", "shift-10", "promote", "done"),
    "rolled-back": ("paused", "shift-10", "rollback", "undone"),
}


@pytest.mark.parametrize("name", JOURNEYS)
def test_what_is_printed_is_what_the_command_prints_afterwards(name: str, tmp_path: Path) -> None:
    trouble, step, afterwards, state = JOURNEYS[name]
    journey = Journey(trouble, step)
    asyncio.run(journey.walk(afterwards))
    told = journey.told[-1]
    assert told.receipt["state"] == state
    with live(journey.world, tmp_path) as config:
        read = {out: run("receipt", "qwen", "-o", out.value, "--kubeconfig", str(config)) for out in Output}
    for out, done in read.items():
        assert done.returncode == 0, done.stderr
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(io.StringIO()):
            leave(told, out)
        if out is Output.text:
            assert printed.getvalue() == done.stdout
    ended = json.loads(read[Output.json].stdout)
    held("receipt", ended)
    assert ended == json.loads(json.dumps(dict(told.receipt)))
    assert ended["steps"][0]["id"] == "preflight"
    assert ended["steps"][0]["seconds"] > 0


async def test_the_time_that_another_move_took_to_be_ended_first_is_not_this_moves_preflight() -> None:
    plain = Journey("none", "")
    first = await plain.world.conductor().move(plain.world.model, "kserve", quick())
    journey = Journey("died", "shift-10")
    world = journey.world
    world.cluster.before = journey.die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick())
    world.cluster.before = lambda write: None
    result = await world.conductor("second@test/2").move(world.model, "kserve", quick(), recover=True)
    assert result.error is None
    assert result.receipt["steps"][0]["id"] == "preflight"
    assert result.receipt["steps"][0]["seconds"] < 2 * first.receipt["steps"][0]["seconds"]
