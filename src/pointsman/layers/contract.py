"""What every serving layer has to answer, and nothing more.

A layer is a set of pure functions. It renders manifests, names what has to be read to judge it, and judges what
was read. The move asks for capabilities and answers, never for a layer's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from pointsman.kube.resources import Ref
from pointsman.layers.needs import PodNeed
from pointsman.layers.promise import Promise
from pointsman.spec.model import Model

__all__ = [
    "Capabilities",
    "Endpoint",
    "EnginePods",
    "Layer",
    "Live",
    "Manifest",
    "Patch",
    "PodNeed",
    "Promise",
    "Readiness",
    "Started",
]

Manifest = dict[str, Any]
"""One Kubernetes object as JSON-like data."""

Live = Mapping[Ref, Manifest | None]
"""Objects as read from the cluster; None where the object does not exist."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a layer can do; the core asks this, never the layer's name."""

    disaggregation: bool
    """Prefill and decode can run in separate pods."""
    gateway: bool
    """Tenant traffic passes a Gateway before it reaches the engine."""
    park_deletes_service: bool
    """Parking removes the Service, so its name stops resolving (KServe and llm-d ``stop``)."""
    auto_ingress: bool
    """The layer's controller makes its own HTTPRoutes."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the tenant edge reaches the layer, inside the cluster."""

    base_url: str
    """OpenAI base URL, ending in ``/v1``: ``http://raw-vllm.serving.svc.cluster.local:8000/v1``, or the layer's
    declared ``address``, which then need not pass the Service below."""
    service: Ref
    """The layer's Service (the gateway's own where there is a gateway)."""
    port: int
    """Port of that Service."""
    path: str
    """Path prefix before ``/v1``; empty, or ``/llm-d/qwen-llmd``."""

    @property
    def road(self) -> tuple[Ref, int, str] | None:
        """Service, port and path prefix of ``base_url``, the way tenants come; None when it leads out of the cluster.

        A cluster name is ``service.namespace``, with or without ``svc`` and the cluster's domain behind it.
        """
        parts = urlsplit(self.base_url)
        name, _, rest = (parts.hostname or "").partition(".")
        namespace, _, domain = rest.partition(".")
        if not namespace or (domain and domain.split(".")[0] != "svc"):
            return None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return Ref(self.service.kind, name, namespace), port, parts.path.removesuffix("/v1")


@dataclass(frozen=True, slots=True)
class EnginePods:
    """Which pods run engines, for counters, draining and direct proofs."""

    namespace: str
    labels: Mapping[str, str]
    container: str
    port: int
    """The port the engine itself answers on (8001 behind llm-d's routing sidecar)."""
    role: str
    """``serve`` (answers tenants), or ``prefill``."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """A verdict on live objects; ``reason`` is a short sentence for the operator, always set."""

    ready: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Patch:
    """One merge patch on one object: how a layer is parked or woken."""

    ref: Ref
    body: Manifest


@dataclass(frozen=True, slots=True)
class Started:
    """What the engines of a layer are started with, for people who compare two layers."""

    said: Mapping[str, str]
    """Image, flags, replicas, accelerators by their names."""
    env: Mapping[str, str]
    """Environment variables. Their values are compared and never shown: some of them are nobody's business."""


class Layer(Protocol):
    """The contract. Implementations are stateless; all arguments are values."""

    @property
    def id(self) -> str:
        """Stable name on the command line: ``raw-vllm``, ``kserve``, ``llm-d``."""

    @property
    def title(self) -> str:
        """Name for people: ``raw vLLM``."""

    @property
    def capabilities(self) -> Capabilities:
        """What this layer can do."""

    def namespace(self, model: Model) -> str:
        """The namespace this layer's objects for the model live in."""

    def name(self, model: Model) -> str:
        """Name of the main object (Deployment, InferenceService, LLMInferenceService)."""

    def render(self, model: Model) -> list[Manifest]:
        """All manifests in apply order, byte-stable for equal models, unparked."""

    def started(self, model: Model) -> Started:
        """What its engines are started with."""

    def promise(self, model: Model) -> Promise | None:
        """What manifests that people wrote promise; None where they are rendered, as the spec promises."""

    def endpoint(self, model: Model) -> Endpoint:
        """Where the edge reaches this layer."""

    def engines(self, model: Model) -> Sequence[EnginePods]:
        """The pods that run engines; the first entry answers tenants."""

    def reads(self, model: Model) -> Sequence[Ref]:
        """Objects that ``readiness`` and ``parked`` judge; the first is the main object."""

    def readiness(self, model: Model, live: Live) -> Readiness:
        """Is the declared revision fully rolled out, by controllers' own status? Parked counts as not ready."""

    def parked(self, model: Model, live: Live) -> bool:
        """Does the layer hold no accelerator: absent, or scaled to nothing by ``park``?"""

    def park(self, model: Model) -> Sequence[Patch]:
        """Patches that release every accelerator and keep the declaration."""

    def unpark(self, model: Model) -> Sequence[Patch]:
        """Patches that undo ``park``; harmless on a layer that is not parked."""

    def scale(self, model: Model, replicas: int) -> Sequence[Patch]:
        """Patches that set how many replicas answer tenants (1 or more) on a layer that is not parked."""

    def needs(self, model: Model) -> Sequence[PodNeed]:
        """Every pod the layer runs when it serves, as the scheduler will be asked for it."""

    def gpus(self, model: Model) -> int:
        """Accelerators the layer holds when it serves."""
