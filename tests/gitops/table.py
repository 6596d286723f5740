"""``docs/gitops-faults.md``, written from what a run saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.page import machine

from pointsman.lab.status import versions
from tests.gitops.ground import Done, Ground

__all__ = ["Row", "write_table"]

HEAD = """# Traps of git and Argo CD

Each row is one trap on the real Argo CD {version} of a lab (`pointsman lab up --gitops`): what Argo CD did, and
what the program said to it. The table is written by the run itself (`make gitops-faults`). `docs/argocd.md` says where
each trap is from. `make test` meets more than half of them; those that `tests/delivery` has in memory too are left to
this command.

| trap | what happened | exit | what the program said | ok |
| --- | --- | --- | --- | --- |
"""
MOST = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One trap."""

    trap: str
    happened: str
    exit: str
    said: str
    ok: bool
    version: str

    @classmethod
    def of(cls, ground: Ground, trap: str, ok: bool) -> Row:
        """What a test saw."""
        last = ground.said[-1] if ground.said else None
        words = _plain(_words(last) if last else "", ground.name)
        return cls(
            trap,
            _plain(ground.happened, ground.name),
            str(last.exit) if last else "",
            words,
            ok,
            versions(gitops=True)["argo-cd"],
        )


def _words(done: Done) -> str:
    """The code and what it says; of what went well its notes."""
    if done.error:
        return f"`{done.code}` {done.error['what']}"
    told = [f"`{one['code']}` {one['what']}" for app in done.applications for one in app["notes"]]
    return "; ".join(told) or ", ".join(str(one["state"]) for one in done.applications)


def _plain(text: str, name: str) -> str:
    words = " ".join(text.replace(name, "app").replace("|", "/").split())
    return words if len(words) <= MOST else f"{words[:MOST].rpartition(' ')[0]} …"


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the page."""
    lines = (
        f"| {one.trap} | {one.happened} | {one.exit} | {one.said} | {'yes' if one.ok else 'NO'} |\n" for one in rows
    )
    closing = (
        f"\nTogether {len(rows)} traps, {sum(not one.ok for one in rows)} not as they should be.\n\n{machine()}.\n"
    )
    path.write_text(HEAD.format(version=rows[0].version) + "".join(lines) + closing, encoding="utf-8")
