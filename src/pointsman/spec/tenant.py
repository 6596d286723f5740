"""The tenant side of a spec: the alias, its price, and where the edge is configured."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pointsman.spec.block import Block
from pointsman.spec.words import Key, Name

__all__ = ["Edge", "MasterKey", "Price", "Tenant"]


class MasterKey(Block):
    """Secret, in the edge's namespace, with the key that may ask the edge about itself."""

    secret: Name = "litellm"
    key: Key = "master-key"


class Edge(Block):
    """The LiteLLM proxy: its Deployment, the ConfigMap that holds its configuration, its Service."""

    namespace: Name = "llm-gateway"
    deployment: Name = "litellm"
    config_map: Name = "litellm-config"
    key: Key = "config.yaml"
    service: Name = "litellm"
    port: Annotated[int, Field(ge=1, le=65535)] = 4000
    master_key: MasterKey = MasterKey()


class Price(Block):
    """Currency units per token, as tenants are charged."""

    input_per_token: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    output_per_token: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Tenant(Block):
    """What tenants call, and what they pay."""

    alias: Annotated[str, Field(pattern=r"^[A-Za-z0-9][-._:/A-Za-z0-9]*$", max_length=120)]
    price: Price | None = None
    edge: Edge = Edge()
