"""Values of Secrets, and everywhere they could have come to: the repository, journals, whatever was printed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping

from tests.conftest import RunningLab
from tests.gitops.initialised import PLACES, Platform

__all__ = ["secret_values", "told_in"]

SHORTEST = 8
"""Characters below which a value may stand anywhere by chance."""


def secret_values(lab: RunningLab) -> dict[str, str]:
    """Every value of a Secret of the platform's namespaces, by what it is called."""
    found: dict[str, str] = {}
    for place in PLACES:
        for one in json.loads(lab.kubectl("get", "secrets", "-n", place, "-o", "json").stdout)["items"]:
            for key, coded in (one.get("data") or {}).items():
                value = base64.b64decode(coded).decode(errors="replace").strip()
                if len(value) >= SHORTEST:
                    found[f"{place}/{one['metadata']['name']} {key}"] = value
    assert any("vllm-api-key" in name for name in found), "the engines have no key"
    assert any("master-key" in name for name in found), "the proxy has no key"
    return found


def told_in(platform: Platform, secrets: Mapping[str, str], said: Iterable[str]) -> Iterator[str]:
    """In words, where one of these values was told, as it is or in base64."""
    places = {
        "the repository": _objects(platform),
        "journals": platform.lab.kubectl("get", "configmaps", "-A", "-o", "json").stdout,
        "Applications": platform.lab.kubectl("get", "applications", "-A", "-o", "json").stdout,
        "events": platform.lab.kubectl("get", "events", "-A", "-o", "json").stdout,
        "what was printed": "\n".join(said),
    }
    for name, value in secrets.items():
        for place, text in places.items():
            if value in text or base64.b64encode(value.encode()).decode() in text:
                yield f"the value of {name} is in {place}"


def _objects(platform: Platform) -> str:
    """Every object of the remote and of the clone, reachable or not: blobs, trees, commits and their messages."""
    whole = ("cat-file", "--batch-all-objects", "--batch")
    bare = platform("git", "--git-dir", str(platform.remote), *whole)
    return bare + platform("git", *whole)
