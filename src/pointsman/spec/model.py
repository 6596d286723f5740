"""The Model, as data: frozen pydantic classes with snake_case fields and camelCase names in the file.

Structure and single values are judged here; what needs two fields at once is judged in ``checks``. A field has
one meaning on every layer; what only one layer has is in that layer's block (``blocks``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, WrapSerializer
from pydantic_core import PydanticCustomError

from pointsman.spec.apis import ApiId
from pointsman.spec.arguments import overlaid
from pointsman.spec.block import Block
from pointsman.spec.blocks import Layers
from pointsman.spec.move import Move
from pointsman.spec.resources import Accelerator, ResourceList, Resources, Toleration
from pointsman.spec.tenant import Tenant
from pointsman.spec.words import (
    Arguments,
    EnvName,
    Image,
    Key,
    LayerId,
    ModelName,
    Name,
    Repo,
    Revision,
    ServedName,
    shown,
)

__all__ = [
    "LAYER_IDS",
    "Accelerator",
    "Auth",
    "Contract",
    "Engine",
    "HuggingFace",
    "LayerId",
    "Metadata",
    "Model",
    "ResourceList",
    "Resources",
    "Shutdown",
    "Spec",
    "Toleration",
    "Weights",
]

LAYER_IDS: tuple[LayerId, ...] = ("raw-vllm", "kserve", "llm-d")


class Metadata(Block):
    """Who the model is."""

    name: ModelName
    """The model's name; what it is called on every layer unless the layer's block says otherwise."""


class HuggingFace(Block):
    """A repository on the Hugging Face hub; the identity of the weights on every layer."""

    repo: Repo
    """Owner and name, as on the hub."""
    revision: Revision | None = None
    """Commit, branch or tag; the hub's default branch when absent."""
    token: Auth | None = None
    """Secret with a hub token, for repositories that are not public."""


class Weights(Block):
    """Which weights are served."""

    hugging_face: HuggingFace
    """Where they come from."""


class Shutdown(Block):
    """How an engine ends: endpoints forget it, then running requests finish, then it exits."""

    pre_stop_seconds: Annotated[int, Field(ge=0, le=300)] = 5
    """From the end of the pod's readiness to SIGTERM: the time endpoints have to forget it."""
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 40
    """From SIGTERM on, the time running requests have to finish."""

    @property
    def grace_seconds(self) -> int:
        """``terminationGracePeriodSeconds``: more than both together, or the kubelet cuts streams."""
        return self.pre_stop_seconds + self.timeout_seconds + 15


class Engine(Block):
    """The vLLM that runs, on every layer that does not say otherwise."""

    image: Image
    """The vLLM image."""
    args: Arguments = ()
    """Arguments of ``vllm serve``, one ``--flag=value`` an item, or a flag and each of its values an item of its own;
    what other fields say is not repeated here. Without parallel sizes tensor parallelism takes all accelerators."""
    env: dict[EnvName, str] = Field(default_factory=dict)
    """Environment variables of the engine."""
    startup_seconds: Annotated[int, Field(ge=10, le=86400)] = 1200
    """How long loading may take before the startup probe gives up."""
    shutdown: Shutdown = Shutdown()
    """How an engine ends."""


class Auth(Block):
    """A key inside a Secret, of that name in every namespace where the model is served or called."""

    secret: Name
    """Name of the Secret."""
    key: Key
    """Key inside it."""


def _keyless(value: Any) -> Any:
    """Said aloud: an empty value is a slip, not a promise to ask nobody for a key."""
    if value == "none":
        return None
    if value is None or isinstance(value, str):
        raise PydanticCustomError(
            "pointsman",
            "{what}",
            {"what": f"it is {shown(value)}", "allowed": "name a Secret ({secret: …, key: …}), or write none"},
        )
    return value


def _said(value: Auth | None, dump: SerializerFunctionWrapHandler) -> Any:
    return "none" if value is None else dump(value)


Callers = Annotated[Auth | None, BeforeValidator(_keyless), WrapSerializer(_said)]
"""The key that engines ask for; None where they ask for none, which is written as the word ``none``."""


class Contract(Block):
    """What tenants are promised, whichever layer serves."""

    max_model_len: Annotated[int, Field(ge=1)]
    """Context length, in tokens of prompt and answer together."""
    api: ApiId = "chat"
    """What tenants ask for: conversations, texts to go on with (a base model), or vectors (an embedding model)."""
    weights: Literal["same", "quantised"] = "same"
    """Must all layers serve the same weights, whatever the precision, or may one of them serve them quantised?"""
    streaming: bool = True
    """Are answers streamed? Vectors are not, whatever is said here."""
    tool_calls: bool = False
    """Are tools called? Needs a parser among the engine's arguments."""
    auth: Callers = Auth(secret="vllm-api-key", key="api-key")
    """The key that callers show, or the word ``none`` where the engines ask for no key."""


class Spec(Block):
    """Promise and needs of one model."""

    layer: LayerId
    """The layer that serves the model; a move does not change this field unless asked to (``--write-spec``)."""
    served_model_name: ServedName
    """The name the engines answer to, on every layer."""
    weights: Weights
    """Which weights are served."""
    engine: Engine
    """The vLLM that runs."""
    accelerator: Accelerator = Accelerator()
    """What one replica computes on."""
    resources: Resources
    """CPU and memory of one engine container."""
    replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many engines."""
    contract: Contract
    """What tenants are promised."""
    tenant: Tenant
    """What tenants call."""
    move: Move = Move()
    """What holds for every move."""
    layers: Layers = Layers()
    """What only one layer has."""


class Model(Block):
    """One model, declared once; has the shape of a custom resource."""

    api_version: Literal["pointsman.dev/v1alpha1"]
    """The format of this file."""
    kind: Literal["Model"]
    """What the file declares."""
    metadata: Metadata
    """Its name."""
    spec: Spec
    """Promise and needs."""

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return self.metadata.name

    def on(self, layer: str) -> Model:
        """The model as this layer runs it: what the layer's block says of image, accelerator, and so on, stands."""
        own = self.spec.layers.block(layer)
        engine = self.spec.engine
        of_engine = {
            "image": own.image or engine.image,
            "args": overlaid(engine.args, own.args),
            "env": {**engine.env, **own.env},
        }
        changes = {
            "engine": engine.model_copy(update=of_engine),
            "accelerator": own.accelerator or self.spec.accelerator,
            "resources": own.resources or self.spec.resources,
            "replicas": own.replicas or self.spec.replicas,
        }
        return self.model_copy(update={"spec": self.spec.model_copy(update=changes)})

    def with_layers(self, changes: Mapping[str, Mapping[str, Any]]) -> Model:
        """The model with these fields of its layers' blocks changed, by the layer's id."""
        layers = self.spec.layers.changed(changes)
        return self.model_copy(update={"spec": self.spec.model_copy(update={"layers": layers})})


HuggingFace.model_rebuild()
