"""The faults as data: what is done, when, and how a move has to end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import RunningLab
from tests.faults import ground

__all__ = ["CASES", "DEAD_NODE", "Case", "Moment"]

Act = Callable[[ground.Scene], None]
Mend = Callable[[RunningLab], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """When the program says this, something is done."""

    event: str
    step: str
    """Empty: any."""
    act: Act


@dataclass(frozen=True, slots=True)
class Case:
    """One fault."""

    id: str
    title: str
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Faults of the target's engines, as the simulator knows them."""
    around: Callable[[RunningLab], AbstractContextManager[None]] = lambda lab: nullcontext()
    """What holds for the whole move."""
    moments: tuple[Moment, ...] = ()
    """What is done while it moves, one after the other."""
    image: str = ""
    """Another engine image for the target."""
    exits: tuple[int, ...] = (3,)
    """Exit codes that are right."""
    code: tuple[str, ...] = ()
    """Beginnings of error codes that are right, when the exit code is not 0."""
    says: str = ""
    """Words that the error has to contain."""
    ends: str = "source"
    """Where tenants have to be at the end: source, target, or any (a whole layer, whichever)."""
    loss: str = "none"
    """``none``; ``counted``: what was in flight on the process that died is lost, and nothing else."""
    road: float | None = None
    """The share of calls that fail on the road to the API server; None: a straight one."""
    clock: float = 0.0
    """Seconds by which the operator's clock is ahead."""
    disk_full: bool = False
    """Can the operator's process write no file, nor its standard output?"""
    words: tuple[str, ...] = ()
    """More words of the command line."""
    mend: Mend | None = None
    """What an operator does before the next command."""
    after: Mapping[int, str] = field(default_factory=lambda: {4: "rollback"})
    """The command that an operator gives next, by exit code."""


CASES: tuple[Case, ...] = (
    Case("never-ready", "target never ready", {"never_ready": True}, code=("serve-ready.not-ready",)),
    Case("ready-too-early", "target ready too early", {"ready_too_early": True}, code=("serve-ready.completion",)),
    Case(
        "crash-under-load",
        "target crashes under load",
        {"crash_after_requests": 30},
        code=("contract.", "shift-", "hold."),
        loss="counted",
    ),
    Case("wrong-model", "other weights", {"wrong_model": "Other/Model-7B"}, code=("contract.parity",)),
    Case("wrong-name", "other served name", {"wrong_name": "other-7b"}, code=("serve-ready.completion",)),
    Case("short-context", "shorter context", {"max_model_len": 4096}, code=("contract.context-length",)),
    Case("no-key", "key not enforced", {"ignore_key": True}, code=("contract.no-key-refused",)),
    Case("errors", "5 % of the answers are errors", {"error_rate": 0.05}, code=("contract.", "shift-", "hold.")),
    Case("slow", "three times slower", {"slow": 3.0}, code=("shift-",)),
    Case("cut-streams", "streams are cut", {"cut_stream_after": 0.2}, code=("contract.streaming",)),
    Case("weights-429", "weights cannot be fetched (429)", {"hf_rate_limited": True}, exits=(0, 3), ends="any"),
    Case(
        "gpu-taken",
        "another pod takes the GPUs meanwhile",
        moments=(Moment("step-done", "preflight", ground.take_all_gpus),),
        mend=ground.give_gpus_back,
        code=("serve-ready.",),
        says="nvidia.com/gpu",
    ),
    Case("image-missing", "image is not there", image="vllm/vllm-openai-missing:v0", code=("serve-ready.",)),
    Case(
        "edge-keeps-old",
        "the edge's replicas keep the old configuration",
        moments=(Moment("step-begun", "shift-10", ground.pause_edge),),
        mend=ground.resume_edge,
        exits=(3, 4),
        code=("shift-10.", "undo-failed", "edge-"),
        says="",
    ),
    Case(
        "edge-killed",
        "a LiteLLM pod is killed in the middle of a shift",
        moments=(Moment("step-begun", "shift-50", ground.kill_edge),),
        exits=(0, 3),
        ends="any",
        loss="counted",
    ),
    Case(
        "webhook-down",
        "KServe's webhook does not answer",
        around=ground.frozen("manager"),
        code=("deploy.", "preflight.", "cluster-temporary"),
        exits=(1, 2, 3),
    ),
    Case(
        "manager-restarted",
        "KServe's manager restarts",
        moments=(Moment("step-begun", "serve-ready", ground.kill("manager")),),
        exits=(0,),
        ends="target",
    ),
    Case(
        "api-server-restarted",
        "the API server restarts in the middle of a shift",
        moments=(Moment("step-begun", "shift-50", ground.kill("apiserver")),),
        exits=(0, 3),
        ends="any",
    ),
    Case(
        "stuck-finalizer",
        "a finalizer holds the target's object back",
        {"never_ready": True},
        moments=(Moment("step-done", "deploy", ground.hold_back_target),),
        mend=ground.let_target_go,
        exits=(4,),
        code=("undo-failed",),
    ),
    Case("bad-road", "one API call in ten fails", exits=(0, 3, 4), ends="any", road=0.1),
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

DEAD_NODE = Case(
    "node-killed",
    "the source's node dies in the middle of a shift",
    moments=(Moment("step-begun", "shift-50", ground.power_off("lab-1")),),
    words=("--drain-timeout", "60"),
    exits=(0, 4),
    code=("drain.", "shift-", "hold.", "paused"),
    after={},
    ends="target",
    loss="counted",
)
"""It takes a lab of two nodes, with the source alone on the second one."""
