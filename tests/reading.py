"""One object of a lab, read by this very process.

A test that waits looks ten times a second, and each ``kubectl`` is a process of 0.07 s of processor time: two workers
that wait would keep a core busy with that. What people see through ``kubectl`` is tested where that is the point.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from contextlib import closing
from functools import cache
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
    """One API server."""

    def __init__(self, kubeconfig: str) -> None:
        told = json.loads(kubeconfig)
        cluster = told["clusters"][0]["cluster"]
        self._host = urlsplit(cluster["server"]).netloc
        self._token = told["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body. A connection each time: whichever thread asks, none is left open."""
        with closing(http.client.HTTPSConnection(self._host, context=self._tls, timeout=_SECONDS)) as connection:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}", "Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read()


_known = cache(_Api)


def read(kubeconfig: Path, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    """The object; empty when there is none. ``kind`` as one types it: ``deployment``."""
    status, body = _known(kubeconfig.read_text("utf-8")).get(_KINDS[kind].path(namespace or None, name))
    if status == http.client.NOT_FOUND:
        return {}
    assert status == http.client.OK, f"{kind} {namespace}/{name}: {status} {body[:500]!r}"
    return dict(json.loads(body))
