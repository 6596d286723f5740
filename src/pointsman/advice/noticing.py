"""What tenants would notice first after a move from one layer to another: a short list, the worst first.

What two layers do not agree in is found by ``adopt.comparing``, which ``adopt`` and the checks of pairs (6xx) use, too;
added is what only a pod's end, its rollout and its number show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pointsman.adopt.comparing import findings_of
from pointsman.adopt.models import Found
from pointsman.advice.side import Side
from pointsman.checks.catalogue import CHECKS

__all__ = ["Notice", "notices_of"]

_RANKS = ("adopt-served-name", "adopt-auth", "adopt-adapters", "adopt-context", "adopt-weights", "adopt-argument")
"""What fails for everybody, before what fails for some, before what only reads differently."""
_LONG = 600
"""Seconds; a request that takes longer is a slow one anywhere."""
_CHECKS = {one.name: one.id for one in CHECKS}


@dataclass(frozen=True, slots=True)
class Notice:
    """One."""

    rank: int
    what: str
    action: str
    check: str
    """The id of the check that says the same; empty where there is none."""


def notices_of(source: Side, target: Side) -> list[Notice]:
    """By rank."""
    model = Found(source.model.name, {source.id: source.engine, target.id: target.engine}, chief=source.id)
    found = [
        Notice(_rank(one.code), one.what, one.next_action, _CHECKS.get(one.code.removeprefix("adopt-"), ""))
        for one in findings_of(model)
    ]
    found += _adapters(source, target)
    found += _more(source, target)
    return sorted(found, key=lambda one: one.rank)


def _rank(code: str) -> int:
    return _RANKS.index(code) if code in _RANKS else len(_RANKS)


def _adapters(source: Side, target: Side) -> Iterator[Notice]:
    missing = sorted(set(source.engine.adapters) - set(target.engine.adapters))
    if missing:
        what = f"{target.engine} does not serve the LoRA adapters {', '.join(missing)}: 404 for who asks for them"
        yield Notice(_RANKS.index("adopt-adapters"), what, "give them there, too (--lora-modules)", "")


def _more(source: Side, target: Side) -> Iterator[Notice]:
    """Behind all that is promised: what shows when pods end, are renewed, or are fewer."""
    rank, before, after = len(_RANKS), source.ending, target.ending
    if before.finish and not after.finish:
        what = f"when a pod of {target.engine} ends, requests under way are aborted (no --shutdown-timeout)"
        yield Notice(rank, what, "add --shutdown-timeout=40, and a grace period above both together", "")
    if before.pre_stop and not after.pre_stop:
        what = f"when a pod of {target.engine} ends, some requests still come to it and are refused (no preStop)"
        yield Notice(rank, what, "add a preStop hook that sleeps 5 s or more", "")
    if (after.pre_stop or 0) + (after.finish or 0) >= after.grace:
        what = f"a pod of {target.engine} is killed after {after.grace} s, before what runs has had its time"
        yield Notice(
            rank, what, "raise terminationGracePeriodSeconds above preStop and --shutdown-timeout together", ""
        )
    if target.id == "kserve" and target.model.spec.layers.kserve.address is not None and target.timeout < _LONG:
        what = f"KServe's HTTPRoute cuts requests after {target.timeout} s, long streams among them"
        yield Notice(rank, what, "set predictor.timeout (spec.layers.kserve.timeoutSeconds)", "")
    here, there = (side.model.on(side.id).spec.replicas for side in (source, target))
    if there < here:
        yield Notice(rank + 1, f"{there} engines in place of {here}: longer queues at the same load", "", "")
