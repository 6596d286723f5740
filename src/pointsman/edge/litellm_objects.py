"""The objects that a LiteLLM proxy is made of, read as they are: Deployment, ConfigMap, pods, Service, Secret.

Everything that is read is judged by whether a move can use it; what cannot be used is refused with the object's name.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.edge.boundary import Cluster, Object
from pointsman.errors import RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.kube.rights import Right, rights
from pointsman.kube.shapes import misfit, odd, version_of
from pointsman.spec.tenant import Edge as Settings

__all__ = ["Config", "Objects", "ending", "ready", "rights_on"]


def rights_on(settings: Settings) -> list[Right]:
    """ConfigMap and Deployment are changed; the proxy's pods, whose names nobody knows before, are seen and asked."""
    space, key = settings.namespace, settings.master_key.secret
    return [
        *rights(["get", "patch"], kind_of("ConfigMap"), space, name=settings.config_map),
        *rights(["get", "patch"], kind_of("Deployment"), space, name=settings.deployment),
        *rights(["get"], kind_of("Service"), space, name=settings.service),
        *rights(["get"], kind_of("Secret"), space, name=key),
        *rights(["list"], kind_of("Pod"), space),
        *rights(["list"], kind_of("EndpointSlice"), space),
        *rights(["get", "create"], kind_of("Pod"), space, subresource="proxy"),
    ]


@dataclass(frozen=True, slots=True)
class Config:
    """One version of the configuration's text."""

    version: str
    """``metadata.resourceVersion`` of the ConfigMap."""
    text: str


@dataclass(frozen=True, slots=True)
class Objects:
    """Reads the objects that ``spec.tenant.edge`` names."""

    cluster: Cluster
    settings: Settings

    def ref(self, kind: str, name: str) -> Ref:
        """An object in the edge's namespace."""
        return Ref(kind_of(kind), name, self.settings.namespace)

    @property
    def deployment_ref(self) -> Ref:
        """LiteLLM's Deployment."""
        return self.ref("Deployment", self.settings.deployment)

    @property
    def config_ref(self) -> Ref:
        """The ConfigMap with its configuration."""
        return self.ref("ConfigMap", self.settings.config_map)

    @property
    def again(self) -> str:
        """The command that puts back what somebody took away."""
        return f"kubectl apply -n {self.settings.namespace} -f LITELLM-MANIFESTS"

    def on_deployment(self, command: str) -> str:
        """A kubectl command on the Deployment: ``rollout restart``."""
        return f"kubectl {command} -n {self.settings.namespace} deployment/{self.settings.deployment}"

    @property
    def edit_config(self) -> str:
        """The command that edits the configuration."""
        return f"kubectl edit -n {self.settings.namespace} configmap/{self.settings.config_map}"

    @property
    def where(self) -> str:
        """The configuration, as messages name it."""
        return f"ConfigMap {self.settings.namespace}/{self.settings.config_map} {self.settings.key}"

    async def deployment(self) -> Object:
        """LiteLLM's Deployment; raises RefusedError when a move cannot roll it."""
        ref = self.deployment_ref
        found = await self.cluster.find(ref)
        if found is None:
            raise _refused(
                "there is no LiteLLM Deployment",
                ref,
                f"name it in spec.tenant.edge, or put it there ({self.again})",
                "edge-missing",
            )
        _refuse_odd(found, ref)
        self._refuse_gaps(found, ref)
        return found

    async def config(self) -> Config:
        """The configuration; raises RefusedError when it is not there or cannot be changed."""
        ref = self.config_ref
        found = await self.cluster.find(ref)
        if found is not None:
            _refuse_odd(found, ref)
        text = ((found or {}).get("data") or {}).get(self.settings.key)
        if found is None or text is None:
            what = f"it has no key {self.settings.key}" if found else "the edge's ConfigMap does not exist"
            action = f"name it in spec.tenant.edge.configMap and .key, or put it back ({self.again})"
            raise _refused(what, ref, action, "edge-config-missing")
        if found.get("immutable"):
            action = (
                f"make it anew without immutable (kubectl delete -n {ref.namespace} configmap/{ref.name}, then apply)"
            )
            raise _refused("it is immutable, so no weight can be changed", ref, action, "edge-immutable")
        return Config(version_of(found, ref), str(text))

    async def writers(self) -> list[str]:
        """Who wrote the ConfigMap, the last one first, as the API server remembers it."""
        found = await self.cluster.find(self.config_ref) or {}
        known = (found.get("metadata") or {}).get("managedFields") or []
        ordered = sorted(known, key=lambda one: str(one.get("time", "")), reverse=True)
        return list(dict.fromkeys(str(one.get("manager", "")) for one in ordered if one.get("manager")))

    async def pods(self, deployment: Object) -> list[Object]:
        """Every pod of the Deployment, those that end included."""
        labels: dict[str, str] = deployment["spec"]["selector"].get("matchLabels") or {}
        return await self.cluster.list(kind_of("Pod"), self.settings.namespace, labels)

    async def staying(self, deployment: Object) -> list[Object]:
        """Its pods that serve and were not told to end."""
        return [pod for pod in await self.pods(deployment) if ready(pod) and not ending(pod)]

    async def slices(self) -> list[Object]:
        """The Service's EndpointSlices."""
        labels = {"kubernetes.io/service-name": self.settings.service}
        return await self.cluster.list(kind_of("EndpointSlice"), self.settings.namespace, labels)

    async def port(self, pod: Object) -> int:
        """The container port behind the Service's port."""
        ref = self.ref("Service", self.settings.service)
        service = await self.cluster.find(ref)
        if service is None:
            action = f"name it in spec.tenant.edge.service, or put it back ({self.again})"
            raise _refused("the edge's Service does not exist", ref, action, "edge-service-missing")
        ports = [one for one in service["spec"].get("ports") or [] if one.get("port") == self.settings.port]
        target = (ports[0].get("targetPort") if ports else None) or self.settings.port
        for container in pod["spec"].get("containers") or []:
            for one in container.get("ports") or []:
                if one.get("name") == target:
                    return int(one["containerPort"])
        return int(target) if str(target).isdigit() else self.settings.port

    async def master_key(self) -> str:
        """The key that may ask LiteLLM about itself; raises RefusedError when there is none."""
        ref = self.ref("Secret", self.settings.master_key.secret)
        found = await self.cluster.find(ref)
        coded = ((found or {}).get("data") or {}).get(self.settings.master_key.key)
        if not coded:
            raise _refused(
                f"no key {self.settings.master_key.key!r} there to ask the edge with",
                ref,
                f"name Secret and key in spec.tenant.edge.masterKey, or put it back ({self.again})",
                "edge-key-missing",
            )
        return base64.b64decode(str(coded)).decode().strip()

    def rights(self) -> list[Right]:
        """What reading, writing and asking them takes."""
        return rights_on(self.settings)

    def _refuse_gaps(self, deployment: Object, ref: Ref) -> None:
        """A roll of this Deployment must not leave tenants without a replica, and must carry the ConfigMap."""
        spec: dict[str, Any] = deployment["spec"]
        if int(spec.get("replicas", 1)) < 1:
            action = f"{self.on_deployment('scale')} --replicas=2"
            raise _refused("the edge has no replicas, so no tenant is served", ref, action, "edge-parked")
        if (spec.get("strategy") or {}).get("type") == "Recreate":
            raise _refused(
                "strategy Recreate ends every replica before a new one starts, at every step of a move",
                ref,
                f"set strategy RollingUpdate with maxUnavailable 0 ({self.on_deployment('edit')})",
                "edge-recreate",
            )
        mounted = {str((one.get("configMap") or {}).get("name")) for one in _volumes(spec)}
        if self.settings.config_map not in mounted:
            raise _refused(
                f"it does not mount ConfigMap {self.settings.config_map}",
                ref,
                f"name the mounted one in spec.tenant.edge.configMap, or mount it ({self.on_deployment('edit')})",
                "edge-not-mounted",
            )


def ready(pod: Object) -> bool:
    """Does its readiness condition hold?"""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def ending(pod: Object) -> bool:
    """Was it told to end?"""
    return "deletionTimestamp" in pod["metadata"]


def _volumes(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    volumes = ((spec.get("template") or {}).get("spec") or {}).get("volumes") or []
    projected = [part for one in volumes for part in (one.get("projected") or {}).get("sources") or []]
    return [*volumes, *projected]


def _refuse_odd(found: Object, ref: Ref) -> None:
    """No API server says such a thing of an object that it checked; who answers in its place may."""
    if wrong := misfit(ref.kind.name, found):
        raise odd(ref, wrong)


def _refused(what: str, ref: Ref, action: str, code: str) -> RefusedError:
    return RefusedError(what, where=str(ref), next_action=action, code=code)
