"""One object of a lab, read by this very process.

A test that waits looks ten times a second, and each ``kubectl`` is a process of 0.07 s of processor time: two workers
that wait would keep a core busy with that. What people see through ``kubectl`` is tested where that is the point.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pointsman.kube.resources import KINDS, Kind

__all__ = ["read"]

_KINDS = {kind.name.lower(): kind for kind in KINDS} | {
    "servingruntime": Kind("serving.kserve.io", "v1alpha1", "ServingRuntime", "servingruntimes")
}
_SECONDS = 30


class _Api:
    """A connection to one API server, opened anew when it was closed."""

    def __init__(self, kubeconfig: str) -> None:
        told = json.loads(kubeconfig)
        cluster = told["clusters"][0]["cluster"]
        self._host = urlsplit(cluster["server"]).netloc
        self._token = told["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self._open: http.client.HTTPSConnection | None = None

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        for _ in range(2):
            kept = self._open is not None
            try:
                return self._asked(path)
            except (OSError, http.client.HTTPException):
                self.close()
                if not kept:
                    raise
        raise AssertionError("unreachable: a fresh connection answers or raises")

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None

    def _asked(self, path: str) -> tuple[int, bytes]:
        if self._open is None:
            self._open = http.client.HTTPSConnection(self._host, context=self._tls, timeout=_SECONDS)
        self._open.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
        answer = self._open.getresponse()
        return answer.status, answer.read()


_ours = threading.local()


def read(kubeconfig: Path, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    """The object; empty when there is none. ``kind`` as one types it: ``deployment``."""
    known: dict[str, _Api] = _ours.__dict__.setdefault("known", {})
    said = kubeconfig.read_text("utf-8")
    if said not in known:
        known[said] = _Api(said)
    status, body = known[said].get(_KINDS[kind].path(namespace or None, name))
    if status == http.client.NOT_FOUND:
        return {}
    assert status == http.client.OK, f"{kind} {namespace}/{name}: {status} {body[:500]!r}"
    return dict(json.loads(body))
