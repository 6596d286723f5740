"""A platform as files and as the answers of a cluster: seeds, folders, and an API server that is played."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from multidict import CIMultiDict

from pointsman.kube.client import Client
from pointsman.kube.http import Response
from pointsman.kube.kubeconfig import load_access
from pointsman.kube.resources import KINDS
from pointsman.layers.registry import layer
from pointsman.move.boundary import SystemClock
from tests.checks.grid import examples
from tests.checks.written import SERVER, objects_in
from tests.cli.test_status import models, platform
from tests.cost.paid import L4, balancer, claim, engine_pod, node, pod, volume

__all__ = ["Played", "Quick", "answers", "laid_out", "manifests"]

Object = dict[str, Any]
SMALL = 20_000
_LISTS = {kind.path(None): kind for kind in KINDS}


@cache
def manifests() -> list[bytes]:
    """Files of the catalogue's examples: manifests, Helm values, kustomizations, Applications, Models, ignores."""
    found = [file.read_bytes() for one in examples() if not one.live for file in one.files()]
    return [text for text in found if len(text) < SMALL]


def laid_out(folder: Path, data: bytes, random: Random) -> Path:
    """A repository: an example's files, one of them replaced, sometimes by one whose name means something."""
    one = random.choice([one for one in examples() if not one.live])
    root = folder / "repository"
    files = {file.relative_to(one.path): file.read_bytes() for file in one.files()}
    name = random.choice([*files, *map(Path, ("kustomization.yaml", "values.yaml", "a/b.yaml", "models/qwen.yaml"))])
    for path, text in {**files, name: data}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text)
    return root


@cache
def answers() -> list[bytes]:
    """What clusters hold: two models, one of them paid for; and what runs in the examples of the catalogue."""
    whole = list(platform(models(2)).objects.values())
    gpu = "nvidia.com/gpu"
    home = layer("raw-vllm").namespace(models(1)[0])
    paid = [
        *(node("gpu-a", {gpu: 8}, labels=L4), node("mig", {"nvidia.com/mig-1g.10gb": 7}), node("cpu-1")),
        *(engine_pod("qwen-0", "gpu-a", 2, claims=("qwen-cache",)), pod("notebook", "gpu-a", {gpu: 1})),
        *(claim("qwen-cache", "50Gi", "fast", home), volume("pv-1", "100Gi", "Released", "serving/old")),
        balancer("litellm", namespace="llm-gateway"),
    ]
    live = [[one for one in objects_in(each.path) if one["kind"] != SERVER] for each in examples() if each.live]
    seeds = [[*whole, *paid], paid, whole, *([*paid[:4], *some] for some in live)]
    return [json.dumps({"kind": "List", "items": some}, default=str).encode() for some in seeds]


class Quick(SystemClock):
    """Nobody waits."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Played(Client):
    """An API server that answers lists with ``data``, cut up by kind, or with nothing but it; writes are a finding."""

    def __init__(self, kubeconfig: Path, data: bytes, random: Random) -> None:
        super().__init__(load_access(kubeconfig))
        self._random = random
        self._raw = data
        try:
            said = json.loads(data)
        except (ValueError, RecursionError):
            said = None
        items = said.get("items") if isinstance(said, dict) else None
        self._items = items if isinstance(items, list) else None
        self._refused = random.choice((0.0, 0.0, 0.1))

    async def http(self, method: str, path: str, **how: Any) -> Response:
        assert method in ("GET", "POST"), f"{method} {path}"
        assert method == "GET" or "authorization.k8s.io" in path, f"{method} {path}"
        if self._random.random() < self._refused:
            return _said({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "not you"}, 403)
        parts = urlsplit(path)
        if parts.path == "/version":
            return _said({"gitVersion": self._random.choice(("v1.34.4", "", None, 7))})
        if self._items is None:
            return Response(200, CIMultiDict(), self._raw)
        table = "as=Table" in str(how.get("headers"))
        selector = parse_qs(urlencode(how.get("params") or {})).get("labelSelector", [""])[0]
        return self._list(parts.path, [one for one in selector.split(",") if one], table=table)

    def _list(self, path: str, labels: Sequence[str], *, table: bool) -> Response:
        kind = next((kind for each, kind in _LISTS.items() if path == each or _in_space(path, each)), None)
        if kind is None:
            one = next((one for one in self._items or () if _named(one, path)), None)
            return _said(one) if one is not None else _said({"kind": "Status", "code": 404, "reason": "NotFound"}, 404)
        found = [one for one in self._items or () if not isinstance(one, dict) or one.get("kind") == kind.name]
        found = [one for one in found if not labels or all(_labelled(one, label) for label in labels)]
        if table:
            rows = [{"cells": [one["metadata"]["name"]]} for one in found if _is_named(one)]
            return _said(
                {
                    "kind": "Table",
                    "metadata": {},
                    "columnDefinitions": [{"name": "Name", "format": "name"}],
                    "rows": rows,
                }
            )
        return _said({"kind": f"{kind.name}List", "metadata": {}, "items": found})


def _said(data: Any, status: int = 200) -> Response:
    return Response(status, CIMultiDict(), json.dumps(data).encode())


def _in_space(path: str, whole: str) -> bool:
    head, _, plural = whole.rpartition("/")
    return path.startswith(f"{head}/namespaces/") and path.endswith(f"/{plural}")


def _is_named(one: Any) -> bool:
    return (
        isinstance(one, dict) and isinstance(one.get("metadata"), dict) and isinstance(one["metadata"].get("name"), str)
    )


def _labelled(one: Any, wanted: str) -> bool:
    said = one["metadata"].get("labels") if _is_named(one) else None
    key, _, value = wanted.partition("=")
    has = isinstance(said, dict) and key.lstrip("!") in said
    return not has if key.startswith("!") else isinstance(said, dict) and has and value in ("", said[key])


def _named(one: Any, path: str) -> bool:
    return _is_named(one) and path.endswith(f"/{one['metadata']['name']}")
