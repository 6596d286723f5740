"""The steps of a move, one topic a file. ``pointsman.move.plan.schedule`` orders them; none knows of the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pointsman.errors import NeedsPersonError
from pointsman.move.steps.contract import Step
from pointsman.move.steps.deploy import Deploy
from pointsman.move.steps.gap import Close, Open, Reference, Settle
from pointsman.move.steps.hold import Detach, Hold
from pointsman.move.steps.leg import FIRST, Leg
from pointsman.move.steps.prove_contract import ProveContract
from pointsman.move.steps.release import Drain, Park, Release
from pointsman.move.steps.scale import ScaleSource, ScaleTarget
from pointsman.move.steps.serve_ready import ServeReady
from pointsman.move.steps.shift import Shift

__all__ = ["Step", "resolve"]

_PLAIN: tuple[Step, ...] = (
    Deploy(),
    ServeReady(),
    ProveContract(),
    Detach(),
    Drain(),
    Park(),
    Reference(),
    Close(),
    Release(),
    Open(),
    Settle(),
)
_COUNTED = re.compile(r"(?P<kind>shift|target|source)-(?P<count>\d+)")


def resolve(
    ids: Iterable[str], steps: Sequence[Step] | None = None, *, replicas: int = 1, first: int = 0
) -> tuple[Step, ...]:
    """The steps with these ids, in their order.

    ``replicas`` is what the source begins with, ``first`` what the target does; ``steps`` stand in the place of the
    program's own. Raises NeedsPersonError when one is not known to this version.
    """
    wanted = list(ids)
    if steps is not None:
        known = {step.id: step for step in steps}
        return tuple(known[one] if one in known else _unknown(one) for one in wanted)
    if not any(one.startswith(FIRST) for one in wanted):
        return _leg(wanted, replicas, first)
    to_bridge = [one.removeprefix(FIRST) for one in wanted if one.startswith(FIRST)]
    onwards = [one for one in wanted if not one.startswith(FIRST)]
    return (
        *(Leg(step, first=True) for step in _leg(to_bridge, replicas, 0)),
        *(Leg(step, first=False) for step in _leg(onwards, replicas, 0)),
    )


def _leg(ids: Sequence[str], replicas: int, first: int) -> tuple[Step, ...]:
    """Steps between two layers; each share and each size knows the one before it."""
    before = {"shift": 0, "source": replicas, "target": first or replicas}
    known = {step.id: step for step in _PLAIN}
    whole = "shift-100" in ids and "detach" not in ids
    found: list[Step] = []
    for one in ids:
        counted = _COUNTED.fullmatch(one)
        if counted is not None:
            kind, count = counted["kind"], int(counted["count"])
            made = _STEPS[kind](count, before[kind])
            found.append(replace(made, alone=whole and count == 100) if isinstance(made, Shift) else made)
            before[kind] = count
        elif one == "hold":
            found.append(Hold(warm="open" not in ids, listed=not whole))
        else:
            found.append(known.get(one) or _unknown(one))
    return tuple(found)


_STEPS: dict[str, type[Shift] | type[ScaleSource] | type[ScaleTarget]] = {
    "shift": Shift,
    "source": ScaleSource,
    "target": ScaleTarget,
}


def _unknown(step: str) -> Step:
    raise NeedsPersonError(
        f"the journal names step {step!r}, which this version does not have",
        next_action="carry the move on with the version that began it",
        code="journal-impossible",
    )
