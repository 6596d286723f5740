"""Kinds, references and URL paths: the pure half of Kubernetes access."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.errors import NotFoundError, UsageError

__all__ = ["KINDS", "Kind", "Ref", "kind_of", "plural_of", "pod_port_path", "ref_of"]

_LEADS = re.compile(r"[^!-~]|[/%?#\\]")
"""What no name of an object holds (kubernetes 1.34, path segment names), and what would make a path another one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One API resource: ``apps/v1 Deployment deployments``."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True

    def __hash__(self) -> int:
        return hash(self.plural)  # of one string that knows its own: references are keys by the thousand

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
        """URL path of the collection, one object, or one of its subresources.

        Raises NotFoundError for what cannot be a name: others' annotations and journals name objects too, and one
        called ``../secrets/key`` must not lead a request elsewhere.
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        for part in parts:
            if part in (".", "..") or _LEADS.search(part):
                raise NotFoundError(
                    f"{part[:100]!r} is no name of {self.plural}, so nothing is called that", where=self.name
                )
        return "/" + "/".join(parts)


@dataclass(frozen=True, slots=True)
class Ref:
    """One object. ``str()`` gives what a person would type: ``Deployment serving/raw-vllm``."""

    kind: Kind
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind.name} {where}"

    def path(self, subresource: str = "") -> str:
        """URL path of the object or one of its subresources."""
        return self.kind.path(self.namespace, self.name, subresource)


_SERVING = "serving.kserve.io"
_GATEWAY = "gateway.networking.k8s.io"

KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "Namespace", "namespaces", namespaced=False),
    Kind("", "v1", "Node", "nodes", namespaced=False),
    Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False),
    Kind("", "v1", "Pod", "pods"),
    Kind("", "v1", "Service", "services"),
    Kind("", "v1", "Endpoints", "endpoints"),
    Kind("", "v1", "ConfigMap", "configmaps"),
    Kind("", "v1", "Secret", "secrets"),
    Kind("", "v1", "ServiceAccount", "serviceaccounts"),
    Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    Kind("", "v1", "ResourceQuota", "resourcequotas"),
    Kind("", "v1", "LimitRange", "limitranges"),
    Kind("", "v1", "Event", "events"),
    Kind("apps", "v1", "Deployment", "deployments"),
    Kind("apps", "v1", "ReplicaSet", "replicasets"),
    Kind("apps", "v1", "StatefulSet", "statefulsets"),
    Kind("apps", "v1", "DaemonSet", "daemonsets"),
    Kind("batch", "v1", "Job", "jobs"),
    Kind("batch", "v1", "CronJob", "cronjobs"),
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    Kind("coordination.k8s.io", "v1", "Lease", "leases"),
    Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
    Kind("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    Kind(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        namespaced=False,
    ),
    Kind(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        namespaced=False,
    ),
    Kind(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        namespaced=False,
    ),
    Kind(_SERVING, "v1beta1", "InferenceService", "inferenceservices"),
    Kind(_SERVING, "v1alpha1", "LLMInferenceService", "llminferenceservices"),  # as people may have written it
    Kind(_SERVING, "v1alpha2", "LLMInferenceService", "llminferenceservices"),
    Kind(_SERVING, "v1alpha2", "LLMInferenceServiceConfig", "llminferenceserviceconfigs"),
    Kind(_SERVING, "v1alpha1", "ServingRuntime", "servingruntimes"),
    Kind(_SERVING, "v1alpha1", "ClusterServingRuntime", "clusterservingruntimes", namespaced=False),
    Kind(_GATEWAY, "v1", "GatewayClass", "gatewayclasses", namespaced=False),
    Kind(_GATEWAY, "v1", "Gateway", "gateways"),
    Kind(_GATEWAY, "v1", "HTTPRoute", "httproutes"),
    Kind("inference.networking.k8s.io", "v1", "InferencePool", "inferencepools"),
    Kind("networking.k8s.io", "v1", "Ingress", "ingresses"),
    Kind("argoproj.io", "v1alpha1", "Application", "applications"),
    Kind("argoproj.io", "v1alpha1", "ApplicationSet", "applicationsets"),
    Kind("argoproj.io", "v1alpha1", "AppProject", "appprojects"),
    Kind("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"),
    Kind("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"),
    Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
)
"""Every kind the program touches. A kind that is not here is a bug, not something to discover at run time."""

_BY_GVK = {(kind.api_version, kind.name): kind for kind in KINDS}
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(name: str, api_version: str | None = None) -> Kind:
    """The kind called ``name`` (``Deployment``); raises UsageError naming what is known."""
    found = _BY_NAME.get(name) if api_version is None else _BY_GVK.get((api_version, name))
    if found is None:
        known = ", ".join(sorted(_BY_NAME))
        raise UsageError(
            f"kind {name!r} ({api_version or 'any version'}) is not one pointsman handles",
            next_action=f"use one of: {known}",
            code="kind-unknown",
        )
    return found


def plural_of(name: str) -> str:
    """``deployments`` for ``Deployment``; of a kind that is not handled, a guess."""
    found = _BY_NAME.get(name)
    return found.plural if found else f"{name.lower()}s"


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """The reference of a manifest with ``apiVersion``, ``kind`` and ``metadata.name``."""
    kind = kind_of(manifest["kind"], manifest["apiVersion"])
    metadata = manifest["metadata"]
    return Ref(kind, metadata["name"], metadata.get("namespace") if kind.namespaced else None)


def pod_port_path(namespace: str | None, pod: str, port: int) -> str:
    """URL path at which the API server leads to a port of a pod."""
    return Ref(kind_of("Pod"), f"{pod}:{port}", namespace).path("proxy")
