"""What one replica of LiteLLM answers: marked requests, by whom, and whether it lives.

They go through the API server's pod proxy, so that each replica is asked, not whichever a Service picks. That proxy
strips Authorization; LiteLLM takes its key from ``x-litellm-api-key`` too. Retries are switched off: an answer
that a retry saved says nothing about the member that failed. What the API server did not get through to the replica
says nothing about any member either, and is sent once more.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pointsman.edge.boundary import Cluster
from pointsman.edge.contract import Observation
from pointsman.errors import TemporaryError
from pointsman.kube.answers import is_undelivered
from pointsman.kube.http import Response
from pointsman.kube.resources import Ref, pod_port_path
from pointsman.spec.apis import APIS, Api

__all__ = ["MARK", "Asked", "ask", "seconds_late"]

MARK = "pointsman-probe"
"""User and tag of a marked request, for the edge's own logs."""
AT_ONCE = 8
"""Marked requests in flight: a replica that is busy with tenants answers late, and eight wait no longer than one."""
TIMEOUT = 30.0
"""Seconds one marked request may take."""

LATEST = 15.0
"""Seconds after which nobody waits for a sign of life."""

Target = tuple[Ref, int]
"""Pod and port."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, and for what."""

    targets: Sequence[Target]
    names: Mapping[str, str]
    """The name to ask for, by the alias that it stands for."""
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """A member's id by the id that LiteLLM calls it, by replica."""
    api: Api = APIS["chat"]


async def ask(cluster: Cluster, asked: Asked, key: str, requests: int) -> Observation:
    """Send ``requests`` marked requests for each alias, the replicas taking turns."""
    gate = asyncio.Semaphore(AT_ONCE)
    lost = 0

    async def one(number: int, alias: str, name: str) -> tuple[str, str, str, bool]:
        nonlocal lost
        target = asked.targets[number % len(asked.targets)]
        async with gate:
            answer = await _one(cluster, target, name, key, asked.api)
            if answer is not None and is_undelivered(answer.status, answer.body):
                lost += 1
                answer = await _one(cluster, target, name, key, asked.api)
        said, good = ("unreachable", False) if answer is None else _verdict(answer)
        replica = target[0].name
        return replica, alias, asked.ids.get(replica, {}).get(said, said) if good else said, good

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(one(number, alias, name))
            for alias, name in asked.names.items()
            for number in range(requests)
        ]
    told = [task.result() for task in tasks]
    good = [(replica, alias, said) for replica, alias, said, fine in told if fine]
    return Observation(
        answered=dict(Counter(said for _, _, said in good)),
        failed=dict(Counter(said for _, _, said, fine in told if not fine)),
        replicas={
            one: dict(Counter(said for replica, _, said in good if replica == one))
            for one in sorted({replica for replica, _, _, _ in told})
        },
        aliases={one: dict(Counter(said for _, alias, said in good if alias == one)) for one in asked.names},
        undelivered=lost,
    )


async def seconds_late(cluster: Cluster, pod: Ref, port: int) -> float:
    """Seconds until one replica said that it lives; infinity when it did not."""
    path = pod_port_path(pod.namespace, pod.name, port)
    begun = time.monotonic()
    try:
        await cluster.http("GET", f"{path}/health/liveliness", timeout=LATEST)
    except TemporaryError:
        return math.inf
    return time.monotonic() - begun


async def _one(cluster: Cluster, target: Target, name: str, key: str, api: Api) -> Response | None:
    """The answer; None when there was none."""
    pod, port = target
    path = pod_port_path(pod.namespace, pod.name, port)
    body = {
        **api.body(name, "ping", 1),
        "user": MARK,
        "metadata": {"tags": [MARK]},
        "cache": {"no-cache": True},
    }
    headers = {"x-litellm-api-key": f"Bearer {key}", "x-litellm-num-retries": "0"}
    try:
        return await cluster.http("POST", f"{path}{api.path}", body=body, headers=headers, timeout=TIMEOUT)
    except TemporaryError:
        return None


def _verdict(answer: Response) -> tuple[str, bool]:
    if answer.status != 200:
        return f"status {answer.status}", False
    member = answer.headers.get("x-litellm-model-id", "")
    if not member:
        return "no member named", False
    if answer.headers.get("x-litellm-attempted-fallbacks", "0") != "0":
        return "fallback", False
    if answer.headers.get("x-litellm-attempted-retries", "0") != "0":
        return "retried", False
    return member, True
