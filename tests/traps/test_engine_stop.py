"""An engine whose pod is told to go.

The engine is simulated: it does here what the real vLLM was measured to do (docs/real-engines.md):
what is under way at SIGTERM.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gitops.ground import until
from tests.traps.gateway import SWIFT, Edge
from tests.traps.lone_engine import Change, behaving, run, written
from tests.traps.manifests import LONG, QWEN, Manifest
from tests.traps.tenants import Asking
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

SLOW = SWIFT | {"itl": 0.1}
"""An answer of 60 tokens takes 6 s."""


@pytest.fixture
def slow(edge: Edge) -> Iterator[None]:
    """The test's engine answers slowly."""
    with behaving(edge, SLOW):
        yield


def said_at_stop(edge: Edge) -> str:
    """What a tenant gets whose answer is under way when the pod is told to go."""
    (pod,) = edge.space.pods(edge.name)
    ask = Asking(edge.space.lab, f"http://{pod['status']['podIP']}:8000")
    body = {"model": "qwen", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    body |= {"max_tokens": 60, "ignore_eos": True}

    async def both() -> str:
        answer = asyncio.create_task(asyncio.to_thread(ask.post, "/v1/chat/completions", body))
        metrics = Asking(edge.space.lab, ask.base)
        await asyncio.to_thread(until, lambda: "num_requests_running" in metrics.get("/metrics").text and busy(metrics))
        await asyncio.to_thread(edge.space.stop, pod)
        return (await answer)[0].text

    return asyncio.run(both())


def busy(engine_: Asking) -> bool:
    """Has it a request under way?"""
    lines = engine_.get("/metrics").text.splitlines()
    return any(one.startswith("vllm:num_requests_running") and not one.endswith(" 0.0") for one in lines)


@pytest.mark.bites("vLLM: without --shutdown-timeout it aborts what is under way at SIGTERM", "PM101")
@pytest.mark.usefixtures("slow")
def test_an_answer_under_way_is_aborted_when_the_pod_is_told_to_go(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap")
    assert trap.lint(file)
    run(edge, file)
    said = said_at_stop(edge)
    assert "[DONE]" not in said
    trap.bit(f"of 60 tokens a tenant had {said.count('data:')} pieces when the pod was told to go, and no end")

    def patient(_: Manifest, pod: Manifest) -> None:
        pod["terminationGracePeriodSeconds"] = 60

    mended = written(edge, "mended", QWEN, LONG, "--shutdown-timeout=40", change=patient)
    run(edge, mended)
    assert "[DONE]" in said_at_stop(edge)
    trap.sound(mended)


@pytest.mark.bites("vLLM: the pod's grace is shorter than its --shutdown-timeout", "PM103")
@pytest.mark.usefixtures("slow")
def test_a_grace_that_is_too_short_kills_what_the_engine_would_finish(trap: Trap, edge: Edge) -> None:
    def grace(seconds: int) -> Change:
        return lambda _, pod: pod.update(terminationGracePeriodSeconds=seconds)

    words = (QWEN, LONG, "--shutdown-timeout=40")
    file = written(edge, "trap", *words, change=grace(2))
    assert trap.lint(file)
    run(edge, file)
    said = said_at_stop(edge)
    assert "[DONE]" not in said
    trap.bit(f"--shutdown-timeout 40 and a grace of 2 s: killed after {said.count('data:')} pieces of 60 tokens")
    mended = written(edge, "mended", *words, change=grace(60))
    run(edge, mended)
    assert "[DONE]" in said_at_stop(edge)
    trap.sound(mended)


@pytest.mark.bites("vLLM: without preStop an engine refuses who still has its address", "PM102")
def test_an_engine_without_pre_stop_refuses_at_once(trap: Trap, edge: Edge) -> None:
    def refused(file: Path) -> int:
        run(edge, file)
        (pod,) = edge.space.pods(edge.name)
        ask = Asking(edge.space.lab, f"http://{pod['status']['podIP']}:8000")
        assert ask("qwen").lost == 0
        edge.space.stop(pod)
        return sum(ask("qwen").lost for _ in range(10))

    def sleeps(container: Manifest, pod: Manifest) -> None:
        container["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", "10"]}}}
        pod["terminationGracePeriodSeconds"] = 40

    file = written(edge, "trap")
    assert trap.lint(file)
    lost = refused(file)
    assert lost > 0
    trap.bit(f"after its pod was told to go, {lost} of 10 requests to its address failed; with a preStop of 10 s, none")
    mended = written(edge, "mended", change=sleeps)
    assert refused(mended) == 0
    trap.sound(mended)
