"""What each replica of LiteLLM has loaded, asked of the replica itself.

``GET /model/info`` with the master key lists every member with its id, address and weight, addresses from the
environment resolved (LiteLLM 1.106, measured; with 1,000 entries an answer is 7 MB and takes half a second of the
replica's time). A file is read once, at the start of a process, so a process is not asked again at every look; members
that live in a database change under it, so an answer is not believed for long either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pointsman.edge.boundary import Cluster, Object
from pointsman.edge.contract import Member
from pointsman.errors import TemporaryError
from pointsman.kube.resources import Ref, kind_of, pod_port_path

__all__ = ["Loaded", "Memory", "ask_loaded", "began"]

TIMEOUT = 30.0
"""Seconds a replica may take to list what it has loaded."""
LONG = 1_000_000
"""Bytes from which an answer is read in a thread."""
FRESH = 60.0
"""Seconds an answer is believed: longer than LiteLLM takes to look into its database (30 s), shorter than a move."""

Reading = tuple[tuple[Member, ...], Mapping[str, str]]
"""Members, and the id of each by the id that LiteLLM calls it."""
Read = Callable[[Sequence[Mapping[str, Any]]], Reading]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One replica's answer."""

    members: tuple[Member, ...] | None
    """None: it does not say."""
    ids: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    """Why it does not say."""


@dataclass
class Memory:
    """Answers by process."""

    known: dict[str, tuple[float, Loaded]] = field(default_factory=dict)

    def recall(self, pod: Object) -> Loaded | None:
        """What this very process said a moment ago."""
        at, found = self.known.get(_process(pod), (0.0, None))
        return found if found is not None and _now() - at < FRESH else None

    def keep(self, pod: Object, found: Loaded) -> Loaded:
        """Keep an answer. One that is silent now still runs what it said before: a file is read once."""
        if found.members is not None:
            self.known[_process(pod)] = _now(), found
            return found
        return self.known.get(_process(pod), (0.0, found))[1]


def began(pod: Object) -> datetime | None:
    """When the pod's containers began to run, the last of them."""
    found = []
    for one in (pod.get("status") or {}).get("containerStatuses") or []:
        at = ((one.get("state") or {}).get("running") or {}).get("startedAt")
        if at:
            found.append(datetime.fromisoformat(str(at)))
    return max(found, default=None)


async def ask_loaded(cluster: Cluster, pod: Object, port: int, key: str, read: Read) -> Loaded:
    """Ask one replica; an answer that cannot be read is told in ``why``."""
    metadata = pod["metadata"]
    ref = Ref(kind_of("Pod"), str(metadata["name"]), metadata.get("namespace"))
    path = f"{pod_port_path(ref.namespace, ref.name, port)}/model/info"
    try:
        answer = await cluster.http("GET", path, headers={"x-litellm-api-key": f"Bearer {key}"}, timeout=TIMEOUT)
    except TemporaryError as error:
        return Loaded(None, why=f"it does not answer: {error.what}")
    if answer.status in (401, 403):
        return Loaded(None, why=f"it refuses the master key ({answer.status})")
    if answer.status != 200:
        return Loaded(None, why=f"/model/info is answered with {answer.status}")
    try:
        work = asyncio.to_thread(answer.json) if len(answer.body) > LONG else None
        listed = (await work if work else answer.json())["data"]
        return Loaded(*read([one for one in listed if isinstance(one, dict)]))
    except (ValueError, KeyError, TypeError) as error:
        return Loaded(None, why=f"what /model/info says cannot be read: {error}")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _process(pod: Object) -> str:
    """A name for the process in a pod: its uid, and how often its containers were started."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    starts = "/".join(f"{one.get('containerID', '')}:{one.get('restartCount', 0)}" for one in statuses)
    metadata = pod["metadata"]
    return f"{metadata.get('uid') or metadata['name']} {starts}"
