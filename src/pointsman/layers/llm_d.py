"""llm-d: one LLMInferenceService, from which KServe's ``llmisvc`` makes engines, a scheduler and routes.

What is rendered here is laid over KServe's presets, which bring their own command line, probes and volumes. Only
what the contract needs is written; ``preset_pod`` holds the traps of the laying over.
"""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.kube.resources import Kind, Ref, kind_of
from pointsman.layers import engine, preset_pod, stop
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
from pointsman.layers.rollout import condition, deployment, holds_nothing, rolled_out
from pointsman.spec.model import Model

__all__ = ["LlmD"]

_BEHIND_SIDECAR = 8001


class LlmD:
    """The layer whose controller is KServe's ``llmisvc``."""

    id = "llm-d"
    title = "llm-d"
    capabilities = Capabilities(disaggregation=True, gateway=True, park_deletes_service=True, auto_ingress=True)

    def namespace(self, model: Model) -> str:
        """``spec.layers.llm-d.namespace``."""
        return model.spec.layers.llm_d.namespace

    def name(self, model: Model) -> str:
        """``spec.layers.llm-d.name``, else the model's name."""
        return model.spec.layers.llm_d.name or model.name

    def render(self, model: Model) -> list[Manifest]:
        """The LLMInferenceService."""
        model = model.on(self.id)
        block, pods = model.spec.layers.llm_d, engine.labels(model, self.id)
        gateway = {"name": block.gateway.name, "namespace": block.gateway.namespace}
        prefill = (
            {
                "prefill": {
                    "replicas": block.prefill.replicas,
                    "labels": pods,
                    "template": preset_pod.template(model),
                }
            }
            if block.prefill
            else {}
        )
        return [
            {
                "apiVersion": "serving.kserve.io/v1alpha2",
                "kind": "LLMInferenceService",
                "metadata": {"name": self.name(model), "namespace": block.namespace, "labels": pods},
                "spec": {
                    "model": {"uri": preset_pod.uri(model), "name": model.spec.served_model_name},
                    "replicas": model.spec.replicas,
                    "labels": pods,
                    "template": preset_pod.template(model),
                    **prefill,
                    "router": {
                        "gateway": {"refs": [gateway]},
                        "route": {},
                        "scheduler": preset_pod.scheduler(model),
                    },
                },
            }
        ]

    def started(self, model: Model) -> Started:
        """As the spec has it for this layer."""
        return engine.started(model.on(self.id))

    def promise(self, model: Model) -> Promise | None:
        """None: what the spec promises."""
        return None

    def endpoint(self, model: Model) -> Endpoint:
        """The Gateway's Service, below the path KServe routes to this object."""
        gateway = model.spec.layers.llm_d.gateway
        service = gateway.service or gateway.name
        path = f"/{self.namespace(model)}/{self.name(model)}"
        port = "" if gateway.port == 80 else f":{gateway.port}"
        return Endpoint(
            base_url=model.spec.layers.llm_d.address
            or f"http://{service}.{gateway.namespace}.svc.cluster.local{port}{path}/v1",
            service=Ref(kind_of("Service", "v1"), service, gateway.namespace),
            port=gateway.port,
            path=path,
        )

    def engines(self, model: Model) -> Sequence[EnginePods]:
        """Engines that answer tenants, then prefill's, which answer those engines."""
        if not self._prefills(model):
            return [self._pods(model, "both", engine.PORT, "serve")]
        return [
            self._pods(model, "decode", _BEHIND_SIDECAR, "serve"),
            self._pods(model, "prefill", engine.PORT, "prefill"),
        ]

    def reads(self, model: Model) -> Sequence[Ref]:
        """The LLMInferenceService, then every Deployment made from it."""
        main = Ref(self._kind(model), self.name(model), self.namespace(model))
        return [main, *self._deployments(model)]

    def readiness(self, model: Model, live: Live) -> Readiness:
        """Latest generation reconciled, every Deployment rolled out, routes accepted by the Gateway."""
        main = self.reads(model)[0]
        found = live.get(main)
        if found is None:
            return Readiness(False, f"{main} does not exist yet")
        if stop.stopped(found):
            return Readiness(False, f"{main} is stopped")
        seen = (found.get("status") or {}).get("observedGeneration", 0)
        if seen < found["metadata"].get("generation", 0):
            return Readiness(False, f"{main}: its controller has not seen the latest change")
        verdicts = [rolled_out(ref, live) for ref in self._deployments(model)]
        late = next((each for each in verdicts if not each.ready), None)
        return late or _routed(main, found)

    def parked(self, model: Model, live: Live) -> bool:
        """Stopped or absent, and its Deployments gone."""
        found = live.get(self.reads(model)[0])
        gone = all(holds_nothing(ref, live) for ref in self._deployments(model))
        return (found is None or stop.stopped(found)) and gone

    def park(self, model: Model) -> Sequence[Patch]:
        """KServe's own stop annotation."""
        return [stop.stop(self.reads(model)[0])]

    def unpark(self, model: Model) -> Sequence[Patch]:
        """The stop annotation removed."""
        return [stop.start(self.reads(model)[0])]

    def scale(self, model: Model, replicas: int) -> Sequence[Patch]:
        """The engines that answer tenants; prefill's stay as they are."""
        return [Patch(self.reads(model)[0], {"spec": {"replicas": replicas}})]

    def needs(self, model: Model) -> Sequence[PodNeed]:
        """Engines, prefill's among them, and the scheduler. Sidecars that presets add are not in it."""
        spec = self.render(model)[0]["spec"]
        prefill = spec.get("prefill")
        return [
            *[need_of("serve", spec["template"])] * spec["replicas"],
            *([need_of("prefill", prefill["template"])] * prefill["replicas"] if prefill else []),
            need_of("router", (spec["router"]["scheduler"] or {}).get("template") or {}),
        ]

    def gpus(self, model: Model) -> int:
        """GPUs of one replica, times replicas, prefill's included."""
        model = model.on(self.id)
        prefill = model.spec.layers.llm_d.prefill
        pods = model.spec.replicas + (prefill.replicas if prefill else 0)
        return model.spec.accelerator.gpus_per_replica * pods

    def _deployments(self, model: Model) -> list[Ref]:
        name, namespace = self.name(model), self.namespace(model)
        suffixes = ["-kserve", *(["-kserve-prefill"] if self._prefills(model) else [])]
        suffixes += ["-kserve-router-scheduler"] if self._schedules(model) else []
        return [deployment(namespace, f"{name}{suffix}") for suffix in suffixes]

    def _kind(self, model: Model) -> Kind:
        return kind_of("LLMInferenceService", "serving.kserve.io/v1alpha2")

    def _prefills(self, model: Model) -> bool:
        return model.spec.layers.llm_d.prefill is not None

    def _schedules(self, model: Model) -> bool:
        """Is there an endpoint picker?"""
        return True

    def _pods(self, model: Model, llm_d_role: str, port: int, role: str) -> EnginePods:
        labels = {
            "app.kubernetes.io/name": self.name(model),
            "app.kubernetes.io/part-of": "llminferenceservice",
            "llm-d.ai/role": llm_d_role,
        }
        return EnginePods(self.namespace(model), labels, "main", port, role)


def _routed(main: Ref, found: Manifest) -> Readiness:
    router = condition(found, "RouterReady")
    if router.get("status") == "True":
        return Readiness(True, f"{main}: engines are available and its routes are accepted")
    reason = router.get("message") or router.get("reason") or "no condition yet"
    return Readiness(False, f"{main}: routes are not ready: {reason}")
