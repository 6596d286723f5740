"""The node process: watches the pods bound to its nodes and gives each a worker; ends them all when it ends."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from pointsman.errors import TemporaryError
from pointsman.kube.client import Client
from pointsman.kube.resources import kind_of
from pointsman.lab.config import LabConfig
from pointsman.lab.node.addresses import Addresses, node_address
from pointsman.lab.node.context import NodeContext
from pointsman.lab.node.events import Recorder
from pointsman.lab.node.kubelet_api import KubeletApi
from pointsman.lab.node.lifecycle import PodWorker
from pointsman.lab.node.probing import Prober
from pointsman.lab.node.provisioner import Provisioner
from pointsman.lab.node.registration import Registration
from pointsman.lab.node.sources import ApiSources, data_of
from pointsman.lab.node.temporary import sweep
from pointsman.lab.node.zygotes import Zygotes

__all__ = ["Agent", "mark_ready"]

_LOG = logging.getLogger(__name__)
_POD, _NODE = kind_of("Pod"), kind_of("Node")
_SOURCES = (kind_of("ConfigMap"), kind_of("Secret"))
POWER = "lab.pointsman.dev/power"
"""A Node with this annotation, ``off``, is dead for as long as it exists."""
_TOKEN_RENEWAL = 2400.0
_RESTART_PAUSE = 1.0

Object = dict[str, Any]


class Agent:
    """All nodes of one lab, in one process."""

    def __init__(self, config: LabConfig, client: Client, prober: Prober, zygotes: Zygotes) -> None:
        self.workers: dict[str, PodWorker] = {}
        self._config = config
        self._client = client
        self._addresses = Addresses(config)
        self._tasks: set[asyncio.Task[None]] = set()
        self._nodes = {
            node.name: NodeContext(
                config=config,
                node=node,
                host=node_address(config, index),
                client=client,
                sources=ApiSources(client),
                prober=prober,
                events=Recorder(client, node.name),
                addresses=self._addresses,
                zygotes=zygotes,
            )
            for index, node in enumerate(config.nodes)
        }
        self._off: set[str] = set()
        self._registrations = [Registration(client, config, index, self._off) for index in range(len(config.nodes))]

    async def run(self, ready: Callable[[], None], stopped: asyncio.Event) -> None:
        """Serve until ``stopped``; ``ready`` is called once nodes are registered and pods are known."""
        async with AsyncExitStack() as stack:
            for node in self._nodes.values():
                api = KubeletApi(self._config, node.host, self.find_worker)
                await stack.enter_async_context(api)
            for registration in self._registrations:
                await _insist(registration.register)
                self._supervise(registration.keep)
            for node in self._nodes.values():
                self._supervise(node.events.run)
            synced = asyncio.Event()
            self._supervise(lambda: self._follow_pods(synced))
            for kind in _SOURCES:
                self._supervise(partial(self._follow_sources, kind))
            self._supervise(Provisioner(self._client, self._config.home / "volumes").run)
            self._supervise(self._follow_power)
            self._supervise(self._renew_tokens)
            await synced.wait()
            ready()
            await stopped.wait()
            await self._end()

    def find_worker(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of a pod, by name."""
        for worker in self.workers.values():
            metadata = worker.pod["metadata"]
            if metadata["name"] == name and metadata["namespace"] == namespace:
                return worker
        return None

    def _supervise(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(_for_ever(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow_pods(self, synced: asyncio.Event) -> None:
        listed: set[str] | None = set()
        async for event in self._client.watch(_POD, fields="spec.nodeName!="):
            if event.type == "SYNCED":
                if listed is not None:
                    await self._forget_all_but(listed)
                listed = None
                synced.set()
                continue
            if listed is not None:
                listed.add(event.object["metadata"]["uid"])
            if event.type == "DELETED":
                worker = self.workers.get(event.object["metadata"]["uid"])
                if worker is not None:
                    worker.remove()
            else:
                self._see(event.object)

    async def _forget_all_but(self, listed: set[str]) -> None:
        """What was removed while nobody watched: workers, and directories an earlier node left."""
        for uid, worker in list(self.workers.items()):
            if uid not in listed:
                worker.remove()
        await asyncio.to_thread(_remove_directories, self._config.pods, listed | set(self.workers))

    def _see(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self.workers:
            self.workers[uid].update(pod)
            return
        node = self._nodes.get(pod["spec"]["nodeName"])
        if node is None or pod["spec"]["nodeName"] in self._off:
            return
        worker = PodWorker(pod, node)
        self.workers[uid] = worker
        if pod["metadata"].get("deletionTimestamp"):
            worker.update(pod)
        task = asyncio.create_task(self._work(worker), name=f"pod {uid}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, worker: PodWorker) -> None:
        metadata = worker.pod["metadata"]
        try:
            await worker.run()
        except Exception:
            _LOG.exception("the worker of pod %s/%s failed", metadata["namespace"], metadata["name"])
        finally:
            self.workers.pop(worker.uid, None)

    async def _follow_sources(self, kind: Any) -> None:
        synced = False
        async for event in self._client.watch(kind):
            synced = synced or event.type == "SYNCED"
            if not synced or event.type == "SYNCED":
                continue
            metadata = event.object["metadata"]
            gone = event.type == "DELETED"
            data = None if gone else data_of({**event.object, "kind": kind.name})
            for worker in list(self.workers.values()):
                if worker.pod["metadata"]["namespace"] == metadata["namespace"]:
                    await worker.source_changed(kind.name, metadata["name"], data)

    async def _follow_power(self) -> None:
        """A node that is off runs no process, renews no Lease and says nothing of its pods."""
        async for event in self._client.watch(_NODE):
            if event.type in {"SYNCED", "DELETED"}:
                continue
            metadata = event.object["metadata"]
            name, said = metadata["name"], (metadata.get("annotations") or {}).get(POWER)
            if said == "off" and name in self._nodes and name not in self._off:
                self._off.add(name)
                for worker in list(self.workers.values()):
                    if worker.pod["spec"]["nodeName"] == name:
                        worker.power_off()

    async def _renew_tokens(self) -> None:
        while True:
            await asyncio.sleep(_TOKEN_RENEWAL)
            for worker in list(self.workers.values()):
                await worker.renew_tokens()

    async def _end(self) -> None:
        """Take every container down, and leave what the API knows about them as it is."""
        await asyncio.gather(*(worker.abandon() for worker in self.workers.values()), return_exceptions=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _remove_directories(pods: Path, kept: set[str]) -> None:
    for directory in pods.glob("*") if pods.exists() else []:
        if directory.name not in kept:
            shutil.rmtree(directory, ignore_errors=True)
    sweep()


async def _insist(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do it, as soon as the API server lets us."""
    while True:
        try:
            await work()
            return
        except TemporaryError as error:
            _LOG.info("waiting for the API server: %s", error.what)
            await asyncio.sleep(0.2)


async def _for_ever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run work that should not end; when it fails, say so and start it again."""
    while True:
        try:
            await work()
        except Exception:
            _LOG.exception("a task of the node failed; it is started again")
        await asyncio.sleep(_RESTART_PAUSE)


def mark_ready(path: Path) -> Callable[[], None]:
    """A call that creates the mark other processes wait for."""

    def mark() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    return mark
