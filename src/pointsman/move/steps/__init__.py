"""The steps of a move, one topic a file. The order is ``STEPS``; a step knows nothing of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pointsman.errors import NeedsPersonError
from pointsman.move.steps.contract import Step
from pointsman.move.steps.deploy import Deploy
from pointsman.move.steps.hold import Detach, Hold
from pointsman.move.steps.prove_contract import ProveContract
from pointsman.move.steps.release import Drain, Park
from pointsman.move.steps.serve_ready import ServeReady
from pointsman.move.steps.shift import Shift

__all__ = ["STEPS", "Step", "resolve"]

STEPS: tuple[Step, ...] = (
    Deploy(),
    ServeReady(),
    ProveContract(),
    Shift(percent=10, before=0),
    Shift(percent=50, before=10),
    Shift(percent=100, before=50),
    Hold(),
    Detach(),
    Drain(),
    Park(),
)
"""A side-by-side move, in order."""


def resolve(ids: Iterable[str], steps: Sequence[Step] = STEPS) -> tuple[Step, ...]:
    """The steps with these ids, in their order; raises NeedsPersonError when one is not known to this version."""
    known = {step.id: step for step in steps}
    wanted = list(ids)
    unknown = [one for one in wanted if one not in known]
    if unknown:
        raise NeedsPersonError(
            f"the journal names step {unknown[0]!r}, which this version does not have",
            next_action="carry the move on with the version that began it",
            code="journal-impossible",
        )
    return tuple(known[one] for one in wanted)
