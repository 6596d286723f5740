"""An InferenceService that people wrote, with a container of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.errors import SpecError
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.layers.command import command_of
from pointsman.layers.contract import Endpoint, EnginePods, Manifest, PodNeed
from pointsman.layers.kserve import KServe
from pointsman.layers.needs import need_of
from pointsman.layers.promise import Promise, promise_of
from pointsman.layers.written.folder import FromFolder
from pointsman.layers.written.objects import container_port, engine_in, main_in, of_kind
from pointsman.layers.written.woken import woken
from pointsman.spec.model import Model

__all__ = ["WrittenKServe"]

_SERVICE = kind_of("InferenceService")


class WrittenKServe(FromFolder, KServe):
    """The KServe layer, from a folder. It is judged, parked and scaled like one that is rendered."""

    def render(self, model: Model) -> list[Manifest]:
        """The folder's objects; an InferenceService that is stopped in git is not."""
        main = ref_of(self._main(model))
        sizes = self.scale(model, model.on(self.id).spec.replicas)[0].body
        return [woken(one, sizes if ref_of(one) == main else {}) for one in self._objects(model)]

    def promise(self, model: Model) -> Promise:
        """What its predictor says."""
        predictor = self._main(model)["spec"]["predictor"]
        container = self._container(model)
        return promise_of(
            command_of(container),
            container,
            predictor,
            port=container_port(container, 8080),
            replicas=predictor.get("minReplicas", 1),
        )

    def endpoint(self, model: Model) -> Endpoint:
        """The predictor's Service, on the port 80 that KServe gives it."""
        name, namespace = f"{self.name(model)}-predictor", self.namespace(model)
        address = model.spec.layers.kserve.address
        base = address or f"http://{name}.{namespace}.svc.cluster.local/v1"
        return Endpoint(base, Ref(kind_of("Service", "v1"), name, namespace), 80, "")

    def engines(self, model: Model) -> Sequence[EnginePods]:
        """The predictor's pods."""
        labels = {"component": "predictor", "serving.kserve.io/inferenceservice": self.name(model)}
        name = str(self._container(model).get("name", "kserve-container"))
        return [EnginePods(self.namespace(model), labels, name, self.promise(model).port, "serve")]

    def needs(self, model: Model) -> Sequence[PodNeed]:
        """One predictor a replica."""
        return [need_of("serve", self._main(model)["spec"]["predictor"])] * model.on(self.id).spec.replicas

    def _main(self, model: Model) -> Manifest:
        found = of_kind(self._objects(model), _SERVICE)
        return main_in(found, model.spec.layers.block(self.id).name, "InferenceService", self._where(model))

    def _container(self, model: Model) -> Mapping[str, Any]:
        predictor = self._main(model)["spec"].get("predictor") or {}
        if not predictor.get("containers"):
            raise SpecError(
                f"InferenceService {self.name(model)} names a model and a runtime and no container of its own, "
                "so what its engine is started with stands in the cluster",
                where=self._where(model),
                next_action="serve it by a container (containers: in the predictor) to move it",
                code="from-runtime",
            )
        return engine_in(predictor, self._written(model).container, "kserve-container", self._where(model))
