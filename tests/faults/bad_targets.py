"""Targets that are not what was promised."""

from __future__ import annotations

from tests.faults import ground
from tests.faults.case import Case, Moment

__all__ = ["TARGETS"]

TARGETS: tuple[Case, ...] = (
    Case("never-ready", "target never ready", {"never_ready": True}, code=("serve-ready.not-ready",)),
    Case("ready-too-early", "target ready too early", {"ready_too_early": True}, code=("serve-ready.completion",)),
    Case(
        "crash-under-load",
        "target crashes under load",
        {"crash_after_requests": 30},
        code=("contract.", "shift-", "hold."),
        loss="engine",
    ),
    Case("wrong-model", "other weights", {"wrong_model": "Other/Model-7B"}, code=("contract.weights",)),
    Case("wrong-name", "other served name", {"wrong_name": "other-7b"}, code=("serve-ready.completion",)),
    Case("short-context", "shorter context", {"max_model_len": 4096}, code=("contract.context-length",)),
    Case("no-key", "key not enforced", {"ignore_key": True}, code=("contract.no-key-refused",)),
    Case("errors", "5 % of the answers are errors", {"error_rate": 0.05}, code=("contract.", "shift-", "hold.")),
    Case("slow", "three times slower", {"slow": 3.0}, code=("shift-",)),
    Case("cut-streams", "every stream is cut", {"cut_stream_after": 0.2}, code=("contract.streaming",)),
    Case(
        "cut-long-streams",
        "streams are cut after a time that short ones do not need",
        {"cut_stream_after": 0.8},
        code=("contract.long-stream",),
        says="tokens",
    ),
    Case(
        "weights-429-passing",
        "weights cannot be fetched (429) until the engine was started again",
        {"hf_rate_limited": True},
        moments=(Moment("step-begun", "serve-ready", ground.let_hub_answer),),
        exits=(0,),
        ends="target",
    ),
    Case(
        "weights-429-lasting",
        "weights cannot be fetched (429), and it does not pass",
        {"hf_rate_limited": True},
        code=("serve-ready.not-ready",),
        says="429 Client Error: Too Many Requests",
    ),
    Case("image-missing", "image is missing", image="vllm/vllm-openai-missing:v0", code=("serve-ready.cannot-start",)),
)
