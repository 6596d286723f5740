"""Step ``serve-ready``: wait until the target truly serves.

Three proofs, each stronger than the one before: the controllers say that the declared revision is rolled out, every
engine answers a completion, and the address that tenants will use reaches an engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pointsman.edge.contract import Member
from pointsman.errors import ClusterError, MoveFailedError, TemporaryError
from pointsman.kube.http import Response
from pointsman.kube.resources import Ref
from pointsman.layers.contract import Endpoint, Layer
from pointsman.move.context import Context
from pointsman.move.probes.engine import connect
from pointsman.move.probes.pods import EnginePod, engine_pods
from pointsman.move.steps.contract import Description, Detail
from pointsman.move.steps.starting import controllers_ready
from pointsman.move.waits import Wait
from pointsman.report.counting import count_of
from pointsman.spec.apis import APIS

__all__ = ["ServeReady", "completes", "prove_serving"]

PROMPT = "Say in one sentence what a railway pointsman does."
RETRY = 0.3
COMPLETION_TIMEOUT = 60.0


class ServeReady:
    """Readiness by controllers, by a completion per pod, and by the tenants' path."""

    id = "serve-ready"
    commits = False
    shifts = False

    def members(self, context: Context) -> Sequence[Member] | None:
        """It leaves the alias alone."""
        return None

    def describe(self, context: Context) -> Description:
        """The step in words."""
        return Description(
            act=f"wait up to {context.options.ready_timeout:g} s for {context.target.title}",
            check="controllers say ready; a completion from every engine pod; the tenants' address reaches an engine",
            undo="nothing to take back",
        )

    async def validate(self, context: Context) -> Detail:
        """Nothing to remember."""
        return {}

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """Wait and prove."""
        return await prove_serving(context, context.target, self.id)

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """Nothing was changed."""
        return {}


async def prove_serving(context: Context, layer: Layer, step: str) -> Detail:
    """All three proofs, in order; raises MoveFailedError naming the one that is missing."""
    with context.waits.during(Wait.COLD_START):
        reason = await controllers_ready(context, layer, step)
    context.note(step, reason, {})
    pods = [pod for pod in await engine_pods(context.cluster, layer, context.model) if pod.serving]
    await asyncio.gather(*(completes(context, pod) for pod in pods))
    context.note(step, f"a completion from {count_of(len(pods), 'engine pod')}", {})
    with context.waits.during(Wait.COLD_START):
        path = await _path_reaches_engine(context, layer)
    context.note(step, f"tenants' path answers: {path}", {})
    replicas = sum(1 for pod in pods if pod.role == "serve")
    return {"ready": reason, "pods": [pod.name for pod in pods], "replicas": replicas, "path": path}


async def completes(context: Context, pod: EnginePod) -> None:
    """Ask one engine for a completion; raises MoveFailedError when it gives none."""
    where = f"Pod {pod.namespace}/{pod.name}"
    try:
        async with connect(context.cluster, context.wire, context.model, pod) as engine:
            answer = await engine.ask(PROMPT, max_tokens=8)
    except TemporaryError as error:
        raise MoveFailedError(
            f"reads ready and does not answer a completion: {error.what}", where=where, code="completion"
        ) from error
    if answer.status != 200 or not engine.said(answer):
        raise MoveFailedError(
            f"reads ready and answers {engine.api.what} with {answer.status}: {answer.text[:200]}",
            where=where,
            next_action="look at the engine's log, and whether spec.contract.api is what this model is asked for",
            code="completion",
        )


async def _path_reaches_engine(context: Context, layer: Layer) -> str:
    """Ask the tenants' address without a key, for its models and for a completion, until an engine answers both.

    Both, because a gateway may send them different ways (llm-d's route has one rule for completions, another one
    for the rest).
    """
    point = layer.endpoint(context.model)
    if point.road is None:
        return f"not asked: {point.base_url} leads out of the cluster; marked requests through the edge will tell"
    deadline = context.clock.monotonic() + context.options.route_timeout
    while True:
        try:
            seen = [_judge_path(answer) for answer in await _ask_path(context, layer, point)]
        except ClusterError as error:
            seen = [f"no answer: {error.what}"]
        bad = [one for one in seen if one.startswith("no")]
        if not bad:
            return seen[0]
        if context.clock.monotonic() >= deadline:
            raise MoveFailedError(
                f"the address that tenants would use does not reach an engine ({bad[0]})",
                where=point.base_url,
                next_action=f"kubectl describe {point.service.kind.plural} -n {point.service.namespace} "
                f"{point.service.name}, and its route",
                code="tenant-path",
            )
        await context.clock.sleep(RETRY)


async def _ask_path(context: Context, layer: Layer, point: Endpoint) -> list[Response]:
    """Completions last. A gateway that others share may find the layer by what is asked for, so its models are not."""
    service, port, path = point.road or (point.service, point.port, point.path)
    namespace = service.namespace or ""
    proxy = Ref(service.kind, f"http:{service.name}:{port}", namespace).path("proxy")
    block = context.model.spec.layers.block(layer.id)
    api = APIS[context.model.spec.contract.api]
    body = api.body(context.model.spec.served_model_name, PROMPT, 1)
    answers = []
    if block.address is None:
        answers.append(await context.cluster.service_get(namespace, service.name, port, f"{path}/v1/models"))
    to = f"{proxy}{path}{api.path}"
    asked = await context.cluster.http("POST", to, body=body, headers=block.headers, timeout=COMPLETION_TIMEOUT)
    return [*answers, asked]


def _judge_path(answer: Response) -> str:
    """401 is vLLM asking for its key; 200 with what was asked for is vLLM without one. All else is in between."""
    if answer.status == 401:
        return "401, an engine asks for its key"
    if answer.status == 200:
        try:
            said_by_engine = {"data", "choices"} & set(answer.json())
        except (ValueError, TypeError):
            said_by_engine = set()
        return "200, an engine answers without a key" if said_by_engine else "no: 200 from something else"
    return f"no: {answer.status} {answer.text[:120]}"
