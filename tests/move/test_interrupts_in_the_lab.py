"""Ctrl-C and worse, on the real program in the lab: tenants end on one layer, and the journal says how."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import IO

import pytest

from tests.conftest import RunningLab
from tests.move.platform import MODEL, journal, layer_of, objects, pointsman_in, served

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
    """Read the program's events up to this one."""
    assert stream is not None
    for line in stream:
        told = json.loads(line) if line.startswith("{") else {}
        if (told.get("event"), told.get("step")) == (event, step):
            return
    pytest.fail(f"the program ended before {event} of {step}")


def test_ctrl_c_puts_tenants_back_and_says_so(lab: RunningLab) -> None:
    served(lab)
    source, before = layer_of(lab), objects(lab)
    with begin(lab, "move", MODEL, "--to", other(source), "--yes") as process:
        read_until(process.stderr, "step-begun", "shift-10")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    receipt = json.loads(out)
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
    assert told["interrupted"]
    assert [one["state"] for one in told["moves"]] == ["undone"]
    assert told["load"]["requests"] > 0
    assert told["load"]["lost"] == 0, told["load"]["errors"]
    assert layer_of(lab) == source
    assert objects(lab) == before


def test_a_killed_move_is_found_refused_and_recovered(lab: RunningLab) -> None:
    served(lab)
    source, before = layer_of(lab), objects(lab)
    with begin(lab, "move", MODEL, "--to", other(source), "--yes") as process:
        read_until(process.stderr, "step-begun", "contract")
        process.kill()
    program, words = (
        pointsman_in(lab),
        ("move", MODEL, "--yes", "--output", "json", "--kubeconfig", str(lab.kubeconfig)),
    )
    held = program(*words, "--to", other(source))
    assert held.returncode == 1
    assert json.loads(held.stdout)["error"]["code"] == "move-held"
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
