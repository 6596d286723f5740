"""``docs/gitops-faults.md``, written from what a run saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.page import machine

from pointsman.lab.status import versions
from tests.gitops.commits import Tally
from tests.gitops.ground import Done, Ground

__all__ = ["NOBODY", "Row", "words_of", "write_table"]

HEAD = """# Traps of git and Argo CD

Each row is one trap on the real Argo CD {version} of a lab (`pointsman lab up --gitops`): what Argo CD or others did,
and what the program said to it. The table is written by the run itself (`make gitops-faults`). `docs/argocd.md` says
where each trap is from; a number in front is one for all traps of a kind. `make test` meets more than half of them;
those that are tests in memory too are left to this command.

**lost**: requests that tenants, who call the model all the time while it moves, did not have answered, whole and
right. "{nobody}" means that the trap has no tenants: `sync` and `wait` are tried on small things that nobody calls.
**commits made**: those found in the remote afterwards that the test did not make itself, as a colleague, a rival or a
forge. **commits explained**: those of them that name a move of this very trap, change the edge's file and no other,
and were made once. `sync` and `wait` make none. A row with a commit that nobody explains is not ok.

| trap | what happened | exit | what the program said | lost | commits made | commits explained | ok |
| --- | --- | --- | --- | --: | --: | --: | --- |
"""
MOST = 300
NOBODY = "-"
"""In the place of lost requests: there was nobody to lose any."""


@dataclass(frozen=True, slots=True)
class Row:
    """One trap."""

    trap: str
    happened: str
    exit: str
    said: str
    lost: str
    tally: Tally
    passed: bool

    @classmethod
    def of(cls, ground: Ground, trap: str, tally: Tally, passed: bool) -> Row:
        """What a test of ``sync`` and ``wait`` saw."""
        last = ground.said[-1] if ground.said else None
        words = _words(last) if last else ""
        exit_ = str(last.exit) if last else ""
        named = (one.replace(ground.name, "app") for one in (ground.happened, words))
        happened, said = named
        return cls(trap, happened, exit_, said, NOBODY, tally, passed)

    @property
    def ok(self) -> bool:
        """Did the test pass, was nothing lost, and is every commit explained?"""
        return self.passed and self.lost in (NOBODY, "0") and self.tally.clean

    def line(self) -> str:
        """As the table has it."""
        cells = (_plain(self.trap), _plain(self.happened), self.exit, _plain(self.said), self.lost)
        counts = (str(self.tally.made), str(self.tally.explained), "yes" if self.ok else "NO")
        return f"| {' | '.join((*cells, *counts))} |\n"


def _words(done: Done) -> str:
    """The code and what it says; of what went well its notes."""
    if done.error:
        return words_of(done.error)
    told = [words_of(one) for app in done.applications for one in app["notes"]]
    return "; ".join(told) or ", ".join(str(one["state"]) for one in done.applications)


def words_of(said: dict[str, str]) -> str:
    """An error or a note: its code, and what it says."""
    return f"`{said['code']}` {said['what']}"


def _plain(text: str) -> str:
    words = " ".join(text.replace("|", "/").split())
    return words if len(words) <= MOST else f"{words[:MOST].rpartition(' ')[0]} …"


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the page."""
    made = sum(one.tally.made for one in rows)
    closing = (
        f"\nTogether {len(rows)} traps, {sum(not one.ok for one in rows)} not as they should be; {made} commits made, "
        f"{sum(one.tally.explained for one in rows)} of them explained.\n\n{machine()}.\n"
    )
    head = HEAD.format(version=versions(gitops=True)["argo-cd"], nobody=NOBODY)
    path.write_text(head + "".join(one.line() for one in rows) + closing, encoding="utf-8")
