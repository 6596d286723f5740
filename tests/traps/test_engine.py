"""An engine's own pod: what its flags, probes and end do to tenants, and what the API server refuses.

The API server and the scheduler are real. The engine is simulated: it does here what the real vLLM was measured to do
(docs/real-engines.md): argparse's reading of flags, 401 without the key, what is under way at SIGTERM.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.gitops.ground import until
from tests.reading import read
from tests.traps.gateway import SWIFT, Edge, Manifest, engine
from tests.traps.tenants import Asking
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

QWEN, LONG = "--served-model-name=qwen", "--max-model-len=8192"
SLOW = SWIFT | {"itl": 0.1}
"""An answer of 60 tokens takes 6 s."""

Change = Callable[[Manifest, Manifest], None]
"""Of the container, and of the pod it is in."""


def written(edge: Edge, kind: str, *args: str, key: bool = False, change: Change | None = None) -> Path:
    """A file with one engine that has the test's name."""
    objects = engine(edge.name, edge.space.name, *(args or (QWEN, LONG)), key=key)
    pod = objects[0]["spec"]["template"]["spec"]
    if change:
        change(pod["containers"][0], pod)
    return edge.write(kind, *objects, engines=())


def run(edge: Edge, file: Path) -> None:
    """Apply it, and wait until it serves."""
    edge.space.serve(*yaml.safe_load_all(file.read_text(encoding="utf-8")))


def apply(edge: Edge, file: Path) -> str:
    """Apply it, and what the API server says against it."""
    words = ("apply", "--server-side", "--force-conflicts", "-f", str(file))
    return edge.space.lab.kubectl(*words, check=False).stderr.strip()


def ready(edge: Edge) -> bool:
    """Has it a pod that is?"""
    found = read(edge.space.lab.kubeconfig, "deployment", edge.name, edge.space.name)
    return bool(found.get("status", {}).get("readyReplicas"))


@contextmanager
def behaving(edge: Edge, settings: Manifest) -> Iterator[None]:
    """While this lasts, the test's engine is like this."""
    words = ("patch", "configmap", "lab-engine", "-n", edge.space.name, "--type=merge", "-p")
    edge.space.lab.kubectl(*words, json.dumps({"data": {edge.name: json.dumps(settings)}}))
    yield
    edge.space.lab.kubectl(*words, json.dumps({"data": {edge.name: None}}))


@pytest.fixture
def slow(edge: Edge) -> Iterator[None]:
    """The test's engine answers slowly."""
    with behaving(edge, SLOW):
        yield


@pytest.fixture
def loading(edge: Edge) -> Iterator[None]:
    """The test's engine loads for some seconds."""
    with behaving(edge, SWIFT | {"cold_start": {"load": 5.0, "compile": 0.0, "warmup": 0.0}}):
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


@pytest.mark.bites("vLLM: a flag of several values that is given twice keeps the last alone", "PM106")
def test_the_names_of_the_first_mention_are_lost(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap", "--served-model-name", "qwen", "--served-model-name", "chat", LONG)
    assert trap.lint(file)
    run(edge, file)
    told = [edge.space.asking(edge.name)(name)[0].status for name in ("qwen", "chat")]
    assert told == [404, 200]
    trap.bit("the name of the first mention is told 404")
    mended = written(edge, "mended", "--served-model-name", "qwen", "chat", LONG)
    run(edge, mended)
    assert [edge.space.asking(edge.name)(name).lost for name in ("qwen", "chat")] == [0, 0]
    trap.sound(mended)


@pytest.mark.bites("vLLM: of a flag that is given twice the last one counts", "PM107")
def test_the_last_of_two_equal_flags_counts(trap: Trap, edge: Edge) -> None:
    def context() -> int:
        (card,) = edge.space.asking(edge.name).get("/v1/models").body["data"]
        return int(card["max_model_len"])

    file = written(edge, "trap", QWEN, LONG, "--max-model-len=4096")
    assert trap.lint(file)
    run(edge, file)
    assert context() == 4096
    trap.bit("with --max-model-len 8192 and, later, 4096 the engine promises 4096 tokens")
    mended = written(edge, "mended", QWEN, LONG)
    run(edge, mended)
    assert context() == 8192
    trap.sound(mended)


@pytest.mark.bites("vLLM: a flag and its value in one item of args", "PM108")
def test_a_flag_with_a_blank_in_it_ends_the_engine(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap", QWEN, "--max-model-len 8192")
    assert trap.lint(file)
    assert not apply(edge, file)
    code = until(lambda: next(iter(edge.space.exits(edge.name)), None))
    assert code == 2
    logs = edge.space.lab.kubectl("logs", f"deployment/{edge.name}", "-n", edge.space.name).stdout
    assert "unrecognized arguments" in logs
    trap.bit(f"it exits with {code}, again and again: {logs.strip().splitlines()[-1][-90:]}")
    mended = written(edge, "mended", QWEN, "--max-model-len=8192")
    run(edge, mended)
    trap.sound(mended)


@pytest.mark.bites("vLLM: a probe below /v1 of an engine that asks for a key", "PM120")
def test_a_probe_without_the_key_never_succeeds(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap", key=True, change=probe("/v1/models", 8000))
    assert trap.lint(file)
    assert not apply(edge, file)
    until(lambda: "401" in unready(edge))
    assert not ready(edge)
    trap.bit(f"the pod never gets ready: {unready(edge)}")
    mended = written(edge, "mended", key=True, change=probe("/health", 8000))
    run(edge, mended)
    assert ready(edge)
    trap.sound(mended)


@pytest.mark.bites("vLLM: a probe of a port that it does not listen on", "PM121")
def test_a_probe_of_another_port_never_succeeds(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap", change=probe("/health", 8080))
    assert trap.lint(file)
    assert not apply(edge, file)
    until(lambda: unready(edge))
    assert not ready(edge)
    trap.bit(f"the pod never gets ready: {unready(edge)}")
    mended = written(edge, "mended", change=probe("/health", 8000))
    run(edge, mended)
    assert ready(edge)
    trap.sound(mended)


def probe(path: str, port: int) -> Change:
    """Its readinessProbe asks there."""

    def change(container: Manifest, _: Manifest) -> None:
        container["readinessProbe"] = {"httpGet": {"path": path, "port": port}, "periodSeconds": 1}

    return change


def unready(edge: Edge) -> str:
    """What events say of its probe."""
    words = ("get", "events", "-n", edge.space.name, "-o", "json", "--field-selector", "reason=Unhealthy")
    found = json.loads(edge.space.lab.kubectl(*words).stdout)["items"]
    said = [one["message"] for one in found if one["involvedObject"]["name"].startswith(edge.name)]
    return said[-1] if said else ""


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


@pytest.mark.bites("an engine without a key serves every pod of the cluster past the alias", "PM807")
def test_an_engine_without_a_key_answers_whoever_asks(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap")
    assert trap.lint(file)
    run(edge, file)
    assert edge.space.asking(edge.name)("qwen").lost == 0
    trap.bit("a request past the edge, without any key, was answered with 200; with a key at the engine it is told 401")
    mended = written(edge, "mended", key=True)
    run(edge, mended)
    assert edge.space.asking(edge.name)("qwen").statuses == {401: 1}
    trap.sound(mended)


@pytest.mark.bites("Kubernetes: a request for an accelerator without the same limit", "PM115")
def test_a_request_for_an_accelerator_without_a_limit_is_refused(trap: Trap, edge: Edge) -> None:
    def asks(*kinds: str) -> Change:
        return lambda container, _: container.update(resources={one: {"nvidia.com/gpu": 1} for one in kinds})

    file = written(edge, "trap", change=asks("requests"))
    assert trap.lint(file)
    said = apply(edge, file)
    assert "Limit must be set for non overcommitable resources" in said
    trap.bit(f"the API server refuses it: {said[-90:]}")
    mended = written(edge, "mended", change=asks("requests", "limits"))
    assert not apply(edge, mended)
    trap.sound(mended)


@pytest.mark.bites("Kubernetes: a variable that is written twice", "PM126")
def test_a_variable_that_stands_twice_is_refused_by_a_server_side_apply(trap: Trap, edge: Edge) -> None:
    def sets(*values: str) -> Change:
        return lambda container, _: container.update(env=[{"name": "HF_HOME", "value": one} for one in values])

    file = written(edge, "trap", change=sets("/data", "/models"))
    assert trap.lint(file)
    said = apply(edge, file)
    assert "duplicate entries for key" in said
    trap.bit(f"a server-side apply is refused: {said[-110:]}")
    mended = written(edge, "mended", change=sets("/models"))
    assert not apply(edge, mended)
    trap.sound(mended)


@pytest.fixture
def one_accelerator(edge: Edge) -> Iterator[str]:
    """A node has one accelerator of a kind that nobody else asks for, advertised as Kubernetes' documentation does."""
    lab, kind = edge.space.lab, "amd.com/gpu"
    node = json.loads(lab.kubectl("get", "nodes", "-o", "json").stdout)["items"][0]["metadata"]["name"]
    words = ("patch", "node", node, "--subresource=status", "--type=merge", "-p")

    def advertise(count: str | None) -> None:
        has = {kind: count}
        lab.kubectl(*words, json.dumps({"status": {"capacity": has, "allocatable": has}}))

    advertise("1")
    yield kind
    advertise(None)


@pytest.mark.bites("Kubernetes: a rolling update of the only engine that fits", "PM116")
def test_a_new_pod_beside_the_old_one_waits_for_ever(trap: Trap, edge: Edge, one_accelerator: str) -> None:
    def has_it(strategy: Manifest, *more: str) -> Path:
        objects = engine(edge.name, edge.space.name, QWEN, LONG, *more)
        objects[0]["spec"]["strategy"] = strategy
        container = objects[0]["spec"]["template"]["spec"]["containers"][0]
        container["resources"] = {"limits": {one_accelerator: 1}}
        return edge.write(f"{strategy['type']}{len(more)}", *objects, engines=())

    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    file = has_it(rolling, "--seed=2")
    assert trap.lint(file)
    run(edge, has_it(rolling))
    assert not apply(edge, file)
    said = until(lambda: next(iter(unscheduled(edge)), ""))
    assert f"Insufficient {one_accelerator}" in said
    trap.bit(f"the new pod stays Pending beside the old one: {said[:90]}")
    mended = has_it({"type": "Recreate"}, "--seed=2")
    run(edge, mended)
    assert unscheduled(edge) == []
    trap.sound(mended)


def unscheduled(edge: Edge) -> list[str]:
    """Why pods of it find no node."""
    conditions = [one for pod in edge.space.pods(edge.name) for one in pod["status"].get("conditions", [])]
    return [one["message"] for one in conditions if (one["type"], one["status"]) == ("PodScheduled", "False")]
