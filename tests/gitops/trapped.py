"""A trap of commits: a model moves on a platform in git, tenants call it all the time, and others come in between.

What the row says is measured: tenants' requests by their own ledger, and commits by looking at the remote for those
that nobody of the test made.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.cli.named import read_model
from pointsman.demo.ledger import summary
from pointsman.demo.reconciliation import sentence
from tests.gitops.commits import Commit, Tally, read_commits, tally, weights
from tests.gitops.ground import until
from tests.gitops.initialised import Platform
from tests.gitops.table import NOBODY, Row, words_of
from tests.move.platform import moves as moves_in
from tests.move.platform import receipts_since
from tests.move.tenants import Books, accounts

__all__ = ["Ended", "Told", "Trap", "committed", "step_begun"]

RATE = 5.0
"""Requests of tenants a second."""
PAIR = ("raw-vllm", "kserve")
Told = dict[str, Any]
"""One line of narration of a command."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One command of ours at its end."""

    exit: int
    receipt: dict[str, Any]

    @property
    def error(self) -> dict[str, str]:
        """Why it did not end well; empty when it did."""
        return dict(self.receipt.get("error") or {})

    @property
    def code(self) -> str:
        """Of the error."""
        return self.error.get("code", "")

    @property
    def state(self) -> str:
        """Of the move; nothing where the command was killed."""
        return str(self.receipt.get("state", ""))

    def words(self) -> str:
        """For the table."""
        return words_of(self.error) if self.error else self.state or "killed"


def step_begun(told: Told, step: str) -> bool:
    """Does this line say that a step of the move begins, whose name begins so?"""
    return told.get("event") == "step-begun" and str(told.get("step")).startswith(step)


def committed(told: Told) -> bool:
    """Does this line say that a commit was pushed?"""
    return told.get("step") == "git" and "commit" in str(told.get("text"))


class Trap:
    """One of them; ``happened`` is what the table says of it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.happened = ""
        self.ended: list[Ended] = []
        self.books: Books | None = None
        self.others: set[str] = set()
        """Commits that the test made, as whoever it played."""
        self.source = self.serving()
        self.target = next(one for one in PAIR if one != self.source)
        self._moves = frozenset(moves_in(platform.lab))
        self._before = self.bare("for-each-ref", "--format=%(objectname)").split()
        self._status = ""

    def bare(self, *words: str) -> str:
        """Run git in the remote itself."""
        return self.platform("git", "--git-dir", str(self.platform.remote), *words).strip()

    def serving(self) -> str:
        """The layer that git declares alone."""
        (member,) = weights(self.platform)
        return member.removeprefix("qwen-")

    @asynccontextmanager
    async def tenants(self, seed: int) -> AsyncIterator[None]:
        """They call while the block runs; the clone is to stay as it is."""
        self._status = self.platform("git", "status", "--porcelain")
        model = read_model(self.platform.path / "models" / "qwen.yaml")
        async with accounts(self.platform.lab, rate=RATE, seed=seed, model=model) as self.books:
            yield

    def move(self, *words: str, hear: Callable[[Told], object] = lambda told: None) -> Ended:
        """Move the model to the other layer."""
        return self.run("move", "models/qwen.yaml", "--to", self.target, "--yes", "--hold", "1", *words, hear=hear)

    def run(self, *words: str, hear: Callable[[Told], object] = lambda told: None) -> Ended:
        """One of our commands to its end; it is killed when ``hear`` says True to a line that it tells."""
        command = [str(Path(sys.executable).with_name("pointsman")), *words, "--output", "json"]
        with self._started(*command) as process:
            for line in process.stderr or ():
                self.platform.said.append(line)
                if hear(json.loads(line) if line.startswith("{") else {}) is True:
                    process.kill()
            out = process.stdout.read() if process.stdout else ""
        self.platform.said.append(out)
        self.ended.append(Ended(process.returncode, json.loads(out) if out.startswith("{") else {}))
        return self.ended[-1]

    def _started(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.platform.path,
            env=self.platform.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def commits(self) -> list[Commit]:
        """What the remote has since, on whatever branch, that the test did not make; the oldest first."""
        found = read_commits(self.bare, "--all", "--not", *dict.fromkeys(self._before))
        return [one for one in found if one.id not in self.others]

    def ours(self, receipts: Iterable[dict[str, Any]] = ()) -> Tally:
        """Those commits, held against the moves that were begun since."""
        told = list(receipts) or receipts_since(self.platform.lab, self._moves)
        return tally(self.commits(), [str(one["move"]) for one in told])

    def stands(self, layer: str) -> None:
        """The layer serves alone in git and by Argo CD, tenants lost nothing, and the receipts are their ledger."""
        assert self.serving() == layer
        self.in_sync()
        assert self.books is not None
        found = self.books.reconcile()
        assert found.failed == 0, sentence(found)
        assert found.agrees, sentence(found)
        seen = self.ours(self.books.receipts())
        assert seen.clean, seen.odd
        assert self.platform("git", "status", "--porcelain") == self._status, "the clone is not as it was"

    def in_sync(self) -> None:
        """Wait until Argo CD has brought what git says."""
        head = self.bare("rev-parse", "main")
        self.platform("pointsman", "wait", "litellm", "--timeout", "6m")
        until(lambda: set(self.platform.status("litellm")["sync"]["revisions"]) == {head})

    def row(self, name: str, passed: bool) -> Row:
        """For the table."""
        felt = summary(self.books.load.ledger.entries) if self.books else None
        happened = f"{self.happened}; {felt['requests']} requests" if felt else self.happened
        exits = ", ".join("killed" if one.exit < 0 else str(one.exit) for one in self.ended)
        said = "; then ".join(one.words() for one in self.ended)
        return Row(name, happened, exits, said, str(felt["lost"]) if felt else NOBODY, self.ours(), passed)

    def leave(self) -> None:
        """A move that a failed test left open is taken back, so that the next test has its ground."""
        if self.ended and self.ended[-1].state not in ("done", "undone"):
            self.run("rollback", "qwen", "--yes")
