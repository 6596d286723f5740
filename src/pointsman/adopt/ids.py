"""What Kustomize takes for one and the same object: by which ids a patch finds what it is for.

As in kustomize's api v0.18 to v0.21 (``resmap``, ``kyaml/resid``): group, version, kind, name and the namespace that
counts, of what an object is now, or was before a transformer changed its name or namespace. No namespace is
``default``; kinds of the whole cluster have none, whatever is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["CLUSTER_WIDE", "Id", "id_of", "told"]

Id = tuple[str, str, str, str, str]
"""Group, version, kind, namespace that counts, name."""
CLUSTER_WIDE = frozenset(
    {
        *("Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"),
        *("APIService", "StorageClass", "PriorityClass", "IngressClass", "RuntimeClass", "CSIDriver", "CSINode"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy"),
        *("ValidatingAdmissionPolicyBinding", "VolumeAttachment", "CertificateSigningRequest", "FlowSchema"),
    }
)
"""Kubernetes' own kinds without a namespace; of others Kustomize does not know."""
_NONE = "_non_namespaceable_"


def id_of(data: Mapping[str, Any]) -> Id:
    """The id of an object, or of a patch that names one."""
    metadata = data.get("metadata")
    named: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    group, _, version = str(data.get("apiVersion") or "").rpartition("/")
    kind = str(data.get("kind"))
    namespace = _NONE if kind in CLUSTER_WIDE else str(named.get("namespace") or "") or "default"
    return group, version, kind, namespace, str(named.get("name") or "")


def told(one: Id) -> str:
    """For people."""
    group, version, kind, namespace, name = one
    api = f"{group}/{version}" if group else version
    space = {_NONE: "", "default": ", no namespace"}.get(namespace, f", namespace {namespace}")
    return f"{kind} {name} ({api}{space})"
