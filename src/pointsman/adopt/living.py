"""What runs: the same kinds of objects, read from a cluster, and what of it is not what git says.

Whatever may not be listed is told: forbidden is not absent. What controllers make of other objects is left out, since
its maker is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Protocol

from pointsman.adopt.adopted import Adopted, understood
from pointsman.adopt.edges import Edge, edges_in_cluster
from pointsman.adopt.findings import Finding
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.objects import Deployed
from pointsman.adopt.promise import Engine
from pointsman.adopt.roads import Road
from pointsman.adopt.standing import Origin, Standing, World
from pointsman.errors import NotFoundError, PermanentError
from pointsman.kube.resources import Kind, kind_of

__all__ = ["KINDS", "Cluster", "live_findings", "living", "read_world", "seen"]

KINDS = (
    *("Deployment", "StatefulSet", "Service", "ConfigMap", "InferenceService", "LLMInferenceService"),
    *("HTTPRoute", "Gateway", "InferencePool"),
)
_MADE_BY = frozenset({"InferenceService", "LLMInferenceService", "Gateway"})
"""Owners whose objects are not read beside them."""


AT_ONCE = 8
"""Lists under way at a time."""


class Cluster(Protocol):
    """What of the Kubernetes client is used here."""

    def pages(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """All objects of a kind, some hundreds at a time."""


async def living(cluster: Cluster, namespaces: Iterable[str]) -> Adopted:
    """What a cluster has. ``namespaces`` are asked one by one for what may not be listed in all of them.

    Raises ClusterError when the API server does not answer.
    """
    return seen((await read_world(cluster, map(kind_of, KINDS), namespaces))[0])


def seen(world: World) -> Adopted:
    """What that means."""
    if world.unknown:
        world.partly[""] = f"not all could be read: {', '.join(sorted(world.unknown))}"
    found = understood(world, edges_in_cluster(world))
    found.left_out = sorted({*world.left_out, *found.left_out, *_unknown(world)})
    return found


async def read_world(cluster: Cluster, kinds: Iterable[Kind], namespaces: Iterable[str]) -> tuple[World, int]:
    """Every object of these kinds, and how many lists that took. What controllers made of others stands apart."""
    spaces = sorted({one for one in namespaces if one})
    wanted = list(kinds)
    world, gate = World(listed=frozenset(one.name for one in wanted)), asyncio.Semaphore(AT_ONCE)
    listed = await asyncio.gather(*(_listed(cluster, kind, spaces, world, gate) for kind in wanted))
    for objects, _ in listed:
        for one in objects:
            (world.made if _made(one) else world.objects).append(_standing(one))
    world.pods = list(world.of("Pod"))
    return world, sum(calls for _, calls in listed)


async def _listed(
    cluster: Cluster, kind: Kind, spaces: Sequence[str], world: World, gate: asyncio.Semaphore
) -> tuple[list[dict[str, Any]], int]:
    async with gate:
        found, calls, refused = await _all(cluster, kind, None, world)
        if not refused:
            return found, calls
        for space in spaces:
            more, asked, shut = await _all(cluster, kind, space, world)
            found, calls, refused = [*found, *more], calls + asked, refused + ([space] if shut else [])
    shut_out = refused[1:]
    where = (
        f"in {', '.join(shut_out)}" if shut_out else f"outside of {', '.join(spaces) or 'any namespace that is known'}"
    )
    world.unknown[kind.plural] = f"you may not list {kind.plural} {where}"
    return found, calls


async def _all(
    cluster: Cluster, kind: Kind, space: str | None, world: World
) -> tuple[list[dict[str, Any]], int, list[str]]:
    """The objects, how many lists that took, and where they may not be listed."""
    found: list[dict[str, Any]] = []
    calls = 0
    try:
        async for page in cluster.pages(kind, space):
            calls += 1
            found += page
    except NotFoundError:
        world.absent.add(kind.name)
        return [], calls + 1, []
    except PermanentError as error:
        if error.code != "cluster-forbidden":
            raise
        return [], calls + 1, [space or ""]
    return found, calls, []


def _unknown(world: World) -> list[LeftOut]:
    return [LeftOut("the cluster", why, "ask for the right to list them") for why in world.unknown.values()]


def _standing(data: dict[str, Any]) -> Standing:
    return Standing(Deployed(data), str((data.get("metadata") or {}).get("namespace") or ""), Origin(""))


def _made(data: Mapping[str, Any]) -> bool:
    owners = (data.get("metadata") or {}).get("ownerReferences")
    found = owners if isinstance(owners, list) else []
    return any(isinstance(one, dict) and str(one.get("kind")) in _MADE_BY for one in found)


def live_findings(git: Adopted, live: Adopted) -> list[Finding]:
    """What runs otherwise than it is written."""
    return [*_engines(git, live), *_aliases(git, live)]


def _engines(git: Adopted, live: Adopted) -> list[Finding]:
    found = []
    running = {(one.standing.kind, one.namespace, one.name): one for one in live.engines}
    names = {id(engine): model.name for model in git.models for engine in model.engines.values()}
    for one in git.engines:
        other = running.pop((one.standing.kind, one.namespace, one.name), None)
        for promise, said, runs in _pairs(one, other) if other else ():
            what = f"{one} has {promise} {said} in git, and {runs} in the cluster"
            model = names.get(id(one), "")
            found.append(Finding("adopt-live", model, one.standing.where, what, _SYNC))
    for other in running.values():
        what = f"{other} runs in the cluster, and no manifest of it is in this repository"
        found.append(Finding("adopt-live-only", "", str(other), what, "write it into git, or see who deploys it"))
    return found


_SYNC = "sync its Application, or write into git what runs"


def _pairs(one: Engine, other: Engine) -> list[tuple[str, str, str]]:
    pairs = [
        (
            "the served name",
            ", ".join(str(each.value) for each in one.names),
            ", ".join(str(each.value) for each in other.names),
        ),
        ("the context length", _said(one.context), _said(other.context)),
        ("the key", str(one.auth.value), str(other.auth.value)),
        ("the image", one.image, other.image),
        ("GPUs a replica", str(one.gpus), str(other.gpus)),
    ]
    return [(what, said or "none", runs or "none") for what, said, runs in pairs if said != runs]


def _said(fact: Any) -> str:
    return str(fact.value) if fact is not None else "none"


def _aliases(git: Adopted, live: Adopted) -> list[Finding]:
    """Members of aliases by what they say; of two edges with one name nobody can tell which is meant."""
    if not git.edges or not live.edges:
        return []
    found = []
    written, running = _members(git.edges), _members(live.edges)
    models = {road.member.alias: model.name for model in git.models for road in model.roads}
    for alias in sorted(written.keys() & running.keys()):
        if sorted(written[alias]) != sorted(running[alias]):
            place = next(one for edge in git.edges for one in edge.members if one.alias == alias)
            what = f"{alias} leads to {_told(written[alias])} in git, and to {_told(running[alias])} in the cluster"
            found.append(Finding("adopt-live", models.get(alias, ""), place.where, what, _SYNC))
    for road in live.roads:
        if road.engines and road.member.alias not in written:
            found.append(_only(road))
    return found


def _only(road: Road) -> Finding:
    what = f"the alias {road.member.alias} leads to {road.engines[0]} in the cluster, and is not in this repository"
    return Finding("adopt-live-only", "", road.member.where, what, "write it into git, or see who deploys it")


def _members(edges: Sequence[Edge]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for edge in edges:
        for one in edge.members:
            model = f"{one.provider}/{one.model}" if one.provider else one.model
            found.setdefault(one.alias, []).append((one.shown or one.hidden, model))
    return found


def _told(members: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{model} at {base}" if base else model for base, model in members)
