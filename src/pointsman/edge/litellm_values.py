"""A LiteLLM Deployment whose configuration lies in a ConfigMap: the edge that config files make.

LiteLLM cannot reload a file, so a change is two writes: the ConfigMap, then an annotation on the pod template that
names the new text's digest. A crash between them is healed by saying the same thing again. Who writes the ConfigMap
meanwhile is noticed by resourceVersion, and the edit is made again on what they wrote.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pointsman.edge.boundary import Cluster, Object
from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import CLOSED, CLOSED_URL, AliasState, Member, Observation, Replica
from pointsman.edge.litellm_alias import Alias, Terms, warnings
from pointsman.edge.litellm_counters import read_answered
from pointsman.edge.litellm_probe import ask, seconds_late
from pointsman.edge.litellm_rollout import REVISION, Rollout, judge, replica_of
from pointsman.errors import ConflictError, PermanentError, PointsmanError, RefusedError, TemporaryError
from pointsman.kube.resources import Ref, kind_of
from pointsman.kube.rights import Right, rights
from pointsman.spec.model import Model
from pointsman.spec.tenant import Edge as Settings

__all__ = ["LiteLLMValues", "litellm_values", "read_aliases"]

T = TypeVar("T")

LOOK = 0.2
"""Seconds between two looks at a rollout."""
TRIES = 5
"""Attempts to write a ConfigMap that somebody else writes too."""


@dataclass(frozen=True, slots=True)
class _Config:
    version: str
    text: str


def litellm_values(cluster: Cluster, model: Model, endpoints: dict[str, str]) -> LiteLLMValues:
    """The edge of a model's alias; ``endpoints`` maps each layer's id to its base URL."""
    tenant = model.spec.tenant
    price = (tenant.price.input_per_token, tenant.price.output_per_token) if tenant.price else None
    terms = Terms(alias=tenant.alias, model=model.name, endpoints={**endpoints, CLOSED: CLOSED_URL}, price=price)
    return LiteLLMValues(cluster, tenant.edge, terms)


async def read_aliases(edges: Mapping[str, LiteLLMValues]) -> dict[str, AliasState | PointsmanError]:
    """Many aliases by the name they are given under, each edge's configuration read and parsed once.

    An alias that cannot be read has its error in the place of its state.
    """
    shared: dict[str, list[str]] = {}
    for name, edge in edges.items():
        shared.setdefault(edge.settings.model_dump_json(), []).append(name)
    parts = await asyncio.gather(*(_read_shared({name: edges[name] for name in names}) for names in shared.values()))
    return {name: state for part in parts for name, state in part.items()}


async def _read_shared(edges: Mapping[str, LiteLLMValues]) -> dict[str, AliasState | PointsmanError]:
    """Aliases of one configuration."""
    try:
        parsed = await next(iter(edges.values())).parsed()
    except PointsmanError as error:
        return dict.fromkeys(edges, error)
    revision = digest(parsed.text)
    return {name: _state_or_error(edge, parsed, revision) for name, edge in edges.items()}


def _state_or_error(edge: LiteLLMValues, parsed: ConfigText, revision: str) -> AliasState | PointsmanError:
    try:
        return edge.state_in(parsed, revision)
    except PointsmanError as error:
        return error


class LiteLLMValues:
    """Implements ``pointsman.edge.contract.Edge``."""

    def __init__(self, cluster: Cluster, settings: Settings, terms: Terms) -> None:
        self.cluster = cluster
        self.settings = settings
        self.terms = terms

    async def read(self) -> AliasState:
        """The alias as the ConfigMap declares it."""
        parsed = await self.parsed()
        return self.state_in(parsed, digest(parsed.text))

    async def parsed(self) -> ConfigText:
        """The whole configuration that the ConfigMap declares."""
        await self._deployment()
        return ConfigText((await self._config()).text, self._where)

    def state_in(self, parsed: ConfigText, revision: str) -> AliasState:
        """The alias as a configuration of this revision declares it."""
        members = Alias(parsed, self.terms).members()
        return AliasState(self.terms.alias, members, revision, warnings(parsed, members))

    async def write(self, members: Sequence[Member]) -> str:
        """Declare all members in one change and roll the pods; saying it twice rolls once."""
        return await self._roll(lambda alias: alias.write(members))

    async def remove(self) -> str:
        """Take the alias away and roll the pods; saying it twice rolls once."""
        return await self._roll(Alias.remove)

    async def _roll(self, edit: Callable[[Alias], str]) -> str:
        await self._deployment()
        text = await self._write_config(edit)
        revision = digest(text)
        deployment = await self._deployment()
        if _revision(deployment) != revision:
            await self.cluster.patch(
                self._ref("Deployment", self.settings.deployment),
                {"spec": {"template": {"metadata": {"annotations": {REVISION: revision}}}}},
            )
        return revision

    async def replicas(self) -> Sequence[Replica]:
        """Every pod of the Deployment."""
        return [replica_of(pod) for pod in await self._pods(await self._deployment())]

    async def confirm(self, revision: str, *, timeout: float) -> None:
        """Follow the rollout until no replica of another revision can be given a request."""
        deadline = time.monotonic() + timeout
        while True:
            seen = await self._judge(revision)
            if seen.done:
                return
            if seen.hopeless:
                raise PermanentError(
                    f"the edge does not start with the new configuration: {seen.reason}",
                    where=str(self._ref("Deployment", self.settings.deployment)),
                    next_action=f"kubectl logs -n {self.settings.namespace} deploy/{self.settings.deployment}",
                    code="edge-start",
                )
            if time.monotonic() >= deadline:
                raise TemporaryError(
                    f"waited {timeout:g} s for every replica of the edge: {seen.reason}",
                    where=str(self._ref("Deployment", self.settings.deployment)),
                    next_action=f"kubectl rollout status -n {self.settings.namespace} "
                    f"deployment/{self.settings.deployment}",
                    code="edge-roll",
                )
            await asyncio.sleep(LOOK)

    async def observe(self, requests: int) -> Observation:
        """Marked requests through every ready replica in turn."""
        deployment, key = await asyncio.gather(self._deployment(), self._master_key())
        pods = await self._staying(deployment)
        if not pods:
            raise TemporaryError(
                "no replica of the edge is ready",
                where=str(self._ref("Deployment", self.settings.deployment)),
                next_action=f"kubectl get pods -n {self.settings.namespace}",
                code="edge-down",
            )
        port = await self._port(pods[0])
        targets = [(self._ref("Pod", str(pod["metadata"]["name"])), port) for pod in pods]
        return await ask(self.cluster, targets, self.terms.alias, key, requests)

    async def answered(self) -> Mapping[str, Mapping[str, int] | None]:
        """What each ready replica counted, if LiteLLM's prometheus callback is on."""
        return await self._of_each(read_answered)

    def rights(self) -> Sequence[Right]:
        """Its ConfigMap and Deployment are changed; its pods are looked at and asked."""
        space, key = self.settings.namespace, self.settings.master_key.secret
        return [
            *rights(["get", "patch"], kind_of("ConfigMap"), space),
            *rights(["get", "patch"], kind_of("Deployment"), space),
            *rights(["get"], kind_of("Service"), space),
            *rights(["get"], kind_of("Secret"), space, name=key),
            *rights(["list"], kind_of("Pod"), space),
            *rights(["list"], kind_of("EndpointSlice"), space),
            *rights(["get", "create"], kind_of("Pod"), space, subresource="proxy"),
        ]

    async def lags(self) -> Mapping[str, float]:
        """How late each ready replica answers whether it lives."""
        return await self._of_each(seconds_late)

    async def _of_each(self, ask_one: Callable[[Cluster, Ref, int], Awaitable[T]]) -> dict[str, T]:
        """What each staying replica says."""
        pods = await self._staying(await self._deployment())
        if not pods:
            return {}
        port = await self._port(pods[0])
        names = [str(pod["metadata"]["name"]) for pod in pods]
        said = await asyncio.gather(*(ask_one(self.cluster, self._ref("Pod", name), port) for name in names))
        return dict(zip(names, said, strict=True))

    async def _staying(self, deployment: Object) -> list[Object]:
        """Its pods that serve, and were not told to end."""
        return [pod for pod in await self._pods(deployment) if replica_of(pod).ready and not _ending(pod)]

    async def _write_config(self, edit: Callable[[Alias], str]) -> str:
        ref = self._ref("ConfigMap", self.settings.config_map)
        for _ in range(TRIES):
            config = await self._config()
            text = edit(Alias(ConfigText(config.text, self._where), self.terms))
            if text == config.text:
                return text
            body = {"metadata": {"resourceVersion": config.version}, "data": {self.settings.key: text}}
            try:
                await self.cluster.patch(ref, body)
            except ConflictError:
                continue
            return text
        raise TemporaryError(
            "somebody else keeps writing the edge's configuration",
            where=str(ref),
            next_action="find out who does (kubectl get configmap --show-managed-fields), then run it again",
            code="edge-contended",
        )

    async def _judge(self, revision: str) -> Rollout:
        deployment = await self._deployment()
        if _revision(deployment) != revision:
            raise ConflictError(
                f"somebody else rolled the edge: it runs {_revision(deployment)[:12] or 'an unknown configuration'}, "
                f"not {revision[:12]}",
                where=str(self._ref("Deployment", self.settings.deployment)),
                next_action="find out who did, then run the command again",
                code="edge-contended",
            )
        slices = self.cluster.list(
            kind_of("EndpointSlice"),
            self.settings.namespace,
            {"kubernetes.io/service-name": self.settings.service},
        )
        pods, found = await asyncio.gather(self._pods(deployment), slices)
        return judge(revision, deployment, pods, found)

    async def _deployment(self) -> Object:
        ref = self._ref("Deployment", self.settings.deployment)
        found = await self.cluster.find(ref)
        if found is None:
            raise RefusedError(
                "there is no LiteLLM Deployment",
                where=str(ref),
                next_action="name it in spec.tenant.edge, or install LiteLLM (examples/platform/platform/litellm)",
                code="edge-missing",
            )
        self._refuse_gaps(found, ref)
        return found

    def _refuse_gaps(self, deployment: Object, ref: Ref) -> None:
        """A roll of this Deployment must not leave tenants without a replica, and must carry the ConfigMap."""
        spec: dict[str, Any] = deployment["spec"]
        if int(spec.get("replicas", 1)) < 1:
            raise _refused("the edge has no replicas, so no tenant is served", ref, "scale it up", "edge-parked")
        if (spec.get("strategy") or {}).get("type") == "Recreate":
            raise _refused(
                "strategy Recreate ends every replica before a new one starts, at every step of a move",
                ref,
                "set strategy RollingUpdate with maxUnavailable 0",
                "edge-recreate",
            )
        mounted = {str((one.get("configMap") or {}).get("name")) for one in _volumes(spec)}
        if self.settings.config_map not in mounted:
            raise _refused(
                f"it does not mount ConfigMap {self.settings.config_map}",
                ref,
                "name the mounted one in spec.tenant.edge.configMap",
                "edge-not-mounted",
            )

    async def _config(self) -> _Config:
        ref = self._ref("ConfigMap", self.settings.config_map)
        found = await self.cluster.find(ref)
        text = ((found or {}).get("data") or {}).get(self.settings.key)
        if found is None or text is None:
            what = f"it has no key {self.settings.key}" if found else "the edge's ConfigMap does not exist"
            raise _refused(what, ref, "name it in spec.tenant.edge.configMap and .key", "edge-config-missing")
        if found.get("immutable"):
            raise _refused("it is immutable, so no weight can be changed", ref, "make it mutable", "edge-immutable")
        return _Config(str(found["metadata"]["resourceVersion"]), str(text))

    async def _pods(self, deployment: Object) -> list[Object]:
        labels: dict[str, str] = deployment["spec"]["selector"].get("matchLabels") or {}
        return await self.cluster.list(kind_of("Pod"), self.settings.namespace, labels)

    async def _port(self, pod: Object) -> int:
        """The container port behind the Service's port."""
        service = await self.cluster.get(self._ref("Service", self.settings.service))
        ports = [one for one in service["spec"].get("ports") or [] if one.get("port") == self.settings.port]
        target = (ports[0].get("targetPort") if ports else None) or self.settings.port
        for container in pod["spec"].get("containers") or []:
            for one in container.get("ports") or []:
                if one.get("name") == target:
                    return int(one["containerPort"])
        return int(target) if str(target).isdigit() else self.settings.port

    async def _master_key(self) -> str:
        ref = self._ref("Secret", self.settings.master_key.secret)
        found = await self.cluster.find(ref)
        coded = ((found or {}).get("data") or {}).get(self.settings.master_key.key)
        if not coded:
            raise _refused(
                f"no key {self.settings.master_key.key!r} there to ask the edge with",
                ref,
                "name Secret and key in spec.tenant.edge.masterKey",
                "edge-key-missing",
            )
        return base64.b64decode(str(coded)).decode()

    def _ref(self, kind: str, name: str) -> Ref:
        return Ref(kind_of(kind), name, self.settings.namespace)

    @property
    def _where(self) -> str:
        return f"ConfigMap {self.settings.namespace}/{self.settings.config_map} {self.settings.key}"


def digest(text: str) -> str:
    """Revision of a configuration text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _revision(deployment: Object) -> str:
    metadata = deployment["spec"]["template"].get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(REVISION, ""))


def _volumes(spec: Object) -> list[dict[str, Any]]:
    volumes = spec["template"]["spec"].get("volumes") or []
    projected = [part for one in volumes for part in (one.get("projected") or {}).get("sources") or []]
    return [*volumes, *projected]


def _ending(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _refused(what: str, ref: Ref, action: str, code: str) -> RefusedError:
    return RefusedError(what, where=str(ref), next_action=action, code=code)
