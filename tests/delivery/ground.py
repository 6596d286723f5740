"""A cluster in memory with an Argo CD in it, and the program's own client over HTTP; time is virtual."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from pointsman.delivery.argocd.draft import Draft, Wish, prepare
from pointsman.delivery.argocd.finding import Result
from pointsman.delivery.argocd.roster import wait_for_all
from pointsman.delivery.argocd.sync import carry_out
from pointsman.delivery.argocd.wait import wait_for
from pointsman.delivery.boundary import Means
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from tests.cli.cluster import kubeconfig_for
from tests.world.api_server import MemoryServer
from tests.world.argo import NAMESPACE, App, Argo, application
from tests.world.cluster import MemoryCluster
from tests.world.virtual import Clock, run_virtually

__all__ = ["NEW", "NEWER", "OLD", "Front", "Ground", "code", "deployment", "ground", "plain", "told", "tracked"]

Object = dict[str, Any]
OLD, NEW, NEWER = "a" * 40, "b" * 40, "c" * 40
Front = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


async def _open(request: web.Request) -> web.StreamResponse | None:
    """Nothing in the way."""
    return None


@dataclass
class Ground:
    """Everything that a test needs."""

    client: Client
    cluster: MemoryCluster
    argo: Argo
    clock: Clock
    means: Means
    said: list[str]
    patched: list[Object] = field(default_factory=list)
    """Bodies of every patch that came over HTTP."""

    async def synced(self, name: str = "raw-vllm", **wish: Any) -> Result:
        """Shown, agreed to, and carried out."""
        return await carry_out(self.means, await self.drafted(name, **wish))

    async def drafted(self, name: str = "raw-vllm", **wish: Any) -> Draft:
        """What would be shown."""
        return await prepare(self.means, name, Wish(**{"namespace": NAMESPACE, "timeout": 120.0, **wish}))

    async def waited(self, name: str = "raw-vllm", seconds: float = 60.0, *, for_app: bool = False) -> Result:
        """Waited for."""
        return await wait_for(self.means, name, NAMESPACE, self.means.within(seconds), for_app=for_app)

    async def all_waited(self, *names: str) -> list[Result]:
        """These, and all automatic ones."""
        deadline = self.means.within(60.0)
        return await wait_for_all(self.means, names, NAMESPACE, deadline, all_automatic=True, for_app=False)

    async def edit(self, name: str, body: Object) -> None:
        """Somebody else's patch of an Application."""
        await self.cluster.patch(Ref(kind_of("Application"), name, NAMESPACE), body)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition, in virtual time."""
        for _ in range(600):
            if holds():
                return
            await self.clock.sleep(0.5)
        raise AssertionError("it never came to that")

    def phase(self, name: str = "raw-vllm") -> str:
        """Of the Application's operation."""
        return str((self.argo.of(name)["status"].get("operationState") or {}).get("phase") or "")

    @property
    def operations(self) -> list[Object]:
        """What was asked of Argo CD by us."""
        return [one["operation"] for one in self.patched if one.get("operation")]


def deployment(name: str = "raw-vllm", namespace: str = "serving", replicas: int = 1) -> Object:
    """One that is rolled out as soon as it is there."""
    labels = {"app": name}
    container = {"name": "engine", "image": "vllm"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def tracked(manifest: Object) -> Object:
    """The same, as an Application lists it."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    metadata = manifest["metadata"]
    place = {"namespace": metadata["namespace"], "name": metadata["name"]}
    return {"group": group, "version": version, "kind": manifest["kind"], **place}


async def plain(made: Ground, name: str = "raw-vllm", *, idle: bool = False, **spec: Any) -> App:
    """A manual Application that runs an older commit, and its Deployment; an ``idle`` one is never synced by itself."""
    await made.cluster.create(deployment(name))
    app = App([NEW], applied=[OLD], resources=[tracked(deployment(name))], autosync=lambda: not idle)
    await made.argo.add(application(name, **spec), app)
    return app


def code(result: Result) -> str:
    """Of what went wrong; empty when nothing did."""
    return result.error.code if result.error else ""


@asynccontextmanager
async def ground(folder: Path, front: Front = _open) -> AsyncIterator[Ground]:
    """The API server answers whatever ``front`` leaves to it."""
    clock, cluster = Clock(), MemoryCluster()
    argo, server = Argo(cluster, clock), MemoryServer(cluster)
    said: list[str] = []
    patched: list[Object] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH":
            patched.append(await request.json())
        return await front(request) or await server.answer(request)

    runner = web.AppRunner(_routed(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    config = folder / "kubeconfig"
    config.write_text(kubeconfig_for(runner.addresses[0][1]))
    controllers = asyncio.create_task(argo.run())
    try:
        async with Client.from_kubeconfig(config) as client:
            means = Means(client, clock, said.append)
            yield Ground(client, cluster, argo, clock, means, said, patched)
    finally:
        controllers.cancel()
        await asyncio.gather(controllers, return_exceptions=True)
        await runner.cleanup()


def _routed(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    return app


Story = Callable[[Ground], Awaitable[None]]


def told(folder: Path, story: Story, front: Front | None = None) -> None:
    """The story from its beginning to its end."""

    async def all_of_it() -> None:
        async with ground(folder, *([front] if front else [])) as made:
            await story(made)

    run_virtually(all_of_it())
