"""The tenant side of a spec: the alias, its price, and where the edge is configured."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from pointsman.spec.block import Block
from pointsman.spec.words import AliasName, Key, Name, UpstreamKey, listed

__all__ = ["Edge", "MasterKey", "Price", "Tenant"]


class MasterKey(Block):
    """Secret, in the edge's namespace, with the key that may ask the edge about itself."""

    secret: Name = "litellm"
    """Name of the Secret."""
    key: Key = "master-key"
    """Key inside it."""


class Edge(Block):
    """The LiteLLM proxy: its Deployment, the ConfigMap that holds its configuration, its Service."""

    namespace: Name = "llm-gateway"
    """Where all of them are."""
    deployment: Name = "litellm"
    """Name of LiteLLM's Deployment."""
    config_map: Name = "litellm-config"
    """Name of the ConfigMap with its configuration, mounted by the Deployment."""
    key: Key = "config.yaml"
    """Key of the configuration in the ConfigMap."""
    service: Name = "litellm"
    """Name of the Service tenants reach it by."""
    port: Annotated[int, Field(ge=1, le=65535)] = 4000
    """The Service's port."""
    master_key: MasterKey = MasterKey()
    """The key that may ask it about itself."""


class Price(Block):
    """Currency units per token, as tenants are charged."""

    input_per_token: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Per token of the prompt."""
    output_per_token: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Per token of the answer."""


class Tenant(Block):
    """What tenants call, and what they pay."""

    alias: AliasName
    """The name tenants put into ``model``; a ``*`` in it is LiteLLM's wildcard."""
    aliases: Annotated[tuple[AliasName, ...], BeforeValidator(listed), Field(strict=False)] = ()
    """Further names of the same engines, moved together with ``alias``: ``[gpt-4o-mini, "qwen-*"]``."""
    upstream_key: UpstreamKey | None = None
    """What a new entry of the edge shows the engines as ``api_key``; taken from the entries beside it when absent."""
    price: Price | None = None
    """What tenants are charged; written into the alias's members."""
    edge: Edge = Edge()
    """The proxy tenants talk to."""
