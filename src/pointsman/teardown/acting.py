"""What each step of a teardown does. Every act may be done again, and ends by asking whether it is so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.cost.models import OURS, Owners, owners_of
from pointsman.errors import NeedsPersonError
from pointsman.kube.resources import Ref, kind_of
from pointsman.leaving.acts import delete_all, drain, end_application, keep_claims, park, refuse_made_again
from pointsman.leaving.look import look
from pointsman.move.boundary import Cluster, Object
from pointsman.move.conductor import Conductor
from pointsman.move.context import Context, Options
from pointsman.move.journal.teardowns import torn
from pointsman.move.live import read_live
from pointsman.move.records import Record
from pointsman.owners.marks import labels
from pointsman.parking.held import Before, before, freed
from pointsman.report.counting import count_of, records_among
from pointsman.spec.model import Model
from pointsman.teardown.ending_sets import EndingSet
from pointsman.teardown.entrances import leads_to_ours_alone, users_of
from pointsman.teardown.leftovers import KINDS as LEFT
from pointsman.teardown.models import context_on, edge_asked, options_of
from pointsman.teardown.pods import made_for, wait_gone
from pointsman.teardown.scope import Choices, Scope
from pointsman.teardown.steps import LOOK as LOOK_AGAIN
from pointsman.teardown.steps import OF_MODELS, RECORDS, Act, ref_in
from pointsman.teardown.withdrawing import known_as, refuse_pointed, withdraw

__all__ = ["Acting", "Detail", "told"]

Detail = Mapping[str, Any]
KINDS: Mapping[str, tuple[str, ...]] = {
    "route": ("HTTPRoute",),
    "gateway": ("Gateway",),
    "set": ("ApplicationSet",),
    "project": ("AppProject",),
    "left": LEFT,
}
"""What a step of each verb may take away."""
NOBODY: Detail = {"aliases": [], "members": "nothing"}
"""Who is served where there is no edge."""
LOOK = 1.0
"""Seconds between two looks at what hangs on a Gateway."""


@dataclass(slots=True)
class Acting:
    """The acts, for one teardown."""

    conductor: Conductor
    cluster: Cluster
    """Behind the fence of the teardown's lock."""
    name: str
    scope: Scope
    choices: Choices
    options: Options
    models: Mapping[str, Model]

    async def sees(self, act: Act) -> Detail:
        """What is to be known after the act and cannot be seen any more then."""
        self._refuse_strange(act)
        match act.verb:
            case "alias":
                context, there = await self._asked(act)
                return await known_as(context) if there else NOBODY
            case "workload":
                context = await self._context(act)
                held = await before(context, context.source)
                return {**held.as_dict(), "pods": await made_for(context, context.source)}
            case "applications" | "objects":
                found = await look(await self._context(act), keep_volumes=self.choices.keep_volumes)
                return {"going": [str(ref) for ref in found.going], "apps": [one.app.name for one in found.keepers]}
            case "set":
                return await self._set(act).seen()
        return {}

    async def do(self, act: Act, seen: Detail) -> Detail:
        """Do it; raises NeedsPersonError where it cannot go on alone."""
        self._refuse_strange(act)
        if act.verb in ("route", "left", "project"):
            return await self._one(act)
        acts: Mapping[str, Callable[[Act, Detail], Awaitable[Detail]]] = {
            "alias": self._alias,
            "drain": self._drain,
            "workload": self._workload,
            "applications": self._applications,
            "objects": self._objects,
            "gateway": self._gateway,
            "set": self._ended_set,
        }
        return await acts[act.verb](act, seen)

    def _refuse_strange(self, act: Act) -> None:
        """Raise NeedsPersonError for a step that no teardown of ours can have written: it would delete anything."""
        layers = {one.id for one in self.conductor.means.layers} if act.verb != "alias" else {""}
        if act.verb in KINDS:
            known = act.what.partition(" ")[0] in KINDS[act.verb]
        elif act.verb in OF_MODELS:
            known = act.model in self.models and act.layer in layers
        else:
            known = act.verb in (LOOK_AGAIN, RECORDS) and not act.what
        if not known:
            raise torn(self.name, f"a step says {act.verb} {act.what}")

    async def _one(self, act: Act) -> Detail:
        """One object, if it is still what it was agreed to be."""
        ref = ref_in(act)
        live = await self.cluster.find(ref)
        if live is not None and (why := self._not_ours(act, live)):
            return {"stays": why}
        return {"deleted": await delete_all(self.cluster, [ref], self.timeout)}

    def _not_ours(self, act: Act, live: Object) -> str:
        if act.verb == "left" and OURS not in labels(live):
            return "it does not wear our label any more"
        found = {"apiVersion": kind_of("HTTPRoute").api_version, "kind": "HTTPRoute", **live}
        if act.verb == "route" and not leads_to_ours_alone(found, self._owners):
            return "it leads to somebody else by now"
        return ""

    @property
    def _owners(self) -> Owners:
        return owners_of([Record(name, one) for name, one in self.models.items()], self.conductor.means.layers)

    @property
    def timeout(self) -> float:
        """Seconds for one object to be gone."""
        return self.options.release_timeout

    async def _context(self, act: Act) -> Context:
        options = options_of(self.choices, self.options)
        return await context_on(self.conductor, self.models[act.model], act.layer, options, unread=True)

    async def _asked(self, act: Act) -> tuple[Context, bool]:
        """With the alias as it is declared; and whether there is an edge at all."""
        return await edge_asked(self.conductor, self.models[act.model], options_of(self.choices, self.options))

    async def _left_by_tenants(self, act: Act) -> Context:
        """Raises NeedsPersonError when the alias was put back since it was withdrawn."""
        context, (_, there) = await self._context(act), await self._asked(act)
        if there:
            await refuse_pointed(context)
        return context

    async def _alias(self, act: Act, seen: Detail) -> Detail:
        context, there = await self._asked(act)
        if not there:
            return {**seen, "answers": {}}
        context.edge.begin(self.name, lambda text: context.note("alias", text, {}))
        return {**seen, "answers": await withdraw(context)}

    async def _drain(self, act: Act, seen: Detail) -> Detail:
        context = await self._left_by_tenants(act)
        await drain(context)
        return {}

    async def _workload(self, act: Act, seen: Detail) -> Detail:
        context = await self._left_by_tenants(act)
        await park(context)
        await wait_gone(context, seen["pods"], self.timeout)
        proved = await freed(context, context.source, Before.from_dict(seen))
        return proved.as_dict()

    async def _applications(self, act: Act, seen: Detail) -> Detail:
        context = await self._context(act)
        found = await look(context, keep_volumes=self.choices.keep_volumes)
        if self.choices.keep_volumes:
            await keep_claims(context.cluster, found.there)
        ended = list(seen["apps"])
        for one in found.keepers:
            refuse_made_again(context, one)
            await end_application(context.cluster, one.app.ref, self.timeout)
            ended.append(one.app.name)
        return {"applications": list(dict.fromkeys(ended))}

    async def _objects(self, act: Act, seen: Detail) -> Detail:
        context = await self._context(act)
        found = await look(context, keep_volumes=self.choices.keep_volumes)
        volumes = await _volumes(context.cluster, found.going)
        deleted = await delete_all(context.cluster, found.going, self.timeout)
        for one in volumes:
            await context.cluster.wait_gone(one, self.timeout)
        live = await read_live(context.cluster, context.source, context.model)
        if not context.source.parked(context.model, live):
            raise NeedsPersonError(
                f"somebody made {context.source.title} of model {context.model.name} again",
                where=str(context.source.reads(context.model)[0]),
                next_action="kubectl get --show-managed-fields says who; stop them, then run this again",
                code="teardown-undone",
            )
        return {"deleted": list(dict.fromkeys([*seen["going"], *deleted])), "volumes": [one.name for one in volumes]}

    async def _gateway(self, act: Act, seen: Detail) -> Detail:
        ref = ref_in(act)
        owners = self._owners
        deadline = self.conductor.means.clock.monotonic() + self.timeout
        while (live := await self.cluster.find(ref)) is not None:
            hanging = [
                {"apiVersion": kind_of(kind).api_version, "kind": kind, **one}
                for kind in ("HTTPRoute", "LLMInferenceService")
                for one in await self.cluster.list(kind_of(kind))
            ]
            users = users_of(ref, live, hanging, owners)
            if not users:
                break
            if self.conductor.means.clock.monotonic() >= deadline:
                return {"stays": f"{users[0]} uses it by now"}
            await self.conductor.means.clock.sleep(LOOK)
        return {"deleted": await delete_all(self.cluster, [ref], self.timeout)}

    def _set(self, act: Act) -> EndingSet:
        return EndingSet(self.cluster, ref_in(act), self.timeout, self.choices.keep_volumes)

    async def _ended_set(self, act: Act, seen: Detail) -> Detail:
        return await self._set(act).end(seen)


async def _volumes(cluster: Cluster, refs: list[Ref]) -> list[Ref]:
    """PersistentVolumes that go with claims among these: their driver deletes the disk before they are gone."""
    found = []
    for ref in (one for one in refs if one.kind.name == "PersistentVolumeClaim"):
        name = str((((await cluster.find(ref)) or {}).get("spec") or {}).get("volumeName") or "")
        volume = Ref(kind_of("PersistentVolume"), name)
        live = await cluster.find(volume) if name else None
        if live is not None and (live.get("spec") or {}).get("persistentVolumeReclaimPolicy") == "Delete":
            found.append(volume)
    return found


def told(act: Act, done: Detail) -> str:
    """What was seen at the end of a step, for people."""
    said = _TOLD.get(act.verb)
    if said is not None:
        return said(done)
    return f"it stays: {done['stays']}" if "stays" in done else f"{count_of(len(done['deleted']), 'object')} gone"


def _withdrawn(done: Detail) -> str:
    names = ", ".join(done["aliases"])
    return f"no replica of the edge knows {names} any more" if names else "no replica of the edge leads there"


_TOLD: Mapping[str, Callable[[Detail], str]] = {
    "alias": _withdrawn,
    "drain": lambda done: "its engines have nothing left to do",
    "workload": lambda done: f"its pods are gone; {count_of(int(done['gpus']), 'GPU')} free again",
    "applications": lambda done: f"gone: {', '.join(done['applications']) or 'none was left'}",
    "set": lambda done: f"gone, with {count_of(len(done['applications']), 'Application')}",
    "look": lambda done: "looked at again: nothing is there",
    "objects": lambda done: f"{count_of(len(done['deleted']), 'object')} gone",
    "records": lambda done: f"{records_among(done['records'])} gone",
}
