"""Which tests come first, and which worker has them: two have labs, a third has what needs none and stands back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xdist.scheduler import LoadFileScheduling

__all__ = ["Workers", "in_order"]

MOVES = "tests/move/test_six_moves.py"
FIRST = (MOVES, "tests/move/test_kill_everywhere.py")
"""The longest one in the lab, and the longest one without: what needs no lab goes on beside the six moves."""
LAST = (
    "tests/move/test_edges_of_others_in_the_lab.py",
    *("tests/faults/", "tests/move/test_owners_in_the_lab.py", "tests/move/test_rights.py"),
    *("tests/move/test_interrupts_in_the_lab.py", "tests/move/test_strategies_in_the_lab.py"),
    "tests/move/test_apis_in_the_lab.py",
    *("tests/move/test_bad_targets_in_the_lab.py", "tests/checks/test_doctor_in_the_lab.py"),
    "tests/cli/test_reading_rights_in_the_lab.py",
    "tests/checks/live/",
    *("tests/parking/test_parking_in_the_lab.py", "tests/teardown/test_teardown_in_the_lab.py", "tests/traps/"),
    "tests/layers/test_on_real_controllers.py",
    *("tests/move/test_edges_edited_by_others_in_the_lab.py", "tests/lab/test_controlplane_bad_days.py"),
    *("tests/gitops/", "tests/traps/test_argocd", "tests/move/test_hard_roads_in_the_lab.py"),
    *("tests/lab/", "tests/soak/"),
)
"""Every other file with a test that has a lab: none may begin while the six moves last. Those on the example's platform
come together, so that one worker has it and the other has the edge of others; short ones come at the end."""


def in_order(file: str) -> int:
    """Where a file's tests come; one worker has all of them, since they share what the file sets up."""
    first, last = _among(FIRST, file), _among(LAST, file)
    if first is not None:
        return first - len(FIRST)
    return 0 if last is None else last + 1


def _among(files: Sequence[str], file: str) -> int | None:
    fitting = [one for one in files if file.startswith(one)]
    return files.index(max(fitting, key=len)) if fitting else None


class Workers(LoadFileScheduling):  # type: ignore[misc]
    """Hands files out. Of several workers the last one has no lab while there is something else to do.

    A test with a lab waits for its controllers most of the time; what needs no lab fills that time, and takes only
    what of the processor nobody else wants.
    """

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(self._next(node), last=False)
        super()._assign_work_unit(node)

    def _next(self, node: Any) -> str:
        apart = len(self.nodes) > 2 and node is self.nodes[-1]
        with_lab = not apart and not self._moving()
        queue: list[str] = list(self.workqueue)
        return next((one for one in queue if _has_lab(one) == with_lab), queue[0])

    def _moving(self) -> bool:
        """Do the six moves last? Nothing else that has a lab may begin then."""
        return any(not all(unit[MOVES].values()) for unit in self.assigned_work.values() if MOVES in unit)


def _has_lab(file: str) -> bool:
    return file == MOVES or _among(LAST, file) is not None
