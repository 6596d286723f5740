"""Teardowns that nobody carries on, and what a teardown of everything was told to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.audit.finding import Finding, Ground, place_of
from pointsman.cost.items import GPU
from pointsman.cost.sight import Sight
from pointsman.move.journal.teardowns import TeardownProgress, Word

__all__ = ["KeptThings", "kept_by_teardowns", "open_teardown"]


def open_teardown(ground: Ground, one: TeardownProgress) -> Finding:
    """Begun, not ended: what is left of it runs on, and its models can be neither moved nor brought up."""
    pods = [key for key, item in ground.items.items() if item.kind == GPU and one.covers(item.owner.model)]
    money, why = ground.money(*pods)
    since = f" since {one.at.isoformat(timespec='seconds')}" if one.at else ""
    return Finding(
        "teardown",
        f"teardown {one.teardown}",
        f"model {one.plan.name}" if one.plan.scope == "model" else one.title.removeprefix("teardown of "),
        f"it is open at step {one.step or 'end'}, and nobody carries it on{since}",
        one.command,
        f"or gives it up: {one.command} --abort",
        money,
        why,
    )


@dataclass(frozen=True, slots=True)
class KeptThings:
    """Objects by name, each with its uid and who said that it stays."""

    things: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    models: bool = False
    """Is any model known again? Then a node that nobody uses is idle, and was not kept for that."""

    def parted(self, found: Sequence[Finding], sight: Sight) -> tuple[list[Finding], list[dict[str, Any]]]:
        """What is found, and apart from it what was told to stay; another object of the same name was not."""
        uids = _uids(sight)
        kept = {one.name: self.things[one.name][1] for one in found if self._is(one.name, uids.get(one.name))}
        told = [{**one.as_dict(), "kept": kept[one.name]} for one in found if one.name in kept]
        return [one for one in found if one.name not in kept], told

    def says(self, name: str, uid: str | None) -> str:
        """Who said that this object stays; empty when nobody did, or did of another one of its name."""
        known, by = self.things.get(name, ("", ""))
        return by if uid and known == uid else ""

    def _is(self, name: str, uid: str | None) -> bool:
        return bool(self.says(name, uid)) and not (name.startswith("Node ") and self.models)


def kept_by_teardowns(journals: Iterable[TeardownProgress], *, models: bool) -> KeptThings:
    """By those that were finished; of one thing the last word counts. ``models``: is any model known now?"""
    return KeptThings(
        models=models,
        things={
            str(one["name"]): (str(one.get("uid", "")), f"{one.get('why')}, {journal.teardown}")
            for journal in journals
            if journal.ended is Word.FINISHED
            for one in journal.plan.stays
        },
    )


def _uids(sight: Sight) -> dict[str, str]:
    return {
        f"{kind} {'/'.join(part for part in place_of(one) if part)}": str(one["metadata"].get("uid") or "")
        for kind, objects in sight.objects.items()
        for one in objects
    }
