"""The world in memory with the real layers, a KServe that follows its resources, and one layer that nobody calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pointsman.edge.contract import Member
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.layers import registry
from pointsman.layers.contract import Layer
from pointsman.layers.registry import layer
from pointsman.layers.stop import stopped
from pointsman.move.boundary import Object
from pointsman.move.conductor import Conductor
from pointsman.move.means import Means
from pointsman.parking.down import Down
from pointsman.parking.waking import Commands, Waking
from pointsman.spec.model import Model
from tests.layers.models import example, written
from tests.world.cluster import MemoryCluster, Write, _merge
from tests.world.engine import MemoryWire
from tests.world.world import World, quick

__all__ = ["CASES", "COMMANDS", "Ground", "KServeCluster", "down", "up", "writes"]

COMMANDS = Commands("pointsman up", "pointsman down", "pointsman status")
CASES = ["raw-vllm", "kserve", "llm-d", "raw-vllm-written", "kserve-written", "llm-d-written"]
"""Layers that are rendered, and layers that people wrote."""
DEPLOYMENT, CLAIM = kind_of("Deployment"), kind_of("PersistentVolumeClaim")


class KServeCluster(MemoryCluster):
    """With KServe's controllers: an (LLM)InferenceService has Deployments unless it is stopped."""

    def _control(self) -> None:
        for ref, one in list(self.objects.items()):
            if ref.kind.name == "InferenceService":
                self._made(ref, f"{ref.name}-predictor", one, *_predictor(ref, one))
            elif ref.kind.name == "LLMInferenceService":
                self._made(ref, f"{ref.name}-kserve", one, *_workload(ref, one))
                router = {"metadata": {"labels": {"role": "router"}}, "spec": {"containers": [{"name": "main"}]}}
                self._made(ref, f"{ref.name}-kserve-router-scheduler", one, 1, router)
                self.objects[ref]["status"] = {"conditions": [{"type": "RouterReady", "status": "True"}]}
        super()._control()

    def _made(self, owner: Ref, name: str, one: Object, replicas: int, template: Object) -> None:
        ref = Ref(DEPLOYMENT, name, owner.namespace)
        if stopped(one):
            if gone := self.objects.pop(ref, None):
                self._tell("DELETED", DEPLOYMENT, gone)
            return
        known = self.objects.get(ref, {})
        if (known.get("spec") or {}).get("replicas") != replicas:
            metadata = {"name": name, "namespace": owner.namespace}
            self._store(ref, {**known, "metadata": metadata, "spec": {"replicas": replicas, "template": template}})


def _predictor(ref: Ref, one: Object) -> tuple[int, Object]:
    predictor = one["spec"]["predictor"]
    labels = {"component": "predictor", "serving.kserve.io/inferenceservice": ref.name}
    return predictor.get("minReplicas", 1), {"metadata": {"labels": labels}, "spec": predictor}


def _workload(ref: Ref, one: Object) -> tuple[int, Object]:
    part_of = {"app.kubernetes.io/part-of": "llminferenceservice", "llm-d.ai/role": "both"}
    labels = {"app.kubernetes.io/name": ref.name, **part_of}
    return one["spec"].get("replicas", 1), {"metadata": {"labels": labels}, "spec": one["spec"]["template"]}


class Ground(World):
    """Tenants are served from one layer, and ``idle`` runs beside it with some replicas."""

    def __init__(self, case: str, *, replicas: int = 2, gpus: int = 4, price: str = "2.5") -> None:
        self.idle: Layer = layer(case.removesuffix("-written"))
        model = written() if case.endswith("-written") else example()
        source = "kserve" if self.idle.id == "raw-vllm" else "raw-vllm"
        super().__init__(gpus=gpus, model=_priced(model, price), source=source, cluster=KServeCluster())
        amounts = {"nvidia.com/gpu": str(gpus), "cpu": "64", "memory": "256Gi"}
        self.cluster.objects[Ref(kind_of("Node"), "node-0")]["status"]["allocatable"] = amounts
        for number, manifest in enumerate(self.idle.render(self.model)):
            manifest["metadata"]["uid"] = f"uid-{number}"
            self.put(manifest)
        (patch,) = self.idle.scale(self.model, replicas)
        self.put_over(patch.ref, patch.body)

    @property
    def ref(self) -> Ref:
        """The idle layer's object."""
        return self.idle.reads(self.model)[0]

    @property
    def live(self) -> Object:
        """As it is now."""
        return self.cluster.objects[self.ref]

    def serve_from(self, wanted: str) -> None:
        for manifest in layer(wanted).render(self.model):
            self.put(manifest)
        self.edge.members = (self.member(wanted, 100),)

    def member(self, wanted: str, weight: int) -> Member:
        """The alias's member for a layer."""
        base = layer(wanted).endpoint(self.model).base_url
        return Member(f"qwen-{wanted}", wanted, base, self.model.spec.served_model_name, weight, "qwen-local")

    def put(self, manifest: Object) -> None:
        """As the version that it is written in."""
        if "apiVersion" in manifest:
            self.cluster._write("put", ref_of(manifest), manifest)
        else:
            super().put(manifest)

    def put_over(self, ref: Ref, body: Object) -> None:
        """Somebody else changes an object."""
        self.put(_merge(self.cluster.objects[ref], body))

    def engines(self) -> list[str]:
        """Pods of the idle layer."""
        one = self.idle.engines(self.model)[0]
        return sorted(
            ref.name
            for ref, pod in self.cluster.objects.items()
            if ref.kind.name == "Pod" and one.labels.items() <= pod["metadata"]["labels"].items()
        )

    def conductor(self, holder: str = "first@test/1") -> Conductor:
        means = Means(
            cluster=self.cluster,
            wire=MemoryWire(self.cluster, self.clock.spend),
            clock=self.clock,
            edge_for=lambda model, place: self.edge,
            observer=self.seen,
            holder=holder,
            layers=registry.LAYERS,
        )
        return Conductor(means)


def _priced(model: Model, price: str) -> Model:
    accelerator = model.spec.accelerator.model_validate({"gpusPerReplica": 1, "pricePerHour": price})
    return model.model_copy(update={"spec": model.spec.model_copy(update={"accelerator": accelerator})})


async def down(world: Ground, holder: str = "first@test/1", **options: Any) -> dict[str, Any]:
    """Park the idle layer, as the command does when it is agreed to."""
    one = Down(
        world.conductor(holder), world.model, world.idle.id, quick(drain_timeout=2.0, **options), "pointsman down"
    )
    return dict(await one.carry_out(await one.look()))


async def up(world: Ground, holder: str = "first@test/1", **options: Any) -> dict[str, Any]:
    """Wake it."""
    one = Waking(world.conductor(holder), world.model, world.idle.id, quick(**options), COMMANDS)
    return dict(await one.carry_out(await one.look()))


@dataclass
class Writes:
    """Changes of anything but our own records, from now on."""

    seen: list[Write]

    def __call__(self, write: Write) -> None:
        if write.ref.namespace != "pointsman-system" and write.ref.name != "pointsman-system":
            self.seen.append(write)


def writes(world: World) -> list[Write]:
    """Them, as they come."""
    told = Writes([])
    world.cluster.after = told
    return told.seen
