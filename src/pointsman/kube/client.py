"""The Kubernetes client: reads, server-side apply, patches, deletes and waits.

Retries live here and nowhere else. A call is tried again when it was turned away (429) or can be said twice
(GET, PUT, PATCH, DELETE); creating is not repeated unless the server says that nothing was done. A server that was
never heard of is given up sooner than one that fell silent: ``Limits``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from multidict import CIMultiDict
from pydantic_core import from_json

from pointsman.errors import ClusterError, NotFoundError, PermanentError, TemporaryError
from pointsman.kube.answers import (
    AS_TABLE,
    backoff,
    error_for,
    is_page,
    is_refusal,
    items_in,
    names_in,
    not_kubernetes,
    object_in,
    retry_delay,
)
from pointsman.kube.connections import aiohttp
from pointsman.kube.credentials import Grant
from pointsman.kube.forward import forward
from pointsman.kube.http import Response
from pointsman.kube.kubeconfig import Access, load_access
from pointsman.kube.paging import in_pages
from pointsman.kube.peers import FROM_PEER, FROM_SERVER, MESSAGE, TooLargeError, lines_within, read_within, unled
from pointsman.kube.reasons import reason
from pointsman.kube.resources import Kind, Ref, kind_of, pod_port_path, ref_of
from pointsman.kube.watch import Event, WatchError, follow

__all__ = ["FIELD_MANAGER", "Client", "Event", "Limits"]

FIELD_MANAGER = "pointsman"
ATTEMPTS = 6
WATCH_SECONDS = 20
"""Seconds after which the server is asked to end a watch. A watch that lives longer than that and says nothing is
dead: a road that lost the connection without a word is noticed that soon."""
WATCH_GRACE = 1.25
"""Silence after which a watch is taken for dead, as a multiple of the time it was asked to last."""

Object = dict[str, Any]

_PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a server is waited for, in seconds."""

    connect: float = 10.0
    """A connection, the TLS handshake included; watches too."""
    call: float = 30.0
    """One attempt of a call, from the connection to the last byte, unless the caller names another time."""
    first: float = 45.0
    """A call to a server that has not answered anything yet is not tried again after that; the attempt under way may
    add one ``call``. A server that has answered once gets every attempt."""


class Client:
    """One API server. Use as an async context manager, from one event loop."""

    def __init__(
        self,
        access: Access,
        *,
        watch_seconds: int = WATCH_SECONDS,
        limits: Limits | None = None,
        managers: Collection[str] = (),
    ) -> None:
        """``managers``: kinds whose lists keep who wrote which field; others come without, which is a third less."""
        self.access = access
        self.managers = frozenset(managers)
        self.watch_seconds = watch_seconds
        self.limits = limits or Limits()
        self._answered = False
        self._session: aiohttp.ClientSession | None = None
        self._begun: dict[str, asyncio.Task[Sequence[list[Object]]]] = {}

    @classmethod
    def from_kubeconfig(cls, path: Path | None = None, context: str | None = None) -> Client:
        """A client for the kubeconfig's server; raises PermanentError when the file cannot be used."""
        return cls(load_access(path, context))

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            trace_configs=[unled()],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._begun.values():
            task.cancel()
        await asyncio.gather(*self._begun.values(), return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session."""
        assert self._session is not None, "use Client as an async context manager"
        return self._session

    async def http(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        most: int = FROM_PEER,
    ) -> Response:
        """One raw call, no retry, whatever its status; ``timeout`` is seconds, ``Limits.call`` when left out.

        Raises TemporaryError when there is no answer, or one of more than ``most`` bytes.
        """
        data = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", **(headers or {})}
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        limits = aiohttp.ClientTimeout(
            total=self.limits.call if timeout is None else timeout, sock_connect=self.limits.connect
        )

        async def once(grant: Grant) -> Response:
            async with self.session.request(
                method, self._url(path, params), data=data, timeout=limits, **self._shown(grant, sent)
            ) as response:
                return Response(response.status, response.headers, await read_within(response, most))

        grant = await self.access.credentials.grant()
        try:
            answer = await once(grant)
            if (
                is_refusal(answer.status, answer.body)
                and (fresh := await self.access.credentials.instead(grant)) is not None
            ):
                answer = await once(fresh)
        except TooLargeError as error:
            raise TemporaryError(
                str(error), where=path, next_action="look who answers there", code="answer-too-large"
            ) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self.unreachable(error) from error
        self._answered = True
        return answer

    def _shown(self, grant: Grant, headers: Mapping[str, str]) -> dict[str, Any]:
        """How a request goes out: who it comes from, by which road, and that no answer leads it elsewhere."""
        return {
            "headers": CIMultiDict([*grant.headers.items(), *headers.items()]),
            "ssl": grant.tls if grant.tls is not None else True,
            "server_hostname": self.access.server_name,
            "proxy": self.access.proxy,
            "allow_redirects": False,
        }

    def _url(self, path: str, params: Mapping[str, str] | None) -> str:
        query = f"?{urlencode(params)}" if params else ""
        return f"{self.access.server}{path}{query}"

    def _address(self) -> str:
        return f"{self.access.server} (context {self.access.context} in {self.access.source})"

    def unreachable(self, error: BaseException) -> ClusterError:
        """The error for a server that does not answer, or whose certificate is not the one it should have."""
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return PermanentError(
                f"the certificate of the API server is not trusted ({reason(error)})",
                where=self._address(),
                next_action="check certificate-authority and tls-server-name of the cluster in the kubeconfig",
                code="cluster-certificate",
            )
        return TemporaryError(
            f"the API server does not answer ({reason(error)})",
            where=self._address(),
            next_action="check that the cluster runs and that the kubeconfig points at it",
            code="cluster-unreachable",
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        where: str,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Object:
        """One call with retries; the answer as an object.

        Raises the ClusterError its status means, and PermanentError for an answer that is not Kubernetes'.
        """
        begun = time.monotonic()
        headers = {"Content-Type": content_type, "Accept": accept}
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                answer = await self.http(method, path, params=params, body=body, headers=headers, most=FROM_SERVER)
            except TemporaryError as error:
                if last or method == "POST" or self._unheard_of(begun) or error.code == "answer-too-large":
                    raise
                await asyncio.sleep(backoff(attempt))
                continue
            if answer.status < 400 or (answer.status == 404 and is_page(answer.body)):
                return self._object(method, path, answer)
            if is_refusal(answer.status, answer.body):
                raise self.access.credentials.ended(error_for(401, answer.body, "").what)
            delay = retry_delay(method, answer.status, answer.headers, attempt)
            if last or delay is None:
                raise error_for(answer.status, answer.body, where)
            await asyncio.sleep(delay)
        raise AssertionError("unreachable")

    def _unheard_of(self, begun: float) -> bool:
        """Has the server never answered, and had its time since ``begun``?"""
        return not self._answered and time.monotonic() - begun >= self.limits.first

    def _object(self, method: str, path: str, answer: Response) -> Object:
        found = object_in(answer.body) if answer.status < 300 else None
        if found is None:
            raise not_kubernetes(f"{method} {path}", answer.status, answer.body, self._address())
        return found

    async def listed(self, kind: Kind, path: str, params: Mapping[str, str]) -> tuple[list[Object], Object]:
        """The objects of a collection, each with apiVersion and kind, and the list's metadata."""
        answer = await self.call("GET", path, where=f"{kind.plural}", params=params)
        items = items_in(answer)
        if items is None:
            raise not_kubernetes(f"GET {path}", 200, json.dumps(answer).encode(), self._address())
        own = {"apiVersion": kind.api_version, "kind": kind.name}
        told = [{**own, **item, **own} for item in items]
        return told, answer.get("metadata") or {}

    async def get(self, ref: Ref) -> Object:
        """The object; raises NotFoundError when it does not exist."""
        return await self.call("GET", ref.path(), where=str(ref))

    async def find(self, ref: Ref) -> Object | None:
        """The object, or None. A kind the cluster does not serve reads as None too."""
        try:
            return await self.get(ref)
        except NotFoundError:
            return None

    async def pages(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[Object]]:
        """All objects of a kind, some hundreds at a time; the later of one that comes twice counts. ``in_pages``."""
        path, params = kind.path(namespace), selectors(labels, "")
        if begun := self._begun.pop(_asked(path, params), None):
            for items in await begun:
                yield items
            return
        async for items in in_pages(self, kind, path, params, managers=kind.name in self.managers):
            yield items

    def begin(self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None) -> None:
        """Read all pages from now on; the next ``pages`` of the same objects takes them, whenever that is."""
        path, params = kind.path(namespace), selectors(labels, "")

        async def read() -> Sequence[list[Object]]:
            managers = kind.name in self.managers
            return [items async for items in in_pages(self, kind, path, params, managers=managers)]

        self._begun[_asked(path, params)] = asyncio.create_task(read())

    async def names(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[str]:
        """Only the names of a kind's objects: a few dozen bytes each, however large they are."""
        params = {**selectors(labels, ""), "includeObject": "None"}
        path = kind.path(namespace)
        answer = await self.call("GET", path, where=kind.plural, params=params, accept=AS_TABLE)
        found = names_in(answer)
        if found is None:
            raise not_kubernetes(f"GET {path}", 200, json.dumps(answer).encode(), self._address())
        return found

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        fields: str = "",
    ) -> list[Object]:
        """All objects of a kind (in every namespace when none is given), each with apiVersion and kind."""
        return (await self.listed(kind, kind.path(namespace), selectors(labels, fields)))[0]

    async def apply(self, manifest: Object, *, force: bool = True, dry_run: bool = False) -> Object:
        """Server-side apply with our field manager. Raises ConflictError when ``force`` is off and others own it."""
        ref = ref_of(manifest)
        params = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        if dry_run:
            params["dryRun"] = "All"
        return await self.call(
            "PATCH",
            ref.path(),
            where=str(ref),
            params=params,
            body=manifest,
            content_type=_PATCH_TYPES["apply"],
        )

    async def create(self, manifest: Object) -> Object:
        """Create; raises ConflictError when it exists."""
        ref = ref_of(manifest)
        path = ref.kind.path(ref.namespace)
        params = {"fieldManager": FIELD_MANAGER}
        return await self.call("POST", path, where=str(ref), params=params, body=manifest)

    async def replace(self, manifest: Object, *, subresource: str = "") -> Object:
        """Replace the whole object; with a resourceVersion in it, only if nobody changed it since."""
        ref = ref_of(manifest)
        params = {"fieldManager": FIELD_MANAGER}
        return await self.call("PUT", ref.path(subresource), where=str(ref), params=params, body=manifest)

    async def patch(self, ref: Ref, body: Any, *, subresource: str = "", kind: str = "merge") -> Object:
        """Patch with ``kind`` merge, json or strategic."""
        return await self.call(
            "PATCH",
            ref.path(subresource),
            where=str(ref),
            params={"fieldManager": FIELD_MANAGER},
            body=body,
            content_type=_PATCH_TYPES[kind],
        )

    async def delete(
        self, ref: Ref, *, propagation: str = "Background", missing_ok: bool = True, grace: int | None = None
    ) -> None:
        """Delete; ``propagation`` is Background, Foreground or Orphan, ``grace`` seconds for pods."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        try:
            await self.call("DELETE", ref.path(), where=str(ref), body=body)
        except NotFoundError:
            if not missing_ok:
                raise

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        fields: str = "",
        name: str | None = None,
    ) -> AsyncIterator[Event]:
        """List, then follow for ever; restarts by itself. See ``pointsman.kube.watch``."""
        selector = ",".join(part for part in (fields, f"metadata.name={name}" if name else "") if part)
        async for event in follow(self, kind, kind.path(namespace), selectors(labels, selector)):
            yield event

    async def wait(
        self, ref: Ref, predicate: Callable[[Object | None], bool], *, timeout: float, what: str
    ) -> Object | None:
        """Follow one object until ``predicate`` holds (None while it does not exist).

        Raises TemporaryError after ``timeout`` seconds, naming ``what`` was waited for.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._until(ref, predicate)
        except TimeoutError as error:
            raise TemporaryError(
                f"waited {timeout:g} s for {what}",
                where=str(ref),
                next_action=f"kubectl describe {ref.kind.plural} {ref.name}"
                + (f" -n {ref.namespace}" if ref.namespace else ""),
                code="wait-timeout",
            ) from error

    async def _until(self, ref: Ref, predicate: Callable[[Object | None], bool]) -> Object | None:
        current: Object | None = None
        async for event in self.watch(ref.kind, ref.namespace, name=ref.name):
            if event.type != "SYNCED":
                current = None if event.type == "DELETED" else event.object
            if (event.type == "SYNCED" or current is not None) and predicate(current):
                return current
            if event.type == "DELETED" and predicate(None):
                return None
        raise AssertionError("a watch never ends")

    async def wait_gone(self, ref: Ref, timeout: float) -> None:
        """Wait until the object does not exist any more; raises TemporaryError like ``wait``."""
        await self.wait(ref, lambda found: found is None, timeout=timeout, what="it to be gone")

    async def proxy_get(self, namespace: str, pod: str, port: int, path: str, timeout: float = 10.0) -> Response:
        """GET from a pod through the API server, which strips the Authorization header."""
        return await self.http("GET", f"{pod_port_path(namespace, pod, port)}/{path.lstrip('/')}", timeout=timeout)

    async def service_get(self, namespace: str, service: str, port: int, path: str, timeout: float = 10.0) -> Response:
        """GET from a Service through the API server, which strips the Authorization header."""
        target = Ref(kind_of("Service"), f"http:{service}:{port}", namespace).path("proxy")
        return await self.http("GET", f"{target}/{path.lstrip('/')}", timeout=timeout)

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[str]:
        """A local base URL that reaches the pod's port, headers untouched. See ``pointsman.kube.forward``."""
        async with forward(self, namespace, pod, port) as base:
            yield base

    async def websocket(self, path: str, protocol: str) -> aiohttp.ClientWebSocketResponse:
        """Open one WebSocket; raises aiohttp's own errors, and PermanentError without credentials. For ``forward``."""

        async def once(grant: Grant) -> aiohttp.ClientWebSocketResponse:
            shown = self._shown(grant, {})
            del shown["allow_redirects"]  # ``unled`` ends them
            opened: aiohttp.ClientWebSocketResponse = await self.session.ws_connect(
                self._url(path, None), protocols=(protocol,), max_msg_size=MESSAGE, **shown
            )
            return opened

        grant = await self.access.credentials.grant()
        try:
            return await once(grant)
        except aiohttp.WSServerHandshakeError as error:
            if error.status != 401 or (fresh := await self.access.credentials.instead(grant)) is None:
                raise
            return await once(fresh)

    async def events(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Object]:
        """One watch connection, as raw events; ends when the server ends it. Used by ``follow``.

        Silence ends it too, before the answer's head as well as after it: WATCH_GRACE.
        """
        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=self.limits.connect, sock_read=WATCH_GRACE * self.watch_seconds
        )
        grant = await self.access.credentials.grant()
        try:
            async with self.session.get(
                self._url(path, params), timeout=limits, **self._shown(grant, {"Accept": "application/json"})
            ) as response:
                if response.status >= 300:
                    body = await read_within(response, FROM_PEER)
                    renewed = (
                        is_refusal(response.status, body) and await self.access.credentials.instead(grant) is not None
                    )
                    raise WatchError(0 if renewed else response.status, body)
                async for line in lines_within(response):
                    if line:
                        yield _event(line)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise WatchError(0, reason(error).encode()) from error


def _asked(path: str, params: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(params)}"


def _event(line: bytes) -> Object:
    """A line of a watch; raises ValueError when it is no event."""
    raw = from_json(line)
    if not isinstance(raw, dict) or not isinstance(raw.get("object"), dict) or "type" not in raw:
        raise ValueError("a line of the watch is no event")
    return raw


def selectors(labels: Mapping[str, str] | None, fields: str) -> dict[str, str]:
    """Query parameters for a label mapping (an empty value selects on presence) and a field selector."""
    params: dict[str, str] = {}
    if labels:
        params["labelSelector"] = ",".join(f"{key}={value}" if value else key for key, value in labels.items())
    if fields:
        params["fieldSelector"] = fields
    return params
