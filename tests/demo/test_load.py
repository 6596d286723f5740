"""The tenants' ledger: what counts as answered, and a load that does not wait."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import aiohttp
import pytest

from pointsman.demo.call import Alias, ask
from pointsman.demo.door import Door
from pointsman.demo.ledger import Entry, Ledger, Window, stream_share, summary
from pointsman.demo.load import Load
from pointsman.demo.receipt import as_lines, joined
from pointsman.demo.tenants import Case, Traffic, arrivals, cases
from tests.demo.edge_double import EdgeDouble, serving

TEXTS = {case: "".join(f" w{number}" for number in range(case.max_tokens)) for case in cases()}
ALIAS = Alias("qwen-local", frozenset({"qwen-local"}), frozenset({"qwen-raw-vllm"}), TEXTS)


@pytest.fixture
async def edge() -> AsyncIterator[tuple[EdgeDouble, Door]]:
    double = EdgeDouble()
    async with serving(double) as base, aiohttp.ClientSession() as session:
        yield double, Door(session, base, {"Authorization": "Bearer key"})


async def asked(door: Door, *, stream: bool) -> Entry:
    entry = Entry(0, stream, 0, 8, 0.0)
    clock = itertools.count(1)
    await ask(door, ALIAS, entry, lambda: float(next(clock)))
    return entry


@pytest.mark.parametrize("stream", [True, False])
async def test_a_whole_right_answer_counts(edge: tuple[EdgeDouble, Door], stream: bool) -> None:
    entry = await asked(edge[1], stream=stream)
    assert entry.answered
    assert (entry.status, entry.member) == (200, "qwen-raw-vllm")
    assert entry.first is not None


@pytest.mark.parametrize(
    ("mode", "stream", "kind"),
    [
        ("status", False, "status"),
        ("status", True, "status"),
        ("reset", False, "connect"),
        ("cut", True, "cut"),
        ("no end", True, "cut"),
        ("no reason", True, "cut"),
        ("wrong text", True, "wrong"),
        ("wrong text", False, "wrong"),
        ("wrong model", False, "wrong"),
        ("wrong model", True, "wrong"),
        ("stranger", False, "wrong"),
    ],
)
async def test_anything_else_is_lost_with_its_kind(
    edge: tuple[EdgeDouble, Door], mode: str, stream: bool, kind: str
) -> None:
    edge[0].mode = mode
    entry = await asked(edge[1], stream=stream)
    assert (entry.failure, entry.answered) == (kind, False)
    assert entry.detail
    counted = summary([entry])
    assert (counted["lost"], counted["errors"]) == (1, {kind: 1})


async def test_nobody_there_is_a_lost_request() -> None:
    async with aiohttp.ClientSession() as session:
        entry = await asked(Door(session, "http://127.0.0.1:9", {}), stream=False)
    assert entry.failure == "connect"


async def test_requests_leave_on_schedule_while_none_has_come_back(edge: tuple[EdgeDouble, Door]) -> None:
    double, way = edge
    double.delay = 1.5
    async with Load(way, ALIAS, Traffic(rate=50, seconds=0.5)) as load:
        async with asyncio.timeout(5):
            while len(load.ledger.entries) < 25:  # noqa: ASYNC110 - polled with a deadline
                await asyncio.sleep(0.01)
        assert all(entry.ended is None for entry in load.ledger.entries)
        assert load.ledger.in_flight == 25
    assert summary(load.ledger.entries)["lost"] == 0
    assert len(double.seen) == 25


def test_the_schedule_is_the_same_for_the_same_seed_and_mixes_everything() -> None:
    first, again = list(arrivals(Traffic(seconds=60))), list(arrivals(Traffic(seconds=60)))
    assert first == again
    assert first != list(arrivals(Traffic(seconds=60, seed=2)))
    assert len(first) == 960
    assert [one.at for one in first] == sorted(one.at for one in first)
    assert {one.case for one in first} == set(cases())
    assert 0.3 < sum(one.stream for one in first) / len(first) < 0.5


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"rate": 1e6}, {"streams": 2}, {"seconds": 1e9}])
def test_a_load_without_bounds_cannot_be_made(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a load takes up to"):
        Traffic(**wrong)  # type: ignore[arg-type]


def test_a_request_under_way_when_the_move_begins_counts_for_the_move() -> None:
    early = Entry(0, True, 0, 8, 1.0, 1.1, 9.0, 200, "qwen-raw-vllm")
    over = Entry(1, False, 0, 8, 1.0, 1.1, 2.0, 200, "qwen-raw-vllm")
    late = Entry(2, False, 0, 8, 14.0, failure="cut")
    ledger = Ledger([early, over, late])
    window = Window(5.0, 15.0)
    assert ledger.within(window) == [early, late]
    assert stream_share([early], window) == 1.0
    assert summary(ledger.within(window))["unfinished"] == 1


def test_the_receipt_says_what_was_lost_and_why() -> None:
    good = Entry(0, True, 0, 8, 6.0, 6.1, 6.5, 200, "qwen-raw-vllm")
    lost = Entry(1, False, 0, 8, 7.0, None, 7.2, 503, failure="status", detail="503 busy")
    move = {"model": "qwen", "from": "raw-vllm", "to": "kserve", "steps": []}
    receipt = joined(move, Ledger([good, lost]), Window(5.0, 10.0), 5.0)
    assert (receipt["requests"], receipt["lost"], receipt["cut"], receipt["wrong"]) == (2, 1, 0, 0)
    assert any("503 busy" in line for line in as_lines(receipt))


def test_every_case_has_its_own_answer() -> None:
    assert len({Case(one.prompt, one.max_tokens) for one in cases()}) == len(cases())
