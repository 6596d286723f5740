"""What happens to the operator's process, or to the machine it runs on."""

from __future__ import annotations

import signal

from tests.faults import ground
from tests.faults.case import Case, Moment

__all__ = ["OPERATORS"]

OPERATORS: tuple[Case, ...] = (
    Case(
        "ctrl-c",
        "ctrl-C",
        moments=(Moment("step-begun", "shift-50", ground.signalled(signal.SIGINT)),),
        exits=(130,),
    ),
    Case(
        "ctrl-c-twice",
        "ctrl-C, and again on the way back",
        moments=(
            Moment("step-begun", "shift-50", ground.signalled(signal.SIGINT)),
            Moment("undo-begun", "", ground.signalled(signal.SIGINT)),
        ),
        exits=(130,),
        code=("left-open",),
        after={130: "rollback"},
    ),
    Case(
        "kill-9",
        "the operator's process is killed",
        moments=(Moment("step-begun", "shift-50", ground.signalled(signal.SIGKILL)),),
        exits=(-9,),
        after={-9: "resume"},
        ends="target",
    ),
    Case(
        "network-away",
        "the operator's machine has no network for 60 s",
        moments=(Moment("step-begun", "shift-50", ground.cut_off(60)),),
        road=0.0,
        exits=(2, 4),
        code=("lock-lost", "cluster-", "left-open"),
        after={2: "resume", 4: "resume"},
        ends="target",
    ),
    Case(
        "clock-ahead",
        "the operator's clock is five minutes ahead",
        moments=(Moment("step-begun", "shift-50", ground.second_operator_is_refused),),
        clock=300.0,
        exits=(0,),
        ends="target",
    ),
    Case(
        "clock-behind",
        "the operator's clock is five minutes behind",
        moments=(Moment("step-begun", "shift-50", ground.second_operator_is_refused),),
        clock=-300.0,
        exits=(0,),
        ends="target",
    ),
    Case(
        "disk-full",
        "the operator's disk is full",
        disk_full=True,
        exits=(2,),
        code=("output-lost",),
        ends="target",
    ),
)
