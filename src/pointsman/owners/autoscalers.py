"""Autoscalers: what becomes of a number of replicas that is set beside them (kubernetes 1.34, KEDA 2.17).

A HorizontalPodAutoscaler rests while its target has 0 replicas, unless ``minReplicas`` is 0 too. A ScaledObject wakes
its target from 0 when a trigger is active, and at once when ``minReplicaCount`` is not 0; annotations pause it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.owners.contract import Change, Object, Outcome, Verdict
from pointsman.owners.fields import Path
from pointsman.owners.marks import controller_of, notes, spec_of

__all__ = ["REPLICAS", "judge_hpa", "judge_scaled_object", "scaling"]

REPLICAS: Path = ("spec", "replicas")
_KEDA = "autoscaling.keda.sh"


def scaling(change: Change, scalers: Iterable[Object]) -> list[Object]:
    """Those that scale the changed object, when its replicas are among what changes."""
    return [one for one in scalers if REPLICAS in change.fields and _aims(one, change) and not _reckoned(one, change)]


def _aims(scaler: Object, change: Change) -> bool:
    target = spec_of(scaler).get("scaleTargetRef") or {}
    return (target.get("kind") or "Deployment", target.get("name"), scaler["metadata"].get("namespace")) == (
        change.ref.kind.name,
        change.ref.name,
        change.ref.namespace,
    )


def _reckoned(scaler: Object, change: Change) -> bool:
    """Made by the layer's own controller, or by KEDA for a ScaledObject, which speaks for itself."""
    maker = controller_of(scaler) or {}
    named = (maker.get("kind"), maker.get("name"))
    return named[0] == "ScaledObject" or any((one.kind.name, one.name) == named for one in change.makers)


def judge_hpa(change: Change, hpa: Object) -> Verdict:
    """``change`` is one of its target's replicas."""
    wanted = int(change.fields[REPLICAS])
    least, most = int(spec_of(hpa).get("minReplicas", 1)), int(spec_of(hpa).get("maxReplicas", 1))
    name = f"{hpa['metadata']['namespace']}/{hpa['metadata']['name']}"
    outcome, why = Outcome.LATER, f"as it sees fit, between {least} and {most}"
    if wanted == 0 and least == 0:
        outcome, why = Outcome.REVERTS, "when its metric says so: with minReplicas 0 it scales from 0 too"
    elif wanted == 0:
        outcome, why = Outcome.LEAVES, "it rests while its target has 0 replicas"
    elif not least <= wanted <= most:
        outcome, why = Outcome.REVERTS, f"within its bounds of {least} to {most}, which {wanted} is not"
    bounds = f'{{"spec":{{"minReplicas":{max(1, min(least, wanted))},"maxReplicas":{max(most, wanted)}}}}}'
    instead = f"kubectl patch hpa {hpa['metadata']['name']} -n {hpa['metadata']['namespace']} -p '{bounds}'"
    return Verdict(change.ref, f"HorizontalPodAutoscaler {name}", outcome, (REPLICAS,), why, instead)


def judge_scaled_object(change: Change, scaled: Object) -> Verdict:
    """``change`` is one of its target's replicas."""
    name, namespace = scaled["metadata"]["name"], scaled["metadata"]["namespace"]
    outcome, why = _scaled(scaled, int(change.fields[REPLICAS]))
    instead = f"kubectl annotate scaledobject {name} -n {namespace} --overwrite {_KEDA}/paused=true"
    if f"{_KEDA}/paused-replicas" in notes(scaled):
        instead += f" {_KEDA}/paused-replicas-"
    return Verdict(change.ref, f"ScaledObject {namespace}/{name} (KEDA)", outcome, (REPLICAS,), why, instead)


def _scaled(scaled: Object, wanted: int) -> tuple[Outcome, str]:
    said: Mapping[str, Any] = notes(scaled)
    pinned = said.get(f"{_KEDA}/paused-replicas")
    if pinned is not None:
        if str(pinned) == str(wanted):
            return Outcome.LEAVES, f"it is paused at {wanted} replicas"
        return Outcome.REVERTS, f"to {pinned}, at which it is paused"
    if str(said.get(f"{_KEDA}/paused", "")).lower() == "true":
        return Outcome.LEAVES, "it is paused"
    least = int(spec_of(scaled).get("minReplicaCount") or 0)
    if wanted < least:
        return Outcome.REVERTS, f"to its minReplicaCount of {least}"
    if wanted == 0:
        return Outcome.REVERTS, "as soon as one of its triggers is active"
    return Outcome.LATER, f"as its triggers say, between {least} and {scaled['spec'].get('maxReplicaCount') or 100}"
