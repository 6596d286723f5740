"""The process of a move through git killed at every record, on the real Argo CD with selfHeal, under tenants.

Then another one says ``resume`` or ``rollback``. ``make soak`` does them all; a usual run kills one right after its
first commit (``test_move_through_git_in_the_lab.py``), and one at every record in memory
(``tests/move/test_killed_through_git.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Pointsman, RunningLab
from tests.gitops.commits import commits, unexplained, weights
from tests.gitops.initialised import Platform, serving
from tests.gitops.secret_values import secret_values, told_in
from tests.move.platform import objects
from tests.move.tenants import accounts
from tests.soak.run import RATE, Death, carry_out, home
from tests.soak.table import sums, write_table
from tests.sweep import Sweep

pytestmark = [pytest.mark.lab, pytest.mark.soak]

LAST = 26
"""A side-by-side move has fewer records than that."""
WIDEST = 120
"""Own requests that a death may leave unknown: one round of evidence for each of the two processes."""
KINDS = (("raw-vllm", "kserve", "rollback"), ("raw-vllm", "kserve", "resume"), ("kserve", "raw-vllm", "resume"))
"""In this order each begins where the one before it ended."""
DEATHS = [Death(source, target, record, verb) for record in range(1, LAST + 1) for source, target, verb in KINDS]


@pytest.fixture(scope="module")
def platform(git_lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with serving(git_lab, tmp_path_factory.mktemp("ours")) as made:
        yield made


@pytest.fixture(scope="module")
def program(platform: Platform) -> Pointsman:
    """What an operator starts in the clone."""
    return Pointsman(platform.lab.config.home.parent.parent, platform.path)


@pytest.fixture(scope="module")
def sweep(request: pytest.FixtureRequest) -> Iterator[Sweep]:
    """What was seen; its sums are printed at the end."""
    soak = Sweep.of(request.config, "soak", "soak-through-git")
    yield soak
    print(f"\nsoak through git: {sums(soak.found())}")  # noqa: T201 - what the run is for
    if soak.whole:
        write_table("through-git", "Through git", soak.found())


@pytest.fixture(scope="module")
def undisturbed(platform: Platform, program: Pointsman) -> Callable[[Death], set[str]]:
    """The objects at the end of a move that nobody killed, looked at once for each layer."""
    known: dict[str, set[str]] = {}

    def end(death: Death) -> set[str]:
        if death.target not in known:
            home(platform.lab, death.source, program)
            home(platform.lab, death.target, program)
            known[death.target] = objects(platform.lab)
        return known[death.target]

    return end


@pytest.mark.parametrize("death", DEATHS, ids=str)
async def test_a_move_through_git_killed_anywhere_costs_nothing(
    platform: Platform,
    program: Pointsman,
    sweep: Sweep,
    undisturbed: Callable[[Death], set[str]],
    death: Death,
) -> None:
    sweep.skip(str(death), death.record)
    if end := _end(sweep.found(), death):
        pytest.skip(f"a move has no record {death.record}: its process was not killed at {end}")
    lab, model = platform.lab, platform.path / "models" / "qwen.yaml"
    left = await asyncio.to_thread(undisturbed, death)
    await asyncio.to_thread(home, lab, death.source, program)
    platform("git", "fetch", "--quiet")
    begun = platform("git", "rev-parse", "origin/main").strip()
    status = platform("git", "status", "--porcelain")
    async with accounts(lab, rate=RATE, seed=5) as books:
        seen = await carry_out(lab, books, death, model, left, program)
    receipts = books.receipts()
    made = commits(platform, begun)
    odd = list(unexplained(made, [str(one["move"]) for one in receipts], silent=True))
    seen = replace(seen, commits=len(made), unexplained=odd)
    assert (seen.lost, seen.wrong, seen.orphans, seen.unexplained) == (0, 0, [], []), seen
    assert seen.receipt in ("exact", "range"), seen.accounts
    assert seen.width <= WIDEST, seen.accounts
    assert seen.requests > 0
    back = seen.killed and death.verb == "rollback" and not seen.refused
    layer = death.source if back else death.target
    assert seen.layer == layer, seen
    assert weights(platform) == {f"qwen-{layer}": 100}
    assert platform("git", "status", "--porcelain") == status, "the clone is not as it was"
    assert list(told_in(platform, secret_values(lab), [seen.said, str(receipts)])) == []
    sweep.keep(str(death), seen.as_dict())


def _end(found: list[dict[str, Any]], death: Death) -> int | None:
    """The first record that a move did not reach, as far as is known; None when ``death`` is before it."""
    places = [int(one["run"].rsplit("-", 2)[1]) for one in found if not one["killed"]]
    return min(places) if places and death.record > min(places) else None
