"""The world in memory with a LiteLLM that is played process by process, and the program's own edge code before it."""

from __future__ import annotations

import base64
from typing import Any

from pointsman.edge.litellm_values import LiteLLMValues, litellm_values
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Clock, Cluster, Object
from pointsman.move.conductor import Conductor
from pointsman.move.means import Means
from pointsman.spec.model import Model
from tests.world.cluster import copied
from tests.world.engine import KEY as ENGINE_KEY
from tests.world.engine import MemoryWire
from tests.world.layers import LAYERS
from tests.world.proxy import KEY, NAMESPACE, MemoryProxy
from tests.world.world import World, layer

__all__ = ["CONFIG", "DEPLOYMENT", "SECRET", "SERVICE", "ProxyWorld"]

CONFIG = Ref(kind_of("ConfigMap"), "litellm-config", NAMESPACE)
DEPLOYMENT = Ref(kind_of("Deployment"), "litellm", NAMESPACE)
SERVICE = Ref(kind_of("Service"), "litellm", NAMESPACE)
SECRET = Ref(kind_of("Secret"), "litellm", NAMESPACE)


class ProxyWorld(World):
    """The example model on one layer behind a proxy of two replicas; ``more`` is what else its configuration says."""

    def __init__(
        self, *, more: str = "", entry: str = "", tail: str = "", model: Model | None = None, source: str = "raw-vllm"
    ) -> None:
        super().__init__(model=model, source=source)
        first = layer(source).endpoint(self.model)
        served = self.model.spec.served_model_name
        self.text = (
            "# the platform's own file\n"
            "model_list:\n"
            f"{more}"
            "  - model_name: qwen-local  # ours\n"
            "    litellm_params:\n"
            f"      model: openai/{served}\n"
            f"      api_base: {first.base_url}\n"
            "      api_key: os.environ/UPSTREAM_API_KEY\n"
            f"{entry}"
            "router_settings:\n"
            "  allowed_fails: 0\n"
            "  cooldown_time: 30\n"
            f"{tail}"
        )
        self.cluster.proxy = self.proxy = MemoryProxy(self.cluster.objects, self._status)
        for manifest in (
            _object("v1", "ConfigMap", CONFIG, {"data": {"config.yaml": self.text}}),
            _object("v1", "Secret", SECRET, {"data": {"master-key": base64.b64encode(KEY.encode()).decode()}}),
            _object("v1", "Service", SERVICE, {"spec": {"ports": [{"port": 4000, "targetPort": 4000}]}}),
            _object("apps/v1", "Deployment", DEPLOYMENT, {"spec": _deployment_spec()}),
        ):
            self.put(manifest)
        self.cluster.changed = lambda: None
        self.first = {ref: copied(one) for ref, one in self.cluster.objects.items()}
        """Everything as it was in the beginning."""

    def _status(self, base: str) -> int:
        """The answer of whoever is behind an address: an engine of ours, or somebody else's, who is always there."""
        for one in LAYERS:
            if one.endpoint(self.model).base_url == base:
                engines = self.cluster.serving(one.namespace(self.model))
                if not engines:
                    return 503
                engines[0].end()
                return 200
        return 503 if "closed.invalid" in base else 200

    def edge_for(self, model: Model, cluster: Cluster | None = None) -> LiteLLMValues:
        """The program's own edge."""
        endpoints = {one.id: one.endpoint(model).base_url for one in LAYERS}
        return litellm_values(cluster or self.cluster, model, endpoints)

    def conductor(
        self, holder: str = "first@test/1", clock: Clock | None = None, cluster: Cluster | None = None
    ) -> Conductor:
        means = Means(
            cluster=cluster or self.cluster,
            wire=MemoryWire(self.cluster, self.clock.spend),
            clock=clock or self.clock,
            edge_for=lambda model, place: self.edge_for(model, cluster),
            observer=self.seen,
            holder=holder,
            layers=LAYERS,
        )
        return Conductor(means)

    def declared(self) -> str:
        """The configuration's text now."""
        return str(self.cluster.objects[CONFIG]["data"]["config.yaml"])

    def declare(self, text: str) -> None:
        """Somebody writes the ConfigMap, and rolls nothing."""
        self.change(CONFIG, {"data": {"config.yaml": text}})

    def change(self, ref: Ref, patch: Object) -> None:
        """Somebody patches an object."""
        from tests.world.cluster import _merge

        if ref in self.cluster.objects:
            self.cluster._store(ref, _merge(self.cluster.objects[ref], patch))
            self.cluster._control()

    def drop(self, ref: Ref) -> None:
        """Somebody deletes an object."""
        gone = self.cluster.objects.pop(ref, None)
        if gone is not None:
            self.cluster._tell("DELETED", ref.kind, gone)
            self.cluster._control()

    def restore(self, ref: Ref) -> None:
        """Somebody applies again what was there in the beginning."""
        if ref in self.first:
            self.cluster._store(ref, copied(self.first[ref]))
            self.cluster._control()

    def restart_edge(self, mark: str) -> None:
        """``kubectl rollout restart``."""
        annotations = {"kubectl.kubernetes.io/restartedAt": mark}
        self.change(DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": annotations}}}})

    def running(self) -> list[dict[str, float]]:
        """Weights by address, of each replica that serves."""
        return [
            {
                row["litellm_params"]["api_base"]: row["litellm_params"].get("weight", 100)
                for row in one.group("qwen-local")
            }
            for one in self.proxy.processes.values()
            if not one.broken
        ]


def _object(version: str, kind: str, ref: Ref, body: Object) -> Object:
    metadata = {"name": ref.name, "namespace": ref.namespace, "labels": {"app": "litellm"}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def _deployment_spec() -> dict[str, Any]:
    probe = {"httpGet": {"path": "/health/readiness", "port": 4000}}
    container = {
        "name": "litellm",
        "image": "litellm",
        "ports": [{"containerPort": 4000}],
        "readinessProbe": probe,
        "env": [{"name": "UPSTREAM_API_KEY", "value": ENGINE_KEY}],
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }
    return {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "litellm"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {"labels": {"app": "litellm"}},
            "spec": {
                "containers": [container],
                "volumes": [{"name": "config", "configMap": {"name": "litellm-config"}}],
            },
        },
    }
