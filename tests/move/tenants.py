"""Tenants in the shared lab who call the model all the time, and what each of their requests came to."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.demo.baseline import collect
from pointsman.demo.call import Alias
from pointsman.demo.door import door
from pointsman.demo.load import Load
from pointsman.demo.platform import example_model
from pointsman.demo.tenants import Traffic
from pointsman.kube.client import Client
from pointsman.layers.registry import LAYERS
from tests.conftest import RunningLab

__all__ = ["calling"]


@asynccontextmanager
async def calling(lab: RunningLab, *, rate: float, seed: int) -> AsyncIterator[Load]:
    """Tenants call while the block runs; every answer is held against what the model said before."""
    model = example_model()
    edge = model.spec.tenant.edge
    async with (
        Client.from_kubeconfig(lab.kubeconfig) as client,
        door(client, edge, _key(lab), lab.config.proxy_url) as way,
    ):
        names = frozenset({model.spec.served_model_name, model.spec.tenant.alias})
        members = frozenset(f"{model.name}-{layer.id}" for layer in LAYERS)
        alias = Alias(model.spec.tenant.alias, names, members)
        alias = Alias(alias.name, names, members, await collect(way, alias))
        async with Load(way, alias, Traffic(rate=rate, streams=0.4, seed=seed)) as load:
            yield load


def _key(lab: RunningLab) -> str:
    found = lab.kubectl("get", "secret", "litellm", "-n", "llm-gateway", "-o", "json")
    return base64.b64decode(json.loads(found.stdout)["data"]["master-key"]).decode()
