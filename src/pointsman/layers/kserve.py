"""KServe InferenceService in Standard mode: one object, from which KServe makes a Deployment and a Service.

The engine is a custom container rather than a model with a runtime, because KServe would otherwise write its own
command line. Replicas are fixed (``autoscalerClass: none``): the HPA that KServe makes by default would change the
capacity a move has counted on, and turns 0 into 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.kube.resources import Ref, kind_of
from pointsman.layers import engine, stop
from pointsman.layers.contract import (
    Capabilities,
    Endpoint,
    EnginePods,
    Live,
    Manifest,
    Patch,
    PodNeed,
    Promise,
    Readiness,
    Started,
)
from pointsman.layers.needs import need_of
from pointsman.layers.rollout import deployment, holds_nothing, rolled_out
from pointsman.spec.blocks import PvcWeights
from pointsman.spec.model import Model

__all__ = ["KServe", "lagging"]

_CONTAINER = "kserve-container"
_COMPARED = ("image", "command", "args", "env", "resources")


class KServe:
    """The layer whose controller is KServe's ``manager``."""

    id = "kserve"
    title = "KServe"
    capabilities = Capabilities(disaggregation=False, gateway=False, park_deletes_service=True, auto_ingress=True)

    def namespace(self, model: Model) -> str:
        """``spec.layers.kserve.namespace``."""
        return model.spec.layers.kserve.namespace

    def name(self, model: Model) -> str:
        """``spec.layers.kserve.name``, else the model's name."""
        return model.spec.layers.kserve.name or model.name

    def render(self, model: Model) -> list[Manifest]:
        """Claim (unless weights are staged), InferenceService."""
        model = model.on(self.id)
        block = model.spec.layers.kserve
        claims = (
            []
            if _weights(model)
            else [
                engine.cache_claim(
                    model, self.id, self._cache(model), block.namespace, block.cache, block.storage_class
                )
            ]
        )
        return [*claims, self._inference_service(model)]

    def started(self, model: Model) -> Started:
        """As the spec has it for this layer."""
        return engine.started(model.on(self.id))

    def promise(self, model: Model) -> Promise | None:
        """None: what the spec promises."""
        return None

    def endpoint(self, model: Model) -> Endpoint:
        """The predictor's Service, on the port 80 that KServe gives it.

        Not the HTTPRoute that KServe also makes: the edge is in the cluster, and the route cuts at its timeout.
        """
        name, namespace = f"{self.name(model)}-predictor", self.namespace(model)
        return Endpoint(
            base_url=model.spec.layers.kserve.address or f"http://{name}.{namespace}.svc.cluster.local/v1",
            service=Ref(kind_of("Service", "v1"), name, namespace),
            port=80,
            path="",
        )

    def engines(self, model: Model) -> Sequence[EnginePods]:
        """The predictor's pods."""
        labels = {"component": "predictor", "serving.kserve.io/inferenceservice": self.name(model)}
        return [EnginePods(self.namespace(model), labels, _CONTAINER, engine.PORT, "serve")]

    def reads(self, model: Model) -> Sequence[Ref]:
        """The InferenceService, and the Deployment KServe makes from it."""
        name, namespace = self.name(model), self.namespace(model)
        return [
            Ref(kind_of("InferenceService", "serving.kserve.io/v1beta1"), name, namespace),
            deployment(namespace, f"{name}-predictor"),
        ]

    def readiness(self, model: Model, live: Live) -> Readiness:
        """The Deployment carries what the InferenceService declares, and is rolled out.

        Ready on the InferenceService is not asked: it stays True just after a change, and its observedGeneration
        is the Deployment's.
        """
        main, made = self.reads(model)
        found = live.get(main)
        if found is None:
            return Readiness(False, f"{main} does not exist yet")
        if stop.stopped(found):
            return Readiness(False, f"{main} is stopped")
        behind = _behind(found, live.get(made))
        return Readiness(False, f"{made}: {behind}") if behind else rolled_out(made, live)

    def parked(self, model: Model, live: Live) -> bool:
        """Stopped or absent, and its Deployment gone."""
        main, made = self.reads(model)
        found = live.get(main)
        return (found is None or stop.stopped(found)) and holds_nothing(made, live)

    def park(self, model: Model) -> Sequence[Patch]:
        """KServe's own stop annotation."""
        return [stop.stop(self.reads(model)[0])]

    def unpark(self, model: Model) -> Sequence[Patch]:
        """The stop annotation removed."""
        return [stop.start(self.reads(model)[0])]

    def scale(self, model: Model, replicas: int) -> Sequence[Patch]:
        """The predictor's least and most replicas, which are the same: nothing scales it by itself."""
        return [
            Patch(self.reads(model)[0], {"spec": {"predictor": {"minReplicas": replicas, "maxReplicas": replicas}}})
        ]

    def needs(self, model: Model) -> Sequence[PodNeed]:
        """One predictor a replica."""
        predictor = self.render(model)[-1]["spec"]["predictor"]
        return [need_of("serve", predictor)] * model.on(self.id).spec.replicas

    def gpus(self, model: Model) -> int:
        """GPUs of one replica, times replicas."""
        model = model.on(self.id)
        return model.spec.accelerator.gpus_per_replica * model.spec.replicas

    def _cache(self, model: Model) -> str:
        return f"{self.name(model)}-cache"

    def _inference_service(self, model: Model) -> Manifest:
        block, weights = model.spec.layers.kserve, _weights(model)
        container = engine.container(model, _CONTAINER, weights)
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": self.name(model),
                "namespace": block.namespace,
                "labels": engine.labels(model, self.id),
                "annotations": {
                    "serving.kserve.io/autoscalerClass": "none",
                    "serving.kserve.io/deploymentMode": "Standard",
                },
            },
            "spec": {
                "predictor": {
                    "minReplicas": model.spec.replicas,
                    "maxReplicas": model.spec.replicas,
                    "timeout": block.timeout_seconds,
                    "deploymentStrategy": engine.strategy(model, surge=block.surge),
                    **engine.pod(model, container, self._cache(model), weights),
                }
            },
        }


def _weights(model: Model) -> PvcWeights | None:
    staged = model.spec.layers.kserve.weights
    return staged.pvc if staged else None


def _behind(service: Manifest, made: Manifest | None) -> str:
    """What the Deployment does not have yet of what our InferenceService declares; empty when nothing."""
    if lag := lagging(service, made):
        return lag
    annotations = service["metadata"].get("annotations") or {}
    fixed = annotations.get("serving.kserve.io/autoscalerClass") == "none"
    wanted = service["spec"]["predictor"].get("minReplicas", 1)
    if fixed and made is not None and made["spec"].get("replicas", 1) != wanted:
        return "KServe has not carried the number of replicas over yet"
    return ""


def lagging(service: Manifest, made: Manifest | None) -> str:
    """What the Deployment's container does not have yet of any InferenceService's own; empty when nothing.

    One that names a ``model`` and no container of its own has nothing to compare.
    """
    if made is None:
        return "KServe has not made it yet"
    declared = _container(service["spec"]["predictor"])
    actual = _container(made["spec"]["template"]["spec"])
    for key in _COMPARED:
        if not _carries(declared.get(key), actual.get(key)):
            return f"KServe has not carried the latest {key} over yet"
    return ""


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    named = (each for each in pod.get("containers") or [] if each.get("name") == _CONTAINER)
    return next(named, {})


def _carries(declared: Any, actual: Any) -> bool:
    """KServe and the API server may add to what is declared (environment, defaults), never change it."""
    if isinstance(declared, Mapping):
        return isinstance(actual, Mapping) and all(_carries(value, actual.get(key)) for key, value in declared.items())
    if isinstance(declared, list) and all(isinstance(each, Mapping) and "name" in each for each in declared):
        by_name = {each.get("name"): each for each in actual or []}
        return all(_carries(each, by_name.get(each["name"])) for each in declared)
    return declared is None or bool(declared == actual)
