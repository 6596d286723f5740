"""An LLMInferenceService that people wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pointsman.kube.resources import Kind, Ref, kind_of, ref_of
from pointsman.layers.command import behind_preset
from pointsman.layers.contract import Endpoint, Manifest, PodNeed
from pointsman.layers.engine import PORT
from pointsman.layers.llm_d import LlmD
from pointsman.layers.needs import need_of
from pointsman.layers.promise import Promise, length, promise_of
from pointsman.layers.written.folder import FromFolder
from pointsman.layers.written.objects import main_in, of_kind
from pointsman.layers.written.woken import woken
from pointsman.spec.model import Model

__all__ = ["WrittenLlmD"]

_SERVICE = kind_of("LLMInferenceService")


class WrittenLlmD(FromFolder, LlmD):
    """The llm-d layer, from a folder. It is judged, parked and scaled like one that is rendered."""

    def render(self, model: Model) -> list[Manifest]:
        """The folder's objects; an LLMInferenceService that is stopped in git is not."""
        main = ref_of(self._main(model))
        sizes = {"spec": {"replicas": model.on(self.id).spec.replicas}}
        return [woken(one, sizes if ref_of(one) == main else {}) for one in self._objects(model)]

    def promise(self, model: Model) -> Promise:
        """What it says; the rest of the command line is its preset's.

        The shortest context of decode's and prefill's: a prompt has to pass both.
        """
        main = self._main(model)
        spec, container = main["spec"], self._container(model)
        served = spec.get("model") or {}
        made = promise_of(
            behind_preset(container),
            container,
            spec.get("template") or {},
            names=[str(served.get("name") or main["metadata"]["name"])],
            weights=str(served.get("uri") or "") or None,
            port=PORT,
            replicas=spec.get("replicas", 1),
        )
        said = [
            made.max_model_len,
            length(behind_preset(self._part(self._prefill(model), model)).value("max-model-len")),
        ]
        return replace(made, max_model_len=min((one for one in said if one is not None), default=None))

    def endpoint(self, model: Model) -> Endpoint:
        """The Gateway's Service, below the path KServe routes to this object."""
        block = model.spec.layers.llm_d
        name, namespace = self._gateway(model)
        service = block.gateway.service or name
        path = f"/{self.namespace(model)}/{self.name(model)}"
        port = "" if block.gateway.port == 80 else f":{block.gateway.port}"
        base = block.address or f"http://{service}.{namespace}.svc.cluster.local{port}{path}/v1"
        return Endpoint(base, Ref(kind_of("Service", "v1"), service, namespace), block.gateway.port, path)

    def needs(self, model: Model) -> Sequence[PodNeed]:
        """Engines, prefill's among them. What presets add is not in it."""
        spec, prefill = self._main(model)["spec"], self._prefill(model)
        engines = [need_of("serve", spec.get("template") or {})] * model.on(self.id).spec.replicas
        return [
            *engines,
            *[need_of("prefill", prefill.get("template") or {})] * prefill.get("replicas", 1 if prefill else 0),
        ]

    def _main(self, model: Model) -> Manifest:
        found = of_kind(self._objects(model), _SERVICE)
        return main_in(found, model.spec.layers.block(self.id).name, "LLMInferenceService", self._where(model))

    def _container(self, model: Model) -> Mapping[str, Any]:
        """The engine's own part of the preset's container; empty when nothing is laid over it."""
        return self._part(self._main(model)["spec"], model)

    def _part(self, of: Mapping[str, Any], model: Model) -> Mapping[str, Any]:
        pod = of.get("template") or {}
        wanted = self._written(model).container or "main"
        return next((one for one in pod.get("containers") or [] if one.get("name") == wanted), {})

    def _prefill(self, model: Model) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._main(model)["spec"].get("prefill") or {}
        return found

    def _gateway(self, model: Model) -> tuple[str, str]:
        """The one it names, else the block's."""
        router = self._main(model)["spec"].get("router") or {}
        refs = ((router.get("gateway") or {}).get("refs")) or []
        block = model.spec.layers.llm_d.gateway
        if len(refs) != 1:
            return block.name, block.namespace
        return str(refs[0]["name"]), str(refs[0].get("namespace") or self.namespace(model))

    def _kind(self, model: Model) -> Kind:
        return ref_of(self._main(model)).kind

    def _prefills(self, model: Model) -> bool:
        return bool(self._prefill(model))

    def _schedules(self, model: Model) -> bool:
        router = self._main(model)["spec"].get("router") or {}
        return router.get("scheduler") is not None
