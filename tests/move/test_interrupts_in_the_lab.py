"""Ctrl-C and worse, on the real program in the lab: tenants end on one layer, and the journal says how."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from pointsman.demo.reconciliation import sentence
from tests.conftest import RunningLab
from tests.docs.schemas.holding import held
from tests.move.platform import MODEL, journal, layer_of, objects, pointsman_in, served, spec_with
from tests.move.tenants import accounts

pytestmark = pytest.mark.lab


def other(source: str) -> str:
    return "kserve" if source != "kserve" else "raw-vllm"


def begin(lab: RunningLab, *words: str) -> subprocess.Popen[str]:
    program = pointsman_in(lab)
    return subprocess.Popen(
        program.command(*words, "--output", "json", "--kubeconfig", str(lab.kubeconfig)),
        env=program.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def read_until(stream: IO[str] | None, event: str, step: str) -> None:
    """Read the program's events up to this one; of any step where none is named."""
    assert stream is not None
    for line in stream:
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("event") == event and step in ("", told.get("step")):
            return
    pytest.fail(f"the program ended before {event} of {step}")


def edge_config(lab: RunningLab) -> str:
    words = ("get", "configmap", "litellm-config", "-n", "llm-gateway", "-o", "json")
    text: str = json.loads(lab.kubectl(*words).stdout)["data"]["config.yaml"]
    return text


def second_model(folder: Path) -> Path:
    """A model of its own beside the example."""
    return spec_with(
        folder,
        ("name: qwen\n", "name: second\n"),
        ("alias: qwen-local", "alias: second-local"),
        ("name: raw-vllm", "name: second"),
    )


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


async def test_ctrl_c_puts_tenants_back_and_says_so(lab: RunningLab) -> None:
    served(lab)
    async with accounts(lab, rate=6, seed=21) as books:
        await asyncio.to_thread(interrupted, lab)
    found = books.reconcile()
    assert (found.agrees, found.exact, found.failed) == (True, True, 0), sentence(found)


def interrupted(lab: RunningLab) -> None:
    source, before = layer_of(lab), objects(lab)
    with begin(lab, "move", MODEL, "--to", other(source), "--yes") as process:
        read_until(process.stderr, "step-begun", "shift-10")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    receipt = json.loads(out)
    held("receipt", receipt)
    assert receipt["state"] == "undone"
    assert [one["event"] for one in journal(lab, receipt["move"])].count("interrupted") == 1
    assert layer_of(lab) == source
    assert objects(lab) == before


def test_ctrl_c_in_the_demo_costs_its_tenants_nothing(lab: RunningLab) -> None:
    served(lab)
    source, before = layer_of(lab), objects(lab)
    with begin(lab, "demo", "--rate", "8") as process:
        read_until(process.stderr, "step-begun", "shift-10")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    told = json.loads(out)
    held("demo", told)
    assert told["interrupted"]
    assert [one["state"] for one in told["moves"]] == ["undone"]
    assert told["load"]["requests"] > 0
    assert told["load"]["lost"] == 0, told["load"]["errors"]
    assert told["reconciliation"]["exact"], told["reconciliation"]
    assert layer_of(lab) == source
    assert objects(lab) == before


def test_ctrl_c_twice_in_the_demo_leaves_a_move_that_can_be_taken_back_and_makes_no_receipt_up(lab: RunningLab) -> None:
    served(lab)
    source, before = layer_of(lab), objects(lab)
    with begin(lab, "demo", "--rate", "8") as process:
        read_until(process.stderr, "step-begun", "shift-10")
        process.send_signal(signal.SIGINT)
        read_until(process.stderr, "undo-begun", "")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    told = json.loads(out)
    held("demo", told)
    assert told["interrupted"]
    books = told["reconciliation"]  # the second one may come when all is taken back already
    assert books is None if not told["moves"] else books["agrees"], told
    taken_back = pointsman_in(lab)("rollback", "qwen", "--yes", "--kubeconfig", str(lab.kubeconfig))
    assert taken_back.returncode == 0, taken_back.stderr
    assert layer_of(lab) == source
    assert objects(lab) == before


def test_ctrl_c_in_up_takes_everything_back_the_alias_too(lab: RunningLab, tmp_path: Path) -> None:
    served(lab)
    before, config, model = objects(lab), edge_config(lab), str(second_model(tmp_path))
    known = known_models(lab)
    with begin(lab, "up", model) as process:
        read_until(process.stderr, "step-begun", "alias")
        eventually(lambda: "second-local" in edge_config(lab))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert json.loads(out)["error"]["what"] == "interrupted; what was not there before is gone again"
    assert objects(lab) == before
    assert edge_config(lab) == config
    assert known_models(lab) == known
    assert "qwen" in known


def known_models(lab: RunningLab) -> list[str]:
    """The models that the program knows of."""
    told = pointsman_in(lab)("status", "--kubeconfig", str(lab.kubeconfig), "--output", "json")
    return [one["name"] for one in json.loads(told.stdout)["models"]]


async def test_a_killed_move_is_found_refused_and_recovered(lab: RunningLab) -> None:
    served(lab)
    async with accounts(lab, rate=6, seed=22) as books:
        await asyncio.to_thread(killed, lab)
    found = books.reconcile()
    assert found.failed == 0
    assert found.agrees, sentence(found)  # not exact: what the dead process asked itself is known up to its allowance


def killed(lab: RunningLab) -> None:
    source, before = layer_of(lab), objects(lab)
    with begin(lab, "move", MODEL, "--to", other(source), "--yes") as process:
        read_until(process.stderr, "step-begun", "contract")
        process.kill()
    program, words = (
        pointsman_in(lab),
        ("move", MODEL, "--yes", "--output", "json", "--kubeconfig", str(lab.kubeconfig)),
    )
    refused = program(*words, "--to", other(source))
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"]["code"] == "move-held"
    lab.kubectl("delete", "lease", "move-qwen", "-n", "pointsman-system")
    open_move = program(*words, "--to", other(source))
    assert open_move.returncode == 1
    assert json.loads(open_move.stdout)["error"]["code"] == "move-open"
    # A move to where tenants are: after the recovery nothing is left to do, and that is said.
    recovered = program(*words, "--to", source, "--recover", timeout=200)
    assert recovered.returncode == 1
    assert json.loads(recovered.stdout)["error"]["code"] == "preflight.target-differs"
    assert layer_of(lab) == source
    assert objects(lab) == before
