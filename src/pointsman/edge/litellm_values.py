"""A LiteLLM Deployment whose configuration lies in a ConfigMap: the edge that config files make.

LiteLLM cannot reload a file, so a change is two writes: the ConfigMap, then annotations on the pod template that make
the Deployment roll. Whether a roll is needed is asked of the replicas: one that has loaded what is declared needs none,
and one that has not is rolled, whatever the ConfigMap or any annotation says. So a crash between the two writes, and
somebody else's edit or roll, are all healed by saying the same thing again. Who writes the ConfigMap meanwhile is
noticed by resourceVersion, and the edit is made again on what they wrote.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import ParamSpec, TypeVar

from pointsman.edge.awaited import Waiting, uncounted
from pointsman.edge.boundary import Cluster, Object
from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import (
    CLOSED,
    CLOSED_URL,
    AliasState,
    Awaits,
    Member,
    Observation,
    Obstacle,
    Owe,
    Reacher,
    Reason,
    Replica,
    ShownKey,
    said,
)
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_counters import read_answered, read_sent
from pointsman.edge.litellm_keys import shown_key
from pointsman.edge.litellm_loaded import loaded
from pointsman.edge.litellm_names import matches
from pointsman.edge.litellm_objects import Config, Objects, ending, ready
from pointsman.edge.litellm_obstacles import obstacles
from pointsman.edge.litellm_params import address
from pointsman.edge.litellm_probe import Asked, ask, seconds_late
from pointsman.edge.litellm_reach import reaching
from pointsman.edge.litellm_replicas import Loaded, Memory, ask_loaded, began
from pointsman.edge.litellm_rollout import REVISION, ROLLED, Rollout, judge, settled
from pointsman.errors import ConflictError, PermanentError, PointsmanError, RefusedError, TemporaryError
from pointsman.kube.resources import Ref
from pointsman.kube.rights import Right
from pointsman.spec.apis import APIS
from pointsman.spec.model import Model
from pointsman.spec.tenant import Edge as Settings

__all__ = ["LiteLLMValues", "aside", "digest", "litellm_values", "read_aliases"]

T = TypeVar("T")
P = ParamSpec("P")

LOOK = 0.3
"""Seconds between two looks at a rollout."""
LONG = 50_000
"""Characters from which a text is worked on in a thread."""
TRIES = 5
"""Attempts to write a ConfigMap that somebody else writes too."""


def litellm_values(cluster: Cluster, model: Model, endpoints: dict[str, str]) -> LiteLLMValues:
    """The edge of a model's aliases; ``endpoints`` maps each layer's id to its base URL."""
    tenant = model.spec.tenant
    price = (tenant.price.input_per_token, tenant.price.output_per_token) if tenant.price else None
    terms = Terms(
        alias=tenant.alias,
        model=model.name,
        endpoints={**endpoints, CLOSED: CLOSED_URL},
        aliases=tuple(tenant.aliases),
        key=tenant.upstream_key,
        price=price,
        headers={layer: model.spec.layers.block(layer).headers for layer in endpoints},
        api=APIS[model.spec.contract.api],
    )
    return LiteLLMValues(cluster, tenant.edge, terms)


async def read_aliases(edges: Mapping[str, LiteLLMValues]) -> dict[str, AliasState | PointsmanError]:
    """Many aliases by the name they are given under, each edge's configuration read and parsed once.

    An alias that cannot be read has its error in the place of its state.
    """
    shared: dict[Settings, list[str]] = {}
    for name, edge in edges.items():
        shared.setdefault(edge.settings, []).append(name)
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
        self.objects = Objects(cluster, settings)
        self._memory = Memory()
        self._parsed: tuple[str, ConfigText] | None = None
        """The last version of the configuration that was read, so that one version is parsed once."""

    @property
    def names(self) -> Sequence[str]:
        """The aliases that move together."""
        return (self.terms.alias, *self.terms.aliases)

    def begin(
        self,
        move: str,
        tell: Callable[[str], None],
        waiting: Waiting = uncounted,
        awaits: Awaits | None = None,
    ) -> None:
        """A ConfigMap keeps no record."""

    async def read(self) -> AliasState:
        """The aliases as the ConfigMap declares them."""
        parsed = await self.parsed()
        return self.state_in(parsed, digest(parsed.text))

    async def parsed(self) -> ConfigText:
        """The whole configuration that the ConfigMap declares."""
        await self.objects.deployment()
        return await self._parse(await self.objects.config())

    def state_in(self, parsed: ConfigText, revision: str) -> AliasState:
        """The aliases as a configuration of this revision declares them."""
        with self._editable():
            aliases = Aliases(parsed, self.terms)
            return AliasState(self.terms.alias, aliases.members(), revision, aliases.groups)

    async def obstacles(self) -> Sequence[Obstacle]:
        """Settings that a move cannot or should not be made on."""
        parsed = await self.parsed()
        return await aside(len(parsed.text), obstacles, parsed, self.terms)

    async def shown_keys(self) -> Sequence[ShownKey]:
        """The key that a new member of each alias would show, as the entry it is made from says it."""
        deployment, parsed = await asyncio.gather(self.objects.deployment(), self.parsed())
        aliases = Aliases(parsed, self.terms)
        keys = [(group, aliases.key_of(group)) for group in aliases.groups]
        return await asyncio.gather(*(shown_key(self.objects, deployment, group, said) for group, said in keys))

    async def reaching(self, base_urls: Sequence[str]) -> Sequence[Reacher]:
        """Whoever else of the configuration reaches these addresses."""
        parsed = await self.parsed()
        return await aside(len(parsed.text), reaching, parsed, self.terms, base_urls)

    async def write(self, members: Sequence[Member], why: Reason | None = None) -> str:
        """Declare all members in one change; roll the pods unless all of them run these members already."""
        return await self._declare(lambda aliases: aliases.write(members))

    async def put_back(self, members: Sequence[Member], why: Reason | None, owe: Owe) -> str:
        """The ConfigMap is always within reach."""
        return await self.write(members, why)

    async def settle(self) -> str:
        """Nothing is ever owed."""
        return ""

    async def withdraw(self, keep: Sequence[Member]) -> None:
        """Nobody is asked, so nothing was proposed."""

    async def remove(self, why: Reason | None = None) -> str:
        """Take our members away and roll the pods; saying it twice rolls once."""
        return await self._declare(Aliases.remove)

    async def _declare(self, edit: Callable[[Aliases], str]) -> str:
        before = await self.objects.deployment()
        text, changed = await self._write_config(edit)
        revision = digest(text)
        if changed or await self._needs_roll(before, revision):
            await self._roll(revision)
        return revision

    async def roll_laggards(self) -> None:
        """Roll the pods where no roll is under way and one of them runs something else than what is declared."""
        deployment = await self.objects.deployment()
        state = await self.read()
        if settled(deployment) or all(one.runs(state.members) for one in await self.replicas() if not one.terminating):
            return
        await self._roll(state.revision)

    async def _roll(self, revision: str) -> None:
        annotations = {REVISION: revision, ROLLED: datetime.now(UTC).isoformat(timespec="microseconds")}
        body = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        await self.cluster.patch(self.objects.deployment_ref, body)

    async def _needs_roll(self, deployment: Object, revision: str) -> bool:
        """Does a replica run something else, and is no roll for this very text under way?"""
        if settled(deployment) and _revision(deployment) == revision:
            return False
        wanted = (await self.read()).members
        return not all(one.runs(wanted) for one in await self.replicas() if not one.terminating)

    async def _write_config(self, edit: Callable[[Aliases], str]) -> tuple[str, bool]:
        """The text that is declared now, and whether this call changed it."""
        ref = self.objects.config_ref
        for _ in range(TRIES):
            config = await self.objects.config()
            parsed = await self._parse(config)
            with self._editable():
                text = await aside(len(config.text), edit, Aliases(parsed, self.terms))
            if text == config.text:
                return text, False
            body = {"metadata": {"resourceVersion": config.version}, "data": {self.settings.key: text}}
            try:
                await self.cluster.patch(ref, body)
            except ConflictError:
                continue
            return text, True
        raise TemporaryError(
            f"somebody else keeps writing the edge's configuration{await self._suspects()}",
            where=str(ref),
            next_action="find out who does (kubectl get configmap --show-managed-fields), then run it again",
            code="edge-contended",
        )

    @contextmanager
    def _editable(self) -> Iterator[None]:
        """A configuration that cannot be read or kept is a person's to edit: name the command."""
        try:
            yield
        except RefusedError as error:
            error.next_action = f"{error.next_action} ({self.objects.edit_config})"
            raise

    async def _suspects(self) -> str:
        known = await self.objects.writers()
        return f" (last written by {known[0]})" if known else ""

    async def _parse(self, config: Config) -> ConfigText:
        version, known = self._parsed or ("", None)
        if known is None or version != config.version or known.text != config.text:
            with self._editable():
                known = await aside(len(config.text), ConfigText, config.text, self.objects.where)
            self._parsed = config.version, known
        return known

    async def replicas(self) -> Sequence[Replica]:
        """Every pod of the Deployment, with what it says it has loaded."""
        return await self._asked(await self.objects.pods(await self.objects.deployment()))

    async def names_of_replicas(self) -> Sequence[str]:
        """Those that serve and were not told to end."""
        return [str(pod["metadata"]["name"]) for pod in await self.objects.staying(await self.objects.deployment())]

    async def _asked(self, pods: Sequence[Object]) -> list[Replica]:
        loaded = await self._loaded(pods)
        return [
            Replica(
                name=str(pod["metadata"]["name"]),
                members=one.members,
                ready=ready(pod),
                terminating=ending(pod),
                why=one.why,
                since=began(pod),
            )
            for pod, one in zip(pods, loaded, strict=True)
        ]

    async def _loaded(self, pods: Sequence[Object]) -> list[Loaded]:
        """What each pod has loaded, in their order; one that is not ready is not asked."""
        fresh = [pod for pod in pods if ready(pod) and self._memory.recall(pod) is None]
        if fresh:
            config = await self._parse(await self.objects.config())
            aliases = Aliases(config, self.terms)
            key, port = await asyncio.gather(self.objects.master_key(), self.objects.port(fresh[0]))
            read = partial(loaded, aliases)
            asked = await asyncio.gather(*(ask_loaded(self.cluster, pod, port, key, read) for pod in fresh))
            mute = {
                str(pod["metadata"]["name"]): self._memory.keep(pod, one) for pod, one in zip(fresh, asked, strict=True)
            }
        else:
            mute = {}
        silent = Loaded(None, why="it is not ready")
        return [self._memory.recall(pod) or mute.get(str(pod["metadata"]["name"]), silent) for pod in pods]

    async def confirm(self, members: Sequence[Member], *, timeout: float) -> None:
        """Follow the rollout until no replica that runs other members can be given a request."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            seen = await self._judge(members)
            if seen.done:
                return
            if seen.hopeless:
                raise PermanentError(
                    f"the edge does not start with the new configuration: {seen.reason}",
                    where=str(self.objects.deployment_ref),
                    next_action=f"kubectl logs -n {self.settings.namespace} deploy/{self.settings.deployment}",
                    code="edge-start",
                )
            if seen.stale:
                raise TemporaryError(
                    f"the edge was rolled and does not run what is declared: {seen.reason}",
                    where=str(self.objects.deployment_ref),
                    next_action=self.objects.on_deployment("rollout restart"),
                    code="edge-stale",
                )
            if loop.time() >= deadline:
                raise TemporaryError(
                    f"waited {timeout:g} s for every replica of the edge: {seen.reason}",
                    where=str(self.objects.deployment_ref),
                    next_action=self.objects.on_deployment(_helps(seen)),
                    code="edge-roll",
                )
            await asyncio.sleep(LOOK)

    async def _judge(self, members: Sequence[Member]) -> Rollout:
        deployment = await self.objects.deployment()
        declared = await self.read()
        if frozenset(declared.members) != frozenset(members):
            raise ConflictError(
                f"somebody else changed the alias while the edge was rolled: it declares {said(declared.members)}"
                f"{await self._suspects()}",
                where=str(self.objects.config_ref),
                next_action="find out who did, then run the command again",
                code="edge-contended",
            )
        pods, slices = await asyncio.gather(self.objects.pods(deployment), self.objects.slices())
        return judge(members, deployment, pods, await self._asked(pods), slices)

    async def observe(self, requests: int) -> Observation:
        """Marked requests for each alias through every ready replica in turn."""
        deployment, key, config = await asyncio.gather(
            self.objects.deployment(), self.objects.master_key(), self.objects.config()
        )
        pods = await self.objects.staying(deployment)
        if not pods:
            raise TemporaryError(
                "no replica of the edge is ready",
                where=str(self.objects.deployment_ref),
                next_action=f"kubectl get pods -n {self.settings.namespace}",
                code="edge-down",
            )
        port, loaded = await asyncio.gather(self.objects.port(pods[0]), self._loaded(pods))
        aliases = Aliases(await self._parse(config), self.terms)
        asked = Asked(
            targets=[(self._pod(pod), port) for pod in pods],
            names={aliases.group(name): aliases.probe_name(name) for name in aliases.names()},
            ids={str(pod["metadata"]["name"]): one.ids for pod, one in zip(pods, loaded, strict=True)},
            api=self.terms.api,
        )
        return await ask(self.cluster, asked, key, requests)

    async def answered(self) -> Mapping[str, Mapping[str, int] | None]:
        """What each ready replica counted, if LiteLLM's prometheus callback is on."""
        pods, found = await self._of_each(partial(read_answered, key=await self.objects.master_key()))
        ids = {str(pod["metadata"]["name"]): (self._memory.recall(pod) or Loaded(None)).ids for pod in pods}
        return {
            name: None if counts is None else {ids[name].get(one, one): count for one, count in counts.items()}
            for name, counts in found.items()
        }

    async def sent(self, base_urls: Sequence[str]) -> Mapping[str, int] | None:
        """What the staying replicas sent to these addresses, by the name asked for."""
        wanted = {address(one) for one in base_urls}
        found: dict[str, int] = {}
        key = await self.objects.master_key()
        for counts in (await self._of_each(partial(read_sent, key=key)))[1].values():
            if counts is None:
                return None
            for (name, base), count in counts.items():
                if address(base) in wanted:
                    found[name] = found.get(name, 0) + count
        return found

    def means(self, name: str, asked: str) -> bool:
        """As LiteLLM takes it: by equality, or by its reading of a wildcard."""
        return name == asked or ("*" in name and matches(name, asked))

    async def lags(self) -> Mapping[str, float]:
        """How late each ready replica answers whether it lives."""
        return (await self._of_each(seconds_late))[1]

    def rights(self) -> Sequence[Right]:
        """What it needs."""
        return self.objects.rights()

    async def _of_each(self, ask_one: Callable[[Cluster, Ref, int], Awaitable[T]]) -> tuple[list[Object], dict[str, T]]:
        """The staying replicas, and what each of them says."""
        pods = await self.objects.staying(await self.objects.deployment())
        if not pods:
            return [], {}
        port = await self.objects.port(pods[0])
        refs = [self._pod(pod) for pod in pods]
        heard = await asyncio.gather(*(ask_one(self.cluster, ref, port) for ref in refs))
        return pods, {ref.name: one for ref, one in zip(refs, heard, strict=True)}

    def _pod(self, pod: Object) -> Ref:
        return self.objects.ref("Pod", str(pod["metadata"]["name"]))


def _helps(seen: Rollout) -> str:
    """The kubectl command that moves a rollout on."""
    return "rollout resume" if seen.paused else "rollout restart" if seen.mute else "rollout status"


async def aside(size: int, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Do what takes a moment for a long text in a thread, so that a lock is renewed meanwhile."""
    if size < LONG:
        return work(*given, **named)
    return await asyncio.to_thread(_undisturbed, partial(work, *given, **named))


def _undisturbed(work: Callable[[], T]) -> T:
    """Do it without the cyclic garbage collector: while a tree of 17,000 nodes grows it finds nothing to collect, and
    looking for it stops every thread for 0.1 s (measured with 1,000 entries).
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if collecting:
            gc.enable()


def digest(text: str) -> str:
    """Revision of a configuration text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _revision(deployment: Object) -> str:
    metadata = deployment["spec"]["template"].get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(REVISION, ""))
