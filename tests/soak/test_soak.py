"""The process killed at every record of two moves in the lab, then ``resume`` in one run and ``rollback`` in another.

``make soak`` does them all, in four labs at a time; a usual run kills in ``tests/move/test_interrupts_in_the_lab.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningLab
from tests.move.platform import objects, served, sure
from tests.move.tenants import accounts
from tests.soak.run import RATE, Death, carry_out, home
from tests.soak.table import sums, write_table
from tests.sweep import Sweep

pytestmark = pytest.mark.lab

LAST = 26
"""A side-by-side move has fewer records than that."""
WIDEST = 120
"""Own requests that a death may leave unknown: one round of evidence for each of the two processes."""
PAIRS = (("raw-vllm", "kserve"), ("llm-d", "raw-vllm"))
DEATHS = [
    Death(*pair, record, verb) for pair in PAIRS for verb in ("resume", "rollback") for record in range(1, LAST + 1)
]


@pytest.fixture(scope="module")
def sweep(request: pytest.FixtureRequest) -> Iterator[Sweep]:
    """What was seen; its sums are printed at the end."""
    soak = Sweep.of(request.config, "soak")
    yield soak
    print(f"\nsoak: {sums(soak.found())}")  # noqa: T201 - what the run is for
    if soak.whole:
        write_table("direct", "In the cluster", soak.found())


@pytest.fixture(scope="module")
def undisturbed(lab: RunningLab) -> Callable[[Death], set[str]]:
    """The objects at the end of a move that nobody killed, looked at once for each pair."""
    known: dict[tuple[str, str], set[str]] = {}

    def end(death: Death) -> set[str]:
        pair = (death.source, death.target)
        if pair not in known:
            home(lab, death.source)
            home(lab, death.target)
            known[pair] = objects(lab)
        return known[pair]

    return end


@pytest.mark.parametrize("death", DEATHS, ids=str)
async def test_a_killed_move_costs_tenants_nothing(
    lab: RunningLab, sweep: Sweep, undisturbed: Callable[[Death], set[str]], death: Death, tmp_path: Path
) -> None:
    # A part keeps to one pair of layers as long as their number is even.
    sweep.skip(str(death), PAIRS.index((death.source, death.target)) + len(PAIRS) * death.record)
    if sweep.whole and (end := _end(sweep.found(), death)):
        pytest.skip(f"a move has no record {death.record}: its process was not killed at {end}")
    await asyncio.to_thread(served, lab)
    left = await asyncio.to_thread(undisturbed, death) if sweep.whole or death.verb == "resume" else None
    await asyncio.to_thread(home, lab, death.source)
    async with accounts(lab, rate=RATE, seed=5) as books:
        seen = await carry_out(lab, books, death, sure(tmp_path), left)
    assert (seen.lost, seen.wrong, seen.orphans) == (0, 0, []), seen
    assert seen.receipt in ("exact", "range"), seen.accounts
    assert seen.width <= WIDEST, seen.accounts
    assert seen.requests > 0
    back = seen.killed and death.verb == "rollback" and not seen.refused
    assert seen.layer == (death.source if back else death.target), seen
    sweep.keep(str(death), seen.as_dict())


def _end(found: list[dict[str, Any]], death: Death) -> int | None:
    """The first record that a move of this pair did not reach, as far as is known; None when ``death`` is before it."""
    pair = f"{death.source}-{death.target}-"
    places = [int(one["run"].rsplit("-", 2)[1]) for one in found if not one["killed"] and one["run"].startswith(pair)]
    return min(places) if places and death.record > min(places) else None
