"""70x: what a layer needs in the cluster before it is used: definitions, controllers, webhooks that answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Run, Source, Sure, Told
from pointsman.checks.state import condition, settled, since, tagged, uses
from pointsman.checks.view import View, get, listed

__all__ = ["CHECKS", "LAYERS", "version_of"]

LAYERS = frozenset({"kserve", "llm-d"})
"""Layers that have controllers."""
_DEFINITION = "CustomResourceDefinition"
_GATEWAY_API = ("gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io")
_KSERVE, _LLMD = "kserve-controller-manager", "llmisvc-controller-manager"
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "kserve": ("inferenceservices.serving.kserve.io",),
    "llm-d": (
        "llminferenceservices.serving.kserve.io",
        "llminferenceserviceconfigs.serving.kserve.io",
        "inferencepools.inference.networking.k8s.io",
        *_GATEWAY_API,
    ),
}
_ALPHA_POOL = "inferencepools.inference.networking.x-k8s.io"
_SETS = "leaderworkersets.leaderworkerset.x-k8s.io"
_CONTROLLERS = {
    _KSERVE: "InferenceServices",
    _LLMD: "LLMInferenceServices",
    "lws-controller-manager": "LeaderWorkerSets",
    "cert-manager": "certificates, those of webhooks among them",
    "cert-manager-cainjector": "the certificates that webhooks are called with",
    "cert-manager-webhook": "changes of Certificates and Issuers",
    "envoy-gateway": "Gateways and HTTPRoutes",
    "istiod": "Gateways and HTTPRoutes",
    "argocd-application-controller": "Applications",
    "argocd-repo-server": "manifests from git",
    "argocd-applicationset-controller": "ApplicationSets",
}
"""What stands still without them."""
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_WORKLOADS = ("Deployment", "StatefulSet")
_CLUSTER = "the cluster"
_MINUTES = 3.0
"""A controller that has just been started may still become ready."""


def version_of(view: View, controller: str) -> tuple[Standing, str, tuple[int, int, int]] | None:
    """The controller, the image, and the version that its tag says; None where no tag does."""
    for one in view.of(*_WORKLOADS):
        if one.name == controller:
            for image, version in tagged(get(one.data, "spec", "template", "spec")):
                return one, image, version
    return None


def _missing(view: View) -> Iterator[Told]:
    there = {one.name for one in view.of(_DEFINITION)}
    if not there:
        return
    for layer, needs in _NEEDS.items():
        if uses(view, layer):
            for name in (one for one in needs if one not in there):
                yield Told(None, f"the cluster has no {name}, which {layer} needs", where=_CLUSTER)
    told = version_of(view, _LLMD)
    if told and told[2][:2] == (0, 19) and _ALPHA_POOL not in there:
        yield Told(None, f"the cluster has no {_ALPHA_POOL}, which llm-d of {told[1]} watches, too", where=_CLUSTER)
    for one in view.of("LLMInferenceService"):
        worker = next((each for each in ("worker", "prefill") if _has_worker(one, each)), "")
        if worker and _SETS not in there:
            yield Told(one, f"it runs on several nodes, and the cluster has no {_SETS}", ("spec", worker))


def _has_worker(one: Standing, part: str) -> bool:
    return bool(get(one.data, "spec", *((part,) if part == "worker" else (part, "worker"))))


def _not_ready(view: View) -> Iterator[Told]:
    for one in view.of(*_WORKLOADS):
        what = _CONTROLLERS.get(one.name)
        if what is None or not _down(view, one):
            continue
        wanted, ready = get(one.data, "spec", "replicas"), get(one.data, "status", "readyReplicas") or 0
        yield Told(one, f"{ready} of {wanted} replicas are ready, so nobody looks after {what}")


def _down(view: View, one: Standing) -> bool:
    wanted, ready = get(one.data, "spec", "replicas"), get(one.data, "status", "readyReplicas") or 0
    if wanted == 0:
        return True
    return isinstance(wanted, int) and ready == 0 and settled(view, since(one, condition(one, "Available")), _MINUTES)


def _nobody(view: View) -> Iterator[Told]:
    """Whoever runs elsewhere shows by what it does: a status that somebody wrote, or an address outside of webhooks."""
    running = {one.name for one in view.of(*_WORKLOADS)}
    for layer, kind, name in (("kserve", "InferenceService", _KSERVE), ("llm-d", "LLMInferenceService", _LLMD)):
        objects = view.of(kind)
        if not uses(view, layer) or name in running or _outside(view, kind):
            continue
        if not any(get(one.data, "status") for one in objects):
            stuck = f"; {len(objects)} {kind}s have no status" if objects else ""
            what = f"there is no Deployment {name} in any namespace, so nobody makes pods of a {kind}{stuck}"
            yield Told(None, what, where=_CLUSTER)


def _outside(view: View, kind: str) -> bool:
    """Are its webhooks answered by something else than pods of a Deployment?"""
    group = f"{kind.lower()}.serving.kserve.io"
    slices = {_service(one) for one in view.of("EndpointSlice") if _ready(one)}
    for one in view.of(*_WEBHOOKS):
        for each in listed(one.data, "webhooks") if one.name == group else ():
            if get(each, "clientConfig", "url") or _called(each) in slices:
                return True
    return False


def _deaf(view: View) -> Iterator[Told]:
    services = {(one.namespace, one.name) for one in view.of("Service")}
    ready = {_service(one) for one in view.of("EndpointSlice") if _ready(one)}
    for one in view.of(*_WEBHOOKS):
        for number, each in enumerate(listed(one.data, "webhooks")):
            called = _called(each)
            if not all(called) or each.get("failurePolicy") == "Ignore" or called in ready:
                continue
            why = "no ready endpoint" if called in services else "no such Service"
            what = f"{each.get('name')} calls Service {'/'.join(called)}, which has {why}"
            yield Told(one, what.replace("which has no such Service", "which does not exist"), ("webhooks", number))


def _called(webhook: Mapping[str, object]) -> tuple[str, str]:
    said = get(webhook, "clientConfig", "service")
    return str(get(said, "namespace") or ""), str(get(said, "name") or "")


def _service(one: Standing) -> tuple[str, str]:
    return one.namespace, str(get(one.data, "metadata", "labels", "kubernetes.io/service-name") or "")


def _ready(one: Standing) -> bool:
    """An endpoint that does not say whether it is ready counts as ready (Kubernetes, discovery/v1)."""
    return any(get(each, "conditions", "ready") is not False for each in listed(one.data, "endpoints"))


def _unsigned(view: View) -> Iterator[Told]:
    for one in view.of(*_WEBHOOKS):
        annotations = get(one.data, "metadata", "annotations")
        source = next((key for key in annotations or {} if str(key).startswith("cert-manager.io/inject-ca-from")), "")
        for number, each in enumerate(listed(one.data, "webhooks") if source else ()):
            if str(get(each, "clientConfig", "caBundle") or "") in ("", "Cg=="):
                what = f"{each.get('name')} waits for its certificate ({source}), and has none"
                yield Told(one, what, ("webhooks", number))


def _check(number: int, name: str, reads: set[str], texts: tuple[str, str, str], check: Run, sure: Sure) -> Check:
    cause, remedy, fact = texts
    return Check(
        f"PM{number}",
        name,
        Level.error,
        frozenset(reads),
        cause=cause,
        remedy=remedy,
        sure=sure,
        fact=fact,
        run=check,
        sources=frozenset({Source.cluster}),
        whole=len(reads) > 1,
        layers=LAYERS if number in (701, 703) else frozenset(),
    )


_OBJECTS = {"InferenceService", "LLMInferenceService"}
CHECKS: tuple[Check, ...] = (
    _check(
        701,
        "definition-missing",
        {_DEFINITION, *_WORKLOADS, *_OBJECTS},
        (
            "without these definitions the API server refuses the layer's objects, or its controller does not start",
            "install the layer's definitions first: charts kserve-crd, kserve-llmisvc-crd, Gateway API, the inference"
            " extension, LeaderWorkerSet",
            "KServe v0.19.0 and v0.20.0, cmd/llmisvc and config/llmisvc",
        ),
        _missing,
        Sure.source,
    ),
    _check(
        702,
        "controller-not-ready",
        set(_WORKLOADS),
        (
            "objects are accepted and nothing comes of them while their controller is not ready",
            "see why it does not start: kubectl describe, kubectl logs --previous",
            "Kubernetes: controllers act, the API server only stores",
        ),
        _not_ready,
        Sure.measured,
    ),
    _check(
        703,
        "controller-missing",
        {*_WORKLOADS, *_OBJECTS, *_WEBHOOKS, "EndpointSlice"},
        (
            "without its controller an object of the layer is stored, and nothing ever comes of it",
            "install the charts kserve-resources and kserve-llmisvc-resources",
            "KServe v0.20.0, config/manager and config/llmisvc; told by what is there and by what it wrote",
        ),
        _nobody,
        Sure.source,
    ),
    _check(
        704,
        "webhook-unanswered",
        {*_WEBHOOKS, "Service", "EndpointSlice"},
        (
            "the API server refuses every change that a webhook has to see while nobody answers it",
            "make the Service's pods ready, or take away a webhook that was left by something uninstalled",
            "Kubernetes 1.34, admission webhooks with failurePolicy Fail, seen in the lab",
        ),
        _deaf,
        Sure.measured,
    ),
    _check(
        705,
        "webhook-without-certificate",
        set(_WEBHOOKS),
        (
            "without a CA the API server trusts no answer of the webhook, and refuses what it has to see",
            "see that cert-manager and its cainjector run, and that the Certificate is Ready",
            "cert-manager docs, CA injector; Kubernetes, clientConfig.caBundle",
        ),
        _unsigned,
        Sure.source,
    ),
)
