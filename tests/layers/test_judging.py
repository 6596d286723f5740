"""Verdicts that only one layer can get wrong."""

from __future__ import annotations

from pointsman.layers.registry import layer
from tests.layers.models import changed, example
from tests.layers.test_contract import served

KSERVE, LLM_D = layer("kserve"), layer("llm-d")


def test_kserve_is_not_ready_while_the_deployment_still_carries_the_old_declaration() -> None:
    old, new = example(), changed(("maxModelLen: 8192", "maxModelLen: 4096"))
    live = served(KSERVE, old)
    main = KSERVE.reads(new)[0]
    declared = served(KSERVE, new)[main]
    assert declared is not None
    declared["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    verdict = KSERVE.readiness(new, {**live, main: declared})
    assert not verdict.ready
    assert "args" in verdict.reason


def test_kserve_may_add_to_the_environment_but_not_change_it() -> None:
    model = example()
    live = served(KSERVE, model)
    made = live[KSERVE.reads(model)[1]]
    assert made is not None
    container = made["spec"]["template"]["spec"]["containers"][0]
    made["spec"] = {
        **made["spec"],
        "template": {
            "spec": {"containers": [{**container, "env": [{"name": "ADDED", "value": "1"}, *container["env"]]}]}
        },
    }
    assert KSERVE.readiness(model, live).ready
    changed_env = [{**each, "value": "else"} if each["name"] == "HOME" else each for each in container["env"]]
    made["spec"]["template"] = {"spec": {"containers": [{**container, "env": changed_env}]}}
    assert not KSERVE.readiness(model, live).ready


def test_kserves_word_for_ready_is_not_asked() -> None:
    model = example()
    live = served(KSERVE, model)
    main = live[KSERVE.reads(model)[0]]
    assert main is not None
    main["status"] = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "False"}]}
    assert KSERVE.readiness(model, live).ready


def test_llm_d_waits_for_its_own_generation_and_its_routes() -> None:
    model = example()
    live = served(LLM_D, model)
    main = live[LLM_D.reads(model)[0]]
    assert main is not None
    main["status"]["observedGeneration"] = 2
    assert "has not seen" in LLM_D.readiness(model, live).reason
    main["status"] = {
        "observedGeneration": 3,
        "conditions": [{"type": "RouterReady", "status": "False", "message": "WaitingForGateway"}],
    }
    verdict = LLM_D.readiness(model, live)
    assert not verdict.ready
    assert "WaitingForGateway" in verdict.reason


def test_a_stuck_deployment_says_why() -> None:
    model = example()
    raw = layer("raw-vllm")
    live = served(raw, model)
    found = live[raw.reads(model)[0]]
    assert found is not None
    found["status"] |= {
        "availableReplicas": 0,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
    }
    assert "ProgressDeadlineExceeded" in raw.readiness(model, live).reason
