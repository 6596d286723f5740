"""ConfigMap ``argocd-cm``: by which label Argo CD tracks, and what it overlooks in every Application (argo-cd 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pointsman.owners.argo import LABEL, Settings

__all__ = ["settings_in"]

_IGNORE = "resource.customizations.ignoreDifferences."


def settings_in(config: Mapping[str, Any]) -> Settings:
    """What the ConfigMap says; a rule that cannot be read is no rule."""
    data = config.get("data") or {}
    rules = [
        {**_kind(key.removeprefix(_IGNORE)), **_loaded(text)} for key, text in data.items() if key.startswith(_IGNORE)
    ]
    return Settings(str(data.get("application.instanceLabelKey") or LABEL), tuple(rules))


def _kind(word: str) -> dict[str, str]:
    """``apps_Deployment``, ``ConfigMap`` or ``all``."""
    if word == "all":
        return {"group": "*", "kind": "*"}
    group, _, kind = word.rpartition("_")
    return {"group": group, "kind": kind}


def _loaded(text: Any) -> Mapping[str, Any]:
    try:
        found = YAML(typ="safe", pure=True).load(str(text))
    except YAMLError:
        return {}
    return found if isinstance(found, Mapping) else {}
