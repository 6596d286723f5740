"""The steps of a move, one topic a file. The order is ``STEPS``; a step knows nothing of the others."""

from __future__ import annotations

from pointsman.move.steps.contract import Step
from pointsman.move.steps.deploy import Deploy
from pointsman.move.steps.hold import Detach, Hold
from pointsman.move.steps.prove_contract import ProveContract
from pointsman.move.steps.release import Drain, Park
from pointsman.move.steps.serve_ready import ServeReady
from pointsman.move.steps.shift import Shift

__all__ = ["STEPS", "Step"]

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
