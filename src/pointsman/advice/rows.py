"""The rows of a comparison: what each layer's manifests say of one thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.advice.side import Side
from pointsman.kube.resources import Ref
from pointsman.layers.contract import Patch

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One."""

    name: str
    of: Callable[[Side], str]
    tenants: bool = False
    """Would tenants notice a difference?"""


def _objects(side: Side) -> str:
    names = [
        f"{one['kind']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}" for one in side.manifests
    ]
    return ", ".join(names)


def _origin(side: Side) -> str:
    written = side.model.spec.layers.block(side.id).written
    return f"written: {written.path}" if written else "rendered by pointsman from the spec"


def _names(side: Side) -> str:
    return ", ".join(str(one.value) for one in side.engine.names) or "not known"


def _context(side: Side) -> str:
    if "max-model-len" in side.engine.hidden:
        return "not known: it is filled in when it starts"
    return f"{side.engine.context.value} tokens" if side.engine.context else "what the weights' own configuration says"


def _key(side: Side) -> str:
    asks = side.engine.asks
    return "not known" if asks == "?" else "asks for none" if asks == "none" else f"from Secret {asks}"


def _weights(side: Side) -> str:
    return str(side.engine.weights.value) if side.engine.weights else "not known"


def _place(side: Side) -> str:
    if side.engine.claim:
        claim, path = side.engine.claim
        return f"staged on the claim {claim}" + (f", folder {path}" if path else "")
    uri = ((side.main.get("spec") or {}).get("model") or {}).get("uri") if side.preset else None
    if uri:
        staged = str(uri).startswith("pvc://")
        return f"{uri}: " + ("mounted read-only" if staged else "downloaded by KServe into each pod when it starts")
    return "downloaded from the hub into a claim that stays" if _cached(side) else "downloaded into each pod"


def _cached(side: Side) -> bool:
    volumes = side.pod.get("volumes")
    listed = volumes if isinstance(volumes, list) else []
    return any(isinstance(one, Mapping) and "persistentVolumeClaim" in one for one in listed)


def _address(side: Side) -> str:
    return side.layer.endpoint(side.model).base_url


def _port(side: Side) -> str:
    endpoint = side.layer.endpoint(side.model)
    engine = side.layer.engines(side.model)[0].port
    return f"engine {engine}, {endpoint.service.kind.name} {endpoint.port}"


def _image(side: Side) -> str:
    return side.engine.image or "the preset's"


def _replicas(side: Side) -> str:
    return str(side.model.on(side.id).spec.replicas)


def _gpus(side: Side) -> str:
    every = side.layer.gpus(side.model)
    prefill = sum(one.gpus for one in side.layer.needs(side.model) if one.role == "prefill")
    more = f", {prefill} of them only prefill" if prefill else ""
    return f"{side.engine.gpus} a replica, {every} in all{more}" if every else "none: a CPU"


def _longest(side: Side) -> str:
    """How long a request may take, by what stands in its way."""
    if side.id == "llm-d":
        return "no limit (its HTTPRoute says 0 s)"
    if side.id != "kserve":
        return "no limit of the layer's own"
    through = f"{side.timeout} s through KServe's HTTPRoute"
    past = side.model.spec.layers.kserve.address is None
    return f"no limit of the layer's own ({through}, which the alias goes past)" if past else through


def _ends(side: Side) -> str:
    end = side.ending
    told = "endpoints get no time to forget it" if not end.pre_stop else f"{end.pre_stop} s until SIGTERM"
    runs = "what runs is aborted" if not end.finish else f"{end.finish} s for what runs"
    return f"{told}, {runs}, killed after {end.grace} s"


def _rollout(side: Side) -> str:
    spec: Mapping[str, Any] = side.main.get("spec") or {}
    said = spec.get("strategy") if side.id == "raw-vllm" else (spec.get("predictor") or {}).get("deploymentStrategy")
    if side.preset:
        return "RollingUpdate by default: one pod more than usual, which needs free GPUs"
    kind = said.get("type") if isinstance(said, Mapping) else None
    if kind == "Recreate":
        return "Recreate: the old pods go first, a gap until the new ones serve"
    room = said.get("rollingUpdate") if isinstance(said, Mapping) else None
    surge = room.get("maxSurge", "25%") if isinstance(room, Mapping) else "25%"
    return f"RollingUpdate, up to {surge} pods more"


def _zero(side: Side) -> str:
    if side.id == "raw-vllm":
        return "by hand: replicas 0; nothing wakes it"
    if side.id == "kserve":
        return "by the stop annotation; minReplicas 0 under an HPA means 1; nothing wakes it"
    return "by the stop annotation; nothing wakes it"


def _canary(side: Side) -> str:
    own = {
        "raw-vllm": "none of its own",
        "kserve": "none in Standard mode (canaryTrafficPercent is not read)",
        "llm-d": "weights between two objects of a group (spec.router.route), past an alias at /NAMESPACE/NAME",
    }
    return f"{own[side.id]}; pointsman splits at the alias"


def _routing(side: Side) -> str:
    if side.id != "llm-d":
        return "a Service: any engine that is ready"
    return "an endpoint picker chooses by load and cached prefix"


def _parked(side: Side) -> str:
    return "; ".join(_patch(one) for one in side.layer.park(side.model))


def _patch(patch: Patch) -> str:
    return f"{_named(patch.ref)}: " + ", ".join(_leaves(patch.body))


def _named(ref: Ref) -> str:
    return str(ref)


def _leaves(body: Mapping[str, Any], before: str = "") -> list[str]:
    found = []
    for key, value in body.items():
        place = f"{before}.{key}" if before else str(key)
        found += _leaves(value, place) if isinstance(value, Mapping) else [f"{place} = {value}"]
    return found


def _gone(side: Side) -> str:
    gone = side.layer.capabilities.park_deletes_service
    return (
        "its Service or route is gone: an alias that still points there fails" if gone else "its Service stays, empty"
    )


def _deployed(side: Side) -> str:
    written = side.model.spec.layers.block(side.id).written
    if written is None:
        return "pointsman, by server-side apply"
    return f"Application {written.application}" if written.application else "pointsman applies the folder as it is"


def _moved(side: Side) -> str:
    count = len(side.manifests)
    onto = _deployed(side) if side.written else f"{count} object{'' if count == 1 else 's'} applied"
    return f"to it: {onto}, engines asked one by one; from it: drained, then parked"


ROWS: tuple[Row, ...] = (
    Row("served name", _names, tenants=True),
    Row("key", _key, tenants=True),
    Row("context", _context, tenants=True),
    Row("weights", _weights, tenants=True),
    Row("longest request", _longest),
    Row("a pod ends", _ends, tenants=True),
    Row("a new version", _rollout, tenants=True),
    Row("replicas", _replicas, tenants=True),
    Row("GPUs", _gpus),
    Row("image", _image),
    Row("weights lie", _place),
    Row("address", _address),
    Row("ports", _port),
    Row("requests go", _routing),
    Row("scale to zero", _zero),
    Row("canary", _canary),
    Row("parked by", _parked),
    Row("while parked", _gone),
    Row("manifests", _origin),
    Row("objects", _objects),
    Row("deployed by", _deployed),
    Row("a move", _moved),
)
"""In the order of who notices."""
