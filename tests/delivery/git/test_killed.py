"""Whoever is killed at any call of git, and whatever a push answers: there is one commit, ever."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pointsman.delivery.git import Mode, Outcome
from pointsman.delivery.git.outcome import Patience
from pointsman.errors import PointsmanError, TemporaryError
from tests.delivery.git.ground import Ground, git, lay, untouched

TOP = Path(__file__).parents[3]
GIT = shutil.which("git")
WRAPPER = f"""#!/bin/sh
n=$(($(cat "$CALLS" 2>/dev/null || echo 0) + 1))
echo $n > "$CALLS"
echo "$n $*" >> "$CALLS.log"
case " $* " in *" $AT_WORD "*) hit=1;; *) hit=;; esac
[ "$n" = "$AT" ] && hit=1
if [ -n "$hit" ] && [ ! -e "$CALLS.hit" ]; then
  : > "$CALLS.hit"
  case "$HOW" in
    before) kill -9 $PPID; exit 1;;
    during) kill -9 $PPID; {GIT} "$@"; : > "$CALLS.done"; exit 0;;
    failed) {GIT} "$@" >/dev/null 2>&1; echo "fatal: the remote end hung up unexpectedly" >&2; exit 128;;
    away) echo "ssh: connect to host x port 22: Connection refused" >&2; exit 128;;
    stuck) exec sleep 600;;
    deaf) trap '' TERM; echo $$ > "$CALLS.new"; mv "$CALLS.new" "$CALLS.deaf"; while :; do sleep 1; done;;
    dies) kill -9 $$;;
    hangs) {GIT} "$@" >/dev/null 2>&1; exec sleep 600;;
  esac
fi
exec {GIT} "$@"
"""


@pytest.fixture
def wrapped(tmp_path: Path) -> dict[str, str]:
    """An environment in which git can be made to die."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(WRAPPER)
    (folder / "git").chmod(0o755)
    return {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "AT_WORD": "-",
        "AT": "0",
        "HOW": "",
    }


def run(root: Path, mode: Mode, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, "-m", "tests.delivery.git.deliverer", str(root), mode)
    environment = {**os.environ, **(env or {})}
    return subprocess.run(words, cwd=TOP, env=environment, capture_output=True, text=True, check=False, timeout=120)


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)


CHANGE = ("fetch", "hash-object", "read-tree", "update-index", "write-tree", "commit-tree", "push", "update-ref")
"""Calls that leave something behind. Whoever dies before any other call dies as if it were before the next of these."""


def _grounds(root: Path, mode: Mode, wrapped: dict[str, str]) -> Iterator[tuple[str, int, Ground]]:
    """A new ground for each way to die: before each call of git that leaves something behind, and while it runs."""
    first = lay(_folder(root / "whole"))
    assert run(first.root, mode, {**wrapped, "CALLS": str(first.root / "calls")}).returncode == 0
    log = (first.root / "calls.log").read_text().splitlines()
    for number, line in enumerate(log, 1):
        if any(f" {word} " in f"{line} " for word in CHANGE):
            for how in ("before", "during"):
                yield how, number, lay(_folder(root / f"{how}-{number}"))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize("mode", [Mode.PUSH, Mode.PULL_REQUEST])
def test_killed_at_any_call_of_git_and_resumed_there_is_one_commit(
    tmp_path: Path, wrapped: dict[str, str], mode: Mode
) -> None:
    for how, number, ground in _grounds(tmp_path, mode, wrapped):
        before = untouched(ground.clone)
        calls = ground.root / "calls"
        died = run(ground.root, mode, {**wrapped, "AT": str(number), "HOW": how, "CALLS": str(calls)})
        assert died.returncode == -9, (how, number, died.stderr)
        resumed = run(ground.root, mode)
        assert resumed.returncode == 0, (how, number, resumed.stderr)
        if how == "during":
            _wait_for(Path(f"{calls}.done"))
        branch = "main" if mode is Mode.PUSH else "pointsman/m-1-features"
        assert len(ground.commits(at=branch)) == 1, (how, number)
        assert b"nodes: 4" in ground.read(at=branch)
        assert resumed.stdout.split()[1] == ground.commits(at=branch)[0]
        left = {name: seen for name, seen in untouched(ground.clone).items() if "refs/pointsman/" not in name}
        assert left == before, (how, number)


@pytest.mark.parametrize("how", ["failed", "dies"])
async def test_a_push_that_ends_badly_is_looked_for_before_anything_is_said_or_done(
    ground: Ground, wrapped: dict[str, str], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    for name, value in {**wrapped, "HOW": how, "AT_WORD": "push"}.items():
        monkeypatch.setenv(name, value)
    if how == "dies":
        with pytest.raises(TemporaryError) as caught:
            await ground.deliver()
        assert caught.value.code == "git-push-unclear"
        assert "it is found, and not made twice" in caught.value.next_action
        assert ground.commits() == []
    delivered = await ground.deliver()
    assert delivered.outcome is Outcome.MADE
    assert ground.commits() == [delivered.commit]
    assert _pushes(wrapped) == (1 if how == "failed" else 2)


@pytest.mark.parametrize("word", ["fetch", "push"])
async def test_a_remote_that_is_away_for_a_moment_is_waited_for(
    ground: Ground, wrapped: dict[str, str], monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    for name, value in {**wrapped, "HOW": "away", "AT_WORD": word}.items():
        monkeypatch.setenv(name, value)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    assert (await ground.deliver(patience=Patience(sleep=sleep))).outcome is Outcome.MADE
    assert (len(pauses), _pushes(wrapped)) == (1, 2 if word == "push" else 1)


def _pushes(wrapped: dict[str, str]) -> int:
    return Path(f"{wrapped['CALLS']}.log").read_text().count(" push ")


async def _there(path: Path) -> None:
    while not path.exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    """A process that ended may still be in the table, where nobody asks for those without a parent."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_a_push_that_arrived_although_a_hook_of_the_server_failed_afterwards(ground: Ground) -> None:
    ground.hook("post-receive", "echo mirroring failed >&2; exit 1")
    assert (await ground.deliver()).outcome is Outcome.MADE


async def test_a_cancelled_delivery_ends_git_and_all_that_it_started(ground: Ground) -> None:
    pid = ground.root / "pid"
    ground.hook("pre-push", f"echo $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 600", ground.clone)
    task = asyncio.create_task(ground.deliver())
    await asyncio.wait_for(_there(pid), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _runs(int(pid.read_text()))
    assert git(ground.clone, "for-each-ref", "refs/pointsman/") == ""
    assert ground.commits() == []


async def test_an_impatient_operator_leaves_no_git_behind(
    ground: Ground, wrapped: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled again while it ends a git that does not listen: that is waited for, however often it is said."""
    for name, value in {**wrapped, "HOW": "deaf", "AT_WORD": "push"}.items():
        monkeypatch.setenv(name, value)
    task = asyncio.create_task(ground.deliver())
    pid = Path(wrapped["CALLS"] + ".deaf")
    await asyncio.wait_for(_there(pid), 30)
    deaf = psutil.Process(int(await asyncio.to_thread(pid.read_text)))
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    assert not deaf.is_running()


@pytest.mark.parametrize(("how", "pushes"), [("hangs", 1), ("stuck", 2)])
async def test_a_push_that_does_not_end_is_ended_and_looked_for_or_tried_again(
    ground: Ground, wrapped: dict[str, str], monkeypatch: pytest.MonkeyPatch, how: str, pushes: int
) -> None:
    for name, value in {**wrapped, "HOW": how, "AT_WORD": "push"}.items():
        monkeypatch.setenv(name, value)
    assert (await ground.deliver(patience=Patience(seconds=60, push=3.0))).outcome is Outcome.MADE
    assert (len(ground.commits()), _pushes(wrapped)) == (1, pushes)


async def test_a_machine_without_git_says_so(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(ground.root))
    with pytest.raises(PointsmanError) as caught:
        await ground.deliver()
    assert caught.value.code == "git-missing"
