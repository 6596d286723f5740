"""The lab that the tests share: one per run, in a state directory of its own, taken down at the end.

``POINTSMAN_TEST_LAB`` names a lab that runs already (its name, or its home directory); it is used and left alone.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pointsman.lab.config import LabConfig
from pointsman.lab.paths import lab_home
from pointsman.lab.toolchain import ensure_toolchain
from tests.forked import may_fork, run_forked
from tests.workers import Workers, in_order

# A run in the background of a shell script inherits an ignored SIGINT, and so would every program that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)
# So does one under nohup with SIGHUP.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# Whoever ends a run by SIGTERM wants its lab to end with it.
signal.signal(signal.SIGTERM, signal.default_int_handler)

START_SECONDS = 1800
"""Enough for a first build of the toolchain on two cores; a warm start takes seconds."""


GUARD = """import os, shutil, subprocess, sys
sys.stdin.read()
subprocess.run(sys.argv[1:])
shutil.rmtree(os.environ["POINTSMAN_STATE"], ignore_errors=True)"""
"""Ends the lab when the process that started this is gone, however it ended: a worker of xdist is just killed."""


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab that is ready."""

    config: LabConfig

    @property
    def kubeconfig(self) -> Path:
        return self.config.kubeconfig

    def kubectl(
        self, *arguments: str, given: str = "", check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl against the lab. ``given`` is its standard input."""
        command = [
            ensure_toolchain().tool("kubectl"),
            f"--kubeconfig={self.kubeconfig}",
            f"--cache-dir={self.config.run / 'kubectl'}",
            *arguments,
        ]
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=timeout, check=False, umask=0o077
        )
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done


@dataclass(frozen=True, slots=True)
class Pointsman:
    """The program as a user runs it, with a state directory of its own."""

    state: Path
    folder: Path | None = None
    """Where it is run; None: where the tests are."""

    def __call__(
        self, *words: str, timeout: float = 120, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command line to its end."""
        environment = self.environment(env)
        if words[:1] != ("lab",) and may_fork(env or {}):
            return run_forked(words, environment, self.folder or Path.cwd(), timeout)
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def command(self, *words: str) -> list[str]:
        """The arguments that start the program."""
        return [sys.executable, "-c", "from pointsman.cli.main import main; main()", *words]

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """The environment it runs in."""
        return os.environ | {"POINTSMAN_STATE": str(self.state)} | (more or {})


@pytest.fixture(scope="session")
def state_directory() -> Iterator[Path]:
    """A short directory: Unix sockets lie below it."""
    directory = Path(tempfile.mkdtemp(prefix="pointsman-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def lab(state_directory: Path) -> Iterator[RunningLab]:
    """The shared lab."""
    with brought_up(state_directory, "POINTSMAN_TEST_LAB") as found:
        yield found


@pytest.fixture(scope="session")
def git_lab() -> Iterator[RunningLab]:
    """The lab that has Argo CD and a git repository besides, for the tests that need them."""
    state = Path(tempfile.mkdtemp(prefix="pointsman-"))
    try:
        with brought_up(state, "POINTSMAN_TEST_GIT_LAB", "--gitops") as found:
            yield found
    finally:
        shutil.rmtree(state, ignore_errors=True)


@contextmanager
def brought_up(state_directory: Path, variable: str, *words: str) -> Iterator[RunningLab]:
    """A lab from here to the end of the block, or the one that runs already and that this variable names."""
    if named := os.environ.get(variable, ""):
        yield RunningLab(LabConfig.load(Path(named) if "/" in named else lab_home(named)))
        return
    pointsman = Pointsman(state_directory)
    guard = subprocess.Popen(
        [sys.executable, "-c", GUARD, *pointsman.command("lab", "down", "--purge")],
        env=pointsman.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        started = pointsman("lab", "up", *words, timeout=START_SECONDS)
        assert started.returncode == 0, started.stderr
        yield RunningLab(LabConfig.load(state_directory / "labs" / "default"))
    finally:
        stopped = pointsman("lab", "down", "--purge")
        assert stopped.returncode == 0, stopped.stderr
        guard.communicate(timeout=60)


SAMPLES = {
    "faults": ("tests/faults/test_faults_in_the_lab.py", 1),
    "soak": ("tests/soak/test_soak.py", 0),
    "traps": ("tests/traps/", 6),
    "checks": ("tests/checks/live/", 1000),
}
"""Sweeps, and how many of their tests a run has that does not ask for all."""


def pytest_addoption(parser: pytest.Parser) -> None:
    for sweep in SAMPLES:
        parser.addoption(f"--{sweep}", choices=("sample", "all"), default="sample", help=f"how much of the {sweep}")
        parser.addoption(f"--{sweep}-seed", type=int, default=4, help="of the sample")
        parser.addoption(f"--{sweep}-part", default="1/1", metavar="K/N", help="only the K-th of N parts")
    parser.addoption("--gitops-faults", action="store_true", help="every trap; write docs/gitops-faults.md")


@contextmanager
def undisturbed() -> Iterator[None]:
    """While this lasts, no other worker begins a test that has a lab: two cores do not carry that beside a busy one."""
    with _gate(fcntl.LOCK_EX):
        yield


def _may_step_forward() -> bool:
    """May this process take its place among others again, once it has left the processor to them?

    A thread tries it, and ends: whoever may not would stay behind for ever.
    """
    with ThreadPoolExecutor(1) as one:
        return one.submit(_steps).result()


def _steps() -> bool:
    idle, usual = (os.SCHED_IDLE, os.sched_param(0)), (os.sched_getscheduler(0), os.sched_getparam(0))
    try:
        os.sched_setscheduler(0, *idle)
        os.sched_setscheduler(0, *usual)
    except OSError:
        return False
    return True


MAY_STEP_BACK = hasattr(os, "SCHED_IDLE") and _may_step_forward()


def _schedule(policy: int) -> None:
    """Of every thread: each has a policy of its own."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):
            os.sched_setscheduler(int(thread), policy, os.sched_param(0))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What has a lab waits until nobody asks to be undisturbed; what has none goes behind what has one."""
    has_lab = item.get_closest_marker("lab") is not None
    if MAY_STEP_BACK:
        _schedule(os.SCHED_OTHER if has_lab else os.SCHED_IDLE)
    if has_lab:
        with _gate(fcntl.LOCK_SH):
            pass


@contextmanager
def _gate(how: int) -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / f"pointsman-tests-{os.getuid()}.lock").open("w") as gate:
        fcntl.flock(gate, how)
        yield


def pytest_report_header(config: pytest.Config) -> str:
    said = (
        f"{sweep}: {config.getoption(f'--{sweep}')}, seed {config.getoption(f'--{sweep}-seed')}" for sweep in SAMPLES
    )
    return "; ".join(said)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Samples of the sweeps; and an order in which two workers do not disturb each other's moves."""
    _sample(config, items)
    items.sort(key=lambda item: in_order(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Workers | None:
    """Files by what they need."""
    return Workers(config, log) if config.getoption("dist") == "loadfile" else None


def _sample(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of each sweep a sample by seed, unless all are asked for or tests are chosen by name."""
    if any("::" in word for word in config.args) or config.option.keyword:
        return
    for sweep, (file, count) in SAMPLES.items():
        if config.getoption(f"--{sweep}") == "all":
            continue
        found = [item for item in items if file in item.nodeid]
        kept = random.Random(config.getoption(f"--{sweep}-seed")).sample(found, min(count, len(found)))
        _drop(config, items, [item for item in found if item not in kept])
        _drop(config, items, [item for item in items if item.get_closest_marker(sweep)])
    if not config.getoption("--gitops-faults"):
        _drop(config, items, [item for item in items if _has_twin(item)])


def _has_twin(item: pytest.Item) -> bool:
    """A trap on the real Argo CD that is a test in memory too: our part of it is seen there in every run."""
    marked = item.get_closest_marker("trap")
    return marked is not None and "twin" in marked.kwargs


def _drop(config: pytest.Config, items: list[pytest.Item], dropped: list[pytest.Item]) -> None:
    items[:] = [item for item in items if item not in dropped]
    config.hook.pytest_deselected(items=dropped)
