"""What a move cost and showed, folded from its journal: no number here is remembered anywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.edge.contract import CLOSED, member_id
from pointsman.move.counting.traffic import UNKNOWN, traffic_of
from pointsman.move.journal.journal import Progress, believed
from pointsman.move.journal.states import Event, State
from pointsman.move.journal.tally import OTHERS
from pointsman.move.waits import Wait

__all__ = ["OVERHEAD_GOAL", "VERSION", "receipt_from"]

VERSION = 1
"""Of the receipt's shape, ``docs/schemas/receipt.schema.json``; grows when a reader of the old one would be misled."""

OVERHEAD_GOAL = (2.0, 0.05)
"""The program's own time in a move: at most so many seconds plus that share of the move."""

Receipt = dict[str, Any]


def receipt_from(progress: Progress) -> Receipt:
    """The receipt of a move as its journal tells it; raises NeedsPersonError when its records cannot be a move's."""
    with believed(progress.move, "its records"):
        return _receipt(progress)


def _receipt(progress: Progress) -> Receipt:
    plan, lead = progress.plan, progress.plan.lead
    steps = [_step(name, progress) for name in plan.steps if name in progress.steps]
    if lead is not None:
        steps.insert(0, {"id": "preflight", "result": "done", "seconds": round(lead, 3), "waits": {}, "evidence": {}})
    seconds = (lead or 0.0) + progress.elapsed
    waits = {Wait.UNATTENDED.value: round(progress.unattended, 3)} if progress.unattended else {}
    for step in steps:
        for kind, spent in step["waits"].items():
            waits[kind] = round(waits.get(kind, 0.0) + spent, 3)
    overhead = max(0.0, seconds - sum(waits.values()))
    fixed, share = OVERHEAD_GOAL
    return {
        "version": VERSION,
        "move": progress.move,
        "model": plan.model,
        "from": plan.source,
        "to": plan.target,
        "strategy": plan.strategy,
        "state": progress.state.value,
        "closed": progress.closed,
        "servedFrom": _served_from(progress),
        "started": progress.opened.isoformat() if progress.opened else "",
        "ended": progress.ended.isoformat() if progress.ended else "",
        "seconds": round(seconds, 3),
        "predicted": dict(plan.predicted),
        "waits": waits,
        "overheadSeconds": round(overhead, 3),
        "overheadGoalSeconds": round(fixed + share * seconds, 3),
        "downtime": _downtime(progress),
        "split": [_split(step) for step in steps if "observed" in step["evidence"]],
        "aliases": {"moved": _moved(progress), "left": _left(progress)},
        "traffic": traffic_of(progress.captured, (plan.source, plan.target), _members(progress)),
        "askedAfterwards": _askers(progress),
        "engines": _engines(progress),
        "edge": dict(progress.captured.edge),
        "steps": steps,
        "failures": list(progress.failures),
        "interruptions": [f"at {one}, past the point of no return: finished first" for one in progress.interruptions],
        "pauses": list(progress.pauses),
    }


def _downtime(progress: Progress) -> dict[str, float | None]:
    """Seconds without any engine: accepted by the operator, and measured; None while the alias is closed still."""
    opened = progress.steps.get("open")
    measured = opened.outcome.get("downtimeSeconds") if opened else None
    closed = "close" in progress.steps
    accepted = float(progress.plan.options.get("allow_downtime", 0.0))
    return {"acceptedSeconds": accepted if closed else 0.0, "measuredSeconds": measured if closed else 0.0}


def _members(progress: Progress) -> dict[str, str]:
    """Layers by id of the alias' members: those of before keep theirs, a new one is named after its layer."""
    plan = progress.plan
    layers = (plan.source, plan.target, str(plan.options.get("bridge", "")), CLOSED)
    made = {member_id(plan.model, layer): layer for layer in layers if layer}
    return made | {str(one["id"]): str(one["layer"]) or OTHERS for one in plan.alias.get("members", [])}


def _moved(progress: Progress) -> list[str]:
    """The aliases, as the edge calls them."""
    alias = progress.plan.alias
    return list(alias.get("groups") or [alias["alias"]])


def _askers(progress: Progress) -> dict[str, Any]:
    """Who asked the source when no alias led to it any more; empty where it was not watched."""
    return dict(progress.steps["drain"].outcome.get("askers", {})) if "drain" in progress.steps else {}


def _left(progress: Progress) -> list[str]:
    """The names that were said to be left, and other names of theirs that were found with them."""
    return list(dict.fromkeys([*progress.plan.options.get("leave", ()), *_askers(progress).get("left", ())]))


def _served_from(progress: Progress) -> str:
    """The layer tenants are on; ``both`` while they are split, ``nobody`` in a gap."""
    plan = progress.plan
    if progress.state in (State.DONE, State.COMMITTED, State.FORWARD_STUCK):
        return plan.target
    if progress.state in (State.UNDONE, State.ABORTED):
        return plan.source
    served, bridge = plan.source, str(plan.options.get("bridge", ""))
    for name in plan.steps:
        known = progress.steps.get(name)
        if known is None or known.last is Event.UNDO_OUTCOME:
            continue
        step = name.removeprefix("bridge.")
        to = plan.target if step == name else bridge
        if step.startswith("shift-"):
            served = to if step == "shift-100" and progress.done(name) else "both"
        elif step == "close" or (step == "open" and not progress.done(name)):
            served = "nobody"
        elif step in ("open", "detach"):
            served = to
    return served


def _step(name: str, progress: Progress) -> dict[str, Any]:
    known = progress.steps[name]
    outcome = {key: value for key, value in known.outcome.items() if key != "waits"}
    return {
        "id": name,
        "result": "done" if progress.done(name) else known.last.value,
        "seconds": round(known.spent, 3),
        "waits": dict(known.waits),
        "evidence": outcome,
    }


def _split(step: Mapping[str, Any]) -> dict[str, Any]:
    observed = step["evidence"]["observed"]
    return {
        "step": step["id"],
        "askedPercent": step["evidence"]["asked"],
        "observedPercent": observed["percent"],
        "requests": observed["requests"],
    }


def _engines(progress: Progress) -> list[dict[str, Any]]:
    """Each engine process: its counters when the move began (null: it began later), and at the last reading."""
    captured = progress.captured
    return [
        {
            "process": key,
            "pod": last["pod"],
            "layer": last["layer"],
            "role": last["role"],
            "gone": last["gone"],
            "final": bool(last["final"]),
            "first": _numbers(captured.first.get(key)),
            "last": _numbers(last),
        }
        for key, last in sorted(captured.last.items())
    ]


def _numbers(entry: Mapping[str, Any] | None) -> dict[str, Any] | str | None:
    if entry is None:
        return None
    if "finished" not in entry:
        return UNKNOWN
    return {key: entry[key] for key in ("running", "waiting", "finished", "answered")}
