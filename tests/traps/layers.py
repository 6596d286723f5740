"""One model on two layers, raw vLLM and KServe, and an alias that leads to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.traps.gateway import Edge
from tests.traps.manifests import WEIGHTS, Manifest, engine, entry, service_of_kserve
from tests.traps.tenants import Asking

__all__ = ["Layers", "members"]


@dataclass
class Layers:
    """A model on raw vLLM, and on KServe."""

    edge: Edge

    @property
    def name(self) -> str:
        """Of the engine on both."""
        return f"pair-{self.edge.name.removeprefix('edge-')}"

    def raw(self, *args: str, key: bool = False, weights: str = WEIGHTS) -> list[Manifest]:
        """On raw vLLM."""
        return _of(engine(self.name, self.edge.space.name, *args, key=key), weights)

    def kserve(self, *args: str, key: bool = False, weights: str = WEIGHTS) -> list[Manifest]:
        """On KServe."""
        return _of([service_of_kserve(self.name, self.edge.space.name, *args, key=key)], weights)

    def write(self, kind: str, *objects: Manifest) -> Path:
        """A file with these, and no others."""
        return self.edge.write(kind, *objects, engines=())

    def run(self, file: Path) -> None:
        """Apply it, and wait until it serves."""
        self.edge.space.serve(*yaml.safe_load_all(file.read_text(encoding="utf-8")))

    def asking(self, layer: str, key: str = "") -> Asking:
        """Who asks an engine past the edge."""
        host = self.name if layer == "raw-vllm" else f"{self.name}-predictor"
        port = 8000 if layer == "raw-vllm" else 80
        return Asking(self.edge.space.lab, f"http://{host}.{self.edge.space.name}.svc.cluster.local:{port}", key)

    def gone(self) -> None:
        """Nothing of it is left."""
        name = self.name
        self.edge.space.delete(f"deployment/{name}", f"service/{name}", f"inferenceservice/{name}")


def _of(objects: list[Manifest], weights: str) -> list[Manifest]:
    spec = objects[0]["spec"]
    pod = spec["predictor"] if "predictor" in spec else spec["template"]["spec"]
    pod["containers"][0]["args"][0] = weights
    return objects


def members(edge: Edge, *bases: str, model: str = "openai/qwen", params: str = "api_key: none") -> str:
    """An alias that leads to these addresses."""
    return "model_list:\n" + "".join(
        entry("chat", base, params, f"id: m{at}", model=model) for at, base in enumerate(bases)
    )
