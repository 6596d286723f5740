"""What only one layer has: names and places, storage, and that layer's own switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from pointsman.spec.block import Block
from pointsman.spec.resources import Accelerator, Resources
from pointsman.spec.words import Address, Arguments, EnvName, HeaderName, HeaderValue, Image, Name, Path, Quantity

__all__ = [
    "FILE",
    "RETIRED",
    "Gateway",
    "KServe",
    "Layers",
    "LlmD",
    "Placed",
    "Prefill",
    "PvcWeights",
    "RawVllm",
    "StagedWeights",
    "Written",
]

FILE = "file"
"""Context of a validation whose data a person wrote."""

RETIRED: Mapping[str, str] = {
    "application": "it never did anything; who owns a layer's objects is read from the cluster"
}
"""Fields that layers' blocks once had, and why they went."""


class PvcWeights(Block):
    """Weights that somebody put on a claim beforehand."""

    claim: Name
    """Name of the PersistentVolumeClaim, in the layer's namespace."""
    path: Path | None = None
    """Folder on the claim; the claim's root when absent."""


class StagedWeights(Block):
    """Where this layer reads the weights, in place of downloading them."""

    pvc: PvcWeights
    """The claim."""


class Written(Block):
    """Manifests that people wrote, in the place of rendered ones."""

    path: Path
    """Folder or file, from the root of the repository that the spec lies in: ``serving/kserve``."""
    application: Name | None = None
    """The Argo CD Application that deploys them: it is synced. Without one they are applied as they are."""
    application_namespace: Name = "argocd"
    """Where that Application is."""
    container: Name | None = None
    """The container that runs vLLM, where its command does not tell."""
    objects: Annotated[tuple[dict[str, Any], ...], Field(strict=False)] = ()
    """What was read there. Never written in a file: it is filled in when the spec is read, and kept by the cluster."""

    @field_validator("objects")
    @classmethod
    def _not_in_a_file(cls, value: tuple[dict[str, Any], ...], info: ValidationInfo) -> tuple[dict[str, Any], ...]:
        if value and info.context == FILE:
            raise PydanticCustomError(
                "pointsman", "{what}", {"what": "it is filled in from path", "allowed": "remove the field"}
            )
        return value


class Placed(Block):
    """What every layer's block has."""

    written: Written | None = Field(default=None, alias="from")
    """Manifests that people wrote: what they say stands, and nothing is rendered for this layer."""

    name: Name | None = None
    """Name of the main object; the model's name when absent."""
    address: Address | None = None
    """Where the edge reaches this layer when not by its Service: a gateway of your own, ``http://HOST/PATH/v1``."""
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """What a request to that address says, so that a gateway that others share finds this layer:
    ``{X-Gateway-Base-Model-Name: qwen}``. Our own questions say it, and a new entry of the edge (``extra_headers``)."""
    weights: StagedWeights | None = None
    """Weights that lie there already, in place of a download."""
    image: Image | None = None
    """Engine image on this layer; ``spec.engine.image`` when absent. For a layer that runs on other hardware."""
    args: Arguments = ()
    """Engine arguments on this layer: in place of those of ``spec.engine.args`` with the same names (``--no-NAME`` for
    ``--NAME`` too), and beside the others. None by which tenants would notice which layer serves them."""
    env: dict[EnvName, str] = Field(default_factory=dict)
    """Environment variables of the engine on this layer: in place of those of ``spec.engine.env`` with the same names,
    and beside the others."""
    accelerator: Accelerator | None = None
    """In place of ``spec.accelerator``, as a whole."""
    resources: Resources | None = None
    """In place of ``spec.resources``, as a whole."""
    replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """In place of ``spec.replicas``."""

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, data: Any, info: ValidationInfo) -> Any:
        """What was kept before a field was taken out still reads; in a file (the context) it is told."""
        if info.context == FILE or not isinstance(data, dict) or data.keys().isdisjoint(RETIRED):
            return data
        return {key: value for key, value in data.items() if key not in RETIRED}


class RawVllm(Placed):
    """Deployment, Service and cache claim."""

    namespace: Name = "serving"
    """Where its objects are."""
    cache: Quantity = "20Gi"
    """Size of the claim that keeps downloaded weights."""
    storage_class: Name | None = None
    """Of that claim; the cluster's default when absent."""
    surge: bool = False
    """Start the new pod before the old one ends. Needs a spare accelerator."""


class KServe(Placed):
    """InferenceService in Standard mode."""

    namespace: Name = "kserve"
    """Where its objects are."""
    cache: Quantity = "20Gi"
    """Size of the claim that keeps downloaded weights."""
    storage_class: Name | None = None
    """Of that claim; the cluster's default when absent."""
    surge: bool = False
    """Start the new pod before the old one ends. Needs a spare accelerator."""
    timeout_seconds: Annotated[int, Field(ge=1, le=86400)] = 3600
    """Longest request through KServe's own HTTPRoute; its default of 60 s cuts long streams."""


class Prefill(Block):
    """Disaggregation: prefill in pods of its own."""

    replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many engines only prefill."""


class Gateway(Block):
    """The Gateway in front of the router, and the Service that reaches it inside the cluster."""

    name: Name = "llm-d-gateway"
    """Name of the Gateway."""
    namespace: Name = "llm-d"
    """Where it is."""
    service: Name | None = None
    """Service of the Gateway's data plane; the Gateway's own name when absent."""
    port: Annotated[int, Field(ge=1, le=65535)] = 80
    """Its listener's port."""


class LlmD(Placed):
    """LLMInferenceService."""

    namespace: Name = "llm-d"
    """Where its objects are."""
    prefill: Prefill | None = None
    """Prefill in pods of its own; together with decode when absent."""
    gateway: Gateway = Gateway()
    """The way in."""


class Layers(Block):
    """One block per layer, all optional."""

    raw_vllm: RawVllm = Field(default=RawVllm(), alias="raw-vllm")
    """Raw vLLM."""
    kserve: KServe = KServe()
    """KServe."""
    llm_d: LlmD = Field(default=LlmD(), alias="llm-d")
    """llm-d."""

    def block(self, layer: str) -> Placed:
        """The block of the layer with this id; an empty one for a layer that has none."""
        found: Placed = getattr(self, _ATTRIBUTES.get(layer, ""), None) or Placed()
        return found

    def folder(self, layer: str) -> str:
        """What people wrote for the layer, for people: ``serving/kserve (spec.layers.kserve.from)``."""
        written = self.block(layer).written
        return f"{written.path if written else ''} (spec.layers.{layer}.from)"

    def namespace(self, layer: str) -> str:
        """Where the layer's objects are, unless they say so themselves."""
        return str(getattr(self.block(layer), "namespace", ""))

    def changed(self, changes: Mapping[str, Mapping[str, Any]]) -> Layers:
        """The same with these fields of blocks changed, by the layer's id."""
        blocks = {_ATTRIBUTES[id_]: self.block(id_).model_copy(update=dict(own)) for id_, own in changes.items()}
        return self.model_copy(update=blocks)


_ATTRIBUTES = {"raw-vllm": "raw_vllm", "kserve": "kserve", "llm-d": "llm_d"}
