"""Helm without a controller, and controllers that made an object for an object of their own."""

from __future__ import annotations

from pointsman.owners.contract import Change, Outcome, Verdict
from pointsman.owners.fields import may_declare
from pointsman.owners.marks import controller_of, flux_release, helm_release

__all__ = ["judge_controller", "judge_release_by_hand"]


def judge_release_by_hand(change: Change) -> list[Verdict]:
    """A release that somebody upgrades: nothing comes back by itself."""
    name = helm_release(change.live)
    if name is None or flux_release(change.live) is not None:
        return []
    fields = tuple(path for path in change.fields if may_declare(change.live, path, {"helm"}))
    if not fields:
        return []
    return [Verdict(change.ref, f"Helm release {name}", Outcome.LATER, fields, "at the next helm upgrade")]


def judge_controller(change: Change) -> list[Verdict]:
    """An operator puts right what it made. Those of ``change.makers`` are reckoned with."""
    maker = controller_of(change.live)
    if maker is None or any(
        (one.kind.name, one.name) == (maker.get("kind"), maker.get("name")) for one in change.makers
    ):
        return []
    owner = f"the controller of {maker.get('kind')} {maker.get('name')}"
    why = f"({change.ref} is made from it)"
    instead = f"let {change.ref} be one that no {maker.get('kind')} makes, and name it in the spec"
    return [Verdict(change.ref, owner, Outcome.REVERTS, tuple(change.fields), why, instead)]
