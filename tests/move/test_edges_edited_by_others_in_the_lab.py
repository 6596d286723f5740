"""Others change the edge before or while a model moves: what runs is asked of what runs, and every move has an end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.move.edits_by_others import EDITS, Place
from tests.move.others import scene
from tests.move.others.journey import QUICK, command, disturbed, naming, started
from tests.move.others.obeying import Obedient, open_move
from tests.move.others.scene import MODEL, engines_of
from tests.move.others.tenants import calling
from tests.move.others.text import pointing_at
from tests.move.others.writers import PuttingBack, make

pytestmark = pytest.mark.lab

NAMED = ("chat-mini", "team-a/*")
SEEDS = [pytest.param(seed, marks=pytest.mark.soak) for seed in range(8)]


@pytest.fixture(scope="module")
def edge(lab: RunningLab) -> Iterator[RunningLab]:
    """Their platform, with the model on raw vLLM."""
    scene.put_up(lab, "raw-vllm")
    yield lab
    scene.take_down(lab)


@pytest.fixture
def home(edge: RunningLab) -> RunningLab:
    """It is as it was put up, whatever a test before this one did to it."""
    scene.put_right(edge, "raw-vllm")
    return edge


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The model with all aliases that stand on it."""
    return naming(tmp_path, *NAMED)


def planned(lab: RunningLab, file: str) -> str:
    """What a plan says that goes through."""
    done = command(lab, "plan", file, "--to", "kserve", *QUICK)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(lab: RunningLab) -> str:
    """What status says of the model."""
    done = command(lab, "status", MODEL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_two_places(text: str) -> str:
    """Half of our alias goes elsewhere: an edit that everybody sees in what the replicas have loaded."""
    assert "      weight: 1\n" in text
    return text.replace("      weight: 1\n", "      weight: 4\n")


@pytest.mark.parametrize("roll", [scene.restart, scene.upgrade], ids=["by-hand", "helm"])
def test_what_others_changed_and_rolled_is_simply_the_present_state(
    edge: RunningLab, file: str, roll: Callable[[RunningLab], None]
) -> None:
    before = scene.declared(edge)
    scene.edit(edge, in_two_places(before))
    assert ", running " in shown(edge)
    roll(edge)
    scene.rolled(edge)
    assert ", running " not in shown(edge)
    planned(edge, file)
    scene.edit(edge, before)
    roll(edge)
    scene.rolled(edge)


@pytest.mark.soak
@pytest.mark.parametrize("still", [True, False], ids=["still-there", "gone"])
async def test_a_loop_that_puts_the_configuration_back_leads_to_no_dead_end(
    edge: RunningLab, file: str, still: bool
) -> None:
    before = await asyncio.to_thread(scene.declared, edge)
    loop = PuttingBack(edge, before)
    async with calling(edge, "raw-vllm", past=False) as tenants:
        async with started(edge, "move", file, "--to", "kserve", "--yes", *QUICK) as moving:
            await moving.until("step-done", "shift-10")
            loop.start()
            code = await moving.ended()
        assert code in (3, 4), moving.told
        if not still:
            await asyncio.to_thread(loop.stop)
        try:
            await asyncio.to_thread(Obedient(edge, random.Random(1), scene.kept(edge)).end, moving.next)
        finally:
            await asyncio.to_thread(loop.stop)
        await tenants.close()
    assert loop.times > 0
    assert {name: tenants.lost(name) for name in tenants.loads} == {name: [] for name in tenants.loads}
    assert await asyncio.to_thread(open_move, edge) is None
    assert pointing_at(await asyncio.to_thread(scene.declared, edge))["gpt-4o-mini"] == {engines_of("raw-vllm")}
    assert ", running " not in await asyncio.to_thread(shown, edge)


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_others_edit_between_two_records_of_a_move_it_ends(
    home: RunningLab, file: str, seed: int
) -> None:
    draw = random.Random(seed)
    edits, record = draw.sample(EDITS, draw.randint(1, 3)), draw.randint(2, 24)
    operator = Obedient(home, draw, await asyncio.to_thread(scene.kept, home))
    before = await asyncio.to_thread(scene.declared, home)
    place = Place(scene.model(), scene.layer("raw-vllm"), scene.layer("kserve"), before)
    words = ("move", file, "--to", "kserve", "--yes", *QUICK)
    async with calling(home, "raw-vllm", past=False) as tenants:
        moved = await disturbed(home, record, lambda move: make(home, edits, replace(place, move=move)), *words)
        operator.did.append(f"{[str(one) for one in edits]} at record {record}: {moved.result.get('error')}")
        await asyncio.to_thread(operator.end, moved.next)
        await tenants.close()
    lost = {name: tenants.lost(name) for name in tenants.loads}
    assert any(one.harsh for one in edits) or lost == {name: [] for name in tenants.loads}, operator.did
