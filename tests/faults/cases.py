"""The faults as data: what is done, when, and how a move has to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import RunningLab
from tests.faults import ground

__all__ = ["CASES", "Case"]

Act = Callable[[RunningLab], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One fault."""

    id: str
    title: str
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Faults of the target's engines, as the simulator knows them."""
    around: Callable[[RunningLab], AbstractContextManager[None]] = lambda lab: nullcontext()
    """What holds for the whole move."""
    when: tuple[str, str] = ("", "")
    """The program's event and step at which ``act`` is done."""
    act: Act | None = None
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
    bad_road: bool = False
    """Is the API server reached over a road that fails one call in ten?"""
    mend: Act | None = None
    """What an operator does before ``pointsman rollback`` ends a move that was left open."""


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
        when=("step-begun", "deploy"),
        act=ground.take_all_gpus,
        mend=ground.give_gpus_back,
        exits=(0, 3),
        ends="any",
    ),
    Case("image-missing", "image is not there", image="vllm/vllm-openai-missing:v0", code=("serve-ready.",)),
    Case(
        "edge-keeps-old",
        "the edge's replicas keep the old configuration",
        when=("step-begun", "shift-10"),
        act=ground.pause_edge,
        mend=ground.resume_edge,
        exits=(3, 4),
        code=("shift-10.", "undo-failed", "edge-"),
        says="",
    ),
    Case(
        "edge-killed",
        "a LiteLLM pod is killed in the middle of a shift",
        when=("step-begun", "shift-50"),
        act=ground.kill_edge,
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
        when=("step-begun", "serve-ready"),
        act=ground.kill("manager"),
        exits=(0,),
        ends="target",
    ),
    Case(
        "api-server-restarted",
        "the API server restarts in the middle of a shift",
        when=("step-begun", "shift-50"),
        act=ground.kill("apiserver"),
        exits=(0, 3),
        ends="any",
    ),
    Case(
        "stuck-finalizer",
        "a finalizer holds the target's object back",
        {"never_ready": True},
        when=("step-done", "deploy"),
        act=ground.hold_back_target,
        mend=ground.let_target_go,
        exits=(4,),
        code=("undo-failed",),
    ),
    Case("bad-road", "one API call in ten fails", exits=(0, 3, 4), ends="any", bad_road=True),
)
