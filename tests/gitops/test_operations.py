"""Operations of others and of ours that hang, repeat, or leave something behind: on the real Argo CD."""

from __future__ import annotations

import signal
import subprocess
import threading
from typing import Any

import pytest

from tests.conftest import Pointsman
from tests.gitops.ground import Ground, until
from tests.gitops.manifests import config, hook

pytestmark = pytest.mark.lab

WHO = {"initiatedBy": {"username": "ada"}}
ENDING: dict[str, Any] = {"status": {"operationState": {"phase": "Terminating"}}}


def running(ground: Ground) -> bool:
    return ground.phase() == "Running" and bool(ground.live("job", "migrate"))


@pytest.mark.trap("4: a person's selective sync before ours, whose fields an operation inherits")
def test_nothing_of_a_selective_sync_is_inherited(ground: Ground) -> None:
    ground.push({"one.yaml": config(), "two.yaml": config("two"), "three.yaml": config("three")})
    ground.applied(ground.application())
    ground.synced()
    (ground.here.path / ground.name / "three.yaml").unlink()
    ground.push({"one.yaml": config(said="second"), "two.yaml": config("two", "second")}, "Second")
    one = {"kind": "ConfigMap", "name": "one", "namespace": ground.name}
    ground.patch({"operation": {**WHO, "sync": {"prune": True, "resources": [one]}}})
    until(lambda: ground.live("configmap", "one")["data"] == {"said": "second"} and ground.phase() == "Succeeded")
    assert ground.live("configmap", "two")["data"] == {"said": "first"}
    done = ground.sync()
    assert done.exit == 0, done.words
    assert ground.live("configmap", "two")["data"] == {"said": "second"}
    assert ground.live("configmap", "three"), "nobody asked us to prune"
    ran = ground.status()["operationState"]["operation"]["sync"]
    assert not {"resources", "prune"} & set(ran)
    ground.happened = "the state before was taken away with our patch, so ours was complete and pruned nothing"


@pytest.mark.trap("5: an operation that hangs (a PreSync hook whose image nobody has)")
def test_our_operation_that_hangs_is_ended_at_the_deadline_and_waited_for(ground: Ground) -> None:
    ground.push({"one.yaml": config(), "hook.yaml": hook()})
    ground.applied(ground.application())
    done = ground.sync(timeout=4)
    assert (done.exit, done.code) == (1, "argo-sync-timeout"), done.words
    assert "ended as" in done.error["what"]
    assert "operation" not in ground.live()
    assert not ground.live("configmap", "one"), "the hook comes first"
    ground.happened = f"terminated, it was {ground.phase()}: {ground.status()['operationState']['message']}"


@pytest.mark.trap(
    "5: ctrl-C while our operation hangs",
    twin="delivery.test_sync::test_ctrl_c_ends_our_operation_and_waits_until_it_is_gone",
)
def test_ctrl_c_ends_our_operation_and_waits_until_it_is_gone(ground: Ground) -> None:
    ground.push({"hook.yaml": hook()})
    ground.applied(ground.application())
    program = Pointsman(ground.state)
    words = ("sync", ground.name, "--yes", "--kubeconfig", str(ground.lab.kubeconfig))
    with subprocess.Popen(program.command(*words), stderr=subprocess.PIPE, text=True) as process:
        until(lambda: running(ground))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "ended as" in said
    assert "operation" not in ground.live()
    ground.happened = f"terminated, it was {ground.phase()}; the program left with 130"


@pytest.mark.trap(
    "5: a sync is asked for while another one runs",
    twin="delivery.test_sync::test_nothing_is_posted_over_an_operation_that_runs",
)
def test_an_operation_of_somebody_else_is_waited_for_and_never_touched(ground: Ground) -> None:
    ground.push({"one.yaml": config(), "hook.yaml": hook()})
    ground.applied(ground.application())
    until(lambda: ground.status().get("sync", {}).get("revision"))
    ground.patch({"operation": {**WHO, "sync": {"syncOptions": ["CreateNamespace=true"]}}})
    until(lambda: running(ground))
    done = ground.sync(timeout=2)
    assert (done.exit, done.code) == (1, "argo-operation-open"), done.words
    assert "ada" in done.error["what"]
    assert ground.phase() == "Running"
    (ground.here.path / ground.name / "hook.yaml").unlink()
    ground.push({}, "Without the hook")
    ending = threading.Timer(1, lambda: ground.patch(ENDING))
    ending.start()
    assert ground.sync().exit == 0
    ending.join()
    ground.said.pop()
    ground.happened = "it ran on; ours was begun only when theirs was over"


@pytest.mark.trap(
    "5: Running with finishedAt, between two tries of an operation that repeats",
    twin="delivery.test_traps::test_5_a_retry_that_is_still_due_is_waited_for",
)
def test_a_wait_for_the_next_try_is_told_from_a_zombie(ground: Ground) -> None:
    """The namespace is missing, so each try fails."""
    ground.push({"one.yaml": config()})
    ground.applied(ground.application(syncPolicy={}))
    until(lambda: ground.status().get("sync", {}).get("revision"))
    again = {"limit": 5, "backoff": {"duration": "1m", "factor": 2, "maxDuration": "5m"}}
    ground.patch({"operation": {**WHO, "sync": {}, "retry": again}})
    state = until(lambda: (found := ground.status().get("operationState") or {}).get("finishedAt") and found)
    assert state["phase"] == "Running"
    done = ground.sync(timeout=2)
    assert (done.exit, done.code) == (1, "argo-operation-open"), done.words
    assert "waits for its next try" in done.error["what"]
    ground.happened = f"phase Running, finishedAt written: {state['message'][:60]}"


@pytest.mark.trap("5: a sync that cannot be applied")
def test_what_cannot_be_applied_is_named(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    ground.applied(ground.application(syncPolicy={}))
    done = ground.sync()
    assert (done.exit, done.code) == (1, "argo-sync-failed"), done.words
    assert "ConfigMap" in done.error["what"]
    ground.happened = "its operation failed, and names what could not be applied"
