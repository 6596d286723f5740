"""A layer for the world in memory: a Deployment and a Service, under any name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.kube.resources import Ref, kind_of
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
from pointsman.layers.engine import started
from pointsman.layers.needs import need_of
from pointsman.spec.model import Model

__all__ = ["LAYERS", "PlainLayer"]


@dataclass(frozen=True)
class PlainLayer:
    """One layer."""

    id: str
    title: str
    place: str

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(disaggregation=False, gateway=False, park_deletes_service=False, auto_ingress=False)

    def namespace(self, model: Model) -> str:
        return self.place

    def name(self, model: Model) -> str:
        return f"{model.name}-{self.id}"

    def render(self, model: Model) -> list[Manifest]:
        model = model.on(self.id)
        gpu = str(model.spec.accelerator.gpus_per_replica)
        container = {"name": "engine", "resources": {"limits": {"nvidia.com/gpu": gpu}}}
        return [
            {"apiVersion": "v1", "kind": "Service", "metadata": self._metadata(model), "spec": {}},
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": self._metadata(model),
                "spec": {
                    "replicas": model.spec.replicas,
                    "template": {
                        "metadata": {"labels": self._labels(model)},
                        "spec": {"containers": [container]},
                    },
                },
            },
        ]

    def started(self, model: Model) -> Started:
        return started(model.on(self.id))

    def promise(self, model: Model) -> Promise | None:
        return None

    def endpoint(self, model: Model) -> Endpoint:
        name = self.name(model)
        service = Ref(kind_of("Service"), name, self.place)
        return Endpoint(f"http://{name}.{self.place}.svc.cluster.local:8000/v1", service, 8000, "")

    def engines(self, model: Model) -> Sequence[EnginePods]:
        return [EnginePods(self.place, self._labels(model), "engine", 8000, "serve")]

    def reads(self, model: Model) -> Sequence[Ref]:
        return [Ref(kind_of("Deployment"), self.name(model), self.place)]

    def readiness(self, model: Model, live: Live) -> Readiness:
        found = live.get(self.reads(model)[0])
        if found is None:
            return Readiness(False, "it does not exist")
        asked, ready = found["spec"]["replicas"], found.get("status", {}).get("readyReplicas", 0)
        return Readiness(0 < asked <= ready, f"{ready} of {asked} replicas are ready")

    def parked(self, model: Model, live: Live) -> bool:
        found = live.get(self.reads(model)[0])
        return found is None or found["spec"]["replicas"] == 0

    def park(self, model: Model) -> Sequence[Patch]:
        return [Patch(self.reads(model)[0], {"spec": {"replicas": 0}})]

    def unpark(self, model: Model) -> Sequence[Patch]:
        return self.scale(model, model.on(self.id).spec.replicas)

    def scale(self, model: Model, replicas: int) -> Sequence[Patch]:
        return [Patch(self.reads(model)[0], {"spec": {"replicas": replicas}})]

    def needs(self, model: Model) -> Sequence[PodNeed]:
        template = self.render(model)[-1]["spec"]["template"]
        return [need_of("serve", template["spec"])] * model.on(self.id).spec.replicas

    def gpus(self, model: Model) -> int:
        model = model.on(self.id)
        return model.spec.accelerator.gpus_per_replica * model.spec.replicas

    def _labels(self, model: Model) -> dict[str, str]:
        return {
            "app.kubernetes.io/managed-by": "pointsman",
            "pointsman.dev/model": model.name,
            "pointsman.dev/layer": self.id,
        }

    def _metadata(self, model: Model) -> Manifest:
        return {"name": self.name(model), "namespace": self.place, "labels": self._labels(model)}


LAYERS: tuple[Layer, ...] = (
    PlainLayer("raw-vllm", "raw vLLM", "serving"),
    PlainLayer("kserve", "KServe", "kserve"),
    PlainLayer("llm-d", "llm-d", "llm-d"),
)
