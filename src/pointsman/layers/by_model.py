"""One layer, whether its manifests are rendered or written by people: the model says which."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.kube.resources import Ref
from pointsman.layers.contract import (
    Capabilities,
    Endpoint,
    EnginePods,
    Layer,
    Live,
    Manifest,
    Patch,
    PodNeed,
    Promise,
    Readiness,
    Started,
)
from pointsman.spec.model import Model

__all__ = ["ByModel"]


class ByModel:
    """Asks the one that fits the model."""

    def __init__(self, rendered: Layer, written: Layer) -> None:
        self._rendered = rendered
        self._written = written

    @property
    def id(self) -> str:
        """The same for both."""
        return self._rendered.id

    @property
    def title(self) -> str:
        """The same for both."""
        return self._rendered.title

    @property
    def capabilities(self) -> Capabilities:
        """The same for both."""
        return self._rendered.capabilities

    def _of(self, model: Model) -> Layer:
        return self._rendered if model.spec.layers.block(self.id).written is None else self._written

    def namespace(self, model: Model) -> str:
        """See ``Layer``."""
        return self._of(model).namespace(model)

    def name(self, model: Model) -> str:
        """See ``Layer``."""
        return self._of(model).name(model)

    def render(self, model: Model) -> list[Manifest]:
        """See ``Layer``."""
        return self._of(model).render(model)

    def started(self, model: Model) -> Started:
        """See ``Layer``."""
        return self._of(model).started(model)

    def promise(self, model: Model) -> Promise | None:
        """See ``Layer``."""
        return self._of(model).promise(model)

    def endpoint(self, model: Model) -> Endpoint:
        """See ``Layer``."""
        return self._of(model).endpoint(model)

    def engines(self, model: Model) -> Sequence[EnginePods]:
        """See ``Layer``."""
        return self._of(model).engines(model)

    def reads(self, model: Model) -> Sequence[Ref]:
        """See ``Layer``."""
        return self._of(model).reads(model)

    def readiness(self, model: Model, live: Live) -> Readiness:
        """See ``Layer``."""
        return self._of(model).readiness(model, live)

    def parked(self, model: Model, live: Live) -> bool:
        """See ``Layer``."""
        return self._of(model).parked(model, live)

    def park(self, model: Model) -> Sequence[Patch]:
        """See ``Layer``."""
        return self._of(model).park(model)

    def unpark(self, model: Model) -> Sequence[Patch]:
        """See ``Layer``."""
        return self._of(model).unpark(model)

    def scale(self, model: Model, replicas: int) -> Sequence[Patch]:
        """See ``Layer``."""
        return self._of(model).scale(model, replicas)

    def needs(self, model: Model) -> Sequence[PodNeed]:
        """See ``Layer``."""
        return self._of(model).needs(model)

    def gpus(self, model: Model) -> int:
        """See ``Layer``."""
        return self._of(model).gpus(model)
