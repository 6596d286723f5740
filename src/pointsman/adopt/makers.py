"""Objects that may make pods and Services which nobody writes: custom resources whose controllers are not known here.

A LeaderWorkerSet labels its pods itself, a RayService makes Services of its own name and others; so do the graphs of
Dynamo, deployments of Seldon, Knative's Services, releases of Helm. What of a namespace with such an object leads to
nothing that is written may lead to what it makes. The opposite is listed: groups that are known to make neither.
"""

from __future__ import annotations

import re

from pointsman.adopt.objects import Deployed

__all__ = ["foreign", "label_of", "made_into", "makes", "makes_routes", "makes_somewhere"]

_GROUP = re.compile(r"""(?<![\w.])["']?apiVersion["']?\s*:\s*["']?([\w.-]+)/""")
_HARMLESS = re.compile(
    r"[^.]*|.*\.k8s\.io|inference\.networking\.x-k8s\.io|kueue\.x-k8s\.io|serving\.kserve\.io|pointsman\.dev"
    r"|argoproj\.io|(?:source|kustomize|notification|image)\.toolkit\.fluxcd\.io|monitoring\.(?:coreos|googleapis)\.com"
    r"|(?:.+\.)?(?:cert-manager\.io|external-secrets\.io|keda\.sh|istio\.io|kyverno\.io|bitnami\.com|projectcalico\.org"
    r"|cilium\.io|envoyproxy\.io|resource\.nvidia\.com|karpenter\.sh|traefik\.io|kuadrant\.io|konghq\.com|secrets-store\.csi\.x-k8s\.io)"
)
"""API groups whose objects make no pods and no Services, or whose makers are read themselves."""
_ROUTED = re.compile(r"aigateway\.envoyproxy\.io|networking\.istio\.io")
_MAKERS = {("serving.kserve.io", "InferenceGraph")}
_OF_CLUSTERS = re.compile(r"Cluster[A-Z]\w+|NVIDIADriver")
"""Kinds of settings for a whole cluster, as the GPU operator's ClusterPolicy."""


def makes(one: Deployed) -> bool:
    """May its controller make pods, or Services, that are not known here?"""
    if (one.group, one.kind) in _MAKERS:
        return True
    return not _HARMLESS.fullmatch(one.group) and not _OF_CLUSTERS.fullmatch(one.kind)


def makes_somewhere(text: str) -> bool:
    """Does a file's text speak of such an object, or such a route, as far as its groups tell?"""
    groups = set(_GROUP.findall(text))
    return "InferenceGraph" in text or any(_ROUTED.fullmatch(one) or not _HARMLESS.fullmatch(one) for one in groups)


def makes_routes(one: Deployed) -> bool:
    """May it lead requests on, as an HTTPRoute that is not written?"""
    return bool(_ROUTED.fullmatch(one.group)) and (one.kind == "VirtualService" or one.kind.endswith("Route"))


def made_into(one: Deployed, namespace: str) -> set[str]:
    """Namespaces that it makes them in; the empty text for any."""
    spec = one.data.get("spec")
    target = spec.get("targetNamespace") if isinstance(spec, dict) else None
    return {namespace, *([target] if isinstance(target, str) else [])}


def label_of(one: Deployed, namespace: str) -> str:
    """``RayService serving/llm``."""
    return f"{one.kind} {namespace}/{one.name}" if namespace else f"{one.kind} {one.name}"


def foreign(one: Deployed) -> bool:
    """Is it of a kind that only has the name of one of Kubernetes's own: a Service of Knative?"""
    return one.kind == "Service" and bool(one.group)
