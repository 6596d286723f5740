"""A layer that starts: followed until its controllers say ready, and told while it goes wrong.

An engine that dies is started again with longer and longer pauses until a timeout ends the wait. What it died of is
known at its first death, and told then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pointsman.errors import ClusterError, MoveFailedError, TemporaryError
from pointsman.kube.resources import kind_of
from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.move.follow import View, Watched, follow_until
from pointsman.move.probes.last_words import died_saying, last_words
from pointsman.move.probes.pods import EnginePod, engine_pods, pod_of
from pointsman.move.steps.undone import Undone, parked_again, raise_unless

__all__ = ["controllers_ready"]


async def controllers_ready(context: Context, layer: Layer, step: str) -> str:
    """Wait until the layer's controllers say ready and an engine serves; what they said.

    Raises MoveFailedError when that does not come, or when a pod says for ``patience`` seconds that it cannot start.
    """
    start = _Start(context, layer, step)
    engines = layer.engines(context.model)
    watched = [Watched(ref.kind, ref.namespace, name=ref.name) for ref in layer.reads(context.model)]
    watched += [Watched(kind_of("Pod"), one.namespace, labels=one.labels) for one in engines]
    timeout = context.options.ready_timeout
    try:
        return await follow_until(
            context.cluster, watched, start.judge, timeout=timeout, what=f"{layer.title} to be ready"
        )
    except Undone as undone:
        raise await parked_again(context, layer, undone) from None
    except MoveFailedError as error:
        error.what = "; ".join(filter(None, [error.what, await _died(context, layer)]))
        raise
    except TemporaryError as error:
        last = start.told or "nothing"
        raise MoveFailedError(
            "; ".join(filter(None, [f"{error.what}; the last word was: {last}", await _died(context, layer)])),
            where=str(layer.reads(context.model)[0]),
            next_action="kubectl describe it and its pods; give a longer --ready-timeout if it is only slow",
            code="not-ready",
        ) from error
    finally:
        await start.end()


class _Start:
    """What was said of a start so far."""

    def __init__(self, context: Context, layer: Layer, step: str) -> None:
        self.told = ""
        self._context, self._layer, self._step = context, layer, step
        self._trouble: dict[str, float] = {}
        self._dead: set[str] = set()
        self._telling: set[asyncio.Task[None]] = set()

    def judge(self, view: View) -> str | None:
        """Why it serves; None while it does not."""
        layer, model = self._layer, self._context.model
        raise_unless(layer.park(model), view.get, hold=False)
        pods = [
            pod_of(pod, one)
            for one in layer.engines(model)
            for pod in view.selected(kind_of("Pod"), one.namespace, one.labels)
        ]
        self._tell_deaths(pods)
        self._give_up_on(pods)
        verdict = layer.readiness(model, {ref: view.get(ref) for ref in layer.reads(model)})
        reason = "; ".join([verdict.reason, *_unplaced(pods), *_troubled(pods)])
        if reason != self.told:
            self.told = reason
            self._context.note(self._step, reason, {})
        serving = any(pod.serving and pod.role == "serve" for pod in pods)
        return verdict.reason if verdict.ready and serving else None

    async def end(self) -> None:
        """Nothing is told any more after this; raises what went wrong in telling."""
        for task in self._telling:
            task.cancel()
        for one in await asyncio.gather(*self._telling, return_exceptions=True):
            if isinstance(one, Exception):
                raise one

    def _tell_deaths(self, pods: Sequence[EnginePod]) -> None:
        for pod in pods:
            if pod.died and not pod.terminating and pod.process not in self._dead:
                self._dead.add(pod.process)
                self._telling.add(asyncio.create_task(self._tell(pod)))

    async def _tell(self, pod: EnginePod) -> None:
        self._context.note(self._step, await died_saying(self._context.cluster, pod), {})

    def _give_up_on(self, pods: Sequence[EnginePod]) -> None:
        """Raise when a pod has said for ``patience`` seconds that it cannot start."""
        now = self._context.clock.monotonic()
        for pod in pods:
            if not pod.problem or pod.terminating:
                self._trouble.pop(pod.name, None)
                continue
            since = self._trouble.setdefault(pod.name, now)
            if now - since >= self._context.options.patience:
                raise MoveFailedError(
                    pod.problem,
                    where=f"Pod {pod.namespace}/{pod.name}",
                    next_action=f"kubectl logs -n {pod.namespace} {pod.name} --all-containers",
                    code="cannot-start",
                )


async def _died(context: Context, layer: Layer) -> str:
    """What an engine said that did not live, in words; empty when there is none."""
    try:
        return await last_words(context.cluster, await engine_pods(context.cluster, layer, context.model))
    except ClusterError:
        return ""


def _unplaced(pods: Sequence[EnginePod]) -> list[str]:
    """What the scheduler says of the first pod that no node takes."""
    return [f"no node takes Pod {pod.namespace}/{pod.name}: {pod.unplaced}" for pod in pods if pod.unplaced][:1]


def _troubled(pods: Sequence[EnginePod]) -> list[str]:
    """What the kubelet says of the first pod that does not start."""
    return [f"Pod {pod.namespace}/{pod.name}: {pod.problem}" for pod in pods if pod.problem and not pod.terminating][:1]
