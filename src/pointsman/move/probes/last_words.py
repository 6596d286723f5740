"""What a container said before it died: the reason that its pod's status does not give."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.errors import ClusterError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Cluster
from pointsman.move.probes.pods import EnginePod

__all__ = ["last_words"]

LONGEST = 300
"""Characters of a line that are worth telling."""


async def last_words(cluster: Cluster, pods: Sequence[EnginePod]) -> str:
    """The last line of the first container that ended in failure; empty when there is none, or when its log is shut."""
    for pod in pods:
        if pod.died and (line := await _last_line(cluster, pod)):
            return f"container {pod.died} of Pod {pod.namespace}/{pod.name} died saying: {line}"
    return ""


async def _last_line(cluster: Cluster, pod: EnginePod) -> str:
    path = Ref(kind_of("Pod"), pod.name, pod.namespace).path("log")
    wanted = {"container": pod.died, "previous": "true", "tailLines": "1"}
    try:
        answer = await cluster.http("GET", path, params=wanted)
    except ClusterError:
        return ""
    return answer.text.strip()[:LONGEST] if answer.status == 200 else ""
