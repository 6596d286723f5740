"""A Deployment of vLLM that people wrote, with the Service in front of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.errors import SpecError
from pointsman.kube.resources import kind_of, ref_of
from pointsman.layers.command import command_of, is_engine
from pointsman.layers.contract import Endpoint, EnginePods, Manifest, PodNeed
from pointsman.layers.needs import need_of
from pointsman.layers.promise import Promise, promise_of
from pointsman.layers.raw_vllm import RawVllm
from pointsman.layers.written.folder import FromFolder
from pointsman.layers.written.objects import (
    container_port,
    engine_in,
    main_in,
    named,
    of_kind,
    selects,
)
from pointsman.spec.model import Model

__all__ = ["WrittenRawVllm"]

_DEPLOYMENT = kind_of("Deployment")


class WrittenRawVllm(FromFolder, RawVllm):
    """The raw layer, from a folder. It is judged, parked and scaled like one that is rendered."""

    def render(self, model: Model) -> list[Manifest]:
        """The folder's objects, with the declared number of replicas: a Deployment may be parked in git."""
        main = ref_of(self._main(model))
        found = []
        for one in self._objects(model):
            made = copy.deepcopy(one)
            if ref_of(one) == main:
                made["spec"]["replicas"] = model.on(self.id).spec.replicas
            found.append(made)
        return found

    def promise(self, model: Model) -> Promise:
        """What its Deployment says."""
        spec = self._main(model)["spec"]
        container = self._container(model)
        return promise_of(
            command_of(container),
            container,
            spec["template"]["spec"],
            port=container_port(container, 8000),
            replicas=spec.get("replicas", 1),
        )

    def endpoint(self, model: Model) -> Endpoint:
        """The Service that leads to the engine's port; raises SpecError when no Service of the folder does."""
        service, port = self._front(model)
        ref = ref_of(service)
        address = model.spec.layers.raw_vllm.address
        at = "" if port == 80 else f":{port}"
        return Endpoint(address or f"http://{ref.name}.{ref.namespace}.svc.cluster.local{at}/v1", ref, port, "")

    def engines(self, model: Model) -> Sequence[EnginePods]:
        """The Deployment's pods."""
        labels = self._main(model)["spec"]["selector"].get("matchLabels") or {}
        container = self._container(model)
        port = self.promise(model).port
        return [EnginePods(self.namespace(model), labels, str(container["name"]), port, "serve")]

    def needs(self, model: Model) -> Sequence[PodNeed]:
        """One pod a replica."""
        pod = self._main(model)["spec"]["template"]["spec"]
        return [need_of("serve", pod)] * model.on(self.id).spec.replicas

    def _main(self, model: Model) -> Manifest:
        found = of_kind(self._objects(model), _DEPLOYMENT)
        engines = [one for one in found if _runs_engine(one)] or found
        return main_in(engines, model.spec.layers.block(self.id).name, "Deployment", self._where(model))

    def _container(self, model: Model) -> Mapping[str, Any]:
        pod = self._main(model)["spec"]["template"]["spec"]
        return engine_in(pod, self._written(model).container, "vllm", self._where(model))

    def _front(self, model: Model) -> tuple[Manifest, int]:
        main = self._main(model)
        labels = (main["spec"]["template"].get("metadata") or {}).get("labels") or {}
        port, container = self.promise(model).port, self._container(model)
        for service in of_kind(self._objects(model), kind_of("Service")):
            if service["metadata"]["namespace"] != main["metadata"]["namespace"] or not selects(service, labels):
                continue
            for each in service["spec"].get("ports") or []:
                target = each.get("targetPort", each["port"])
                number = target if isinstance(target, int) else named(container, str(target))
                if number == port:
                    return service, int(each["port"])
        raise SpecError(
            f"no Service in it leads to port {port} of Deployment {main['metadata']['name']}",
            where=self._where(model),
            next_action="let `from` name a file or a folder that has both",
            code="from-service",
        )


def _runs_engine(manifest: Manifest) -> bool:
    pod = manifest["spec"]["template"].get("spec") or {}
    return any(is_engine(one) for one in pod.get("containers") or [])
