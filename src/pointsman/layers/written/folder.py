"""What every layer from a folder answers in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.layers.contract import Manifest, PodNeed, Started
from pointsman.layers.promise import Promise
from pointsman.layers.written.objects import placed
from pointsman.layers.written.started import started_as
from pointsman.spec.blocks import Written
from pointsman.spec.model import Model

__all__ = ["FromFolder"]


class FromFolder(ABC):
    """Mixed into a layer: its main object is found in the folder, and says what it is called."""

    id: str

    @abstractmethod
    def promise(self, model: Model) -> Promise:
        """What its manifests promise."""

    @abstractmethod
    def needs(self, model: Model) -> Sequence[PodNeed]:
        """Every pod it runs."""

    @abstractmethod
    def _main(self, model: Model) -> Manifest:
        """The object that serves the model; raises SpecError when it cannot be told."""

    @abstractmethod
    def _container(self, model: Model) -> Mapping[str, Any]:
        """The container that runs vLLM."""

    def namespace(self, model: Model) -> str:
        """The main object's own."""
        return str(self._main(model)["metadata"]["namespace"])

    def name(self, model: Model) -> str:
        """The main object's."""
        return str(self._main(model)["metadata"]["name"])

    def started(self, model: Model) -> Started:
        """What its container says."""
        return started_as(self._container(model), self.promise(model), model.on(self.id).spec.replicas)

    def gpus(self, model: Model) -> int:
        """What its pods ask for, times replicas."""
        return sum(need.gpus for need in self.needs(model))

    def _written(self, model: Model) -> Written:
        written = model.spec.layers.block(self.id).written
        assert written is not None
        return written

    def _where(self, model: Model) -> str:
        return model.spec.layers.folder(self.id)

    def _objects(self, model: Model) -> list[Manifest]:
        """Each in its namespace: its own, else the layer's."""
        return [placed(one, model.spec.layers.namespace(self.id)) for one in self._written(model).objects]
