"""The demonstration: a platform, a served model, tenants who never wait, three moves, a receipt each.

It is a move's ordinary caller. What it adds is a load and a ledger, so that "tenants felt nothing" is counted by
the tenants and not by the mover.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pointsman.demo.baseline import collect, differing
from pointsman.demo.call import Alias
from pointsman.demo.capacity import carried, rate_sentence, share_of
from pointsman.demo.counts import Count, quiet_counts
from pointsman.demo.door import Door, door
from pointsman.demo.ledger import Entry, Window, summary
from pointsman.demo.load import Load
from pointsman.demo.platform import apply_platform
from pointsman.demo.receipt import joined
from pointsman.demo.reconcile import reconcile
from pointsman.demo.reconciliation import Reconciliation, sentence
from pointsman.demo.tenants import Traffic
from pointsman.edge.litellm_values import litellm_values
from pointsman.errors import ClusterError, PointsmanError, RefusedError
from pointsman.kube.client import Client
from pointsman.kube.http import Http
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.registry import LAYERS
from pointsman.move.boundary import SystemClock
from pointsman.move.bring_up import bring_up
from pointsman.move.conductor import Conductor
from pointsman.move.context import Options
from pointsman.move.means import Means
from pointsman.report.contract import Happening, Observer, Quiet, Topic
from pointsman.spec.model import Model

__all__ = ["Demo", "Outcome", "Plan", "Stage"]

TICK = 5.0
"""Seconds between two words about the tenants."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to show."""

    model: Model
    kubeconfig: Path | None = None
    context: str | None = None
    proxy: str | None = None
    """The lab's forward proxy; None reaches the edge through the API server."""
    simulated: bool = False
    """Answers can be held against the simulator's own text."""
    exact: bool = True
    """A question has one right answer, whoever gives it; real engines of other precision part in words."""
    route: Sequence[str] = ()
    """Layers to go to, in order; empty: once around, back to where the model is."""
    traffic: Traffic = field(default_factory=Traffic)
    fitted: bool = False
    """The edge runs on this very machine: ``traffic.rate`` is the most, and less is asked where it carries less."""
    around: float = 5.0
    """Seconds of load before the first move, between moves and after the last."""
    options: Options = field(default_factory=Options)
    platform: Path | None = None
    """The folder of manifests that all of it stands on; None: the example's."""


@dataclass(slots=True)
class Stage:
    """Where the show is seen. Every call must return at once."""

    say: Callable[[str], None]
    watching: Callable[[str], AbstractContextManager[Observer]]
    moved: Callable[[Mapping[str, Any]], None]
    """Called with each receipt as its move ends."""


@dataclass(slots=True)
class Outcome:
    """How it went."""

    moves: list[dict[str, Any]] = field(default_factory=list)
    load: dict[str, Any] = field(default_factory=dict)
    reconciliation: Reconciliation | None = None
    """The receipts of all moves against the ledger; None: it cannot be had."""
    untold: str = ""
    """The layer to which a move was left without its receipt."""
    error: PointsmanError | None = None
    interrupted: bool = False

    @property
    def lost(self) -> int:
        """Requests without a whole right answer, over the whole load."""
        return int(self.load.get("lost", 0))

    def counted(self) -> str:
        """For people: what the receipts and the ledger say of each other."""
        if self.reconciliation:
            return sentence(self.reconciliation)
        if self.untold:
            return (
                f"the move to {self.untold} was left as it was, so there is no receipt of it to hold against the ledger"
            )
        return "the engines could not be counted"


class Demo:
    """One run."""

    def __init__(self, plan: Plan, stage: Stage) -> None:
        self.plan = plan
        self.outcome = Outcome()
        self._stage = stage
        self._work: asyncio.Task[None] | None = None
        self._conductor: Conductor | None = None
        self._stop = asyncio.Event()
        """Set when bringing the model up is to be taken back."""
        self._bringing_up = False
        self._load: Load | None = None
        self._traffic = plan.traffic
        self._observer: Observer = Quiet()
        self._watched = False

    async def run(self) -> Outcome:
        """Do it all; an interrupted or failed run returns what it had."""
        self._work = asyncio.create_task(self._run())
        try:
            await self._work
        except asyncio.CancelledError:
            self.outcome.interrupted = True
        except PointsmanError as error:
            self.outcome.error = error
        return self.outcome

    def interrupt(self) -> None:
        """A ctrl-C: no more tenants; a running move or start takes itself back; anything else ends."""
        self.outcome.interrupted = True
        if self._load is not None:
            self._load.halt()
        if self._conductor is not None:
            self._conductor.interrupt()
        elif self._bringing_up and not self._stop.is_set():
            self._stop.set()
        elif self._work is not None:
            self._work.cancel()

    async def _run(self) -> None:
        plan = self.plan
        async with Client.from_kubeconfig(plan.kubeconfig, plan.context) as client, Http() as wire:
            self._stage.say("applying the example platform: namespaces, keys, the LiteLLM edge")
            await apply_platform(client, plan.model, plan.platform)
            start = await self._served(client, wire)
            route = list(plan.route) or _around(start)
            key = await self._key(client)
            async with door(client, plan.model.spec.tenant.edge, key, plan.proxy) as way:
                alias = await self._known(way) if plan.exact else self._alias()
                if plan.fitted:
                    await self._fit(way, alias)
                before = await self._count(client)
                async with Load(way, alias, self._traffic) as self._load:
                    ticking = asyncio.create_task(self._tick())
                    try:
                        await self._moves(client, wire, route)
                    finally:
                        ticking.cancel()
                        await asyncio.gather(ticking, return_exceptions=True)
                        await self._load.stop()
                        await self._conclude(client, before, self._load)

    async def _known(self, way: Door) -> Alias:
        """The alias with its right answers."""
        self._stage.say("asking the source for the right answers, before anything moves")
        alias = self._alias()
        texts = await collect(way, alias)
        self._check(len(texts), len(differing(self.plan.model, texts)) if self.plan.simulated else 0)
        return Alias(alias.name, alias.models, alias.members, texts)

    async def _fit(self, way: Door, alias: Alias) -> None:
        """Lower the tenants' rate to what the machine carries beside a move."""
        most = self._traffic.rate
        self._stage.say("seeing for a few seconds how many requests this machine's proxy carries")
        capacity = await carried(way, alias, self._traffic)
        self._traffic = replace(self._traffic, rate=share_of(capacity, most))
        self._stage.say(rate_sentence(self._traffic.rate, capacity))

    async def _served(self, client: Client, wire: Http) -> str:
        """Serve the model, unless it is served already; returns the layer."""
        model = self.plan.model
        edge = litellm_values(client, model, self._endpoints())
        members = (await edge.read()).members
        start = max(members, key=lambda one: one.weight).layer if members else model.spec.layer
        if start == model.spec.layer:
            with self._stage.watching(f"{model.name} on {start}") as observer:
                self._bringing_up = True
                await bring_up(self._new(client, wire, observer), model, self.plan.options, self._stop)
                self._bringing_up = False
        else:
            self._stage.say(f"{model.name} is served from {start} already; starting there")
        return start

    async def _moves(self, client: Client, wire: Http, route: Sequence[str]) -> None:
        load = self._load
        assert load is not None
        self._stage.say(f"tenants arrive: {self._traffic.rate:g} requests/s, whatever happens")
        await asyncio.sleep(self.plan.around)
        for target in route:
            if self.outcome.interrupted:
                return
            began, self.outcome.untold = load.now(), target
            try:
                receipt, error, interrupted = await self._move(client, wire, target)
            except RefusedError:
                self.outcome.untold = ""
                raise
            window = Window(began, load.now())
            if not interrupted:
                await asyncio.sleep(self.plan.around)
            await load.settle()
            full = joined(receipt, load.ledger, window, self.plan.around)
            self.outcome.moves.append(full)
            self.outcome.untold = ""
            self._stage.moved(full)
            self.outcome.interrupted = self.outcome.interrupted or interrupted
            if error is not None:
                raise error

    async def _move(
        self, client: Client, wire: Http, target: str
    ) -> tuple[dict[str, Any], PointsmanError | None, bool]:
        with self._stage.watching(f"{self.plan.model.name} → {target}") as observer:
            self._conductor = self._new(client, wire, observer)
            self._observer, self._watched = observer, True
            try:
                result = await self._conductor.move(self.plan.model, target, self.plan.options)
            finally:
                self._conductor, self._watched = None, False
        return dict(result.receipt), result.error, result.interrupted

    async def _tick(self) -> None:
        """Say how the tenants are, so that there is something to see at every moment."""
        load = self._load
        assert load is not None
        while True:
            await asyncio.sleep(TICK)
            now = load.now()
            lately = summary(
                [one for one in load.ledger.sent_within(Window(now - TICK - 2, now)) if one.ended is not None]
            )
            lost = sum(1 for one in load.ledger.entries if one.failure)
            speed = f", p50 {lately['latency']['p50']:.2f} s" if lately["latency"] else ""
            text = (
                f"tenants: {len(load.ledger.entries)} requests, {lost} lost, {load.ledger.in_flight} in flight{speed}"
            )
            if self._watched:
                self._observer.tell(Happening(now, Topic.NOTICE, "", text))
            else:
                self._stage.say(text)

    async def _conclude(self, client: Client, before: Mapping[str, Count] | None, load: Load) -> None:
        entries = load.ledger.entries
        self.outcome.load = {
            **summary(entries),
            "latestDeparture": round(load.latest, 3),
            "rate": self._traffic.rate,
        }
        after = await self._count(client)
        if before is not None and after is not None and not self.outcome.untold:
            self.outcome.reconciliation = reconcile(before, after, self.outcome.moves, entries, self._layer_of)

    async def _count(self, client: Client) -> dict[str, Count] | None:
        """What engines have answered; None when they never become quiet, as where other tenants call them too."""
        with contextlib.suppress(ClusterError):
            return await quiet_counts(client, LAYERS, self.plan.model)
        return None

    def _layer_of(self, entry: Entry) -> str:
        return entry.member.removeprefix(f"{self.plan.model.name}-")

    def _alias(self) -> Alias:
        model = self.plan.model
        members = frozenset(f"{model.name}-{layer.id}" for layer in LAYERS)
        # LiteLLM puts the alias in the place of the engine's name in some answers and not in others.
        names = frozenset({model.spec.served_model_name, model.spec.tenant.alias})
        return Alias(model.spec.tenant.alias, names, members)

    def _endpoints(self) -> dict[str, str]:
        return {layer.id: layer.endpoint(self.plan.model).base_url for layer in LAYERS}

    def _new(self, client: Client, wire: Http, observer: Observer) -> Conductor:
        endpoints = self._endpoints()
        return Conductor(
            Means(
                cluster=client,
                wire=wire,
                clock=SystemClock(),
                edge_for=lambda model, place: litellm_values(client, model, endpoints),
                observer=observer,
            )
        )

    def _check(self, count: int, differ: int) -> None:
        if differ:
            raise ClusterError(
                f"{differ} of {count} answers are not what these weights say",
                next_action="look at the engine's log",
                code="demo-baseline",
            )
        self._stage.say(f"{count} right answers are known")

    async def _key(self, client: Client) -> str:
        edge = self.plan.model.spec.tenant.edge
        ref = Ref(kind_of("Secret"), edge.master_key.secret, edge.namespace)
        with contextlib.suppress(KeyError):
            return base64.b64decode((await client.get(ref))["data"][edge.master_key.key]).decode()
        raise RefusedError(
            f"no key {edge.master_key.key!r} there to call the edge with",
            where=str(ref),
            next_action="name Secret and key in spec.tenant.edge.masterKey",
            code="edge-key-missing",
        )


def _around(start: str) -> list[str]:
    """Once around all layers, back to the first."""
    ids = [layer.id for layer in LAYERS]
    place = ids.index(start)
    return [*ids[place + 1 :], *ids[: place + 1]]
