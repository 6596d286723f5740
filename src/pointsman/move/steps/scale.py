"""Steps ``target-N`` and ``source-N``: one more replica here, one fewer there, when both sides do not fit whole.

Tenants' shares follow: a shift comes after the target grew and before the source shrinks, so that no replica carries
more than it would with the model on one layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.edge.contract import Member
from pointsman.kube.resources import kind_of
from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.move.follow import View, Watched, follow_until
from pointsman.move.probes.pods import engine_pods, pod_of
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.steps.prove_contract import prove_contract
from pointsman.move.steps.serve_ready import prove_serving
from pointsman.move.waits import Wait
from pointsman.report.counting import count_of

__all__ = ["ScaleSource", "ScaleTarget"]


@dataclass(frozen=True, slots=True)
class ScaleTarget:
    """Let the target have ``replicas``; each of them is proved before tenants' share grows."""

    replicas: int
    before: int
    commits: bool = False
    shifts: bool = False

    @property
    def id(self) -> str:
        """``target-2``."""
        return f"target-{self.replicas}"

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        return Description(
            act=f"scale {context.target.title} from {self.before} to {self.replicas}",
            check="controllers say ready; a completion from every engine pod; the contract on each of them",
            undo=f"scale it back to {self.before} and wait until the others are gone",
        )

    async def validate(self, context: Context) -> Detail:
        """How many engines there are."""
        return {"engines": len(await _standing(context, context.target))}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Scale and prove."""
        await _patch(context, context.target, self.replicas)
        ready = await prove_serving(context, context.target, self.id)
        source = context.source if await _standing(context, context.source) else None
        return {**ready, **await prove_contract(context, context.target, source, self.id)}

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Fewer again."""
        return await _shrink(context, context.target, self.before)


@dataclass(frozen=True, slots=True)
class ScaleSource:
    """Take the source down to ``replicas``; engines that end finish what they have first."""

    replicas: int
    before: int
    commits: bool = False
    shifts: bool = True
    """An abort has to give the source its engines back: it carries all tenants then."""

    @property
    def id(self) -> str:
        """``source-1``."""
        return f"source-{self.replicas}"

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        return Description(
            act=f"scale {context.source.title} from {self.before} to {self.replicas}; engines finish what they have",
            check="the others are gone and what they held is free",
            undo=f"scale it back to {self.before} and wait until all of them serve",
        )

    async def validate(self, context: Context) -> Detail:
        """How many engines there are."""
        return {"engines": len(await _standing(context, context.source))}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Scale down and wait until the engines that end are gone."""
        return await _shrink(context, context.source, self.replicas)

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """All of them again, and serving."""
        await _patch(context, context.source, self.before)
        return {"ready": (await prove_serving(context, context.source, self.id))["ready"]}


async def _patch(context: Context, layer: Layer, replicas: int) -> None:
    for patch in layer.scale(context.model, replicas):
        await context.cluster.patch(patch.ref, patch.body)


async def _standing(context: Context, layer: Layer) -> list[str]:
    pods = await engine_pods(context.cluster, layer, context.model)
    return [pod.name for pod in pods if pod.role == "serve" and not pod.terminating]


async def _shrink(context: Context, layer: Layer, replicas: int) -> Detail:
    """Scale down, and wait until no more than ``replicas`` engines are left, those on their way out counted."""
    await context.look_at_engines()
    await _patch(context, layer, replicas)
    pods, serving = kind_of("Pod"), layer.engines(context.model)[0]

    def judge(view: View) -> int | None:
        left = [
            pod_of(pod, serving)
            for pod in view.selected(pods, serving.namespace, serving.labels)
            if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        ]
        return len(left) if len(left) <= replicas else None

    watched = [Watched(pods, serving.namespace, labels=serving.labels)]
    timeout = context.options.drain_timeout + context.options.release_timeout
    what = f"{layer.title} to have {count_of(replicas, 'engine')}"
    with context.waits.during(Wait.RELEASE):
        left = await follow_until(context.cluster, watched, judge, timeout=timeout, what=what)
    return {"engines": left}
