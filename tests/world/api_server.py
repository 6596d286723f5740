"""The cluster in memory as an API server: what the program's own client asks over HTTP, answered from its objects."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import WSMsgType, web

from pointsman.errors import ConflictError, NotFoundError, PointsmanError
from pointsman.kube.http import Response
from pointsman.kube.resources import KINDS, Kind, Ref
from tests.world.cluster import MemoryCluster
from tests.world.proxy import NAMESPACE as EDGE

__all__ = ["MemoryServer"]

_BY_PATH = {(one.group, one.version, one.plural): one for one in KINDS}
_POD = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/:]+):(\d+)/proxy(/.*)")
_STATUS: dict[type[PointsmanError], int] = {NotFoundError: 404, ConflictError: 409}


class MemoryServer:
    """Answers requests as kube-apiserver does: objects, watches, the proxies of pods and Services."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self.cluster = cluster

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request of whoever has been let in."""
        try:
            return await self._answer(request)
        except PointsmanError as error:
            status = _STATUS.get(type(error), 503)
            return web.json_response({"kind": "Status", "code": status, "message": error.what}, status=status)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body: Any = json.loads(data) if (data := await request.read()) else None
        if request.path.endswith("/portforward"):
            return await _held(request)
        place = _place(request.path)
        if place is None or "/proxy/" in request.path:
            return _said(await self._proxied(request, body))
        kind, namespace, name = place
        if name:
            return web.json_response(await self._object(request, Ref(kind, name, namespace), body))
        if request.method == "POST":
            return web.json_response(await self.cluster.create(body), status=201)
        if "watch" in request.query:
            return await self._watched(request, kind, namespace)
        return await self._listed(request, kind, namespace)

    async def _listed(self, request: web.Request, kind: Kind, namespace: str | None) -> web.StreamResponse:
        version = self.cluster.version
        found = await self.cluster.list(kind, namespace, _labels(request.query))
        wanted = _named(request.query)
        items = [one for one in found if wanted in (None, one["metadata"]["name"])]
        metadata = {"resourceVersion": str(version)}
        return web.json_response({"kind": f"{kind.name}List", "metadata": metadata, "items": items})

    async def _proxied(self, request: web.Request, body: Any) -> Response:
        """A request to a pod, a Service or a review; to the API server belongs the Authorization that came with it."""
        if found := _POD.match(request.path):
            namespace, pod, port, rest = found.groups()
            if namespace != EDGE:
                return await self.cluster.proxy_get(namespace, pod, int(port), rest)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
        return await self.cluster.http(request.method, request.path, headers=headers, body=body)

    async def _object(self, request: web.Request, ref: Ref, body: Any) -> Any:
        if request.method == "PATCH" and request.content_type == "application/apply-patch+yaml":
            return await self.cluster.apply(body, dry_run="dryRun" in request.query)
        if request.method == "PATCH":
            assert request.content_type == "application/merge-patch+json", request.content_type
            return await self.cluster.patch(ref, body)
        if request.method == "PUT":
            return await self.cluster.replace(body)
        if request.method == "DELETE":
            await self.cluster.get(ref)
            await self.cluster.delete(ref)
            return {"kind": "Status", "status": "Success"}
        return await self.cluster.get(ref)

    async def _watched(self, request: web.Request, kind: Kind, namespace: str | None) -> web.StreamResponse:
        """What happens from now on; whoever read an older state reads it again first."""
        response = web.StreamResponse()
        await response.prepare(request)
        events = self.cluster.watch(kind, namespace, _labels(request.query), name=_named(request.query))
        try:
            async with asyncio.timeout(float(request.query["timeoutSeconds"])):
                told = False
                async for event in events:
                    if event.type == "SYNCED":
                        if request.query["resourceVersion"] != str(self.cluster.version):
                            await _tell(response, "ERROR", {"kind": "Status", "code": 410})
                            break
                        told = True
                    elif told:
                        await _tell(response, event.type, event.object)
        except TimeoutError:
            pass
        finally:
            await events.aclose()  # type: ignore[attr-defined]
        return response


async def _tell(response: web.StreamResponse, event: str, found: Mapping[str, Any]) -> None:
    await response.write(json.dumps({"type": event, "object": found}).encode() + b"\n")


async def _held(request: web.Request) -> web.StreamResponse:
    """A way to a pod that nothing is sent through: the wire in memory knows another one."""
    socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
    await socket.prepare(request)
    while not socket.closed and (await socket.receive()).type is WSMsgType.BINARY:
        pass
    return socket


def _said(answer: Response) -> web.Response:
    headers = {name: value for name, value in answer.headers.items() if name.lower().startswith("x-")}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _place(path: str) -> tuple[Kind, str | None, str] | None:
    """Kind, namespace and name (empty: all of them) of a path; None for what is no object of a known kind."""
    parts = path.strip("/").split("/")
    head, rest = (["", *parts[1:2]], parts[2:]) if parts[0] == "api" else (parts[1:3], parts[3:])
    namespace = None
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kind = _BY_PATH.get((*head, rest[0])) if rest else None  # type: ignore[arg-type]
    return None if kind is None else (kind, namespace, rest[1] if len(rest) > 1 else "")


def _labels(query: Mapping[str, str]) -> dict[str, str]:
    parts = [one.partition("=") for one in query.get("labelSelector", "").split(",") if one]
    return {name: value for name, _, value in parts}


def _named(query: Mapping[str, str]) -> str | None:
    """The one name that a field selector asks for."""
    for part in query.get("fieldSelector", "").split(","):
        if part.startswith("metadata.name="):
            return part.removeprefix("metadata.name=")
    return None
