"""A layer that exists only here: one Deployment, parked by 0 replicas. The contract has to be implementable."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.kube.resources import Ref, kind_of
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
from pointsman.layers.engine import started
from pointsman.layers.needs import Requests
from pointsman.layers.rollout import deployment, holds_nothing, rolled_out
from pointsman.spec.model import Model


class FakeLayer:
    id = "fake"
    title = "fake"
    capabilities = Capabilities(disaggregation=False, gateway=False, park_deletes_service=False, auto_ingress=False)

    def namespace(self, model: Model) -> str:
        return "fake"

    def name(self, model: Model) -> str:
        return model.name

    def render(self, model: Model) -> list[Manifest]:
        return [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {
                    "name": model.name,
                    "namespace": "fake",
                    "labels": {
                        "app.kubernetes.io/managed-by": "pointsman",
                        "pointsman.dev/layer": "fake",
                        "pointsman.dev/model": model.name,
                    },
                },
                "spec": {"replicas": model.spec.replicas},
            }
        ]

    def started(self, model: Model) -> Started:
        return started(model)

    def promise(self, model: Model) -> Promise | None:
        return None

    def endpoint(self, model: Model) -> Endpoint:
        service = Ref(kind_of("Service", "v1"), model.name, "fake")
        return Endpoint(f"http://{model.name}.fake.svc.cluster.local:8000/v1", service, 8000, "")

    def engines(self, model: Model) -> Sequence[EnginePods]:
        return [EnginePods("fake", {"app": model.name}, "engine", 8000, "serve")]

    def reads(self, model: Model) -> Sequence[Ref]:
        return [deployment("fake", model.name)]

    def readiness(self, model: Model, live: Live) -> Readiness:
        return rolled_out(self.reads(model)[0], live)

    def parked(self, model: Model, live: Live) -> bool:
        return holds_nothing(self.reads(model)[0], live)

    def park(self, model: Model) -> Sequence[Patch]:
        return [Patch(self.reads(model)[0], {"spec": {"replicas": 0}})]

    def unpark(self, model: Model) -> Sequence[Patch]:
        return self.scale(model, model.spec.replicas)

    def scale(self, model: Model, replicas: int) -> Sequence[Patch]:
        return [Patch(self.reads(model)[0], {"spec": {"replicas": replicas}})]

    def needs(self, model: Model) -> Sequence[PodNeed]:
        need = PodNeed("serve", Requests(1000, 2**30, model.spec.accelerator.gpus_per_replica))
        return [need] * model.spec.replicas

    def gpus(self, model: Model) -> int:
        return model.spec.accelerator.gpus_per_replica * model.spec.replicas
