"""The catalogue's checks of moves read journals as the program writes them."""

from __future__ import annotations

from pathlib import Path

from pointsman.checks.cluster import Cluster, examine
from pointsman.checks.deployed import CHECKS as DEPLOYED
from pointsman.checks.moves import CHECKS as MOVES
from tests.move.test_back_without_git import after_commits, healing, rolled_back
from tests.move.test_control import dead
from tests.move.test_moves_through_git import moved
from tests.world.virtual import run_virtually
from tests.world.world import World, quick

CHECKS = [*MOVES, *(one for one in DEPLOYED if one.id == "PM728")]


async def found(cluster: Cluster) -> dict[str, str]:
    """What is said, by id."""
    made = (await examine(cluster, CHECKS)).outcome
    assert not made.broken
    return {one.check.id: f"{one.what}; {one.next_action}" for one in made.counted}


async def test_a_move_whose_process_died_is_told_with_its_step_and_one_that_ended_is_not() -> None:
    world = World()
    assert (await world.conductor().move(world.model, "kserve", quick())).error is None
    assert await found(world.cluster) == {}
    world = World()
    await dead(world, 12)
    told = await found(world.cluster)
    assert set(told) == {"PM733"}
    assert "this move of qwen is open at step " in told["PM733"]


def test_what_a_way_back_owes_is_told_until_it_is_done(tmp_path: Path) -> None:
    world = healing(tmp_path)
    after_commits(world, 2, world.away)
    run_virtually(moved(world))
    told = run_virtually(found(world.cluster))
    assert set(told) == {"PM728", "PM733", "PM734"}
    assert "commit qwen-raw-vllm 100 to platform/litellm/values.yaml on origin/main" in told["PM734"]
    assert "pointsman holds it for the move qwen-" in told["PM728"]
    assert "pointsman rollback" in told["PM728"]
    world.away(gone=False)
    run_virtually(rolled_back(world))
    assert run_virtually(found(world.cluster)) == {}
