"""The key that LiteLLM shows an engine, as far as it can be known: written out, or in the environment of its pods.

An entry says ``api_key: os.environ/NAME``; NAME is set in the Deployment, by value or from a Secret. The key goes to
nobody but the engine that is asked whether it takes it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from pointsman.edge.boundary import Object
from pointsman.edge.contract import ShownKey
from pointsman.edge.litellm_objects import Objects
from pointsman.errors import PointsmanError

__all__ = ["shown_key"]

FROM_ENVIRONMENT = "os.environ/"


async def shown_key(objects: Objects, deployment: Object, alias: str, said: str | None) -> ShownKey:
    """What an entry that says ``said`` shows; ``why`` tells when nobody can know."""
    if not said:
        return ShownKey(alias, None, "its entry names no key")
    if not said.startswith(FROM_ENVIRONMENT):
        return ShownKey(alias, said)
    name = said.removeprefix(FROM_ENVIRONMENT)
    for one in _environment(deployment):
        if one.get("name") == name:
            return await _valued(objects, alias, name, one)
    return ShownKey(alias, None, f"{name} is not set in the Deployment itself")


def _environment(deployment: Object) -> Iterator[dict[str, Any]]:
    for container in deployment["spec"]["template"]["spec"].get("containers") or []:
        yield from container.get("env") or []


async def _valued(objects: Objects, alias: str, name: str, variable: dict[str, Any]) -> ShownKey:
    if variable.get("value"):
        return ShownKey(alias, str(variable["value"]))
    source = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
    if not source:
        return ShownKey(alias, None, f"{name} comes from no Secret")
    ref = objects.ref("Secret", str(source.get("name")))
    try:
        found = await objects.cluster.find(ref)
    except PointsmanError as error:
        return ShownKey(alias, None, f"{ref} cannot be read: {error.what}")
    coded = ((found or {}).get("data") or {}).get(str(source.get("key")))
    if not coded:
        return ShownKey(alias, None, f"{ref} has no key {source.get('key')}")
    return ShownKey(alias, base64.b64decode(str(coded)).decode(errors="replace").strip())
