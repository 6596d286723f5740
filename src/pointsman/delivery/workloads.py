"""Is what an Application tracks itself ready? Judged by each workload's own status, never by Argo CD's health.

Argo CD reads Healthy for an instant between applying and Progressing, and has no rule at all for an
LLMInferenceService (argo-cd 3.2). A workload that is parked on purpose (0 replicas, or KServe's stop annotation) is
ready: there is nothing to wait for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pointsman.delivery.boundary import Cluster, Object
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Live, Readiness
from pointsman.layers.kserve import lagging
from pointsman.layers.rollout import condition, deployment, holds_nothing, rolled_out
from pointsman.layers.stop import stopped

__all__ = ["JUDGED", "Workload", "judge"]

_ROUTER = "app.kubernetes.io/part-of"
_MADE = "llminferenceservice"


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload and what is known of it."""

    ref: Ref
    ready: bool
    reason: str
    vague: bool = False
    """Nothing tells whether its controller has seen the latest change: an InferenceService that names a model and no
    container leaves no trace of its own in the Deployment, and no generation in its status."""

    def as_dict(self) -> dict[str, object]:
        """The fields under stable names."""
        return {"workload": str(self.ref), "ready": self.ready, "reason": self.reason}


async def judge(cluster: Cluster, refs: Iterable[Ref]) -> list[Workload]:
    """Each of them, as it is now. Raises ClusterError for what cannot be read."""
    return list(await asyncio.gather(*(_judged(cluster, ref) for ref in refs)))


async def _judged(cluster: Cluster, ref: Ref) -> Workload:
    found = await cluster.find(ref)
    made = await _made(cluster, ref) if found is not None and not stopped(found) else {}
    if found is None:
        return Workload(ref, False, f"{ref} does not exist yet")
    verdict = JUDGED[ref.kind.name](ref, found, made)
    return Workload(ref, verdict.ready, verdict.reason, _vague(ref, found))


def _vague(ref: Ref, found: Object) -> bool:
    predictor = (found.get("spec") or {}).get("predictor") or {}
    return ref.kind.name == "InferenceService" and not predictor.get("containers") and not stopped(found)


async def _made(cluster: Cluster, ref: Ref) -> Live:
    """The Deployments that a controller of KServe makes of it."""
    if ref.kind.name == "InferenceService":
        made = deployment(ref.namespace or "", f"{ref.name}-predictor")
        return {made: await cluster.find(made)}
    if ref.kind.name == "LLMInferenceService":
        labels = {"app.kubernetes.io/name": ref.name, _ROUTER: _MADE}
        found = await cluster.list(kind_of("Deployment"), ref.namespace, labels)
        return {deployment(ref.namespace or "", str(one["metadata"]["name"])): one for one in found}
    return {}


def _rolled(ref: Ref, found: Object, made: Live) -> Readiness:
    live = {ref: found}
    if found["spec"].get("replicas", 1) == 0:
        gone = holds_nothing(ref, live)
        return Readiness(gone, f"{ref} is parked at 0 replicas" if gone else f"{ref} is being scaled to 0")
    return rolled_out(ref, live)


def _inference_service(ref: Ref, found: Object, made: Live) -> Readiness:
    """Its Deployment carries what it declares, and is rolled out; without one (Knative) what its conditions say."""
    if stopped(found):
        return Readiness(True, f"{ref} is parked: it is stopped")
    predictor, deployed = next(iter(made.items()))
    mode = (found.get("status") or {}).get("deploymentMode") or "Standard"
    if deployed is None and mode not in ("Standard", "RawDeployment"):
        return _conditioned(ref, found, "Ready")
    behind = lagging(found, deployed)
    if behind or deployed is None:
        return Readiness(False, f"{predictor}: {behind}")
    return _rolled(predictor, deployed, {})


def _llm(ref: Ref, found: Object, made: Live) -> Readiness:
    """Its latest generation reconciled, every Deployment of it rolled out, and its workloads and routes accepted."""
    if stopped(found):
        return Readiness(True, f"{ref} is parked: it is stopped")
    status = found.get("status") or {}
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return Readiness(False, f"{ref}: its controller has not seen the latest change")
    if not made:
        return Readiness(False, f"{ref}: no Deployment of it exists yet")
    verdicts = [_rolled(one, deployed, {}) for one, deployed in made.items() if deployed is not None]
    late = next((one for one in verdicts if not one.ready), None)
    return late or _conditioned(ref, found, "Ready")


def _conditioned(ref: Ref, found: Object, kind: str) -> Readiness:
    said = condition(found, kind)
    if said.get("status") == "True":
        return Readiness(True, f"{ref} is ready")
    return Readiness(False, f"{ref}: {said.get('message') or said.get('reason') or f'no condition {kind} yet'}")


JUDGED: dict[str, Callable[[Ref, Object, Live], Readiness]] = {
    "Deployment": _rolled,
    "StatefulSet": _rolled,
    "InferenceService": _inference_service,
    "LLMInferenceService": _llm,
}
"""Kinds that are judged; what an Application tracks besides is Argo CD's to judge."""
