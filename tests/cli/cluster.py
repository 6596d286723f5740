"""An API server that can only be read: objects over HTTP, and a count of what was asked for."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pointsman.kube.resources import KINDS, Ref, ref_of

__all__ = ["ReadOnlyCluster", "kubeconfig_for", "serving"]

Object = dict[str, Any]
_PLURALS = {kind.plural for kind in KINDS}


@dataclass
class ReadOnlyCluster:
    """The objects, by reference, and how often each path was asked for."""

    objects: dict[Ref, Object]
    asked: Counter[str] = field(default_factory=Counter)
    told: int = 0
    """Bytes of all answers."""

    @classmethod
    def of(cls, manifests: Iterable[Object]) -> ReadOnlyCluster:
        return cls({ref_of(one): one for one in manifests})

    def answer(self, target: str) -> Object | None:
        """What is at a path: one object, a list, or nothing. A namespace is there when something is in it."""
        parts = urlsplit(target)
        self.asked[parts.path] += 1
        selector = parse_qs(parts.query).get("labelSelector", [""])[0].split(",")
        wanted = {key: value for key, _, value in (one.partition("=") for one in selector if one)}
        listed = []
        for ref, one in self.objects.items():
            if ref.path() == parts.path:
                return one
            if parts.path in (ref.kind.path(None), ref.kind.path(ref.namespace)) and _has(one, wanted):
                listed.append(one)
        *_, above, last = parts.path.split("/")
        if above == "namespaces" and any(ref.namespace == last for ref in self.objects):
            return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": last}}
        return None if above in _PLURALS else {"items": listed}

    def text(self, target: str) -> str | None:
        """What is answered with plain text: a pod's own answer, through the API server."""
        return None

    def patched(self, target: str, body: Object) -> tuple[int, Object]:
        """What comes of a PATCH: a status and an object."""
        return 405, {"kind": "Status", "code": 405, "reason": "MethodNotAllowed", "message": "it can only be read"}

    def posted(self, target: str, body: Object) -> tuple[int, Object]:
        """What comes of a POST."""
        return self.patched(target, body)


def _has(one: Object, wanted: dict[str, str]) -> bool:
    labels = one["metadata"].get("labels") or {}
    there = {key: value for key, value in wanted.items() if not key.startswith("!")}
    return not any(key[1:] in labels for key in wanted.keys() - there.keys()) and all(
        key in labels and value in ("", labels[key]) for key, value in there.items()
    )


def _table(listed: Iterable[Object]) -> Object:
    """Objects as people are shown them."""
    rows = [{"cells": ["1d", one["metadata"]["name"]]} for one in listed]
    columns = [{"name": "Age", "format": ""}, {"name": "Name", "format": "name"}]
    return {"kind": "Table", "metadata": {}, "columnDefinitions": columns, "rows": rows}


@contextmanager
def serving(cluster: ReadOnlyCluster, folder: Path) -> Iterator[Path]:
    """Serve it; gives a kubeconfig."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            text = cluster.text(self.path)
            if text is not None:
                return self._send(200, text.encode(), "text/plain")
            found = cluster.answer(self.path)
            if found and "items" in found and "as=Table" in self.headers["Accept"]:
                found = _table(found["items"])
            found = found or {"kind": "Status", "code": 404, "reason": "NotFound"}
            return self._say(found["code"] if found.get("kind") == "Status" else 200, found)

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._say(*cluster.patched(self.path, body))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._say(*cluster.posted(self.path, body))

        def _say(self, status: int, found: Object) -> None:
            self._send(status, json.dumps(found).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            cluster.told += len(body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        config = folder / "kubeconfig"
        config.write_text(kubeconfig_for(server.server_address[1]))
        try:
            yield config
        finally:
            server.shutdown()
            thread.join()


def kubeconfig_for(port: int) -> str:
    """A kubeconfig for an API server on this port."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {"token": "none"}}],
        }
    )
