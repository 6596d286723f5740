"""Moves through git whose process is killed: at every record, and between commit, push and sync; for all six pairs.

Another process then resumes the move, or rolls it back. Where tenants are led is looked at after every write to the
cluster; Argo CD puts back at once what anybody writes past git. A usual run has a sample of the deaths, ``--soak all``
every one.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pointsman.move.control import Control
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.journal.states import REVERSIBLE
from pointsman.move.means import Result
from tests.move.test_kill_everywhere import SECOND, Died, records
from tests.move.test_moves_through_git import options
from tests.world.cluster import Write
from tests.world.git import APPLICATION, PATH, GitWorld
from tests.world.layers import LAYERS
from tests.world.virtual import Clock, run_virtually
from tests.world.world import layer, lenient

PAIRS = tuple(itertools.permutations([one.id for one in LAYERS], 2))
MOMENTS = ("before record", "after record", "before push", "after push", "before sync")
"""Between commit and push nothing is told to anybody; after a push nobody knows of it yet; before a sync is before Argo
CD is asked to look, after one is before the record of it."""
FEW = 2
"""Deaths of each pair and verb in a usual run."""


@dataclass
class Watched:
    """A world whose every write is looked at, and a process in it that may die."""

    world: GitWorld
    dies: Callable[[str, int], bool] = lambda moment, number: False
    """Told of each moment of it, and the how manieth it is: does the process die there?"""
    dead: bool = False
    pushing: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    lost: list[str] = field(default_factory=list)
    """Where a tenant would have got no answer."""

    def __post_init__(self) -> None:
        self.world.cluster.before, self.world.cluster.after = self.before, self.after

    def run(self, work: Any) -> Any:
        """Run a process in it."""
        return run_virtually(work, self.starting)

    def alive(self) -> None:
        """Another process begins."""
        self.dead, self.pushing, self.dies = False, False, lambda moment, number: False

    def moment(self, name: str, number: int | None = None) -> None:
        self.counts[name] = count = number or self.counts.get(name, 0) + 1
        if self.dead or self.dies(name, count):
            self.dead = True
            raise Died

    def starting(self, argv: Sequence[Any]) -> None:
        """A git begins: nothing that a dead process would do is done."""
        if self.dead:
            raise Died
        if self.pushing:
            self.pushing = False
            self.moment("after push")
        if "push" in argv:
            self.moment("before push")
            self.pushing = True

    def before(self, write: Write) -> None:
        if self.dead:
            raise Died
        if write.ref == APPLICATION and write.verb == "patch":
            self.moment("before sync")
        for number in _written(write):
            self.moment("before record", number)

    def after(self, write: Write) -> None:
        self.world.argo(write)
        self._look(write)
        for number in _written(write):
            self.moment("after record", number)

    def _look(self, write: Write) -> None:
        """Every member that any replica of the edge sends tenants to has an engine that is ready."""
        self.looks += 1
        ready = {layer(one.id).endpoint(self.world.model).base_url: one for one in LAYERS}
        for number, weights in enumerate(self.world.running()):
            for base in (one for one, weight in weights.items() if weight):
                if not self.world.cluster.serving(ready[base].namespace(self.world.model)):
                    self.lost.append(f"{write.verb} {write.ref}: replica {number} leads to {base}")
        if not self.world.running():
            self.lost.append(f"{write.verb} {write.ref}: no replica of the edge serves")


def _written(write: Write) -> Iterator[int]:
    """Numbers of the records that are written by it."""
    body = write.body if isinstance(write.body, dict) else {}
    if write.verb == "patch" and write.ref.name.startswith("qwen-2026"):
        yield from (int(key) for key in body.get("data") or {} if key.isdigit())


def begun(folder: Path, source: str, looks: int) -> Watched:
    folder.mkdir(parents=True)
    world = GitWorld(folder, looks=looks, source=source)
    world.model = lenient(world.model)
    world.heals = True
    return Watched(world)


def move(watched: Watched, target: str) -> Result:
    result: Result = watched.run(_moved(watched.world, target))
    return result


async def _moved(world: GitWorld, target: str) -> Result:
    return await world.conductor().move(world.model, target, options())


@dataclass
class Felt:
    """What came of many deaths."""

    deaths: int = 0
    ended: int = 0
    """Deaths after which nothing was left to do."""
    late: int = 0
    """Rollbacks past the point of no return: finished instead."""
    commits: int = 0
    looks: int = 0

    def __str__(self) -> str:
        return (
            f"{self.deaths} deaths, {self.ended} of them after all was done, {self.late} past the point of no return; "
            f"{self.commits} commits, each of a move that the journal knows, none twice; "
            f"tenants were led nowhere else at {self.looks} looks"
        )


@pytest.fixture(scope="module")
def known() -> dict[tuple[str, str], list[tuple[str, int]]]:
    """The moments of each pair's move, looked at once."""
    return {}


def deaths_of(folder: Path, source: str, target: str) -> list[tuple[str, int]]:
    """All moments of a move that nobody kills."""
    undisturbed = begun(folder, source, 1)
    result = move(undisturbed, target)
    assert result.error is None, result.error
    assert undisturbed.counts["after record"] == records(undisturbed.world)
    assert undisturbed.counts["before push"] == len(undisturbed.world.marks()) == 4
    found = [(moment, number) for moment in MOMENTS for number in range(1, undisturbed.counts[moment] + 1)]
    return [(moment, number) for moment, number in found if (moment, number) != ("before record", 1)]


@pytest.mark.parametrize("verb", ["resume", "rollback"])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_move_killed_anywhere_makes_no_commit_twice_and_git_is_what_runs(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    known: dict[tuple[str, str], list[tuple[str, int]]],
    source: str,
    target: str,
    verb: str,
) -> None:
    felt, pair = Felt(), (source, target)
    if pair not in known:
        known[pair] = deaths_of(tmp_path / "undisturbed", source, target)
    deaths = known[pair]
    if request.config.getoption("--soak") != "all":
        seed = f"{request.config.getoption('--soak-seed')} {source} {target} {verb}"
        deaths = random.Random(seed).sample(deaths, FEW)
    for moment, number in deaths:
        # How often Argo CD is asked depends on how late it finds a commit.
        late = 1 if moment == "before sync" else number % 3
        watched = begun(tmp_path / f"{moment} {number}", source, late)
        killed(watched, source, target, (moment, number), verb, felt)
    assert felt.deaths == len(deaths)
    print(f"{source} → {target}, {verb}: {felt}")  # noqa: T201


def killed(watched: Watched, source: str, target: str, death: tuple[str, int], verb: str, felt: Felt) -> None:
    """One death, and what another process makes of it."""
    world, before = watched.world, at_rest(watched.world)
    watched.dies = lambda moment, number: (moment, number) == death
    with pytest.raises(Died):
        move(watched, target)
    watched.alive()
    result = watched.run(ended(world, verb))
    felt.deaths += 1
    if result is None:
        felt.ended += 1
    else:
        assert result.error is None, (death, result.error)
        felt.late += verb == "rollback" and result.receipt["state"] == "done"
    undone = result is not None and result.receipt["state"] == "undone"
    assert undone or verb == "resume" or result is None or result.receipt["state"] == "done", death
    home = layer(source if undone else target)
    wanted = {home.endpoint(world.model).base_url: 100}
    assert world.in_git() == wanted, death
    assert all(one == wanted for one in world.running()), death
    assert watched.lost == [], death
    if undone:
        assert at_rest(world) == before, death
    explained(world, death)
    felt.commits += len(world.marks())
    felt.looks += watched.looks


def at_rest(world: GitWorld) -> dict[str, object]:
    """Every object but the edge's, which is rolled by each change: what a rollback brings back."""
    return {name: replicas for name, replicas in world.workloads().items() if "litellm" not in name}


def explained(world: GitWorld, death: tuple[str, int]) -> None:
    """Every commit after the first says which move it is of, and that move has a journal; the clone is as it was."""
    commits = world.git("--git-dir", str(world.bare), "log", "--reverse", "--format=%H", "main").split()[1:]
    marks = world.marks()
    assert len(commits) == len(marks), death
    assert len(marks) == len(set(marks)), death
    journals = {ref.name for ref in world.cluster.objects if ref.name.startswith("qwen-2026")}
    assert {mark.split()[0] for mark in marks} <= journals, death
    for commit in commits:
        touched = world.git("--git-dir", str(world.bare), "show", "--format=", "--name-only", commit)
        assert touched == PATH, death
    notes = world.cluster.objects[APPLICATION]["metadata"].get("annotations") or {}
    assert notes == {}, (death, "Argo CD is still told something")
    assert world.git("status", "--porcelain") == "", death
    assert world.git("rev-list", "--count", "HEAD") == "1", "the operator's branch moved"


async def ended(world: GitWorld, verb: str) -> Result | None:
    """Brought to an end by another process; None when there is no open move."""
    open_moves = await Ledger(world.cluster, Clock()).moves(model="qwen")
    if not open_moves:
        return None
    control = Control(world.conductor(SECOND))
    back = verb == "rollback" and open_moves[0].progress.state in REVERSIBLE
    return await (control.ask(Verb.ROLLBACK, "qwen") if back else control.resume("qwen"))
