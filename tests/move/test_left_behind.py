"""Aliases that are left behind and go on calling while the source drains: they are told apart from everybody else.

LiteLLM counts a request some time after its answer, and requests are under way at every moment, so what the engines
counted and what the edge counted are hardly ever the same number.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

import pytest

from pointsman.errors import NeedsPersonError
from pointsman.move.means import Result
from pointsman.report.contract import Happening, Topic
from tests.world.edge_of_others import ProxyWorld
from tests.world.engine import Engine
from tests.world.virtual import run_virtually
from tests.world.world import layer, lenient, quick

ENTRY = (
    "  - model_name: {name}\n"
    "    litellm_params:\n"
    "      model: openai/qwen2.5-0.5b-instruct\n"
    "      api_base: http://qwen-raw-vllm.serving.svc.cluster.local:8000/v1\n"
    "      api_key: os.environ/UPSTREAM_API_KEY\n"
)
MINI, TEAM = ENTRY.format(name="gpt-4o-mini"), ENTRY.format(name='"team-a/*"')
FOLLOWS = "  model_group_alias: {chat-mini: gpt-4o-mini}\n"
SOURCE = "Deployment serving/qwen-raw-vllm"


@dataclass
class Callers:
    """Who calls the source while it drains: by a name of the edge, or past it (no name)."""

    world: ProxyWorld
    every: dict[str, float]
    """Seconds between two requests, by name; more or less."""
    takes: float = 0.8
    """Seconds an answer takes."""
    late: float = 1.1
    """Seconds after an answer until the edge has counted it, at most."""
    busy: tuple[float, float, float] | None = None
    """Seconds from their first call until the edge is busy, and how late it counts from then on: at least and at most.
    """
    shown: float = 0.0
    """Seconds for which an engine says that it runs a request that it has counted as ended."""
    leaves: bool = False
    """Whoever comes past the edge leaves before the answer is whole, as an editor does whose user types on."""
    bursts: bool = False
    """They do not come at even intervals: several at once, then none for a while."""
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    due: list[tuple[float, str, str]] = field(default_factory=list)
    begun: float = 0.0

    def hear(self, happening: Happening) -> None:
        """They have called for a while when the drain begins."""
        if (happening.topic, happening.step) == (Topic.STEP_BEGUN, "hold") and not self.due:
            self.begun = self.world.clock.monotonic()
            self.due = [(self.begun + every, "call", name) for name, every in self.every.items()]
            self.world.clock.passing = self.pass_time

    def pass_time(self, seconds: float) -> None:
        """What was due happens."""
        now = self.world.clock.monotonic()
        while ready := [one for one in self.due if one[0] <= now]:
            one = min(ready)
            self.due.remove(one)
            getattr(self, one[1])(*one[::2])

    def call(self, at: float, name: str) -> None:
        if (engine := self._engine()) is not None:
            engine.under_way += 1
            self.due.append((at + self.takes, "end", name))
            pause = self.chance.expovariate(1.0) if self.bursts else self.chance.uniform(0.5, 1.5)
            self.due.append((at + self.every[name] * pause, "call", name))

    def end(self, at: float, name: str) -> None:
        if (engine := self._engine()) is not None:
            if self.leaves and not name:
                engine.left += 1
            else:
                engine.end()
            self.due.append((at + self.shown, "gone", name))
            if name:
                self.due.append((at + self._late(at), "count", name))

    def gone(self, at: float, name: str) -> None:
        if (engine := self._engine()) is not None:
            engine.under_way -= 1

    def count(self, at: float, name: str) -> None:
        process = self.chance.choice(list(self.world.proxy.processes.values()))
        base = layer("raw-vllm").endpoint(self.world.model).base_url
        process.sent[name, base, "some-id"] += 1

    def _late(self, at: float) -> float:
        if self.busy is None or at < self.begun + self.busy[0]:
            return self.late * self.chance.random()
        return self.chance.uniform(*self.busy[1:])

    def _engine(self) -> Engine | None:
        engines = self.world.cluster.serving("serving")
        return engines[0] if engines else None


def moved(world: ProxyWorld, callers: Callers, *left: str, drain_timeout: float = 300.0) -> Result:
    world.model = lenient(world.model)
    world.seen.react = callers.hear
    return run_virtually(
        world.conductor().move(world.model, "kserve", quick(leave=left, hold=15.0, drain_timeout=drain_timeout))
    )


@pytest.mark.parametrize("takes", [0.2, 0.8, 4.0])
@pytest.mark.parametrize("every", [0.3, 1.0, 2.5])
def test_a_source_that_only_names_ask_that_are_left_is_parked(takes: float, every: float) -> None:
    world = ProxyWorld(more=MINI + TEAM)
    callers = Callers(world, {"gpt-4o-mini": every, "team-a/summaries": 2 * every}, takes=takes)
    result = moved(world, callers, "gpt-4o-mini", "team-a/*")
    assert result.error is None, result.error
    assert world.workloads()[SOURCE] == 0
    asked = result.receipt["askedAfterwards"]
    assert asked["came"] > 0
    assert set(asked["throughTheEdge"]) == {"gpt-4o-mini", "team-a/summaries"}


@pytest.mark.parametrize("shown", [0.02, 0.1, 0.4])
def test_an_engine_that_still_shows_what_it_has_counted_as_ended_makes_nobody_up(shown: float) -> None:
    world = ProxyWorld(more=MINI + TEAM)
    callers = Callers(world, {"gpt-4o-mini": 1.0, "team-a/summaries": 1.0}, shown=shown)
    result = moved(world, callers, "gpt-4o-mini", "team-a/*")
    assert result.error is None, result.error
    asked = result.receipt["askedAfterwards"]
    assert asked["came"] - sum(asked["throughTheEdge"].values()) <= 4, asked


@pytest.mark.parametrize("seed", [0, 1, 2, 33])
def test_names_that_are_left_may_come_in_bursts(seed: int) -> None:
    world = ProxyWorld(more=MINI + TEAM)
    every = {"gpt-4o-mini": 1.0, "team-a/summaries": 1.0}
    callers = Callers(world, every, takes=0.5, shown=0.02, bursts=True, chance=random.Random(seed))
    result = moved(world, callers, "gpt-4o-mini", "team-a/*", drain_timeout=60.0)
    assert result.error is None, result.error


@pytest.mark.parametrize("bursts", [False, True], ids=["even", "bursts"])
@pytest.mark.parametrize("busy", [(0.0, 2.0, 6.0), (30.0, 1.0, 3.0), (45.0, 2.0, 5.0)], ids=str)
def test_an_edge_that_counts_later_and_later_makes_nobody_up(busy: tuple[float, float, float], bursts: bool) -> None:
    world = ProxyWorld(more=MINI + TEAM)
    every = {"gpt-4o-mini": 1.2, "team-a/summaries": 1.2}
    result = moved(world, Callers(world, every, late=0.3, busy=busy, bursts=bursts), "gpt-4o-mini", "team-a/*")
    assert result.error is None, result.error


@pytest.mark.parametrize("busy", [(0.0, 2.0, 6.0), (30.0, 1.0, 3.0), (45.0, 2.0, 5.0)], ids=str)
def test_an_edge_that_counts_later_and_later_hides_nobody(busy: tuple[float, float, float]) -> None:
    world = ProxyWorld(more=MINI + TEAM)
    every = {"gpt-4o-mini": 1.2, "team-a/summaries": 1.2, "": 10.0}
    result = moved(world, Callers(world, every, late=0.3, busy=busy), "gpt-4o-mini", "team-a/*")
    assert isinstance(result.error, NeedsPersonError)
    assert world.workloads()[SOURCE] == 1


@pytest.mark.parametrize("past", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("every", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "leaves"])
def test_whoever_comes_past_the_edge_meanwhile_keeps_it(past: float, every: float, leaves: bool) -> None:
    world = ProxyWorld(more=MINI)
    result = moved(world, Callers(world, {"gpt-4o-mini": every, "": past}, leaves=leaves), "gpt-4o-mini")
    assert isinstance(result.error, NeedsPersonError)
    assert result.error.code == "drain.drain-deadline"
    assert "past the edge" in result.error.what
    assert world.workloads()[SOURCE] == 1


@pytest.mark.parametrize("asked", range(6))
def test_an_edge_too_busy_to_tell_its_counters_now_and_then_is_asked_again(asked: int) -> None:
    world = ProxyWorld(more=MINI)
    callers = Callers(world, {"gpt-4o-mini": 0.5, "": 1.0})
    hear = callers.hear

    def draining(happening: Happening) -> None:
        hear(happening)
        if (happening.topic, happening.step) == (Topic.STEP_BEGUN, "drain"):
            world.proxy.untold = itertools.chain([True] * asked, itertools.cycle([False] * 3 + [True] * 6))

    callers.hear = draining  # type: ignore[method-assign]
    result = moved(world, callers, "gpt-4o-mini")
    assert isinstance(result.error, NeedsPersonError)
    assert "for gpt-4o-mini through the edge" in result.error.what
    assert "past the edge" in result.error.what
    assert world.workloads()[SOURCE] == 1


def test_an_edge_that_never_tells_its_counters_names_nobody() -> None:
    world = ProxyWorld(more=MINI)
    world.proxy.untold = itertools.repeat(True)
    result = moved(world, Callers(world, {"gpt-4o-mini": 1.0}), "gpt-4o-mini")
    assert isinstance(result.error, NeedsPersonError)
    assert "nobody knows from whom" in result.error.what
    assert world.workloads()[SOURCE] == 1


def test_one_long_request_past_the_edge_keeps_it_too() -> None:
    world = ProxyWorld(more=MINI)
    callers = Callers(world, {"gpt-4o-mini": 1.0, "": 8.0}, takes=0.5)
    end = callers.end
    callers.end = lambda at, name: end(at, name) if name else None  # type: ignore[method-assign]
    result = moved(world, callers, "gpt-4o-mini")
    assert isinstance(result.error, NeedsPersonError)
    assert world.workloads()[SOURCE] == 1


def test_another_name_that_was_not_left_keeps_it() -> None:
    world = ProxyWorld(more=MINI)
    result = moved(world, Callers(world, {"gpt-4o-mini": 1.0, "somebody-else": 3.0}), "gpt-4o-mini")
    assert isinstance(result.error, NeedsPersonError)
    assert "for somebody-else through the edge" in result.error.what


def test_another_name_of_one_that_is_left_is_left_with_it() -> None:
    world = ProxyWorld(more=MINI, tail=FOLLOWS)
    result = moved(world, Callers(world, {"gpt-4o-mini": 1.0, "chat-mini": 1.0}), "gpt-4o-mini")
    assert result.error is None, result.error
    assert result.receipt["aliases"]["left"] == ["gpt-4o-mini", "chat-mini"]
    told = [one.text for one in world.seen.happenings if one.text.startswith("aliases: ")]
    assert any("gpt-4o-mini, chat-mini lose their engine" in one for one in told), told
