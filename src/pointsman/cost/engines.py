"""What engines did with what they hold: asked once, or several times over a while.

An engine counts as *used* at a look when it has a request running, or has made or read tokens since the look before.
Its use is the share of looks at which it was. That is what vLLM's own counters say (0.32: ``num_requests_running``,
``prompt_tokens_total``, ``generation_tokens_total``, ``kv_cache_usage_perc``); it is not what its pod requests, and an
engine with one request is as used as one with a hundred.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from pointsman.errors import ClusterError
from pointsman.move.boundary import Clock, Cluster
from pointsman.move.probes.pods import EnginePod

__all__ = ["Look", "Use", "looks_of", "watch"]

AT_ONCE = 16
STEP = 5.0
"""Seconds between two looks, at most."""
FEWEST = 2
"""Looks after the first, however short the time."""
_VALUES = {
    "running": ("vllm:num_requests_running",),
    "cache": ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    "prompt": ("vllm:prompt_tokens_total",),
    "generated": ("vllm:generation_tokens_total",),
    "began": ("process_start_time_seconds",),
}
_FIELD = {name: field for field, names in _VALUES.items() for name in names}
_SAMPLE = re.compile(rf"^({'|'.join(map(re.escape, _FIELD))})(?:\{{.*\}})?[ \t]+(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Look:
    """One engine at one moment; None for what it does not say."""

    running: float | None = None
    cache: float | None = None
    """Share of the KV cache in use, 0 to 1."""
    prompt: float | None = None
    """Tokens of prompts since it began."""
    generated: float | None = None
    """Tokens that it made since it began."""
    began: datetime | None = None
    """When its process began."""
    why: str = ""
    """Why it says nothing."""

    @property
    def tokens(self) -> float | None:
        """Of prompts and answers."""
        return None if self.prompt is None or self.generated is None else self.prompt + self.generated


@dataclass(frozen=True, slots=True)
class Use:
    """One engine over all looks."""

    share: Fraction | None
    """Of the looks at which it was used; None where it could not be asked."""
    cache: float | None
    """Mean share of the KV cache in use."""
    last: Look
    """The last look at which it answered, or one that says why it never did."""
    at: datetime
    """When that was."""


async def watch(cluster: Cluster, clock: Clock, pods: Sequence[EnginePod], seconds: float) -> dict[str, Use]:
    """Ask all engines once, or every few seconds over a while; by ``namespace/name``."""
    count = max(FEWEST, round(seconds / STEP)) if seconds else 0
    seen: dict[str, list[Look]] = {_key(pod): [] for pod in pods}
    last = dict.fromkeys(seen, clock.now())
    for number in range(count + 1):
        if number:
            await clock.sleep(seconds / count)
        for key, look in (await _all(cluster, pods)).items():
            if not look.why:
                last[key] = clock.now()
            seen[key].append(look)
    return {key: _use(looks, last[key]) for key, looks in seen.items()}


def _key(pod: EnginePod) -> str:
    return f"{pod.namespace}/{pod.name}"


async def _all(cluster: Cluster, pods: Sequence[EnginePod]) -> Mapping[str, Look]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(pod: EnginePod) -> tuple[str, Look]:
        async with gate:
            return _key(pod), await _ask(cluster, pod)

    return dict(await asyncio.gather(*map(one, pods)))


async def _ask(cluster: Cluster, pod: EnginePod) -> Look:
    try:
        answer = await cluster.proxy_get(pod.namespace, pod.name, pod.port, "/metrics")
    except ClusterError as error:
        return Look(why=error.what)
    if answer.status != 200:
        return Look(why=f"/metrics answers {answer.status}")
    try:
        return looks_of(answer.text)
    except (ValueError, OverflowError, OSError) as error:
        return Look(why=f"/metrics cannot be read: {error}")


def looks_of(text: str) -> Look:
    """The numbers in Prometheus text; several engines of one pod (data parallel) are added up."""
    found: dict[str, list[float]] = {}
    for name, value in _SAMPLE.findall(text):
        found.setdefault(_FIELD[name], []).append(float(value))
    if "running" not in found:
        return Look(why="/metrics has no vllm:num_requests_running")
    sums = {key: sum(values) for key, values in found.items()}
    cache = sums["cache"] / len(found["cache"]) if "cache" in found else None
    began = datetime.fromtimestamp(min(found["began"]), UTC) if "began" in found else None
    return Look(sums["running"], cache, sums.get("prompt"), sums.get("generated"), began)


def _use(looks: Sequence[Look], at: datetime) -> Use:
    answered = [one for one in looks if not one.why]
    if not answered:
        return Use(None, None, looks[-1], at)
    used = [_used(one, answered[number - 1] if number else None) for number, one in enumerate(answered)]
    caches = [one.cache for one in answered if one.cache is not None]
    share = Fraction(sum(used), len(answered))
    return Use(share, sum(caches) / len(caches) if caches else None, answered[-1], at)


def _used(look: Look, before: Look | None) -> bool:
    if look.running:
        return True
    return before is not None and look.tokens is not None and before.tokens is not None and look.tokens > before.tokens
