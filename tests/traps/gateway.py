"""Somebody's platform in a namespace of its own: engines that stay for all tests of a run, and a test's own LiteLLM.

A file has all of it, so that what ``lint`` reads is what is applied.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.reading import read
from tests.traps.manifests import ENGINE_KEY, MASTER, Manifest, engine, litellm, secret, written
from tests.traps.tenants import Asking

__all__ = ["FAILING", "SWIFT", "Edge", "Space", "space_of"]

SWIFT = {"ttft": 0.01, "itl": 0.001, "cold_start": {"load": 0.1, "compile": 0.0, "warmup": 0.0}}
FAILING = SWIFT | {"faults": {"error_rate": 1.0}}
"""An engine that answers each request with 500."""


@dataclass
class Space:
    """The namespace, and who stands in it."""

    lab: RunningLab
    name: str
    engines: dict[str, list[Manifest]] = field(default_factory=dict)

    def base(self, engine: str) -> str:
        """Where an engine answers."""
        return f"http://{engine}.{self.name}.svc.cluster.local:8000/v1"

    def serve(self, *manifests: Manifest) -> None:
        """Apply, and wait until every Deployment among them has rolled."""
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self.lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=given)
        for one in manifests:
            if one["kind"] == "Deployment":
                self.rolled(one["metadata"]["name"])
            elif one["kind"] == "InferenceService":
                self._carried_out(one)

    def rolled(self, name: str) -> None:
        """Wait until a Deployment is what it was last said to be."""
        words = ("rollout", "status", f"deployment/{name}", "-n", self.name, "--timeout=150s")
        self.lab.kubectl(*words, timeout=180)

    def _carried_out(self, service: Manifest) -> None:
        """KServe has written what the InferenceService says, and it has rolled."""
        name, wanted = f"{service['metadata']['name']}-predictor", service["spec"]["predictor"]["containers"][0]

        def written() -> bool:
            found = read(self.lab.kubeconfig, "deployment", name, self.name)
            said = found.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [{}])[0]
            return said.get("args") == wanted["args"] and all(one in said.get("env", []) for one in wanted["env"])

        until(written)
        self.rolled(name)

    def pods(self, name: str) -> list[Manifest]:
        """Those of a Deployment that are not about to go."""
        words = ("get", "pods", "-n", self.name, "-l", f"app={name}", "-o", "json")
        found: list[Manifest] = json.loads(self.lab.kubectl(*words).stdout)["items"]
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    def exits(self, name: str) -> list[int]:
        """Codes that containers of its pods ended with."""
        states = [one for pod in self.pods(name) for one in pod["status"].get("containerStatuses", [])]
        ended = [one.get(key, {}).get("terminated") for one in states for key in ("state", "lastState")]
        return [one["exitCode"] for one in ended if one]

    def stop(self, pod: Manifest) -> None:
        """A pod is told to go, and nobody waits for its end."""
        name = pod["metadata"]["name"]
        self.lab.kubectl("delete", "pod", name, "-n", self.name, "--wait=false")
        until(lambda: name not in [one["metadata"]["name"] for one in self.pods(pod["metadata"]["labels"]["app"])])

    def delete(self, *objects: str) -> None:
        """They go, and nobody waits for it."""
        self.lab.kubectl("delete", *objects, "-n", self.name, "--ignore-not-found", "--wait=false")

    def asking(self, name: str, key: str = "") -> Asking:
        """Whoever asks an engine past the edge."""
        return Asking(self.lab, f"http://{name}.{self.name}.svc.cluster.local:8000", key)


@contextmanager
def space_of(lab: RunningLab, *engines: str) -> Iterator[Space]:
    """A namespace with these engines; ``bad`` fails, ``keyed`` asks for a key."""
    space = Space(lab, f"bite-{secrets.token_hex(3)}")
    here = {"namespace": space.name}
    settings = {"default": json.dumps(SWIFT), "bad": json.dumps(FAILING)}
    told = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lab-engine", **here}, "data": settings},
        secret("engine", space.name, {"key": ENGINE_KEY}),
        secret("litellm", space.name, {"master-key": MASTER, "engine-key": ENGINE_KEY}),
    ]
    lab.kubectl("create", "namespace", space.name)
    try:
        space.engines = {one: engine(one, space.name, key=one == "keyed") for one in engines}
        space.serve(*told, *(each for some in space.engines.values() for each in some))
        yield space
    finally:
        lab.kubectl("delete", "deployments,replicasets,pods", "--all", "-n", space.name, "--grace-period=1", timeout=60)
        lab.kubectl("delete", "namespace", space.name, "--wait=false")


@dataclass
class Edge:
    """A test's LiteLLM."""

    space: Space
    name: str
    folder: Path

    def objects(self, config: str) -> list[Manifest]:
        """ConfigMap, Deployment and Service."""
        return litellm(self.name, self.space.name, config)

    def write(self, name: str, *manifests: Manifest, engines: tuple[str, ...] | None = None) -> Path:
        """A file with the engines and these."""
        known = self.space.engines
        some = [each for one in (known if engines is None else engines) for each in known[one]]
        file = self.folder / name / "platform.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written((*some, *manifests)), encoding="utf-8")
        return file

    def platform(self, name: str, config: str) -> Path:
        """A file with the engines and this edge."""
        return self.write(name, *self.objects(config))

    def run(self, file: Path) -> Asking:
        """Apply the file as it is; who asks the edge from then on."""
        self.space.serve(*yaml.safe_load_all(file.read_text(encoding="utf-8")))
        return self.asking()

    def gone(self) -> None:
        """Nothing of it is left."""
        self.space.delete(f"deployment/{self.name}", f"service/{self.name}", f"configmap/{self.name}-config")

    def asking(self, key: str = MASTER) -> Asking:
        """Tenants of this edge."""
        return Asking(self.space.lab, f"http://{self.name}.{self.space.name}.svc.cluster.local:4000", key)
