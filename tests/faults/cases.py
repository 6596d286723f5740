"""Every fault, in the order of ``docs/faults.md``."""

from __future__ import annotations

from tests.faults.bad_grounds import DEAD_NODE, GROUNDS
from tests.faults.bad_operators import OPERATORS
from tests.faults.bad_targets import TARGETS
from tests.faults.case import Case

__all__ = ["CASES", "DEAD_NODE"]

CASES: tuple[Case, ...] = (*TARGETS, *GROUNDS, *OPERATORS)
