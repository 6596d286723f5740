"""Probes of an engine: of a port or path that never answers, too impatient, or none.

The engine is simulated: it does here what the real vLLM was measured to do (docs/real-engines.md):
401 below /v1 without the key. Who asks is the lab's node.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.gitops.ground import until
from tests.traps.gateway import SWIFT, Edge
from tests.traps.lone_engine import Change, apply, behaving, ready, run, written
from tests.traps.manifests import Manifest
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


@pytest.fixture
def loading(edge: Edge) -> Iterator[None]:
    """The test's engine loads for some seconds."""
    with behaving(edge, SWIFT | {"cold_start": {"load": 5.0, "compile": 0.0, "warmup": 0.0}}):
        yield


@pytest.mark.bites("vLLM: a probe below /v1 of an engine that asks for a key", "PM120")
def test_a_probe_without_the_key_never_succeeds(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap", key=True, change=probe("/v1/models", 8000))
    assert trap.lint(file)
    assert not apply(edge, file)
    said = until(lambda: next((one for one in complaints(edge) if "401" in one), ""))
    assert not ready(edge)
    trap.bit(f"the pod never gets ready: {said}")
    mended = written(edge, "mended", key=True, change=probe("/health", 8000))
    run(edge, mended)
    assert ready(edge)
    trap.sound(mended)


@pytest.mark.bites("vLLM: a probe of a port that it does not listen on", "PM121")
def test_a_probe_of_another_port_never_succeeds(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap", change=probe("/health", 8080))
    assert trap.lint(file)
    assert not apply(edge, file)
    said = until(lambda: next(iter(complaints(edge)), ""))
    assert not ready(edge)
    trap.bit(f"the pod never gets ready: {said}")
    mended = written(edge, "mended", change=probe("/health", 8000))
    run(edge, mended)
    assert ready(edge)
    trap.sound(mended)


def probe(path: str, port: int) -> Change:
    """Its readinessProbe asks there."""

    def change(container: Manifest, _: Manifest) -> None:
        container["readinessProbe"] = {"httpGet": {"path": path, "port": port}, "periodSeconds": 1}

    return change


def complaints(edge: Edge) -> list[str]:
    """What events say of its probes."""
    words = ("get", "events", "-n", edge.space.name, "-o", "json", "--field-selector", "reason=Unhealthy")
    found = json.loads(edge.space.lab.kubectl(*words).stdout)["items"]
    return [one["message"] for one in found if one["involvedObject"]["name"].startswith(edge.name)]


@pytest.mark.bites("Kubernetes: an engine without a readinessProbe is ready while it loads", "PM119")
@pytest.mark.usefixtures("loading")
def test_an_engine_without_a_readiness_probe_is_asked_while_it_loads(trap: Trap, edge: Edge) -> None:
    def without(container: Manifest, _: Manifest) -> None:
        del container["readinessProbe"]

    file = written(edge, "trap", change=without)
    assert trap.lint(file)
    run(edge, file)
    got = edge.space.asking(edge.name)("qwen")[0]
    assert got.status != 200
    trap.bit(f"its Deployment is available, and a request was told {got.status}: {got.text[:90]}")
    mended = written(edge, "mended")
    run(edge, mended)
    assert edge.space.asking(edge.name)("qwen").lost == 0
    trap.sound(mended)


@pytest.mark.bites("Kubernetes: a livenessProbe that gives up while an engine loads", "PM118")
@pytest.mark.usefixtures("loading")
def test_an_engine_that_loads_longer_than_its_probe_waits_is_killed(trap: Trap, edge: Edge) -> None:
    asked = {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 1}

    def impatient(container: Manifest, _: Manifest) -> None:
        container["livenessProbe"] = asked | {"failureThreshold": 2}

    def patient(container: Manifest, pod: Manifest) -> None:
        impatient(container, pod)
        container["startupProbe"] = asked | {"failureThreshold": 180}

    file = written(edge, "trap", change=impatient)
    assert trap.lint(file)
    assert not apply(edge, file)
    code = until(lambda: next(iter(edge.space.exits(edge.name)), None))
    assert not ready(edge)
    trap.bit(f"it loads for 5 s, and is killed after 2 (exit code {code}), again and again")
    mended = written(edge, "mended", change=patient)
    run(edge, mended)
    assert ready(edge)
    assert edge.space.exits(edge.name) == []
    trap.sound(mended)
