"""What happens to the cluster, to the tenants' edge and to the API server."""

from __future__ import annotations

from tests.faults import edge, ground
from tests.faults.case import Case, Moment

__all__ = ["DEAD_NODE", "GROUNDS"]

GROUNDS: tuple[Case, ...] = (
    Case(
        "gpu-taken",
        "another pod takes the GPUs meanwhile",
        moments=(Moment("step-done", "preflight", ground.take_all_gpus),),
        mend=ground.give_gpus_back,
        code=("serve-ready.",),
        says="nvidia.com/gpu",
    ),
    Case(
        "edge-keeps-old",
        "one of two LiteLLM replicas keeps the old configuration",
        around=edge.two_in_turn,
        moments=(
            Moment("step-begun", "shift-10", edge.hold_one_back),
            Moment("step-failed", "shift-10", edge.let_go_on),
        ),
        words=("--roll-timeout", "40"),
        code=("shift-10.edge-roll",),
        says="replica {kept} runs",
    ),
    Case(
        "edge-stays-old",
        "one of two LiteLLM replicas keeps the old configuration, on the way back too",
        around=edge.two_in_turn,
        moments=(Moment("step-begun", "shift-10", edge.hold_one_back),),
        mend=edge.resume,
        words=("--roll-timeout", "30"),
        exits=(4,),
        code=("undo-failed",),
        says="runs qwen-raw-vllm 90, qwen-kserve 10",
    ),
    Case(
        "edge-killed",
        "one of two LiteLLM replicas is killed in the middle of a shift",
        around=edge.two_at_once,
        moments=(Moment("step-begun", "shift-50", edge.kill_one),),
        words=("--roll-timeout", "150"),
        exits=(0,),
        ends="target",
        loss="replica",
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
        release=15.0,
        words=("--ready-timeout", "10"),
        exits=(4,),
        code=("undo-failed",),
        says="InferenceService kserve/qwen is held back by finalizer pointsman.dev/held-by-a-test",
    ),
    Case("bad-road", "one API call in ten fails", exits=(0, 3, 4), ends="any", road=0.1),
)

DEAD_NODE = Case(
    "node-killed",
    "the source's node dies in the middle of a shift",
    moments=(Moment("step-begun", "shift-50", ground.power_off("lab-1")),),
    words=("--drain-timeout", "60"),
    exits=(4,),
    code=("drain.drain-deadline",),
    says="does not say",
    after={},
    ends="target",
    loss="node",
)
"""It takes a lab of two nodes, with the source alone on the second one."""
