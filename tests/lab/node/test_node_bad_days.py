"""The node's own bad days, in a lab of its own: killed, ended, or asked for an engine that is not there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.errors import LabError
from pointsman.lab.config import LabConfig
from pointsman.lab.node.programs import write_programs
from tests.conftest import START_SECONDS, Pointsman, RunningLab
from tests.lab.node.pods import Space, first, is_ready, pod

STAYS = ["sh", "-c", "echo up; sleep 3456.7 & wait"]


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Space]:
    state = Path(tempfile.mkdtemp(prefix="pointsman-"))
    program = Pointsman(state)
    try:
        started = program("lab", "up", "--nodes", "2", timeout=START_SECONDS)
        assert started.returncode == 0, started.stderr
        running = RunningLab(LabConfig.load(state / "labs" / "default"))
        running.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=20s")
        yield Space(running, "default")
    finally:
        program("lab", "down", "--purge")
        shutil.rmtree(state, ignore_errors=True)


def node_process(home: Path) -> int:
    found = subprocess.run(
        ["pgrep", "-f", f"pointsman.lab.node {home}$"], capture_output=True, text=True, check=True
    ).stdout.split()
    return int(found[0])


def processes(words: str) -> list[str]:
    return subprocess.run(["pgrep", "-f", words], capture_output=True, text=True, check=False).stdout.split()


@pytest.mark.lab
def test_each_node_runs_its_own_pods_and_answers_for_their_logs(two_nodes: Space) -> None:
    for name in ("lab-0", "lab-1"):
        two_nodes.apply(pod(f"on-{name}", {"command": ["sh", "-c", "echo here; sleep 600"]}, nodeName=name))
    for index, name in enumerate(("lab-0", "lab-1")):
        found = two_nodes.until_ready(f"on-{name}")
        assert found["status"]["hostIP"] == two_nodes.lab.config.announced(253, index + 1)
        two_nodes.until_logged(f"on-{name}", "here")


@pytest.mark.lab
def test_after_a_kill_pods_start_again_and_strays_are_gone(two_nodes: Space) -> None:
    two_nodes.apply(
        pod("stays", {"command": STAYS}),
        pod("done", {"command": ["sh", "-c", "echo done"]}, restartPolicy="Never"),
    )
    before = two_nodes.until_ready("stays")
    two_nodes.until("done", lambda found: found["status"]["phase"] == "Succeeded")
    pids = processes("sleep 3456.7")
    os.kill(node_process(two_nodes.lab.config.home), signal.SIGKILL)
    found = two_nodes.until("stays", lambda found: first(found)["restartCount"] == 1 and is_ready(found))
    assert first(found)["lastState"]["terminated"]["reason"] == "Unknown"
    assert found["status"]["podIP"] == before["status"]["podIP"]
    assert not set(pids) & set(processes("sleep 3456.7"))
    assert first(two_nodes.until("done", lambda _found: True))["restartCount"] == 0
    assert two_nodes.kubectl("logs", "done") == "done\n"
    two_nodes.kubectl("delete", "pod", "stays", "done")


@pytest.mark.lab
def test_an_ended_node_leaves_no_container_behind(two_nodes: Space) -> None:
    two_nodes.apply(pod("ends", {"command": ["sh", "-c", "trap '' TERM; sleep 4567.8 & wait; wait"]}))
    two_nodes.until_ready("ends")
    pids = set(processes("sleep 4567.8"))
    assert pids
    began = time.monotonic()
    os.kill(node_process(two_nodes.lab.config.home), signal.SIGTERM)
    while pids & set(processes("sleep 4567.8")):
        assert time.monotonic() - began < 8
        time.sleep(0.05)


def test_a_real_engine_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ports = {"proxy": 1, "apiserver": 2}
    config = LabConfig(name="x", home=tmp_path, octet=9, ports=ports, engine="real")
    with pytest.raises(LabError) as refused:
        write_programs(config)
    assert refused.value.code == "lab-no-vllm"
    assert "install vllm" in refused.value.next_action


def test_a_real_engine_is_found_where_it_is_named_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_VLLM", "/opt/other env/bin/vllm")
    config = LabConfig(name="x", home=tmp_path, octet=9, ports={"proxy": 1, "apiserver": 2}, engine="real")
    write_programs(config)
    assert "exec '/opt/other env/bin/vllm' \"$@\" --host" in (config.bin / "vllm").read_text("utf-8")
