"""All pods of a layer, those without an engine too (a router, a scheduler): found by who they were made for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pointsman.errors import TemporaryError
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Object
from pointsman.move.context import Context

__all__ = ["made_for", "wait_gone"]

MAKERS = ("Deployment", "ReplicaSet", "StatefulSet")
"""Kinds that stand between what is declared and a pod."""


async def made_for(context: Context, layer: Layer) -> list[dict[str, str]]:
    """Pods whose makers, or the makers of those, are the layer's objects; name, namespace and uid of each."""
    model = context.model
    refs = [ref_of(one) for one in layer.render(model)]
    live = await asyncio.gather(*(context.cluster.find(ref) for ref in refs))
    roots = {str(one["metadata"].get("uid")) for one in live if one is not None and one["metadata"].get("uid")}
    spaces = sorted({ref.namespace for ref in refs if ref.namespace})
    made: dict[str, set[str]] = {}
    for space in spaces:
        for kind in MAKERS:
            made |= _owners(await context.cluster.list(kind_of(kind), space))
    return [
        {"namespace": space, "name": str(pod["metadata"]["name"]), "uid": str(pod["metadata"].get("uid") or "")}
        for space in spaces
        for pod in await context.cluster.list(kind_of("Pod"), space)
        if _reaches(_owned(pod), made, roots)
    ]


async def wait_gone(context: Context, pods: Iterable[Mapping[str, str]], timeout: float) -> None:
    """Until none of these very pods is there; raises TemporaryError after ``timeout`` seconds."""
    for one in pods:
        ref = Ref(kind_of("Pod"), one["name"], one["namespace"])
        live = await context.cluster.find(ref)
        if live is not None and str(live["metadata"].get("uid") or "") == one["uid"]:
            try:
                await context.cluster.wait_gone(ref, timeout)
            except TemporaryError as error:
                raise TemporaryError(
                    f"its layer is parked, and it does not end: {error.what}",
                    where=str(ref),
                    next_action="kubectl describe it: its node has more to say",
                    code="teardown-stuck",
                ) from error


def _owners(objects: Sequence[Object]) -> dict[str, set[str]]:
    return {str(one["metadata"].get("uid") or ""): _owned(one) for one in objects}


def _owned(one: Mapping[str, Any]) -> set[str]:
    return {str(each.get("uid")) for each in one["metadata"].get("ownerReferences") or []}


def _reaches(owners: set[str], made: Mapping[str, set[str]], roots: set[str]) -> bool:
    seen: set[str] = set()
    todo = set(owners)
    while todo:
        if todo & roots:
            return True
        seen |= todo
        todo = {above for one in todo for above in made.get(one, ())} - seen
    return False
