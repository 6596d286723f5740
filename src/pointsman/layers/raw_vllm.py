"""Raw vLLM: a Deployment, a Service and a claim for the cache, written by nobody else's controller."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.kube.resources import Ref, kind_of
from pointsman.layers import engine
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

__all__ = ["RawVllm"]


class RawVllm:
    """The layer with no controller of its own."""

    id = "raw-vllm"
    title = "raw vLLM"
    capabilities = Capabilities(disaggregation=False, gateway=False, park_deletes_service=False, auto_ingress=False)

    def namespace(self, model: Model) -> str:
        """``spec.layers.raw-vllm.namespace``."""
        return model.spec.layers.raw_vllm.namespace

    def name(self, model: Model) -> str:
        """``spec.layers.raw-vllm.name``, else the model's name."""
        return model.spec.layers.raw_vllm.name or model.name

    def render(self, model: Model) -> list[Manifest]:
        """Claim (unless weights are staged), Service, Deployment."""
        model = model.on(self.id)
        block = model.spec.layers.raw_vllm
        claims = (
            []
            if _weights(model)
            else [
                engine.cache_claim(
                    model, self.id, self._cache(model), block.namespace, block.cache, block.storage_class
                )
            ]
        )
        return [*claims, self._service(model), self._deployment(model)]

    def started(self, model: Model) -> Started:
        """As the spec has it for this layer."""
        return engine.started(model.on(self.id))

    def promise(self, model: Model) -> Promise | None:
        """None: what the spec promises."""
        return None

    def endpoint(self, model: Model) -> Endpoint:
        """The Service, on the engine's own port."""
        name, namespace = self.name(model), self.namespace(model)
        return Endpoint(
            base_url=model.spec.layers.raw_vllm.address
            or f"http://{name}.{namespace}.svc.cluster.local:{engine.PORT}/v1",
            service=Ref(kind_of("Service", "v1"), name, namespace),
            port=engine.PORT,
            path="",
        )

    def engines(self, model: Model) -> Sequence[EnginePods]:
        """The Deployment's pods."""
        return [EnginePods(self.namespace(model), self._selector(model), "vllm", engine.PORT, "serve")]

    def reads(self, model: Model) -> Sequence[Ref]:
        """The Deployment."""
        return [deployment(self.namespace(model), self.name(model))]

    def readiness(self, model: Model, live: Live) -> Readiness:
        """The Deployment is rolled out."""
        return rolled_out(self.reads(model)[0], live)

    def parked(self, model: Model, live: Live) -> bool:
        """The Deployment is absent or at 0, and its pods are gone."""
        return holds_nothing(self.reads(model)[0], live)

    def park(self, model: Model) -> Sequence[Patch]:
        """0 replicas."""
        return [Patch(self.reads(model)[0], {"spec": {"replicas": 0}})]

    def unpark(self, model: Model) -> Sequence[Patch]:
        """The declared number of replicas."""
        return self.scale(model, model.on(self.id).spec.replicas)

    def scale(self, model: Model, replicas: int) -> Sequence[Patch]:
        """The Deployment's own number."""
        return [Patch(self.reads(model)[0], {"spec": {"replicas": replicas}})]

    def needs(self, model: Model) -> Sequence[PodNeed]:
        """One pod a replica."""
        template = self.render(model)[-1]["spec"]["template"]
        return [need_of("serve", template["spec"])] * model.on(self.id).spec.replicas

    def gpus(self, model: Model) -> int:
        """GPUs of one replica, times replicas."""
        model = model.on(self.id)
        return model.spec.accelerator.gpus_per_replica * model.spec.replicas

    def _cache(self, model: Model) -> str:
        return f"{self.name(model)}-cache"

    def _selector(self, model: Model) -> dict[str, str]:
        return {"app.kubernetes.io/instance": self.name(model), "app.kubernetes.io/name": "vllm"}

    def _service(self, model: Model) -> Manifest:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": self._metadata(model),
            "spec": {
                "type": "ClusterIP",
                "selector": self._selector(model),
                "ports": [{"name": "http", "port": engine.PORT, "targetPort": engine.PORT, "protocol": "TCP"}],
            },
        }

    def _deployment(self, model: Model) -> Manifest:
        weights = _weights(model)
        container = engine.container(model, "vllm", weights)
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": self._metadata(model),
            "spec": {
                "replicas": model.spec.replicas,
                "revisionHistoryLimit": 3,
                "progressDeadlineSeconds": model.spec.engine.startup_seconds + 120,
                "strategy": engine.strategy(model, surge=model.spec.layers.raw_vllm.surge),
                "selector": {"matchLabels": self._selector(model)},
                "template": {
                    "metadata": {"labels": self._labels(model)},
                    "spec": engine.pod(model, container, self._cache(model), weights),
                },
            },
        }

    def _labels(self, model: Model) -> dict[str, str]:
        return {**self._selector(model), **engine.labels(model, self.id)}

    def _metadata(self, model: Model) -> Manifest:
        return {"name": self.name(model), "namespace": self.namespace(model), "labels": self._labels(model)}


def _weights(model: Model) -> PvcWeights | None:
    staged = model.spec.layers.raw_vllm.weights
    return staged.pvc if staged else None
