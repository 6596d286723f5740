"""What was found, as data under stable names: for ``--output json``, and for the report that people read."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from pointsman.adopt.adopted import Adopted, shared
from pointsman.adopt.edges import Edge
from pointsman.adopt.findings import Finding
from pointsman.adopt.hiding import hidden
from pointsman.adopt.mending import Mended
from pointsman.adopt.models import Found
from pointsman.adopt.promise import Engine
from pointsman.adopt.roads import Road
from pointsman.adopt.tree import Tree

__all__ = ["as_dict", "diffs"]


def as_dict(found: Adopted, mended: Mended | None, live: Adopted | None = None) -> dict[str, Any]:
    """All of it."""
    return {
        "environment": found.env,
        "models": [_model(one) for one in found.models],
        "edges": [_edge(one) for one in found.edges],
        "findings": [one.as_dict() for one in found.findings],
        "notMended": [_which(one) | {"why": why, "next": action} for one, why, action in mended.refused]
        if mended
        else [],
        "notTried": [_which(one) for one in mended.untried] if mended else [],
        "diff": diffs(mended.tree) if mended and found.tree else [],
        "alsoChanged": shared(found, mended.texts) if mended else {},
        "live": [{"object": str(one), "where": one.standing.where} for one in live.engines] if live else None,
        "notRead": [one.as_dict() for one in found.left_out],
    }


def _which(one: Finding) -> dict[str, str]:
    """What tells a finding from others."""
    return {"code": one.code, "where": one.where, "what": one.what}


def _model(one: Found) -> dict[str, Any]:
    return {
        "name": one.name,
        "layer": one.chief,
        "servedModelName": one.wanted,
        "aliases": one.aliases,
        "otherNames": one.renamed,
        "members": [_road(road) for road in one.roads],
        "others": [_road(road) for road in one.others],
        "layers": {layer: _engine(engine) for layer, engine in one.engines.items()},
    }


def _road(road: Road) -> dict[str, Any]:
    member = road.member
    return {
        "alias": member.alias,
        "where": member.where,
        "provider": member.provider,
        "model": member.model,
        "address": member.shown,
        "road": [{"what": hop.what, "where": hop.where} for hop in road.hops],
        "engines": [str(one) for one in road.engines],
        "end": road.end,
        "why": road.why,
    }


def _engine(engine: Engine) -> dict[str, Any]:
    origin = engine.standing.origin
    return {
        "object": str(engine),
        "where": engine.standing.where,
        "path": origin.path,
        "application": origin.application.name if origin.application else None,
        "names": [one.value for one in engine.names],
        "maxModelLen": engine.context.value if engine.context else None,
        "auth": engine.asks,
        "port": engine.port.value,
        "weights": engine.weights.value if engine.weights else None,
        "claim": "/".join(part for part in engine.claim if part) if engine.claim else None,
        "image": engine.image,
        "gpus": engine.gpus,
        "accelerator": engine.accelerator or None,
        "replicas": engine.replicas,
        "unknown": list(engine.unknown),
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "file": edge.path,
        "under": ".".join(edge.under),
        "application": edge.application.name if edge.application else None,
        "namespace": edge.namespace,
        "database": bool(edge.database),
        "aliases": edge.config.names,
    }


def diffs(tree: Tree) -> list[dict[str, Any]]:
    """What the edits of a tree change, file by file, as unified diffs; secrets in the lines are hidden."""
    plain = Tree(tree.root)
    return [
        {"file": path, "diff": _diff(path, hidden(plain.text(path)), hidden(text))}
        for path, text in sorted(tree.edits.items())
    ]


def _diff(path: str, before: str, after: str) -> str:
    lines: Sequence[str] = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    )
    return "".join(f"{line}\n" for line in lines)
