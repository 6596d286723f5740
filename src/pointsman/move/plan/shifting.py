"""How often a move changes the alias, in which words, who has to agree to each, and what fewer changes give up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.delivery.edge.wording import subject_of
from pointsman.move.context import Context
from pointsman.move.plan.schedule import SHARES, in_one
from pointsman.move.steps import Step

__all__ = ["Shifting", "shifting"]


@dataclass(frozen=True, slots=True)
class Shifting:
    """All changes of the alias, in order."""

    place: str
    """The file and branch that they are committed to; empty when the cluster is written to."""
    reviewed: bool
    """Is each a pull request that the move waits for?"""
    changes: tuple[Mapping[str, str], ...]
    """The step, and the change in a line: the commit's subject."""
    gives_up: str
    """What is given up against the usual steps, as sentences; empty when nothing is."""

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "commitsTo": self.place,
            "reviewed": self.reviewed,
            "changes": [dict(one) for one in self.changes],
            "givesUp": self.gives_up,
        }


def shifting(context: Context, strategy: str, steps: Sequence[Step]) -> Shifting:
    """What the steps change. Nothing is asked."""
    place = context.options.in_git
    return Shifting(
        place.where if place is not None else "",
        place is not None and place.pull_requests,
        tuple(_changes(context, steps)),
        _given_up(context, strategy),
    )


def _changes(context: Context, steps: Sequence[Step]) -> Iterator[Mapping[str, str]]:
    before = frozenset(context.alias.members)
    for step in steps:
        members = step.members(context)
        if members is None or frozenset(members) == before:
            continue
        before = frozenset(members)
        yield {"step": step.id, "subject": subject_of(context.edge.names, members, back=False)}


def _given_up(context: Context, strategy: str) -> str:
    shares = context.options.shares
    if not shares or strategy == "gap" or shares[0] <= SHARES[0]:
        return ""
    source, target = context.source.title, context.target.title
    said = [
        f"{shares[0]} % of the tenants are on {target} before it is compared with {source} "
        f"({SHARES[0]} % where nothing is said): one that is worse is theirs until the alias is back",
        "what proves it before that (readiness, the contract, its weights) is the same",
    ]
    if in_one(shares) and strategy != "replica-by-replica":
        said.append(f"{source} does not stand by in the alias with weight 0 meanwhile")
    if strategy == "replica-by-replica":
        said.append("each round of replicas is a change of its own all the same")
    return "; ".join(said)
