"""Moves by an operator whose token ends every few seconds, behind a load balancer and a proxy that wants CONNECT.

With ``--soak all`` only. What every run has: credentials that are renewed, for all pairs in memory
(``test_credentials_renewed.py``), and such as end for good at any record of any pair (``test_credentials_end.py``).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pointsman.demo.reconciliation import sentence
from tests.conftest import RunningLab
from tests.move.platform import MODEL, layer_of, pointsman_in, served, status, sure
from tests.move.roads import HardRoad, road_to_the_lab
from tests.move.tenants import accounts

pytestmark = pytest.mark.lab

QUICK, SLOW = (15.0, 10.0), (60.0, 30.0)
"""Seconds that a token lives and that an idle connection does; a cloud's live for 900, and some hundred."""


def other(source: str) -> str:
    return "kserve" if source != "kserve" else "raw-vllm"


def way(road: HardRoad, kind: str) -> tuple[list[str], Mapping[str, str]]:
    """The words and the environment of a command that comes by this road."""
    if kind == "pod":
        usual = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(road.port)}
        return [], {**usual, "POINTSMAN_SERVICE_ACCOUNT": str(road.folder), "HOME": str(road.folder), "KUBECONFIG": ""}
    user: dict[str, object] = road.plugin() if kind == "plugin" else {"tokenFile": "token"}
    return ["--kubeconfig", str(road.kubeconfig(user))], {}


async def run(lab: RunningLab, road: HardRoad, kind: str, *words: str) -> tuple[int, str, str]:
    """A command to its end: exit code, what it printed, what it told."""
    program = pointsman_in(lab)
    more, environment = way(road, kind)
    process = await asyncio.create_subprocess_exec(
        *program.command(*words, *more),
        env=program.environment(dict(environment)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(400):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), err.decode()


def later(kind: str, pace: tuple[float, float], which: str) -> object:
    return pytest.param(kind, pace, marks=pytest.mark.soak, id=f"{kind}-{which}")


@pytest.mark.parametrize(
    ("kind", "pace"),
    [
        later("plugin", QUICK, "there-quickly"),
        later("plugin", SLOW, "there"),
        later("plugin", SLOW, "and-back"),
        later("tokenFile", QUICK, "there"),
        later("tokenFile", SLOW, "and-back"),
        later("pod", QUICK, "there"),
        later("pod", SLOW, "and-back"),
    ],
)
async def test_a_move_outlives_the_credentials_that_it_began_with(
    lab: RunningLab, tmp_path: Path, kind: str, pace: tuple[float, float]
) -> None:
    served(lab)
    source, model = layer_of(lab), str(sure(tmp_path))
    life, idle = pace
    hold = "1s" if pace == QUICK else "90s"
    async with road_to_the_lab(lab, tmp_path, life=life, idle=idle) as road, accounts(lab, rate=6, seed=41) as books:
        code, _, told = await run(lab, road, kind, "move", model, "--to", other(source), "--yes", "--hold", hold)
        assert code == 0, told
        await books.close()
        assert road.tokens >= 3, "it was over before its token ended"
        assert road.refused > 0 or kind != "plugin", "no token was ever refused"
        assert (road.tunnels > 0) == (kind != "pod"), "it did not come through the proxy"
    found = books.reconcile()
    assert (found.agrees, found.exact, found.failed) == (True, True, 0), sentence(found)


@pytest.mark.soak
async def test_credentials_that_end_for_good_leave_a_move_that_can_be_resumed(lab: RunningLab, tmp_path: Path) -> None:
    served(lab)
    source = layer_of(lab)
    async with road_to_the_lab(lab, tmp_path, life=3600.0, idle=10.0) as road, accounts(lab, rate=6, seed=42) as books:
        moving = asyncio.create_task(
            run(lab, road, "plugin", "move", MODEL, "--to", other(source), "--yes", "--output", "json")
        )
        while not ((move := (await asyncio.to_thread(status, lab))["move"]) and move["step"] == "shift-50"):
            assert not moving.done()
        road.lock()
        code, out, told = await moving
        assert code == 4, told
        error = json.loads(out)["error"]
        assert error["code"] == "cut-off"
        assert "does not accept the credentials" in error["what"]
        assert "pointsman resume qwen" in error["next"]
        done = await asyncio.to_thread(
            pointsman_in(lab), "resume", "qwen", "--kubeconfig", str(lab.kubeconfig), timeout=280
        )
        assert done.returncode == 0, done.stderr
        await books.close()
    found = books.reconcile()
    assert (found.agrees, found.failed) == (True, 0), sentence(found)
