"""What a Pod may be told about itself: ``fieldRef``, ``resourceFieldRef`` and ``$(VAR)`` references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pointsman.lab.node.quantities import in_units

__all__ = ["expand", "field_value", "resource_value"]

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_REFERENCE = re.compile(r"\$(?:\$|\(([A-Za-z_.-][A-Za-z0-9_.-]*)\))")

_PLAIN: Mapping[str, tuple[str, str]] = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "metadata.uid": ("metadata", "uid"),
    "spec.nodeName": ("spec", "nodeName"),
    "spec.serviceAccountName": ("spec", "serviceAccountName"),
    "status.hostIP": ("status", "hostIP"),
    "status.podIP": ("status", "podIP"),
}


def field_value(pod: Mapping[str, Any], path: str) -> str:
    """The value of a ``fieldPath``; raises KeyError for a path the downward API does not have."""
    if path in _PLAIN:
        part, name = _PLAIN[path]
        return str(pod[part].get(name, ""))
    if path in ("status.podIPs", "status.hostIPs"):
        return ",".join(item["ip"] for item in pod["status"].get(path.removeprefix("status."), []))
    if path in ("metadata.labels", "metadata.annotations"):
        entries = pod["metadata"].get(path.removeprefix("metadata.")) or {}
        return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted(entries.items()))
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript is None:
        raise KeyError(path)
    return str((pod["metadata"].get(subscript[1]) or {}).get(subscript[2], ""))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_value(container: Mapping[str, Any], node: Mapping[str, str], resource: str, divisor: str | None) -> str:
    """The value of a ``resource`` such as ``limits.cpu``; a limit nobody set is what the node has."""
    which, _, name = resource.partition(".")
    resources = container.get("resources") or {}
    amount = (resources.get(which) or {}).get(name)
    if amount is None and which == "requests":
        amount = (resources.get("limits") or {}).get(name, "0")
    if amount is None:
        amount = node.get(name, "0")
    return in_units(amount, divisor or "1")


def expand(text: str, values: Mapping[str, str]) -> str:
    """``text`` with ``$(NAME)`` replaced; an unknown name stays as written, ``$$`` is a dollar sign."""

    def replace(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return values.get(found[1], found[0])

    return _REFERENCE.sub(replace, text)
