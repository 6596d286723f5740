"""Roles as RBAC writes them: some rights as rules, the same text for the same rights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pointsman.kube.rights import Right

__all__ = ["GROUP", "Object", "binding", "role", "rules"]

Object = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"
_API = f"{GROUP}/v1"
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")
DESCRIPTION = "kubernetes.io/description"
"""The annotation that says what an object is for (Kubernetes: well-known annotations)."""


def rules(wanted: Iterable[Right]) -> list[Object]:
    """Rules that give these rights and no others: names, then resources, that share everything else stand together."""
    verbs: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in wanted:
        verbs[one.kind.group, one.resource, one.name].add(one.verb)
    names: dict[tuple[str, tuple[str, ...], str], list[str]] = defaultdict(list)
    for (group, resource, name), some in verbs.items():
        more = some - verbs.get((group, resource, ""), set()) if name else some
        if more:
            names[group, tuple(sorted(more, key=_VERBS.index)), resource].append(name)
    resources: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, some_verbs, resource), called in names.items():
        resources[group, some_verbs, tuple(sorted(filter(None, called)))].append(resource)
    return sorted(
        (
            {"apiGroups": [group], "resources": sorted(some)}
            | ({"resourceNames": list(called)} if called else {})
            | {"verbs": list(some_verbs)}
            for (group, some_verbs, called), some in resources.items()
        ),
        key=lambda rule: (rule["apiGroups"], rule["resources"], rule.get("resourceNames", []), rule["verbs"]),
    )


def role(name: str, namespace: str | None, purpose: str, wanted: Iterable[Right]) -> Object:
    """A Role in a namespace, or a ClusterRole when there is none."""
    return {
        "apiVersion": _API,
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": _metadata(name, namespace) | {"annotations": {DESCRIPTION: purpose}},
        "rules": rules(wanted),
    }


def binding(of: Mapping[str, Any], subjects: Sequence[Object]) -> Object:
    """What gives a role to people: in its namespace, or everywhere for a ClusterRole."""
    name, namespace = of["metadata"]["name"], of["metadata"].get("namespace")
    return {
        "apiVersion": _API,
        "kind": f"{of['kind']}Binding",
        "metadata": _metadata(name, namespace),
        "roleRef": {"apiGroup": GROUP, "kind": of["kind"], "name": name},
        "subjects": list(subjects),
    }


def _metadata(name: str, namespace: str | None) -> Object:
    return {"name": name} | ({"namespace": namespace} if namespace else {})
