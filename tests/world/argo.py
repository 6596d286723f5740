"""A small Argo CD: does to Applications in memory what the controllers of 3.2.6 do, as far as a sync depends on it.

It writes as they do: times with a grain of one second, an operation's state as a merge patch (so that what the new
operation leaves out is inherited from the state before), the refresh annotation taken away with the status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pointsman.kube.resources import Ref, kind_of
from tests.world.cluster import MemoryCluster, copied

__all__ = ["NAMESPACE", "App", "Argo", "application"]

Object = dict[str, Any]
NAMESPACE = "argocd"
FINAL = ("Succeeded", "Failed", "Error")
REFRESH = "argocd.argoproj.io/refresh"


def application(name: str = "raw-vllm", **spec: Any) -> Object:
    """A manual Application of one git source, as people write it."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "annotations": {}},
        "spec": {
            "project": "platform",
            "source": {"repoURL": "https://git.example/platform", "path": f"serving/{name}", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "serving"},
            **spec,
        },
    }


@dataclass
class App:
    """How Argo CD deals with one Application, and what git holds for it."""

    heads: list[str]
    """The revision that each source's targetRevision means now."""
    seconds: float = 3.0
    """How long an operation runs."""
    refreshing: float = 1.0
    """How long a comparison takes."""
    resources: list[Object] = field(default_factory=list)
    """``status.resources`` without their status."""
    cached: bool = False
    """Only a hard refresh sees a new head (manifest-generate-paths)."""
    blocked: bool = False
    """A sync window holds operations back; they cannot be terminated either."""
    held: float = 0.0
    """Seconds for which a window with ``manualSync`` holds an operation back: it is asked before its state is there."""
    hangs: bool = False
    """Operations run for ever, until they are terminated."""
    endless: bool = False
    """Terminating takes for ever too."""
    fails: str = ""
    refused: list[Object] = field(default_factory=list)
    """What cannot be applied then."""
    inherits: Object = field(default_factory=dict)
    """What an operation gets from the one before although its state was taken away."""
    ignores: bool = False
    """Nobody processes it at all."""
    uncleared: bool = False
    """Operations that ended are not cleared (3.5.3)."""
    invalid: str = ""
    """Why it is not compared at all: its project is gone, its destination not permitted."""
    hydrated: str = ""
    """The commit that is synced instead of the head."""
    health: str = "Healthy"
    differs: list[Object] = field(default_factory=list)
    """What stays out of sync whatever is applied."""
    lag: list[float] = field(default_factory=list)
    """By how many seconds the next comparisons are older than their writing: the time they carry is their beginning."""
    autosync: Callable[[], bool] = lambda: True
    applied: list[str] = field(default_factory=list)
    synced: int = 0
    """How many operations applied something."""
    since: float = 0.0


@dataclass
class Argo:
    """The controllers, as a task in the same loop or thread as the API server."""

    cluster: MemoryCluster
    clock: Any
    apps: dict[str, App] = field(default_factory=dict)
    delivered: Callable[[str], None] = lambda name: None
    """Called when an Application's resources were applied."""

    async def add(self, manifest: Object, app: App) -> Ref:
        """An Application that has been compared once."""
        ref = Ref(kind_of("Application"), manifest["metadata"]["name"], NAMESPACE)
        await self.cluster.create(copied(manifest))
        await self._compare(ref, app)
        self.apps[ref.name] = app
        return ref

    def of(self, name: str) -> Object:
        """The Application as it is."""
        return self.cluster.objects[Ref(kind_of("Application"), name, NAMESPACE)]

    async def run(self, pause: float = 0.5) -> None:
        """For ever."""
        while True:
            for name, app in list(self.apps.items()):
                ref = Ref(kind_of("Application"), name, NAMESPACE)
                if ref in self.cluster.objects and not app.ignores:
                    await self._step(ref, app)
            await asyncio.sleep(pause)

    async def _step(self, ref: Ref, app: App) -> None:
        live = self.cluster.objects[ref]
        if (live["metadata"].get("annotations") or {}).get("argocd.argoproj.io/skip-reconcile") == "true":
            return
        if live.get("operation"):
            await self._operate(ref, app, live)
        asked = (self.cluster.objects[ref]["metadata"].get("annotations") or {}).get(REFRESH)
        if asked:
            app.since = app.since or self.clock.monotonic()
            if self.clock.monotonic() - app.since >= app.refreshing:
                app.lag = app.lag or [self.clock.monotonic() - app.since]
                app.since = 0.0
                await self._compare(ref, app, hard=asked == "hard")

    async def _operate(self, ref: Ref, app: App, live: Object) -> None:
        state = (live.get("status") or {}).get("operationState") or {}
        if state.get("phase", "Succeeded") in FINAL:
            if app.uncleared and state and _info(state) == _info(live):
                return
            await self._begin(ref, app, live)
        elif app.blocked or self._age(state) < app.held:
            await self._state(ref, {**state, "message": "Sync operation blocked by sync window"})
        elif state["phase"] == "Terminating":
            if not app.endless:
                await self._finish(ref, app, state, "Failed", "Operation terminated")
        elif not app.hangs and self._age(state) >= app.seconds:
            if app.fails:
                refused = [{**one, "status": "SyncFailed"} for one in app.refused]
                state = {**state, "syncResult": {"revision": self._head(app)[0], "resources": refused}}
                await self._finish(ref, app, state, "Failed", app.fails)
            else:
                await self._apply(ref, app, state)

    async def _begin(self, ref: Ref, app: App, live: Object) -> None:
        operation = {"retry": {}, **copied(live["operation"])}
        operation["sync"] = {**operation["sync"], **app.inherits}
        sync = operation["sync"]
        result = {key: sync[key] for key in ("revision", "revisions") if key in sync}
        begun = {"phase": "Running", "startedAt": self._now(), "message": "syncing", "syncResult": result}
        await self._state(ref, {"operation": operation, **begun})

    def _age(self, state: Object) -> float:
        begun = datetime.fromisoformat(state["startedAt"])
        return float((self.clock.now() - begun).total_seconds())

    async def _apply(self, ref: Ref, app: App, state: Object) -> None:
        sync = state["operation"]["sync"]
        revisions = sync.get("revisions") or [sync.get("revision") or self._head(app)[0]]
        app.synced += 1
        if not sync.get("resources"):
            app.applied = list(revisions)
            await self._remember(ref, revisions)
        self.delivered(ref.name)
        await self._finish(ref, app, {**state, "syncResult": _said(revisions)}, "Succeeded", "successfully synced")

    async def _remember(self, ref: Ref, revisions: list[str]) -> None:
        history = list(self.cluster.objects[ref]["status"].get("history") or [])
        history.append({"id": len(history), "deployedAt": self._now(), **_said(revisions)})
        await self._write(ref, {"status": {"history": history}})

    async def _finish(self, ref: Ref, app: App, state: Object, phase: str, message: str) -> None:
        cleared = {} if app.uncleared else {"operation": None}
        await self._state(ref, {**state, "phase": phase, "message": message, "finishedAt": self._now()}, cleared)

    async def _state(self, ref: Ref, state: Object, more: Object | None = None) -> None:
        """A merge patch: what ``state`` leaves out stays as the state before had it."""
        if "finishedAt" not in state:
            state = {**state, "finishedAt": None}
        await self._write(ref, {"status": {"operationState": state}, **(more or {})})

    async def _compare(self, ref: Ref, app: App, *, hard: bool = False) -> None:
        """Compare with git, and write what was found; the annotation goes with the same patch."""
        if app.invalid:
            await self._refuse(ref, app)
            return
        old = (self.cluster.objects[ref].get("status") or {}).get("sync") or {}
        heads = self._head(app)
        if app.cached and not hard and old:
            heads = old.get("revisions") or [old["revision"]]
        same = app.applied == heads
        resources = [{**one, "status": "Synced" if same else "OutOfSync"} for one in app.resources]
        resources += [{**one, "status": "OutOfSync"} for one in app.differs]
        status = {
            "reconciledAt": self._now(app.lag.pop(0) if app.lag else 0.0),
            "controllerNamespace": NAMESPACE,
            "sync": {"status": "Synced" if same and not app.differs else "OutOfSync", **_said(heads)},
            "health": {"status": app.health},
            "resources": resources,
        }
        await self._write(ref, {"metadata": {"annotations": {REFRESH: None}}, "status": status})
        if _automated(self.cluster.objects[ref]) and not same and app.autosync():
            await self._sync_itself(ref, heads)

    async def _refuse(self, ref: Ref, app: App) -> None:
        """What a spec that is not allowed gets: conditions, no comparison, and no other ``reconciledAt``."""
        condition = {"type": "InvalidSpecError", "message": app.invalid}
        status = {"conditions": [condition], "sync": {"status": "Unknown"}, "health": {"status": "Unknown"}}
        await self._write(ref, {"metadata": {"annotations": {REFRESH: None}}, "status": status})

    async def _sync_itself(self, ref: Ref, heads: list[str]) -> None:
        if not self.cluster.objects[ref].get("operation"):
            operation = {"initiatedBy": {"automated": True}, "sync": _said(heads), "retry": {"limit": 5}}
            await self._write(ref, {"operation": operation})

    def _head(self, app: App) -> list[str]:
        return [app.hydrated] if app.hydrated else list(app.heads)

    def _now(self, ago: float = 0.0) -> str:
        return str(
            (self.clock.now() - timedelta(seconds=ago)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
        )

    async def _write(self, ref: Ref, body: Object) -> None:
        await self.cluster.patch(ref, body)


def _said(revisions: list[str]) -> Object:
    return {"revisions": list(revisions)} if len(revisions) > 1 else {"revision": revisions[0]}


def _automated(live: Object) -> bool:
    return (live["spec"].get("syncPolicy") or {}).get("automated") is not None


def _info(found: Object) -> Any:
    return (found.get("operation") or {}).get("info")
