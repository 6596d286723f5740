"""Step ``deploy``: the target's objects, beside the source's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from pointsman.edge.contract import Member
from pointsman.errors import ClusterError, TemporaryError
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.layers.contract import Layer, Manifest
from pointsman.move.boundary import Cluster
from pointsman.move.context import Context
from pointsman.move.deployed import deployed_by
from pointsman.move.follow import View, Watched, follow_until
from pointsman.move.judging.askers import refuse_reached, still_reached
from pointsman.move.judging.drain import run_out
from pointsman.move.live import read_live
from pointsman.move.probes.pods import pod_of
from pointsman.move.steps.application import synced
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.steps.undone import refuse_woken
from pointsman.move.waits import Wait

__all__ = ["Deploy", "apply_layer", "held_back", "pods_gone"]


LOOK = 1.0
"""Seconds between two looks at whether what was parked still is."""


async def apply_layer(context: Context, layer: Layer, replicas: int = 0) -> list[str]:
    """Apply a layer's manifests in order and wake what is parked; returns the objects' names.

    ``replicas`` other than 0 stands in the place of the declared number, in every request that says it. Where an
    Application deploys them, it is synced instead.
    """
    applied = [str(ref_of(manifest)) for manifest in layer.render(context.model)]
    sizes = {patch.ref: patch.body for patch in layer.scale(context.model, replicas)} if replicas else {}
    if deployed_by(context.model, layer):
        await synced(context, layer)
    else:
        for manifest in layer.render(context.model):
            await context.cluster.apply(merged(manifest, sizes.get(ref_of(manifest), {})))
    for patch in layer.unpark(context.model):
        if await context.cluster.find(patch.ref) is not None:
            await context.cluster.patch(patch.ref, merged(patch.body, sizes.get(patch.ref, {})))
    return applied


def merged(body: Manifest, patch: Manifest) -> Manifest:
    """``body`` with a merge patch laid over it (RFC 7386, without removal); both stay as they are."""
    over = {
        key: merged(body.get(key) or {}, value) if isinstance(value, dict) else value for key, value in patch.items()
    }
    return {**body, **over}


class Deploy:
    """Apply the target's manifests; undo removes what was not there, and parks what was parked."""

    id = "deploy"
    commits = False
    shifts = False

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        refs = ", ".join(str(ref_of(manifest)) for manifest in context.target.render(context.model))
        by = deployed_by(context.model, context.target)
        return Description(
            act=f"sync {by}: {refs}" if by else f"apply {refs}",
            check="the API server takes every object",
            undo="let it finish what tenants asked of it; delete what was not there before; park what was parked",
        )

    async def validate(self, context: Context) -> Detail:
        """Which of the target's objects exist already, and whether the target is parked."""
        refs = [ref_of(manifest) for manifest in context.target.render(context.model)]
        existed = [str(ref) for ref in refs if await context.cluster.find(ref) is not None]
        live = await read_live(context.cluster, context.target, context.model)
        reached = sorted({one.name for one in await still_reached(context, context.target)})
        return {"existed": existed, "parked": context.target.parked(context.model, live), "reached": reached}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Apply all manifests."""
        applied = await apply_layer(context, context.target, context.options.first_replicas)
        context.note(self.id, f"{len(applied)} objects applied", {"objects": applied})
        return {"objects": applied}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Let it finish, delete what was made, park what was parked, and wait until the pods are gone.

        Not while a name of the edge leads to it that did not before the move: somebody counts on it by now.
        """
        made = [ref for ref in self._refs(context) if str(ref) not in seen["existed"]]
        if made or seen["parked"]:
            await refuse_reached(context, context.target, seen.get("reached", ()))
        cut = await self._let_finish(context) if made or seen["parked"] else 0
        for ref in reversed(made):
            await context.cluster.delete(ref)
        parked = seen["parked"] and bool(seen["existed"])
        if parked:
            for patch in context.target.park(context.model):
                if await context.cluster.find(patch.ref) is not None:
                    await context.cluster.patch(patch.ref, patch.body)
        try:
            with context.waits.during(Wait.RELEASE):
                if seen["parked"]:
                    await pods_gone(context, context.target, parked=parked)
                for ref in made:
                    await context.cluster.wait_gone(ref, context.options.release_timeout)
        except TemporaryError as error:
            held = [said for ref in made if (said := await held_back(context.cluster, ref))]
            error.what = "; ".join([error.what, *held])
            raise
        return {"deleted": [str(ref) for ref in made], "parked": parked, "cut": cut}

    async def _let_finish(self, context: Context) -> int | str:
        """What tenants asked of the target, where they ever were sent to it; once, however often the undo is tried."""
        exposed = context.target.id in context.exposed
        cut = await run_out(context, context.target, self.id) if exposed else 0
        context.exposed.discard(context.target.id)
        await context.look_at_engines()
        return cut

    def _refs(self, context: Context) -> list[Ref]:
        return [ref_of(manifest) for manifest in context.target.render(context.model)]


async def held_back(cluster: Cluster, ref: Ref) -> str:
    """Whose finalizers keep a deleted object there, in words; empty when nothing does."""
    with contextlib.suppress(ClusterError):
        metadata = (await cluster.find(ref) or {}).get("metadata", {})
        if "deletionTimestamp" in metadata and metadata.get("finalizers"):
            return f"{ref} is held back by finalizer {', '.join(metadata['finalizers'])}"
    return ""


async def pods_gone(context: Context, layer: Layer, *, parked: bool = False) -> int:
    """Wait until no engine pod of the layer is left; returns 0.

    Of a layer that was ``parked`` it is looked at meanwhile whether it still is: raises NeedsPersonError, with who woke
    it again, when it is not.
    """
    pods = kind_of("Pod")
    engines = layer.engines(context.model)

    def judge(view: View) -> int | None:
        left = [
            pod_of(pod, one)
            for one in engines
            for pod in view.selected(pods, one.namespace, one.labels)
            if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ]
        return None if left else 0

    watched = [Watched(pods, one.namespace, labels=one.labels) for one in engines]
    what = f"the engine pods of {layer.title} to be gone"
    work = follow_until(context.cluster, watched, judge, timeout=context.options.release_timeout, what=what)
    waiting = asyncio.ensure_future(work)
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=LOOK)
            if parked:
                await refuse_woken(context, layer)
        return waiting.result()
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
