"""The whole world in memory, with one model served from raw vLLM."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pointsman.edge.contract import Member
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Object
from pointsman.move.conductor import Conductor
from pointsman.move.context import Options
from pointsman.move.means import Means
from pointsman.report.contract import Happening
from pointsman.spec.loading import load_model
from pointsman.spec.model import Model
from pointsman.spec.move import Evidence
from tests.world.cluster import MemoryCluster, Write
from tests.world.edge import MemoryEdge
from tests.world.engine import KEY, MemoryWire
from tests.world.layers import LAYERS

__all__ = ["SPEC", "MemoryClock", "Seen", "World", "lenient", "quick"]

SPEC = Path(__file__).parents[2] / "examples/platform/models/qwen.yaml"


@dataclass
class MemoryClock:
    """Time that passes when somebody waits for it."""

    seconds: float = 0.0
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    passing: Callable[[float], None] = lambda seconds: None
    """Told of every wait, once it is over."""

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def spend(self, seconds: float) -> None:
        """Time passes in which nobody else does anything."""
        if seconds:
            self.seconds += seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.seconds += seconds
        self.passing(seconds)


@dataclass
class Seen:
    """An observer that remembers."""

    happenings: list[Happening] = field(default_factory=list)
    react: Callable[[Happening], None] = lambda happening: None

    def tell(self, happening: Happening) -> None:
        self.happenings.append(happening)
        self.react(happening)


def lenient(model: Model) -> Model:
    """The model with margins so wide that one round of probes tells equals to be equal: for tests of all else."""
    wide = Evidence(errors=0.3, ttft_p50=50.0, ttft_p95=50.0, itl_p50=50.0, itl_p95=50.0)
    move = model.spec.move.model_copy(update={"evidence": wide})
    return model.model_copy(update={"spec": model.spec.model_copy(update={"move": move})})


def quick(**changes: Any) -> Options:
    """Options with no time to lose; the clocks that really run leave room for a machine that is busy."""
    return Options(**{"hold": 2.0, "ready_timeout": 3.0, "route_timeout": 1.0, "release_timeout": 1.0, **changes})


class World:
    """A cluster with one node of four GPUs, an edge, and the example model on one layer, ``source``."""

    def __init__(
        self,
        *,
        gpus: int = 4,
        replicas: int = 1,
        model: Model | None = None,
        source: str = "raw-vllm",
        cluster: MemoryCluster | None = None,
    ) -> None:
        loaded = model or load_model(SPEC)
        self.model = loaded.model_copy(update={"spec": loaded.spec.model_copy(update={"replicas": replicas})})
        self.clock = MemoryClock()
        self.cluster = cluster or MemoryCluster()
        self.edge = MemoryEdge(self.cluster, {"raw-vllm": "serving", "kserve": "kserve", "llm-d": "llm-d"})
        self.seen = Seen()
        for namespace in ("serving", "kserve", "llm-d", "llm-gateway"):
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            key = base64.b64encode(KEY.encode()).decode()
            metadata = {"name": "vllm-api-key", "namespace": namespace}
            self.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"api-key": key}})
        self.put(_node(gpus))
        self.serve_from(source)
        self.cluster.changed = self.edge.check

    def at_commit(self, act: Callable[[], None]) -> None:
        """Do it once, when the record of the point of no return is about to be written."""

        def before(write: Write) -> None:
            if '"event":"commit"' in str(write.body.get("data")):
                self.cluster.before = lambda write: None
                act()

        self.cluster.before = before

    def put(self, manifest: Object) -> None:
        """Put an object into the cluster, as somebody else would."""
        metadata = manifest["metadata"]
        kind = kind_of(manifest["kind"])
        self.cluster._write("put", Ref(kind, metadata["name"], metadata.get("namespace")), manifest)

    def serve_from(self, wanted: str) -> None:
        """The model is up on a layer and the alias points there."""
        for manifest in layer(wanted).render(self.model):
            self.put(manifest)
        point = layer(wanted).endpoint(self.model)
        name = self.model.spec.served_model_name
        self.edge.members = (Member(f"{self.model.name}-{wanted}", wanted, point.base_url, name, 100, "qwen-local"),)

    def conductor(self, holder: str = "first@test/1") -> Conductor:
        """A process that can move the model."""
        means = Means(
            cluster=self.cluster,
            wire=MemoryWire(self.cluster, self.clock.spend),
            clock=self.clock,
            edge_for=lambda model, place: self.edge,
            observer=self.seen,
            holder=holder,
            layers=LAYERS,
        )
        return Conductor(means)

    def workloads(self) -> dict[str, object]:
        """What is there beside journals and locks: every object's name and, of Deployments, how many replicas."""
        return {
            str(ref): one.get("spec", {}).get("replicas")
            for ref, one in self.cluster.objects.items()
            if ref.namespace != "pointsman-system" and ref.name != "pointsman-system"
        }

    def serving(self) -> dict[str, float]:
        """Weight by layer."""
        return {one.layer: one.weight for one in self.edge.members}


def layer(wanted: str) -> Layer:
    """The layer in memory with that id."""
    return next(one for one in LAYERS if one.id == wanted)


def _node(gpus: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node-0"},
        "spec": {},
        "status": {
            "allocatable": {"nvidia.com/gpu": str(gpus)},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
