"""Values of Secrets and the credentials of git are told nowhere by a move through git, however it ends.

Looked at: every object of both repositories, every object of the cluster that is no Secret and every write, the plan's
file, receipts, errors, narration in both forms, and what comes out of the processes that were started.
"""

from __future__ import annotations

import base64
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.errors import PointsmanError
from pointsman.move.control import Control
from pointsman.move.journal.requests import Verb
from pointsman.move.means import Result
from pointsman.move.plan.file import save_plan
from pointsman.move.plan.plan import Plan
from pointsman.report.lines import JsonLines, PlainLines
from pointsman.report.plan import plan_lines
from pointsman.report.text import receipt_lines
from tests.move.test_kill_everywhere import SECOND
from tests.move.test_moves_through_git import KSERVE, RAW, options, world_in
from tests.world.cluster import Write
from tests.world.edge_of_others import DEPLOYMENT
from tests.world.engine import KEY as ENGINE
from tests.world.git import GitWorld
from tests.world.git_server import USER, GitServer, serving
from tests.world.proxy import KEY as MASTER
from tests.world.virtual import run_virtually

PASSWORD = "canary-of-git-0123"
HOW = ("in the address", "asked for")


class Told:
    """All that was told, by where."""

    def __init__(self, world: GitWorld) -> None:
        self.world, self.places = world, dict[str, str]()
        self.writes: list[str] = []
        before = world.cluster.before

        def written(write: Write) -> None:
            if write.ref.kind.name != "Secret" and write.ref != DEPLOYMENT:
                self.writes.append(json.dumps(write.body, default=str))
            before(write)

        world.cluster.before = written

    def plan(self, file: Path) -> None:
        """A plan in a file, and in words."""

        async def made() -> Plan:
            return await self.world.conductor().plan(self.world.model, "kserve", options())

        plan = run_virtually(made())
        save_plan(file, self.world.model.model_dump(mode="json"), plan, options())
        self.places["the plan"] = "\n".join([file.read_text(), *plan_lines(plan.as_dict())])

    def result(self, result: Result) -> None:
        """How a move ended."""
        lines = "\n".join(receipt_lines(result.receipt))
        self.places[f"receipt {len(self.places)}"] = json.dumps(result.receipt, default=str) + lines
        if result.error is not None:
            self.error(result.error)

    def error(self, error: PointsmanError) -> None:
        """What went wrong."""
        self.places[f"error {len(self.places)}"] = f"{error} {error!r} {json.dumps(error.as_dict(), default=str)}"

    def found(self) -> Iterator[str]:
        """Where a secret value was told."""
        plain, lines = io.StringIO(), io.StringIO()
        for happening in self.world.seen.happenings:
            PlainLines(plain).tell(happening)
            JsonLines(lines).tell(happening)
        # The Deployment of this world has the engine's key in its environment, as some people write it.
        kept = {
            ref: one
            for ref, one in self.world.cluster.objects.items()
            if ref.kind.name != "Secret" and ref != DEPLOYMENT
        }
        places = {
            **self.places,
            "narration": plain.getvalue() + lines.getvalue(),
            "writes": "\n".join(self.writes),
            "the cluster": json.dumps([str(one) for one in kept.values()]),
            "the remote": _objects(self.world.bare),
            "the clone": _objects(self.world.clone),
        }
        assert all(places.values()), [place for place, text in places.items() if not text]
        for secret in (ENGINE, MASTER, PASSWORD):
            for form in (secret, base64.b64encode(secret.encode()).decode()):
                yield from (f"{secret} is in {place}" for place, text in places.items() if form in text)


def _objects(repository: Path) -> str:
    """Every object, reachable or not, and the names of refs."""
    words = (("cat-file", "--batch-all-objects", "--batch"), ("for-each-ref",))
    done = (subprocess.run(["git", *one], cwd=repository, capture_output=True, check=True) for one in words)
    return "".join(one.stdout.decode(errors="replace") for one in done)


class Guarded:
    """A platform whose remote asks for a password."""

    def __init__(self, world: GitWorld, server: GitServer) -> None:
        self.world, self.server = world, server


@pytest.fixture(params=HOW)
def guarded(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    """Whoever works in the clone has the password."""
    made = world_in(tmp_path)
    made.git("--git-dir", str(made.bare), "config", "http.receivepack", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    with serving(tmp_path, PASSWORD) as server:
        user = USER
        if request.param == HOW[0]:
            user = f"{USER}:{PASSWORD}"
        else:
            askpass = tmp_path / "askpass"
            askpass.write_text('#!/bin/sh\necho "$CANARY"\n')
            askpass.chmod(0o700)
            monkeypatch.setenv("GIT_ASKPASS", str(askpass))
            monkeypatch.setenv("CANARY", PASSWORD)
        made.git("remote", "set-url", "origin", f"http://{user}@{server.host}/platform.git")
        yield Guarded(made, server)
        assert server.let_in > 8


def test_a_whole_move_and_its_plan_tell_no_secret(guarded: Guarded, tmp_path: Path) -> None:
    world = guarded.world
    told = Told(world)
    told.plan(tmp_path / "plan.json")
    told.result(move(world))
    assert world.in_git() == {KSERVE: 100}
    assert list(told.found()) == []


def refused_with_words(guarded: Guarded) -> None:
    """The server's hook repeats what it was told, as careless ones do."""
    hook = guarded.world.bare / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\necho 'no: https://{USER}:{PASSWORD}@git.example.com may not push' >&2\nexit 1\n")
    hook.chmod(0o755)


def password_over(guarded: Guarded) -> None:
    """The password that everybody has is not taken any more."""
    guarded.server.password = "another"


def away(guarded: Guarded) -> None:
    """Nobody listens where the remote was."""
    world = guarded.world
    url = world.git("config", "remote.origin.url").replace(guarded.server.host, "127.0.0.1:9")
    world.git("remote", "set-url", "origin", url)


@pytest.mark.parametrize("trouble", [refused_with_words, password_over, away], ids=lambda one: str(one.__name__))
def test_a_move_that_git_fails_in_its_middle_tells_no_secret(
    guarded: Guarded, trouble: Callable[[Guarded], None]
) -> None:
    world = guarded.world
    told, url = Told(world), world.git("config", "remote.origin.url")
    argo = world.cluster.after

    def after(write: Write) -> None:
        argo(write)
        if len(world.marks()) == 1 and '"event":"intent"' not in str(write.body):
            trouble(guarded)

    world.cluster.after = after
    result = move(world)
    assert result.error is not None
    told.result(result)
    world.cluster.after = argo
    (world.bare / "hooks" / "pre-receive").unlink(missing_ok=True)
    guarded.server.password = PASSWORD
    world.git("remote", "set-url", "origin", url)
    if not result.receipt["closed"]:
        told.result(run_virtually(_rolled_back(world)))
    assert world.in_git() == {RAW: 100}
    assert list(told.found()) == []


def move(world: GitWorld) -> Result:
    return run_virtually(_moved(world))


async def _moved(world: GitWorld) -> Result:
    return await world.conductor().move(world.model, "kserve", options())


async def _rolled_back(world: GitWorld) -> Any:
    return await Control(world.conductor(SECOND)).ask(Verb.ROLLBACK, "qwen")
