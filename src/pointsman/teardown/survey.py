"""One look at all that a teardown would take away: what goes, what stays and why, and what stands in the way."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from pointsman.audit.finding import place_of
from pointsman.audit.kserve import NAMES_IT, UNREAD, gateway_of_kserve
from pointsman.audit.teardowns import kept_by_teardowns
from pointsman.cost.accelerators import machine_of
from pointsman.cost.models import Owners, owners_of
from pointsman.errors import NotFoundError, PermanentError, RefusedError
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.leaving.keeper import CLAIM, Trap
from pointsman.move.boundary import Cluster, Object
from pointsman.move.conductor import Conductor
from pointsman.move.context import Options
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.teardowns import Teardowns
from pointsman.move.records import Record, records
from pointsman.report.counting import count_of
from pointsman.spec.model import Model
from pointsman.teardown.entrances import Entrance, entrances_of
from pointsman.teardown.leftovers import left_over
from pointsman.teardown.models import ModelView, view_of
from pointsman.teardown.scope import Choices, Scope
from pointsman.teardown.sets import Declared, Platform, platform_of
from pointsman.teardown.sweeping import swept

__all__ = ["Stay", "Survey", "survey"]

AT_ONCE = 6
"""Models looked at at a time."""
WITHIN = frozenset({"teardown-shared", "teardown-made-again", "teardown-no-finalizer"})
"""Traps of an Application that are none where all that it keeps goes with its ApplicationSet."""


@dataclass(frozen=True, slots=True)
class Stay:
    """What is left where it is, by choice or because it is not ours."""

    name: str
    """``PersistentVolumeClaim kserve/qwen-cache``."""
    why: str
    uid: str = ""
    chosen: bool = False
    """Was it told to keep it? Then the audit does not count it."""

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {"name": self.name, "why": self.why, "chosen": self.chosen}


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look found."""

    scope: Scope
    choices: Choices
    models: tuple[ModelView, ...]
    platform: Platform = field(default_factory=Platform)
    entrances: tuple[Entrance, ...] = ()
    left: tuple[Ref, ...] = ()
    """Left-overs that go."""
    stays: tuple[Stay, ...] = ()
    traps: tuple[Trap, ...] = ()
    own: tuple[str, ...] = ()
    """Records of ours that go at the end."""

    @property
    def stops(self) -> list[Trap]:
        """What keeps it from being begun."""
        found = [*(trap for one in self.models for trap in one.stops), *self.platform.traps, *self.traps]
        return [one for one in found if one.stops]

    @property
    def going(self) -> list[Entrance]:
        """Routes and Gateways that go."""
        return [one for one in self.entrances if not one.stays]

    @property
    def gone(self) -> bool:
        """Is nothing left to do? What is to be kept alone is nothing."""
        served = any(one.members or not all(each.found.gone for each in one.layers) for one in self.models)
        return not (served or self.platform.sets or self.platform.projects or self.going or self.left or self.own)

    @property
    def aliases(self) -> list[str]:
        """Names by which tenants call what goes."""
        return sorted({name for one in self.models for name in one.aliases})

    @property
    def running(self) -> int | None:
        """Requests that run now; None when an engine does not say."""
        counts = [one.running for one in self.models]
        return None if None in counts else sum(one or 0 for one in counts)

    @property
    def gpus(self) -> int:
        """GPUs that are released."""
        return sum(layer.found.gpus for one in self.models for layer in one.layers)

    @property
    def per_hour(self) -> Decimal | None:
        """Money that is not paid any more; None when a price is missing."""
        found = [layer.per_hour for one in self.models for layer in one.layers]
        return None if None in found else sum((one or Decimal(0) for one in found), Decimal(0))

    @property
    def gist(self) -> tuple[object, ...]:
        """What was agreed to; pods, requests and states come and go."""
        layers = tuple(
            (one.model.name, layer.layer.id, *layer.found.going) for one in self.models for layer in one.layers
        )
        apps = tuple(app["metadata"]["name"] for view in self.platform.sets for app in view.apps)
        return layers, tuple(self.aliases), apps, tuple(one.ref for one in self.going), self.left, self.own

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "scope": self.scope.kind,
            "name": self.scope.name or None,
            "models": [one.as_dict() for one in self.models],
            "aliases": self.aliases,
            "running": self.running,
            "gpus": self.gpus,
            "perHour": None if self.per_hour is None else str(self.per_hour),
            "entrances": [str(one.ref) for one in self.going],
            "platform": [one.as_dict() for one in self.platform.sets],
            "projects": [str(one) for one in self.platform.projects],
            "leftOvers": [str(one) for one in self.left],
            "stays": [one.as_dict() for one in self.stays],
            "records": list(self.own),
            "traps": [one.as_dict() for one in (*self.platform.traps, *self.traps)],
        }


async def survey(
    conductor: Conductor,
    scope: Scope,
    choices: Choices,
    options: Options,
    declared: Sequence[Model],
    platform: Declared | None = None,
) -> Survey:
    """Look; ``declared`` are models that files declare: the one that is meant, or with ``all`` every one here."""
    cluster = conductor.means.cluster
    known, traps = await _models(cluster, scope, declared)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(model: Model) -> ModelView:
        async with gate:
            return await view_of(conductor, model, scope, choices, options)

    views = tuple(await asyncio.gather(*map(one, known)))
    if scope.kind == "layer":
        views = tuple(view for view in views if view.layers)
    found = Survey(scope, choices, views, traps=tuple(traps), stays=tuple(_claims(views)))
    if scope.kind != "all":
        return replace(found, own=tuple(await _own_of(cluster, scope)))
    return await _everything(conductor, found, known, platform)


async def _models(cluster: Cluster, scope: Scope, declared: Sequence[Model]) -> tuple[list[Model], list[Trap]]:
    if scope.kind == "model":
        return list(declared), []
    kept: dict[str, Record] = {one.name: one async for page in records(cluster) for one in page}
    files = {one.name: one for one in declared}
    models = {name: one.model or files.get(name) for name, one in kept.items()}
    broken = [one for name, one in kept.items() if models[name] is None]
    traps = [
        Trap(
            code="teardown-record",
            what=f"what is there of model {one.name} is not known: {one.problem}",
            remedy="pointsman teardown FILE, with its spec file; or pointsman up FILE, which writes its record anew",
            stops=True,
        )
        for one in broken
    ]
    more = {name: one for name, one in files.items() if name not in kept} if scope.kind == "all" else {}
    return [one for one in {**models, **more}.values() if one is not None], traps


def _claims(views: Sequence[ModelView]) -> Iterator[Stay]:
    for view in views:
        for one in view.layers:
            for ref, live in one.found.objects.items():
                if live is not None and ref.kind.name == CLAIM and ref not in one.found.going:
                    yield Stay(str(ref), "--keep-volumes", str(live["metadata"].get("uid") or ""), chosen=True)


async def _own_of(cluster: Cluster, scope: Scope) -> list[str]:
    """Records of one model."""
    if scope.kind != "model":
        return []
    names = [f"model-{scope.name}", f"parked-{scope.name}"]
    refs = [Ref(kind_of("ConfigMap"), name, NAMESPACE) for name in names]
    return [str(ref) for ref in refs if await cluster.find(ref) is not None]


async def _everything(
    conductor: Conductor, found: Survey, models: Sequence[Model], platform: Declared | None
) -> Survey:
    cluster, choices = conductor.means.cluster, found.choices
    owners = owners_of([Record(one.name, one) for one in models], conductor.means.layers)
    routes, services, gateways, nodes, pods = await _listed(
        cluster, ("HTTPRoute",), ("InferenceService", "LLMInferenceService"), ("Gateway",), ("Node",), ("Pod",)
    )
    going = {_called(ref) for ref in owners.refs}
    standing = await _platform(conductor, platform)
    of_kserve = await gateway_of_kserve(cluster)
    entrances = _chosen(entrances_of(routes, services, gateways, owners), choices, of_kserve)
    entrances += _kserves_own(gateways, of_kserve, entrances)
    left, kept = await left_over(cluster, owners.refs, keep_volumes=choices.keep_volumes)
    before = [] if choices.take_kept else await _kept_before(conductor, found.models, left, entrances)
    own = await _own(cluster, choices)
    traps = [*found.traps, *await swept(cluster, standing.sets, owners.refs)]
    stays = [
        *found.stays,
        *[Stay(str(ref), "--keep-volumes", await _uid(cluster, ref), chosen=True) for ref in kept],
        *(Stay(str(one.ref), one.stays, one.uid, chosen=one.stays == KEPT_GATEWAY) for one in entrances if one.stays),
        *_nodes(nodes, pods, owners, choices),
    ]
    return replace(
        found,
        models=tuple(_within(view, standing, going) for view in _there(found.models, entrances, own)),
        platform=standing,
        traps=(*traps, *before),
        entrances=tuple(entrances),
        left=tuple(left),
        stays=tuple(stays),
        own=tuple(own),
    )


def _there(models: Sequence[ModelView], entrances: Sequence[Entrance], own: Sequence[str]) -> Iterator[ModelView]:
    """Without those that a file declares and of which nothing is there, so that nothing is written of them either."""
    reached = {name for one in entrances for name in one.models}
    for view in models:
        name = view.model.name
        kept = {f"ConfigMap {NAMESPACE}/{kind}-{name}" for kind in ("model", "parked")}
        if view.layers or view.members or name in reached or not kept.isdisjoint(own):
            yield view


async def _kept_before(
    conductor: Conductor, models: Sequence[ModelView], left: Sequence[Ref], entrances: Sequence[Entrance]
) -> list[Trap]:
    """What would go although an earlier teardown was told to keep it; that of a model which is back is in use again."""
    cluster = conductor.means.cluster
    journals, _ = await Teardowns(cluster, conductor.means.clock).every()
    kept = kept_by_teardowns(journals, models=False)
    alone = [ref for view in models for one in view.layers if one.found.claims_alone for ref in one.found.going]
    claims = [(str(ref), await _uid(cluster, ref)) for ref in (*left, *alone) if ref.kind.name == CLAIM]
    going = [*claims, *((str(one.ref), one.uid) for one in entrances if not one.stays)]
    told = defaultdict[str, list[str]](list)
    for name, uid in going:
        if by := kept.says(name, uid):
            told[by].append(name)
    return [_kept_trap(names, by) for by, names in told.items()]


def _kept_trap(names: Sequence[str], by: str) -> Trap:
    """One for all that one teardown was told to keep: by what it was told, they stay again."""
    keep, every = by.partition(",")[0], "pointsman teardown --all"
    them = "it" if len(names) == 1 else "them"
    return Trap(
        code="teardown-kept",
        what=f"{', '.join(names)} would go, and an earlier teardown was told to keep {them} ({by})",
        brief=f"{count_of(len(names), 'thing')} that an earlier teardown was told to keep would go: {', '.join(names)}",
        remedy=f"{every} --take-kept takes {them} away; {every} {keep} leaves {them}",
        stops=True,
    )


KEPT_GATEWAY = "--keep-gateways"


def _chosen(found: Iterator[Entrance], choices: Choices, of_kserve: str) -> list[Entrance]:
    """With what stays by choice, and KServe's own Gateway, whoever hangs on it now."""

    def one(entrance: Entrance) -> Entrance:
        if entrance.ref.kind.name != "Gateway" or entrance.stays:
            return entrance
        if choices.keep_gateways:
            return replace(entrance, stays=KEPT_GATEWAY)
        named = of_kserve in (f"{entrance.ref.namespace}/{entrance.ref.name}", UNREAD)
        return replace(entrance, stays=NAMES_IT) if named else entrance

    return [one(each) for each in found]


def _kserves_own(gateways: Sequence[Object], of_kserve: str, known: Sequence[Entrance]) -> list[Entrance]:
    """KServe's own Gateway, which is told though no model hangs on it now."""
    told = {one.ref for one in known}
    own = [one for one in gateways if "/".join(place_of(one)) == of_kserve and ref_of(one) not in told]
    return [Entrance(ref_of(one), str(one["metadata"].get("uid") or ""), NAMES_IT) for one in own]


async def _platform(conductor: Conductor, platform: Declared | None) -> Platform:
    cluster = conductor.means.cluster
    if platform is None:
        (sets,) = await _listed(cluster, ("ApplicationSet",))
        what = (
            f"{count_of(len(sets), 'ApplicationSet')} of the cluster stay: no platform repository says whose they are"
        )
        trap = Trap(code="teardown-no-repository", what=what, remedy="run it in the platform's clone, or --repo FOLDER")
        return Platform(traps=(trap,) if sets else ())
    apps, sets, projects = await _listed(cluster, ("Application",), ("ApplicationSet",), ("AppProject",))
    return platform_of(platform, apps, sets, projects, conductor.means.clock.now())


def _called(ref: Ref) -> tuple[str, str, str]:
    """Whichever version it is written in."""
    return ref.kind.name, ref.namespace or "", ref.name


def _within(view: ModelView, platform: Platform, going: Collection[tuple[str, str, str]]) -> ModelView:
    """The model without traps that are none where everything goes; ``going``: all of what is of the models."""
    layers = []
    for one in view.layers:
        keepers = one.found.keepers
        alone = all(
            platform.keeps(each) or all((o.kind, o.namespace, o.name) in going for o in each.others) for each in keepers
        )
        managed = bool(keepers) and all(platform.keeps(each) for each in keepers)
        gone = WITHIN if managed else {"teardown-shared"} if alone else set[str]()
        traps = tuple(
            trap
            for trap in one.found.traps
            if trap.code not in gone and (trap.by is None or _called(trap.by) not in going)
        )
        layers.append(replace(one, found=replace(one.found, traps=traps)))
    return replace(view, layers=tuple(layers))


def _nodes(nodes: Sequence[Object], pods: Sequence[Object], owners: Owners, choices: Choices) -> Iterator[Stay]:
    """Nodes with accelerators: what they cost ends outside of the cluster."""
    for node in nodes:
        machine = machine_of(node)
        if machine.has:
            why = "--keep-nodes" if choices.keep_nodes else "its machine is paid for until its pool ends it"
            yield Stay(f"Node {machine.name}", why, str(node["metadata"].get("uid") or ""), chosen=choices.keep_nodes)


async def _own(cluster: Cluster, choices: Choices) -> list[str]:
    """Our records, but for journals, unless these are to be forgotten."""
    maps = await cluster.list(kind_of("ConfigMap"), NAMESPACE, {"app.kubernetes.io/managed-by": "pointsman"})
    names = [str(one["metadata"]["name"]) for one in maps]
    gone = [name for name in names if choices.forget or name.startswith(("model-", "parked-"))]
    leases = await cluster.list(kind_of("Lease"), NAMESPACE, {"pointsman.dev/lock": ""}) if gone else []
    return [
        *(f"ConfigMap {NAMESPACE}/{name}" for name in sorted(gone)),
        *(f"Lease {NAMESPACE}/{one['metadata']['name']}" for one in leases),
    ]


async def _uid(cluster: Cluster, ref: Ref) -> str:
    return str(((await cluster.find(ref) or {}).get("metadata") or {}).get("uid") or "")


async def _listed(cluster: Cluster, *wanted: Sequence[str]) -> list[list[Object]]:
    """Objects by groups of kinds; raises RefusedError for one that may not be listed: unseen is not gone."""
    return [[one for name in names for one in await _kind(cluster, name)] for names in wanted]


async def _kind(cluster: Cluster, name: str) -> list[Object]:
    kind = kind_of(name)
    try:
        found = await cluster.list(kind)
    except NotFoundError:
        return []
    except PermanentError as error:
        raise RefusedError(
            f"{kind.plural} may not be listed, so it would not be known whether all is gone: {error.what}",
            next_action="ask for the right to list them, or take models away one by one",
            code="teardown-rights",
        ) from error
    return [{"apiVersion": kind.api_version, "kind": kind.name, **one} for one in found]
