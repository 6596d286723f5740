"""8xx: claims that do not fit what they are for, and what is billed by being there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from pointsman.adopt.attachments import selects
from pointsman.adopt.promise import Engine
from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.view import View, get, listed
from pointsman.kube.quantity import quantity

__all__ = ["CHECKS"]

_SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d{1,3}(?:\.\d{1,2})?)[bB](?![a-zA-Z0-9])")
_SMALLER = re.compile(
    r"awq|gptq|int[48]|fp[48]|nf4|bnb|[48]bit|gguf|q[2-8]_|w[48]a|mxfp|nvfp|quantized|gpt-oss|deepseek-(?:v3|r1)",
    re.IGNORECASE,
)
_BYTES = 2
"""A parameter in 16 bits."""
_LEAST = Decimal("0.9")
_INTERNAL = re.compile(r"load-balancer-(?:type|internal|scheme)|internal-load-balancer", re.IGNORECASE)


def _mounted(view: View) -> Iterator[tuple[Engine, Standing]]:
    """Each engine with the claims that its pods mount."""
    for engine in view.engines:
        pod = get(engine.standing.data, *engine.container[:-2]) if len(engine.container) > 2 else None
        if engine.container[-1:] == ("model",):
            pod = get(engine.standing.data, *engine.container[:-1])
        for volume in listed(pod, "volumes"):
            name = get(volume, "persistentVolumeClaim", "claimName")
            claim = view.find("PersistentVolumeClaim", engine.namespace, str(name)) if name else None
            if claim is not None:
                yield engine, claim


def _one_node(view: View) -> Iterator[Told]:
    for engine, claim in _mounted(view):
        found = get(claim.data, "spec", "accessModes")
        modes = [str(one) for one in found] if isinstance(found, list) else []
        several = _most(engine)
        if several < 2 or not modes or {"ReadWriteMany", "ReadOnlyMany"} & set(modes):
            continue
        what = f"{engine} runs up to {several} pods on it, and {', '.join(modes)} binds it to one node"
        yield Told(claim, what, ("spec", "accessModes"))


def _most(engine: Engine) -> int:
    most = get(engine.standing.data, "spec", "predictor", "maxReplicas")
    return max(engine.replicas, most) if isinstance(most, int) and not isinstance(most, bool) else engine.replicas


def _small(view: View) -> Iterator[Told]:
    for engine, claim in _mounted(view):
        weights = str(engine.weights.value) if engine.weights else ""
        size = _SIZE.search(weights.rpartition("/")[2])
        quantised = _SMALLER.search(weights) or any(
            "quantization" in one or "load-format" in one for one in engine.args
        )
        room = _room(claim)
        if size is None or quantised or room is None or not _holds_weights(engine, claim):
            continue
        needed = Decimal(size[1]) * _BYTES * 10**9
        if room < needed * _LEAST:
            what = f"{weights} takes about {needed / 10**9:.0f} GB in 16 bits, and it has {_said(claim)}"
            yield Told(claim, what, ("spec", "resources", "requests", "storage"))


def _said(claim: Standing) -> str:
    return str(get(claim.data, "spec", "resources", "requests", "storage"))


def _room(claim: Standing) -> Decimal | None:
    try:
        return quantity(_said(claim))
    except ValueError:
        return None


def _holds_weights(engine: Engine, claim: Standing) -> bool:
    """Is it surely where weights go: named as their place, or the home of the hub's cache?"""
    if engine.claim is not None:
        return engine.claim[0] == claim.name
    container = get(engine.standing.data, *engine.container)
    pod = get(engine.standing.data, *engine.container[:-2])
    volumes = {
        str(one.get("name"))
        for one in listed(pod, "volumes")
        if get(one, "persistentVolumeClaim", "claimName") == claim.name
    }
    paths = [str(one.get("mountPath")) for one in listed(container, "volumeMounts") if str(one.get("name")) in volumes]
    homes = [
        str(one.get("value")) for one in listed(container, "env") if one.get("name") in ("HF_HOME", "HF_HUB_CACHE")
    ]
    return any(home == path or home.startswith(f"{path.rstrip('/')}/") for home in homes for path in paths)


def _billed(view: View) -> Iterator[Told]:
    for one in view.of("Service"):
        if get(one.data, "spec", "type") != "LoadBalancer":
            continue
        selector = get(one.data, "spec", "selector")
        own = isinstance(selector, dict) and any(
            selects(selector, engine.pod_labels, engine.namespace, one.namespace) for engine in view.engines
        )
        if not own:  # one that leads to an engine is 808's
            annotations = get(one.data, "metadata", "annotations")
            inside = any(_INTERNAL.search(str(key)) for key in annotations) if isinstance(annotations, dict) else False
            where = "an internal" if inside else "a public"
            yield Told(one, f"it takes {where} address of its own, which is billed while it is there", ("spec", "type"))


CHECKS = (
    Check(
        "PM812",
        "claim-on-one-node",
        Level.warning,
        frozenset({"PersistentVolumeClaim", "engines"}),
        cause="a ReadWriteOnce claim is attached to one node: a pod on another waits in ContainerCreating",
        remedy="use ReadWriteMany or ReadOnlyMany, or a claim for each pod",
        sure=Sure.source,
        fact="Kubernetes docs, persistent volumes (access modes)",
        run=_one_node,
    ),
    Check(
        "PM813",
        "claim-too-small",
        Level.error,
        frozenset({"PersistentVolumeClaim", "engines"}),
        cause="weights that do not fit fill the claim, and the engine starts its download again and again",
        remedy="ask for more: a third above the weights, since a download is written beside what is there",
        sure=Sure.rule,
        fact="parameters in the repository's name, two bytes each where the name says no smaller format",
        run=_small,
    ),
    Check(
        "PM814",
        "address-billed",
        Level.info,
        frozenset({"Service", "engines"}),
        cause="a LoadBalancer's address and rules are billed by the hour, and outlive a cluster that is deleted first",
        remedy="use a Gateway for several Services, and delete it before the cluster",
        sure=Sure.rule,
        fact="clouds bill addresses and forwarding rules, not requests",
        run=_billed,
    ),
)
