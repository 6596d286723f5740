"""Probes over time: when each is asked, and when its answers add up to a change.

One task per probe of a running container. Liveness and readiness wait until the container has started, which a
startup probe decides where there is one. The first readiness question after that is asked at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pointsman.lab.node.probing import Answer

__all__ = ["ProbeKind", "Schedule", "watch_probe"]

ProbeKind = Literal["startup", "liveness", "readiness"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The numbers of a probe, with the API's defaults."""

    initial_delay: float
    period: float
    timeout: float
    failures: int
    successes: int

    @classmethod
    def of(cls, probe: Mapping[str, Any]) -> Schedule:
        """From a probe; zero means the default, as in the API."""
        return cls(
            initial_delay=probe.get("initialDelaySeconds") or 0,
            period=probe.get("periodSeconds") or 10,
            timeout=probe.get("timeoutSeconds") or 1,
            failures=probe.get("failureThreshold") or 3,
            successes=probe.get("successThreshold") or 1,
        )


async def watch_probe(
    schedule: Schedule,
    ask: Callable[[], Awaitable[Answer]],
    *,
    age: Callable[[], float],
    on_failure: Callable[[Answer], None],
    on_verdict: Callable[[bool, Answer], None],
    once: bool = False,
) -> None:
    """Ask for ever; ``on_failure`` hears each failed answer, ``on_verdict`` each one that reaches its threshold.

    ``age`` is how long the container has been running. With ``once`` (startup probes) it ends at success.
    """
    await asyncio.sleep(max(0.0, schedule.initial_delay - age()))
    clock = asyncio.get_running_loop().time
    streak, last = 0, None
    due = clock()
    while True:
        answer = await ask()
        streak = streak + 1 if answer.ok == last else 1
        last = answer.ok
        if not answer.ok:
            on_failure(answer)
        if streak >= (schedule.successes if answer.ok else schedule.failures):
            on_verdict(answer.ok, answer)
            if once and answer.ok:
                return
        due = max(due + schedule.period, clock())
        await asyncio.sleep(due - clock())
