"""What runs otherwise than git says, and who puts it right: on the real Argo CD."""

from __future__ import annotations

import json

import pytest

from tests.gitops.ground import ARGO, Ground, until
from tests.gitops.manifests import config
from tests.traps.delivered import AUTOMATED, HEALING, MANUAL, compared, resynced, synced, unsynced
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


def told(trap: Trap, ground: Ground) -> str:
    (one,) = trap.doctor("-n", ARGO, of=ground.name)
    return str(one["what"])


@pytest.mark.bites("automated, and the sync of a commit fails: Argo CD does not try that commit again", "PM736")
def test_an_automatic_sync_that_failed_is_not_tried_again(trap: Trap, ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    never = {"retry": {"limit": 0}}
    ground.applied(ground.application(syncPolicy=AUTOMATED | never))
    synced(ground)
    trap.healthy("-n", ARGO, of=ground.name)
    wrong = json.loads(config(said="second"))
    wrong["metadata"]["name"] = "Not_A_Name"
    ground.push({"two.yaml": json.dumps(wrong)}, "A name that nobody takes")
    ground.refresh()
    until(lambda: any(one["type"] == "SyncError" for one in ground.status().get("conditions") or []))
    said = told(trap, ground)
    assert "ConfigMap" in said
    began = ground.status()["operationState"]["startedAt"]
    for _ in range(3):
        ground.refresh()
    assert ground.status()["operationState"]["startedAt"] == began
    trap.bit(f"asked to look again three times, it never tried again: {said.partition(': ')[2][:200]}")
    (ground.here.path / ground.name / "two.yaml").unlink()
    ground.push({"two.yml": config("two")}, "A name")
    ground.refresh()
    synced(ground)
    trap.healthy("-n", ARGO, of=ground.name)


@pytest.mark.bites("automated without selfHeal: what somebody changes in the cluster stays", "PM736")
def test_without_self_heal_a_live_change_stays(trap: Trap, ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    ground.applied(ground.application(syncPolicy=AUTOMATED))
    synced(ground)
    trap.healthy("-n", ARGO, of=ground.name)
    ground.patch({"data": {"said": "by hand"}}, "configmap", "one")
    unsynced(ground)
    assert f"ConfigMap {ground.name}/one" in told(trap, ground)
    ground.refresh("", "hard")
    assert ground.live("configmap", "one")["data"] == {"said": "by hand"}
    trap.bit("it read OutOfSync, and kept what was changed by hand through a hard refresh")
    ground.patch({"spec": {"syncPolicy": HEALING}})
    until(lambda: ground.live("configmap", "one")["data"] == {"said": "first"})
    synced(ground)
    trap.healthy("-n", ARGO, of=ground.name)


@pytest.mark.bites("selfHeal, and something else writes the field again: healed for ever, and never in sync", "PM736")
def test_a_field_that_the_server_completes_is_healed_for_ever(trap: Trap, ground: Ground) -> None:
    by_server = {"syncOptions": ["CreateNamespace=true", "ServerSideApply=true"]}
    parent = {"name": "nobodys"}
    made = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "raw"}}
    ground.push({"route.yaml": json.dumps({**made, "spec": {"parentRefs": [parent]}})})
    ground.applied(ground.application(syncPolicy=HEALING | by_server))

    def tried() -> int:
        operation = (ground.status().get("operationState") or {}).get("operation") or {}
        return int((operation.get("sync") or {}).get("autoHealAttemptsCount") or 0)

    until(lambda: tried() >= 3)
    said = until(lambda: trap.doctor("-n", ARGO, of=ground.name))
    trap.bit(f"{tried()} syncs in a row Succeeded and left it OutOfSync: {said[0]['what'].rpartition(': ')[2]}")
    whole = {"group": "gateway.networking.k8s.io", "kind": "Gateway", **parent}
    rules = [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}]
    ground.push({"route.yaml": json.dumps({**made, "spec": {"parentRefs": [whole], "rules": rules}})}, "Whole")
    ground.refresh()
    synced(ground)
    trap.healthy("-n", ARGO, of=ground.name)


@pytest.mark.bites("synced by hand: a commit that nobody synced is not in effect, and old objects stay", "PM737")
def test_a_commit_that_nobody_synced_is_not_in_effect(trap: Trap, ground: Ground) -> None:
    ground.push({"one.yaml": config(), "two.yaml": config("two")})
    ground.applied(ground.application())
    compared(ground)
    trap.healthy("-n", ARGO, of=ground.name)
    assert not ground.live("configmap", "one"), "it was never synced, so nothing of it is to be told"
    ground.synced()
    synced(ground)
    trap.healthy("-n", ARGO, of=ground.name)
    (ground.here.path / ground.name / "two.yaml").unlink()
    ground.push({"one.yaml": config(said="second")}, "Second")
    ground.refresh()
    said = told(trap, ground)
    assert f"ConfigMap {ground.name}/one, ConfigMap {ground.name}/two" in said
    assert ground.live("configmap", "one")["data"] == {"said": "first"}
    trap.bit(f"what was synced last ran on: {said.partition(': ')[2][:160]}")
    resynced(ground, MANUAL)
    ground.refresh()
    assert "what git does not have any more is left" in told(trap, ground)
    ground.patch({"status": {"operationState": None}, "operation": {"sync": MANUAL | {"prune": True}}})
    until(lambda: not ground.live("configmap", "two"))
    synced(ground)
    trap.healthy("-n", ARGO, of=ground.name)


@pytest.mark.bites("an Application of an LLMInferenceService reads Healthy at once, whatever becomes of it", "PM738")
def test_an_llm_inference_service_has_no_health(trap: Trap, ground: Ground) -> None:
    """It asks for a Gateway that is nobody's, so that it never is ready, and starts no engine."""
    gateway = {"refs": [{"name": "nobodys", "namespace": ground.name}]}
    spec = {
        "replicas": 0,
        "model": {"uri": "hf://Qwen/Qwen2.5-0.5B-Instruct", "name": "qwen"},
        "router": {"route": {}, "gateway": gateway},
    }
    made = {"apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService", "metadata": {"name": "llm"}}
    ground.push({"one.yaml": config()})
    ground.applied(ground.application())
    ground.synced()
    trap.healthy("-n", ARGO, of=ground.name)
    ground.push({"llm.yaml": json.dumps({**made, "spec": spec})}, "An engine")
    ground.refresh()
    ground.patch({"status": {"operationState": None}, "operation": {"sync": MANUAL}})

    def ready() -> dict[str, str]:
        status = ground.live("llminferenceservice", "llm").get("status") or {}
        return next((one for one in status.get("conditions") or [] if one["type"] == "Ready"), {})

    until(lambda: ready().get("status") == "False")
    synced(ground)
    until(lambda: ground.status()["health"]["status"] == "Healthy")
    said = told(trap, ground)
    trap.bit(f"Argo CD said Synced and Healthy, KServe Ready {ready()['status']}: {ready().get('reason')}")
    assert ready()["reason"] in said
