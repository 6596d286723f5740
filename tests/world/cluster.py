"""A cluster in memory: objects with resource versions, watches, and a controller for Deployments."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from multidict import CIMultiDict

from pointsman.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from pointsman.kube.http import Response
from pointsman.kube.resources import Kind, Ref, kind_of, ref_of
from pointsman.kube.watch import Event
from pointsman.move.boundary import Object
from tests.world.engine import Engine, Faults
from tests.world.proxy import NAMESPACE as EDGE
from tests.world.proxy import MemoryProxy

__all__ = ["MemoryCluster", "Write", "copied"]

Listed = list
"""A list, where a method of that name hides the type."""


T = TypeVar("T")


def copied(value: T) -> T:
    """A copy of JSON-like data, as a server's answer is one; ``copy.deepcopy`` takes three times as long."""
    return cast(T, _copied(value))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_copied(one) for one in value]
    return value


@dataclass(frozen=True)
class Write:
    """A change about to be made, or just made; hooks may raise to play a process that dies there."""

    verb: str
    ref: Ref
    body: Any


def _ignore(write: Write) -> None:
    """The hook that does nothing."""


@dataclass
class MemoryCluster:
    """Everything of ``pointsman.move.boundary.Cluster``."""

    objects: dict[Ref, Object] = field(default_factory=dict)
    engines: dict[tuple[str, str], Engine] = field(default_factory=dict)
    faults: dict[str, Faults] = field(default_factory=dict)
    """By namespace: what is wrong with engines there."""
    before: Callable[[Write], None] = _ignore
    after: Callable[[Write], None] = _ignore
    changed: Callable[[], None] = lambda: None
    unknown_kinds: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    """What the caller may not do: verb and resource."""
    ended: bool = False
    """Have the caller's credentials ended?"""
    begun: str = "2026-01-01T00:00:00Z"
    """When containers started."""
    version: int = 0
    proxy: MemoryProxy | None = None
    """The edge's replicas, where they are played too."""
    _watchers: list[tuple[Kind, asyncio.Queue[Event]]] = field(default_factory=list)

    async def get(self, ref: Ref) -> Object:
        self._check_right("get", ref.kind)
        found = await self.find(ref)
        if found is None:
            raise NotFoundError("not found", where=str(ref))
        return found

    async def find(self, ref: Ref) -> Object | None:
        await asyncio.sleep(0)
        self.known()
        found = self.objects.get(ref)
        return copied(found) if found else None

    async def pages(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> AsyncIterator[Listed[Object]]:
        yield await self.list(kind, namespace, labels)

    async def names(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Listed[str]:
        return [str(one["metadata"]["name"]) for one in await self.list(kind, namespace, labels)]

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None, fields: str = ""
    ) -> list[Object]:
        await asyncio.sleep(0)
        self.known()
        if kind.plural in self.unknown_kinds:
            raise NotFoundError("the server could not find the requested resource", where=kind.plural)
        self._check_right("list", kind)
        return [copied(one) for ref, one in self.objects.items() if _selected(ref, one, kind, namespace, labels)]

    async def apply(self, manifest: Object, *, force: bool = True, dry_run: bool = False) -> Object:
        await asyncio.sleep(0)
        self.known()
        ref = ref_of(manifest)
        if dry_run:
            return manifest
        merged = _merge(self.objects.get(ref, {}), manifest)
        return self._write("apply", ref, merged)

    async def create(self, manifest: Object) -> Object:
        await asyncio.sleep(0)
        self.known()
        ref = ref_of(manifest)
        if ref in self.objects:
            raise ConflictError("exists", where=str(ref))
        return self._write("create", ref, manifest)

    async def replace(self, manifest: Object, *, subresource: str = "") -> Object:
        await asyncio.sleep(0)
        self.known()
        ref = ref_of(manifest)
        self._check_version(ref, manifest)
        return self._write("replace", ref, manifest)

    async def patch(self, ref: Ref, body: Any, *, subresource: str = "", kind: str = "merge") -> Object:
        await asyncio.sleep(0)
        self.known()
        self._check_version(ref, body)
        return self._write("patch", ref, _merge(self.objects[ref], body))

    async def delete(
        self, ref: Ref, *, propagation: str = "Background", missing_ok: bool = True, grace: int | None = None
    ) -> None:
        await asyncio.sleep(0)
        self.known()
        write = Write("delete", ref, None)
        self.before(write)
        gone = self.objects.pop(ref, None)
        if gone is not None:
            self.version += 1
            self._tell("DELETED", ref.kind, gone)
            self._control()
        self.after(write)

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        fields: str = "",
        name: str | None = None,
    ) -> AsyncIterator[Event]:
        return self._watch(kind, namespace, labels, name)

    async def _watch(
        self, kind: Kind, namespace: str | None, labels: Mapping[str, str] | None, name: str | None
    ) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        entry = (kind, queue)
        self._watchers.append(entry)
        try:
            for ref, one in list(self.objects.items()):
                if _selected(ref, one, kind, namespace, labels) and name in (None, ref.name):
                    yield Event("ADDED", copied(one))
            yield Event("SYNCED", {})
            while True:
                event = await queue.get()
                self.known()
                ref = ref_of(event.object)
                if _selected(ref, event.object, kind, namespace, labels) and name in (None, ref.name):
                    yield event
        finally:
            self._watchers.remove(entry)

    async def wait_gone(self, ref: Ref, timeout: float) -> None:
        await asyncio.sleep(0)
        self.known()
        if ref in self.objects:
            raise TemporaryError("still there", where=str(ref))

    async def http(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Response:
        await asyncio.sleep(0)
        self.known()
        if method == "PATCH":
            return await self._patched(path, body)
        if self.proxy is not None and "/pods/" in path:
            pod, _, rest = path.split("/pods/")[1].partition("/proxy")
            return self.proxy.answer(pod.partition(":")[0], method, rest, headers or {}, body)
        if "/proxy/" in path:
            namespace = path.split("/namespaces/")[1].split("/", maxsplit=1)[0]
            service, _, rest = path.split("/services/")[1].partition("/proxy")
            assert service.startswith("http:")
            for engine in self.serving(namespace):
                return engine.answer(method, rest, headers or {}, body)
            return Response(503, CIMultiDict(), b"no endpoints")
        return self._review(path.rsplit("/", 1)[-1], body)

    async def _patched(self, path: str, body: Any) -> Response:
        """A merge patch as a raw call: what it is refused with is an answer; what hooks raise is none."""
        ref = next((one for one in self.objects if one.path() == path), None)
        try:
            if ref is None:
                raise NotFoundError("not found", where=path)
            return Response(200, CIMultiDict(), json.dumps(await self.patch(ref, body)).encode())
        except (ConflictError, NotFoundError) as error:
            status = 409 if isinstance(error, ConflictError) else 404
            told = {"kind": "Status", "code": status, "message": error.what}
            return Response(status, CIMultiDict(), json.dumps(told).encode())

    def _review(self, plural: str, body: Any) -> Response:
        """May the caller do that, and is that kind served?"""
        if plural == "selfsubjectrulesreviews":
            rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            return _reviewed({"resourceRules": [] if self.denied else [rule], "incomplete": bool(self.denied)})
        if plural == "selfsubjectaccessreviews":
            asked = body["spec"]["resourceAttributes"]
            return _reviewed({"allowed": f"{asked['verb']} {asked['resource']}" not in self.denied})
        if f"list {plural}" in self.denied:
            return Response(403, CIMultiDict(), b"{}")
        return Response(404 if plural in self.unknown_kinds else 200, CIMultiDict(), b"{}")

    async def proxy_get(self, namespace: str, pod: str, port: int, path: str, timeout: float = 10.0) -> Response:
        await asyncio.sleep(0)
        self.known()
        engine = self.engines.get((namespace, pod))
        if engine is None:
            return Response(404, CIMultiDict(), b"no such pod")
        return engine.answer("GET", path, {}, None)

    async def service_get(self, namespace: str, service: str, port: int, path: str, timeout: float = 10.0) -> Response:
        await asyncio.sleep(0)
        self.known()
        for engine in self.serving(namespace):
            return engine.answer("GET", path, {}, None)
        return Response(503, CIMultiDict(), b"no endpoints")

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[str]:
        self.known()
        if (namespace, pod) not in self.engines:
            raise TemporaryError("no such pod", where=f"{namespace}/{pod}")
        yield f"memory://{namespace}/{pod}"

    def serving(self, namespace: str) -> Sequence[Engine]:
        """Engines of a namespace whose pods are ready."""
        return [
            engine
            for (where, name), engine in self.engines.items()
            if where == namespace and _ready(self.objects[Ref(kind_of("Pod"), name, where)])
        ]

    def known(self) -> None:
        """Raise what the client raises when nobody accepts its credentials any more."""
        if self.ended:
            raise PermanentError(
                "the API server does not accept the credentials: Unauthorized",
                where="user 'u'",
                next_action="log in again, then run the command again",
                code="cluster-unauthorized",
            )

    def _check_right(self, verb: str, kind: Kind) -> None:
        if f"{verb} {kind.plural}" in self.denied:
            raise PermanentError(f"{kind.plural} is forbidden", where=kind.plural, code="cluster-forbidden")

    def _check_version(self, ref: Ref, body: Object) -> None:
        found = self.objects.get(ref)
        if found is None:
            raise NotFoundError("not found", where=str(ref))
        wanted = (body.get("metadata") or {}).get("resourceVersion")
        if wanted is not None and wanted != found["metadata"]["resourceVersion"]:
            raise ConflictError("the object has been modified", where=str(ref))
        uid = (body.get("metadata") or {}).get("uid")
        if uid is not None and uid != found["metadata"].get("uid"):
            raise ConflictError("the UID is another one", where=str(ref))

    def _write(self, verb: str, ref: Ref, body: Object) -> Object:
        write = Write(verb, ref, body)
        self.before(write)
        written = self._store(ref, body)
        self._control()
        self.after(write)
        return copied(written)

    def _store(self, ref: Ref, body: Object) -> Object:
        self.version += 1
        known = ref in self.objects
        stored = copied({"apiVersion": ref.kind.api_version, "kind": ref.kind.name, **body})
        stored["metadata"] = {**stored["metadata"], "resourceVersion": str(self.version)}
        self.objects[ref] = stored
        self._tell("MODIFIED" if known else "ADDED", ref.kind, stored)
        return stored

    def _tell(self, event: str, kind: Kind, found: Object) -> None:
        for wanted, queue in self._watchers:
            if wanted == kind:
                queue.put_nowait(Event(event, copied(found)))

    def _control(self) -> None:
        """Deployments become pods, at once."""
        pods = kind_of("Pod")
        wanted: dict[Ref, Object] = {}
        for ref, one in list(self.objects.items()):
            if ref.kind.name == "Deployment" and not self._of_edge(ref):
                for number in range(int(one["spec"]["replicas"])):
                    wanted[Ref(pods, f"{ref.name}-{number}", ref.namespace)] = one
        ours = [ref for ref in self.objects if ref.kind == pods and not self._of_edge(ref)]
        for ref in [ref for ref in ours if ref not in wanted]:
            gone = self.objects.pop(ref)
            self.engines.pop((ref.namespace or "", ref.name), None)
            self._tell("DELETED", pods, gone)
        for ref, owner in wanted.items():
            if not self.objects.get(ref, {}).get("spec", {}).get("nodeName"):
                self._start(ref, owner)
        for ref, one in list(self.objects.items()):
            if ref.kind.name == "Deployment" and not self._of_edge(ref):
                self._report(ref, one)
        if self.proxy is not None:
            self.proxy.reconcile()
        self.changed()

    def _of_edge(self, ref: Ref) -> bool:
        return self.proxy is not None and ref.namespace == EDGE

    def _start(self, ref: Ref, owner: Object) -> None:
        faults = self.faults.get(ref.namespace or "", Faults())
        template = owner["spec"]["template"]
        known, placed = ref in self.objects, self._room() >= _gpus(template["spec"])
        if known and not placed:
            return
        ready = "True" if placed and not faults.never_ready else "False"
        pod = {
            "metadata": {
                "name": ref.name,
                "namespace": ref.namespace,
                "uid": f"{self.version:08d}-0000",
                "labels": template["metadata"]["labels"],
                "ownerReferences": [{"name": owner["metadata"]["name"]}],
            },
            "spec": {**template["spec"], **({"nodeName": "node-0"} if placed else {})},
            "status": {
                "phase": "Running" if placed else "Pending",
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"name": "engine", "state": {"running": {"startedAt": self.begun}}}]
                if placed
                else [],
            },
        }
        if placed:
            self.engines[ref.namespace or "", ref.name] = Engine(faults)
        self._store(ref, pod)

    def _room(self) -> int:
        """Accelerators that no pod holds; one node is all there is."""
        node = self.objects.get(Ref(kind_of("Node"), "node-0"), {})
        total = int(node.get("status", {}).get("allocatable", {}).get("nvidia.com/gpu", 0))
        pods = [one for ref, one in self.objects.items() if ref.kind == kind_of("Pod") and one["spec"].get("nodeName")]
        return total - sum(_gpus(one["spec"]) for one in pods)

    def _report(self, ref: Ref, one: Object) -> None:
        asked = int(one["spec"]["replicas"])
        pods = [self.objects[Ref(kind_of("Pod"), f"{ref.name}-{number}", ref.namespace)] for number in range(asked)]
        ready = sum(1 for pod in pods if _ready(pod))
        generation = one["metadata"].get("generation", 1)
        status = {
            "observedGeneration": generation,
            "replicas": asked,
            "updatedReplicas": asked,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": [{"type": "Available", "status": "True" if ready >= asked else "False"}],
        }
        if one.get("status") != status:
            stored = {**one, "metadata": {**one["metadata"], "generation": generation}, "status": status}
            self._store(ref, stored)


def _gpus(spec: Object) -> int:
    limits = [one.get("resources", {}).get("limits", {}) for one in spec["containers"]]
    return sum(int(one.get("nvidia.com/gpu", 0)) for one in limits)


def _ready(pod: Object) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"])


def _reviewed(status: Mapping[str, Any]) -> Response:
    return Response(201, CIMultiDict(), json.dumps({"status": status}).encode())


def _selected(ref: Ref, one: Object, kind: Kind, namespace: str | None, labels: Mapping[str, str] | None) -> bool:
    has = one["metadata"].get("labels") or {}
    fits = all(
        key[1:] not in has if key.startswith("!") else key in has and value in ("", has[key])
        for key, value in (labels or {}).items()
    )
    return ref.kind == kind and namespace in (None, ref.namespace) and fits


def _merge(old: Any, new: Any) -> Any:
    """A JSON merge patch."""
    if not isinstance(new, dict):
        return json.loads(json.dumps(new))
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged
