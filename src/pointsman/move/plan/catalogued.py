"""What the catalogue of checks says of a target: of its manifests, and of what it needs in the cluster.

An error refuses, and the refusal carries the check's id (``preflight.PM707``); the rest is told in the plan. Nothing
is judged that is not read here: of manifests only what engines' objects say of themselves, since quotas, budgets and
policies may lie elsewhere; of the cluster only objects with a name, and lists that are short. What may not be read is
no finding: the API server says later what it refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from pointsman.adopt.adopted import Adopted, understood
from pointsman.adopt.standing import Standing, World
from pointsman.checks.catalogue import CHECKS
from pointsman.checks.check import Check, Level, Source
from pointsman.checks.cluster import standing_of
from pointsman.checks.finding import Finding
from pointsman.checks.hanging import gateways_named
from pointsman.checks.running import run
from pointsman.checks.view import View
from pointsman.errors import ClusterError
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.kserve_config import CONFIGURATION, ingress_gateway
from pointsman.move.boundary import Object
from pointsman.move.context import Context
from pointsman.move.plan.refusing import refuse

__all__ = ["NEEDED", "WRITTEN", "catalogued"]

_ENGINES = frozenset({"Deployment", "StatefulSet", "InferenceService", "LLMInferenceService", "engines"})
WRITTEN: tuple[Check, ...] = tuple(
    one for one in CHECKS if Source.files in one.sources and one.reads <= _ENGINES and one.reads
)
"""Checks of what an engine's own manifest says."""
NEEDED: tuple[Check, ...] = tuple(one for one in CHECKS if one.id in {"PM701", "PM706", "PM707", "PM709", "PM740"})
"""Checks of what a layer needs, whose answers stand in few objects."""


async def catalogued(context: Context) -> str:
    """Refuse for the first error; keep the others in the context, for the plan."""
    layer = context.target.id
    found = _of_manifests(context, [one for one in WRITTEN if one.matters(layer)])
    needed = [one for one in NEEDED if layer in one.layers]
    found += await _of_cluster(context, needed)
    context.findings.extend(one.as_dict() for one in found)
    for one in found:
        if one.level is Level.error:
            raise refuse(one.check.id, one.what, where=one.where, next_action=one.next_action)
    told = "; ".join(f"{one.check.id} {one.what}" for one in found)
    return told or f"{len(WRITTEN) + len(needed)} checks of the catalogue found nothing"


def _of_manifests(context: Context, checks: Sequence[Check]) -> list[Finding]:
    rendered = context.target.render(context.model)
    world = World(objects=[standing_of(one) for one in rendered])
    world.partly[""] = "only the layer's own objects are looked at"
    return run(View(understood(world, ())), checks).findings


async def _of_cluster(context: Context, checks: Sequence[Check]) -> list[Finding]:
    """Of a cluster that does not tell which definitions it has nothing is known, so nothing is said."""
    if not checks:
        return []
    definitions, presets, config = await asyncio.gather(
        _tried(_names(context, "CustomResourceDefinition")),
        _tried(_names(context, "LLMInferenceServiceConfig", CONFIGURATION.namespace)),
        _tried(_objects(context, [CONFIGURATION])),
    )
    if not definitions:
        return []
    presets = presets if config else None  # KServe is elsewhere, and so are they
    rendered = [standing_of(one) for one in context.target.render(context.model)]
    named = {ref for one in config or () for ref in _gateway(one)} | {ref for one in rendered for ref in _hung_on(one)}
    gateways = await _tried(_objects(context, sorted(named, key=str)))
    blind = {
        kind.plural: "it may not be read"
        for kind, answer in (
            (kind_of("LLMInferenceServiceConfig"), presets),
            (kind_of("ConfigMap"), config),
            (kind_of("Gateway"), gateways),
        )
        if answer is None
    }
    objects = [*definitions, *(presets or ()), *(config or ()), *(gateways or ())]
    world = World(objects=[standing_of(one) for one in objects], unknown=blind)
    asked = frozenset({context.target.id})
    return run(View(_plain(world), Source.cluster, asked=asked, planned=rendered), checks).findings


def _plain(world: World) -> Adopted:
    return Adopted(None, world, [], [], [], [], [])


async def _tried(asking: Awaitable[list[Object]]) -> list[Object] | None:
    """None where the cluster does not say."""
    try:
        return await asking
    except ClusterError:
        return None


async def _names(context: Context, kind: str, namespace: str | None = None) -> list[Object]:
    names = await context.cluster.names(kind_of(kind), namespace)
    return [{"kind": kind, "metadata": {"name": name, "namespace": namespace or ""}} for name in names]


async def _objects(context: Context, refs: Sequence[Ref]) -> list[Object]:
    found = await asyncio.gather(*(context.cluster.find(ref) for ref in refs))
    return [one for one in found if one is not None]


def _gateway(config: Object) -> list[Ref]:
    """The Gateway that KServe's configuration names."""
    namespace, _, name = (ingress_gateway(config) or "").partition("/")
    return [Ref(kind_of("Gateway"), name, namespace)] if name else []


def _hung_on(one: Standing) -> list[Ref]:
    """The Gateways that an object names for its routes."""
    return [Ref(kind_of("Gateway"), name, namespace) for _, namespace, name in gateways_named(one)]
