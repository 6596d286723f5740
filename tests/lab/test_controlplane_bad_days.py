"""A lab's own lifecycle when things go wrong, in labs of its own, apart from the shared one.

Tests that leave a lab as they found it have one together, in an order that starts it seldom; the others begin with an
empty state directory.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pointsman.lab.config import LabConfig
from pointsman.lab.strays import marked_processes
from tests.conftest import START_SECONDS, Pointsman, RunningLab
from tests.docs.schemas.holding import held

pytestmark = pytest.mark.lab

KEPT = """{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "serving"}}"""


@contextmanager
def state_of_its_own() -> Iterator[Pointsman]:
    state = Path(tempfile.mkdtemp(prefix="pointsman-"))
    program = Pointsman(state)
    yield program
    for home in (state / "labs").glob("*"):
        program("lab", "down", "--name", home.name)
        assert list(marked_processes(home)) == []
    shutil.rmtree(state)


@pytest.fixture
def pointsman() -> Iterator[Pointsman]:
    """The program with an empty state directory; every lab in it is ended afterwards."""
    with state_of_its_own() as program:
        yield program


@pytest.fixture(scope="module")
def shared() -> Iterator[Pointsman]:
    """The program with a lab that was started once; whether it runs is a test's own business."""
    with state_of_its_own() as program:
        yield program


@pytest.fixture
def running(shared: Pointsman) -> Pointsman:
    """The shared lab runs, with a configmap in it."""
    keep(start(shared))
    return shared


@pytest.fixture
def stopped(shared: Pointsman) -> Pointsman:
    """The shared lab was started before, has a configmap in it, and does not run."""
    if not home(shared).exists():
        keep(start(shared))
    if status(shared)["phase"] != "stopped":
        assert shared("lab", "down").returncode == 0
    return shared


def home(pointsman: Pointsman, name: str = "default") -> Path:
    return pointsman.state / "labs" / name


def start(pointsman: Pointsman, *words: str) -> dict[str, Any]:
    done = pointsman("lab", "up", "--output", "json", *words, timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    held("lab", found)
    return found


def status(pointsman: Pointsman, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pointsman("lab", "status", "--output", "json", *words).stdout)
    held("lab", found)
    return found


def kubectl(found: dict[str, Any], *arguments: str, given: str = "") -> str:
    return RunningLab(LabConfig.load(Path(found["home"]))).kubectl(*arguments, given=given).stdout


def keep(found: dict[str, Any]) -> None:
    """Write something that must be there as long as the lab's data are."""
    kubectl(found, "apply", "--server-side", "-f", "-", given=KEPT)


def kept(found: dict[str, Any]) -> bool:
    return "kept" in kubectl(found, "get", "configmap", "--namespace=serving")


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_two_starts_at_once_make_one_lab(shared: Pointsman) -> None:
    assert not home(shared).exists() or shared("lab", "down").returncode == 0
    command, environment = shared.command("lab", "up", "--output", "json"), shared.environment()
    with (
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as two,
    ):
        answers = [json.loads(process.communicate(timeout=120)[0]) for process in (one, two)]
    assert sorted(answer["started"] for answer in answers) == [False, True]
    assert answers[0]["supervisor"] == answers[1]["supervisor"]


def test_up_twice_says_that_it_runs_already(running: Pointsman) -> None:
    first = status(running)
    again = running("lab", "up")
    assert again.returncode == 0
    assert "runs already" in again.stdout
    assert status(running)["supervisor"] == first["supervisor"]


def test_up_with_other_wishes_while_it_runs_is_refused_with_the_way_out(running: Pointsman) -> None:
    refused = running("lab", "up", "--gpus", "8")
    assert refused.returncode == 2
    assert "lab-runs" in refused.stderr
    assert "pointsman lab down" in refused.stderr


def test_a_process_that_dies_is_started_again(running: Pointsman) -> None:
    def scheduler() -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in status(running)["processes"] if one["name"] == "scheduler")
        return found

    before = scheduler()
    os.kill(before["pid"], signal.SIGKILL)
    eventually(lambda: scheduler()["restarts"] == before["restarts"] + 1 and scheduler()["ready"])
    assert scheduler()["pid"] != before["pid"]
    assert "scheduler ended with code -9" in (home(running) / "logs" / "supervisor.log").read_text()


def test_a_killed_supervisor_takes_everything_along_and_up_comes_back_with_the_data(running: Pointsman) -> None:
    os.kill(status(running)["supervisor"], signal.SIGKILL)
    eventually(lambda: list(marked_processes(home(running))) == [])
    assert status(running)["phase"] == "stopped"
    assert kept(start(running))


def test_down_leaves_no_process(running: Pointsman) -> None:
    assert len(list(marked_processes(home(running)))) >= 7
    assert running("lab", "down").returncode == 0
    assert list(marked_processes(home(running))) == []


def test_ctrl_c_during_the_start_leaves_no_process(stopped: Pointsman) -> None:
    with subprocess.Popen(
        stopped.command("lab", "up"), env=stopped.environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if "etcd is ready" in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(marked_processes(home(stopped))) == []
    assert status(stopped)["phase"] == "stopped"


def test_a_start_that_fails_shows_the_last_words_of_the_process_and_cleans_up(
    stopped: Pointsman, tmp_path: Path
) -> None:
    log = home(stopped) / "etcd" / "member" / "wal"
    shutil.copytree(log, tmp_path / "wal")
    for file in log.iterdir():
        file.write_bytes(b"this is not a write-ahead log")
    failed = stopped("lab", "up")
    shutil.rmtree(log)
    shutil.copytree(tmp_path / "wal", log)
    assert failed.returncode == 2
    assert failed.stderr.startswith("error [lab-start] at "), failed.stderr
    assert "etcd.log: etcd ended with exit code" in failed.stderr
    assert "wal" in failed.stderr
    assert list(marked_processes(home(stopped))) == []


def test_the_next_start_has_the_data_ends_what_was_left_behind_and_replaces_a_port_that_somebody_took(
    stopped: Pointsman,
) -> None:
    before = LabConfig.load(home(stopped))
    marked = stopped.environment({"POINTSMAN_LAB": str(home(stopped))})
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=marked) as stray,
        socket.create_server(("127.0.0.1", before.ports["apiserver"])),
    ):
        try:
            eventually(lambda: stray.pid in set(marked_processes(home(stopped))))
            said = stopped("lab", "up", "--output", "json", timeout=START_SECONDS)
            assert "left behind" in said.stderr
            assert stray.wait(timeout=10) == -signal.SIGKILL
        finally:
            stray.kill()
    after = json.loads(said.stdout)
    assert after["ports"]["apiserver"] != before.ports["apiserver"]
    assert after["ports"]["etcd"] == before.ports["etcd"]
    assert after["kubeconfig"] == str(before.kubeconfig)
    assert kept(after)


@pytest.mark.soak
def test_two_labs_run_side_by_side_and_the_purge_of_one_leaves_the_other(pointsman: Pointsman) -> None:
    one, two = start(pointsman, "--name", "one"), start(pointsman, "--name", "two")
    assert one["addresses"] != two["addresses"]
    assert set(one["ports"].values()).isdisjoint(two["ports"].values())
    kubectl(one, "create", "namespace", "only-in-one")
    assert "only-in-one" not in kubectl(two, "get", "namespaces")
    assert pointsman("lab", "down", "--name", "one", "--purge").returncode == 0
    assert list(marked_processes(home(pointsman, "one"))) == []
    assert not home(pointsman, "one").exists()
    assert all(process["ready"] for process in status(pointsman, "--name", "two")["processes"])


def test_a_state_directory_too_long_for_a_socket_is_a_sentence(tmp_path: Path) -> None:
    refused = Pointsman(tmp_path / ("deep" * 30))("lab", "up")
    assert refused.returncode == 2
    assert "too long for a Unix socket" in refused.stderr


def test_a_name_that_cannot_be_one_is_refused(pointsman: Pointsman) -> None:
    refused = pointsman("lab", "up", "--name", "Not_A_Name")
    assert refused.returncode == 2
    assert "lowercase letters" in refused.stderr


def test_status_of_a_lab_that_does_not_exist_names_those_that_do(pointsman: Pointsman) -> None:
    done = pointsman("lab", "status", "--name", "nowhere")
    assert done.returncode == 2
    assert "there is no lab called 'nowhere'" in done.stderr


@pytest.mark.soak
def test_add_ons_of_another_version_are_installed_again_and_the_data_stays(running: Pointsman) -> None:
    kubectl(status(running), "delete", "storageclass", "standard")
    running("lab", "down")
    (home(running) / "add-ons").write_text("those of yesterday")
    again = start(running)
    assert "standard" in kubectl(again, "get", "storageclass")
    assert kept(again)


def test_a_lab_whose_description_is_damaged_can_be_removed_as_the_error_says(pointsman: Pointsman) -> None:
    broken = home(pointsman, "broken")
    broken.mkdir(parents=True)
    (broken / "lab.json").write_text('{"name": "bro')
    for words in (("status",), ("down",)):
        refused = pointsman("lab", *words, "--name", "broken")
        assert (refused.returncode, "lab-unreadable" in refused.stderr) == (2, True), refused.stderr
        assert "pointsman lab down --name broken --purge" in refused.stderr
    assert pointsman("lab", "down", "--name", "broken", "--purge").returncode == 0
    assert not broken.exists()


@pytest.mark.parametrize("verb", ["up", "status", "down"])
def test_a_name_that_leaves_the_folder_of_labs_is_refused(pointsman: Pointsman, verb: str) -> None:
    victim = pointsman.state / "victim"
    victim.mkdir()
    (victim / "lab.json").write_text("{}")
    refused = pointsman("lab", verb, "--name", "../victim", *(["--purge"] if verb == "down" else []))
    assert (refused.returncode, "cannot be a lab's name" in refused.stderr) == (2, True), refused.stderr
    assert (victim / "lab.json").exists()


FULL_DISK = """
set -e
mount -t tmpfs -o size=160m none "$POINTSMAN_STATE"
lab() { "$PYTHON" -c 'from pointsman.cli.main import main; main()' lab "$@"; }
lab up
lab down
for room in 0 40; do
    available=$(df --output=avail -k "$POINTSMAN_STATE" | tail -1)
    head -c $(((available - room) * 1024)) /dev/zero > "$POINTSMAN_STATE/filler"
    lab up 2>&3 > /dev/null && code=0 || code=$?
    echo "$room: $code"
    rm "$POINTSMAN_STATE/filler"
done 3>&1
lab up
lab down
"""


@pytest.mark.soak
def test_a_full_disk_is_told_wherever_it_is_met_and_the_lab_starts_again_when_there_is_room(
    pointsman: Pointsman,
) -> None:
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False, timeout=60).returncode:
        pytest.skip("a file system of one's own needs user namespaces")
    environment = pointsman.environment({"PYTHON": sys.executable})
    done = subprocess.run(
        [*apart, "bash", "-c", FULL_DISK], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("error [lab-disk-full]") == 2, done.stdout + done.stderr
    assert done.stdout.count("point POINTSMAN_STATE at another disk") == 2
    assert [line for line in done.stdout.splitlines() if line.endswith(": 2")] == ["0: 2", "40: 2"]
    assert list(marked_processes(home(pointsman))) == []


def test_a_state_directory_that_cannot_be_written_is_a_sentence(pointsman: Pointsman) -> None:
    (pointsman.state / "labs").write_text("a file where a directory should be")
    refused = pointsman("lab", "up")
    (pointsman.state / "labs").unlink()
    assert refused.returncode == 2
    assert "lab-storage" in refused.stderr
    assert "POINTSMAN_STATE" in refused.stderr


@pytest.mark.usefixtures("stopped")  # so the tools and the snapshot are there
@pytest.mark.soak
def test_labs_that_start_at_the_same_moment_find_addresses_of_their_own(pointsman: Pointsman) -> None:
    names = ("left", "right")
    started = [
        subprocess.Popen(
            pointsman.command("lab", "up", "--name", name),
            env=pointsman.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    told = [process.communicate(timeout=START_SECONDS)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    octets = {LabConfig.load(home(pointsman, name)).octet for name in names}
    assert len(octets) == 2
