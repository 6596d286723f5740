"""Where a node reads what Pods refer to: ConfigMaps, Secrets, claims and tokens, always fresh from the API server."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Protocol

from pointsman.errors import PermanentError
from pointsman.kube.client import Client
from pointsman.kube.resources import Kind, Ref, kind_of

__all__ = ["ApiSources", "Object", "Sources", "data_of"]

Object = dict[str, Any]

_CONFIG_MAP, _SECRET = kind_of("ConfigMap"), kind_of("Secret")
_CLAIM, _VOLUME = kind_of("PersistentVolumeClaim"), kind_of("PersistentVolume")
_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")


class Sources(Protocol):
    """What volumes and environments are made from."""

    async def config_map(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """Data of a ConfigMap, or None."""

    async def secret(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """Data of a Secret, or None."""

    async def volume_of_claim(self, namespace: str, claim: str) -> Object | None:
        """The PersistentVolume a claim is bound to, or None while it is not."""

    async def token(self, namespace: str, account: str, request: Object) -> str:
        """A ServiceAccount token by TokenRequest; ``request`` is its spec."""


class ApiSources:
    """Sources read through the API server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def config_map(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """Data of a ConfigMap, or None."""
        found = await self._client.find(Ref(_CONFIG_MAP, name, namespace))
        return None if found is None else data_of(found)

    async def secret(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """Data of a Secret, or None."""
        found = await self._client.find(Ref(_SECRET, name, namespace))
        return None if found is None else data_of(found)

    async def volume_of_claim(self, namespace: str, claim: str) -> Object | None:
        """The PersistentVolume a claim is bound to, or None while it is not."""
        found = await self._client.find(Ref(_CLAIM, claim, namespace))
        if found is None or found.get("status", {}).get("phase") != "Bound":
            return None
        return await self._client.find(Ref(_VOLUME, found["spec"]["volumeName"]))

    async def token(self, namespace: str, account: str, request: Object) -> str:
        """A ServiceAccount token by TokenRequest; raises PermanentError when it is refused."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": request}
        path = Ref(_ACCOUNT, account, namespace).path("token")
        answer = await self._client.http("POST", path, body=body)
        if answer.status >= 400:
            raise PermanentError(f"no token: {answer.text[:200]}", where=f"ServiceAccount {namespace}/{account}")
        return str(answer.json()["status"]["token"])


def data_of(found: Mapping[str, Any]) -> dict[str, bytes]:
    """The files in a ConfigMap or Secret, as bytes."""
    if found.get("kind") == "Secret":
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    text = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    return text | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
