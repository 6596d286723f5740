"""What a container said before it died: the reason that its pod's status does not give."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pointsman.errors import ClusterError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Cluster
from pointsman.move.probes.pods import EnginePod
from pointsman.report.counting import count_of

__all__ = ["died_saying", "last_words"]

LONGEST = 300
"""Characters of a line that are worth telling."""
LINES = 200
BYTES = 128 * 1024
"""Of a log, from its end: vLLM's processes each say a traceback of their own when one of them dies."""

_CAUSE = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Exit): .*")
"""The last line of a traceback. vLLM's last one says "see root cause above"; the first one is that cause."""


async def last_words(cluster: Cluster, pods: Sequence[EnginePod]) -> str:
    """Of the first container that ended in failure; empty when there is none, or when its log is shut."""
    for pod in pods:
        if pod.died and (said := await died_saying(cluster, pod)):
            return said
    return ""


async def died_saying(cluster: Cluster, pod: EnginePod) -> str:
    """How often a pod's container was started again, how it ended, and what it said last, in words."""
    if not pod.died:
        return ""
    again = f" (started again {count_of(pod.restarts, 'time')})" if pod.restarts else ""
    what = f"container {pod.died} of Pod {pod.namespace}/{pod.name} died{pod.ending and f' of {pod.ending}'}{again}"
    said = _said(await _log(cluster, pod))
    return f"{what} saying: {said}" if said else what


async def _log(cluster: Cluster, pod: EnginePod) -> str:
    path = Ref(kind_of("Pod"), pod.name, pod.namespace).path("log")
    wanted = {"container": pod.died, "previous": "true", "tailLines": str(LINES), "limitBytes": str(BYTES)}
    try:
        answer = await cluster.http("GET", path, params=wanted)
    except ClusterError:
        return ""
    return answer.text if answer.status == 200 else ""


def _said(log: str) -> str:
    """The last line, with the first cause that was named before it."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if not lines:
        return ""
    last = lines[-1][:LONGEST]
    causes = [found.group()[:LONGEST] for line in lines if (found := _CAUSE.search(line))]
    return f"{causes[0]} … {last}" if causes and causes[0] not in last else last
