"""The tenants' rate is a share of what the edge was seen to carry, and of nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from pointsman.demo.capacity import LEAST, carried, rate_sentence, share_of
from pointsman.demo.door import Door
from pointsman.demo.tenants import Traffic
from tests.demo.edge_double import EdgeDouble, serving
from tests.demo.test_load import ALIAS


@pytest.fixture
async def edge() -> AsyncIterator[tuple[EdgeDouble, Door]]:
    double = EdgeDouble()
    async with serving(double) as base, aiohttp.ClientSession() as session:
        yield double, Door(session, base, {"Authorization": "Bearer key"})


@pytest.mark.parametrize(("at_once", "delay"), [(1, 0.05), (4, 0.5)])
async def test_an_edge_that_queues_is_measured_by_what_it_answers(
    edge: tuple[EdgeDouble, Door], at_once: int, delay: float
) -> None:
    double, way = edge
    double.gate, double.delay = asyncio.Semaphore(at_once), delay
    capacity = await carried(way, ALIAS, Traffic(), seconds=2.0, warming=0.2)
    most = at_once / delay
    assert 0.3 * most < capacity <= most + at_once
    assert share_of(capacity, 16.0) == max(LEAST, round(capacity / 4))


@pytest.mark.parametrize("mode", ["status", "wrong text", "stranger"])
async def test_what_is_no_right_answer_is_not_carried(edge: tuple[EdgeDouble, Door], mode: str) -> None:
    edge[0].mode = mode
    capacity = await carried(edge[1], ALIAS, Traffic(), seconds=0.4, warming=0.0)
    assert (capacity, share_of(capacity, 16.0)) == (0.0, LEAST)
    assert "expect slow answers" in rate_sentence(LEAST, capacity)


async def test_an_edge_that_hangs_is_waited_for_no_longer_than_a_tenant_waits(edge: tuple[EdgeDouble, Door]) -> None:
    edge[0].delay = 3600
    began = time.monotonic()
    assert await carried(edge[1], ALIAS, Traffic(patience=0.5), seconds=0.5, warming=0.1) == 0.0
    assert time.monotonic() - began < 10


def test_tenants_leave_most_to_the_move_and_are_never_more_than_usual() -> None:
    assert [share_of(capacity, 16.0) for capacity in (0.0, 7.0, 23.0, 40.4, 66.0, 500.0)] == [2, 2, 6, 10, 16, 16]
    assert rate_sentence(10.0, 40.4) == "10 requests/s: this machine's proxy carries 40, and a move needs most of that"
