"""Phases, conditions, back-off and probe thresholds, as a kubelet reckons them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pointsman.lab.node.backoff import Backoff
from pointsman.lab.node.probes import Schedule, watch_probe
from pointsman.lab.node.probing import Answer
from pointsman.lab.node.process import Exit
from pointsman.lab.node.states import ContainerState, Role
from pointsman.lab.node.status import Verdict, phase_of, pod_status
from pointsman.lab.node.times import now


def container(what: str, role: Role = "main") -> ContainerState:
    state = ContainerState(f"{role}-{what}", "busybox", role)
    state.wait("ContainerCreating")
    if what != "waiting":
        state.run("pointsman://1", now())
        state.started = state.ready = True
    if what in ("succeeded", "failed", "crashing"):
        state.end(Exit(0 if what == "succeeded" else 3), now())
    if what == "crashing":
        state.wait("CrashLoopBackOff")
    return state


@pytest.mark.parametrize(
    ("mains", "policy", "ending", "phase"),
    [
        (["waiting"], "Always", False, "Pending"),
        (["running", "waiting"], "Always", False, "Running"),
        (["crashing"], "Always", False, "Running"),
        (["succeeded"], "Always", False, "Running"),
        (["succeeded"], "Always", True, "Succeeded"),
        (["failed"], "Always", True, "Failed"),
        (["succeeded"], "OnFailure", False, "Succeeded"),
        (["failed"], "OnFailure", False, "Running"),
        (["failed", "succeeded"], "Never", False, "Failed"),
        (["failed", "running"], "Never", False, "Running"),
        (["waiting"], "Always", True, "Failed"),
    ],
)
def test_the_phase_follows_from_containers_and_policy(mains: list[str], policy: str, ending: bool, phase: str) -> None:
    assert phase_of([container(what) for what in mains], policy, ending=ending) == phase


def test_a_failed_init_container_fails_a_pod_that_never_restarts() -> None:
    assert phase_of([container("failed", "init"), container("waiting")], "Never", ending=False) == "Failed"
    assert phase_of([container("failed", "init"), container("waiting")], "Always", ending=False) == "Pending"


def status(states: list[ContainerState], *, ending: bool = False, verdict: Verdict | None = None) -> dict[str, Any]:
    pod = {"metadata": {"name": "p", "generation": 4}, "spec": {"restartPolicy": "Always"}, "status": {}}
    return pod_status(
        pod, states, address="10.9.0.2", host="10.9.253.1", started=now(), ending=ending, verdict=verdict, at=now()
    )


def conditions(built: dict[str, Any]) -> dict[str, str]:
    return {entry["type"]: entry["status"] for entry in built["conditions"]}


def test_a_pod_is_ready_when_every_main_and_sidecar_is() -> None:
    states = [container("succeeded", "init"), container("running", "sidecar"), container("running")]
    built = status(states)
    assert conditions(built) == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready"), "True"
    )
    assert {entry["observedGeneration"] for entry in built["conditions"]} == {4}
    states[1].ready = False
    assert conditions(status(states))["Ready"] == "False"


def test_a_pod_that_is_ending_is_not_ready_at_once() -> None:
    built = status([container("running")], ending=True)
    assert conditions(built)["Ready"] == "False"
    assert built["phase"] == "Running"
    assert not built["containerStatuses"][0]["ready"]


def test_an_exit_by_signal_is_told_as_a_runtime_does() -> None:
    state = container("running")
    state.end(Exit.of(-9), now())
    assert state.terminated is not None
    assert (state.terminated["exitCode"], state.terminated["signal"], state.terminated["reason"]) == (137, 9, "Error")


def test_restarts_are_at_once_then_after_ten_seconds_doubling_to_five_minutes() -> None:
    backoff = Backoff()
    assert [backoff.delay(float(second)) for second in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert backoff.delay(10_000.0) == 0


class Clockwork:
    """Answers for a probe, and the times at which it was asked."""

    def __init__(self, answers: str) -> None:
        self.answers = answers
        self.times: list[float] = []
        self.verdicts: list[tuple[int, bool]] = []
        self.done = asyncio.Event()
        self.judged = asyncio.Event()

    async def ask(self) -> Answer:
        self.times.append(asyncio.get_running_loop().time())
        answer = Answer(self.answers[len(self.times) - 1] == "+")
        if len(self.times) == len(self.answers):
            self.done.set()
        return answer

    def verdict(self, ok: bool, _answer: Answer) -> None:
        self.verdicts.append((len(self.times), ok))
        if len(self.verdicts) == 2:
            self.judged.set()


async def test_verdicts_need_as_many_answers_in_a_row_as_the_thresholds_say() -> None:
    clockwork = Clockwork("--+--+-++---")
    schedule = Schedule(initial_delay=0, period=0.01, timeout=1, failures=3, successes=2)
    watching = asyncio.create_task(
        watch_probe(
            schedule, clockwork.ask, age=lambda: 0, on_failure=lambda _answer: None, on_verdict=clockwork.verdict
        )
    )
    async with asyncio.timeout(5):
        await clockwork.done.wait()
        await clockwork.judged.wait()
    watching.cancel()
    assert clockwork.verdicts == [(9, True), (12, False)]
    assert clockwork.times[-1] - clockwork.times[0] >= 11 * schedule.period - 0.01
