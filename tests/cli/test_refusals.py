"""What the command line and the spec alone rule out is refused before any cluster is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import ROOT, SPEC, run

ABSENT = ("--kubeconfig", "/nope/kubeconfig")
"""A kubeconfig that is told to be missing as soon as somebody wants to ask a cluster."""
PLAN, MOVE = ("plan", SPEC), ("move", SPEC, "--yes")


@pytest.mark.parametrize("command", [PLAN, MOVE], ids=" ".join)
@pytest.mark.parametrize(
    ("words", "exit_code", "code", "said"),
    [
        (("--to", "nonsense"), 2, "layer-unknown", "raw-vllm, kserve, llm-d"),
        (("--to", ""), 2, "layer-unknown", "raw-vllm, kserve, llm-d"),
        (("--strategy", "gap"), 1, "preflight.room", "which needs --allow-downtime"),
        (("--strategy", "bridge"), 1, "preflight.room", "no third layer is declared (spec.move.bridge)"),
        (("--strategy", "replica-by-replica"), 1, "preflight.room", "it takes two replicas or more"),
        (("--strategy", "side-by-side", "--allow-downtime", "90s"), 2, "usage", "keeps tenants served"),
        (("--hold", "inf"), 2, "usage", "--hold: 'inf' is no duration"),
        (("--hold", "nan"), 2, "usage", "--hold: 'nan' is no duration"),
        (("--hold=-1",), 2, "usage", "give 90s, 1h30m, or bare seconds"),
        (("--hold", "9" * 400), 2, "usage", "is no duration"),
        (("--ready-timeout", "0.5s"), 2, "usage", "give 1s or more"),
    ],
)
def test_options_that_make_no_sense_cost_no_call(
    command: tuple[str, ...], words: tuple[str, ...], exit_code: int, code: str, said: str
) -> None:
    target = () if "--to" in words else ("--to", "kserve")
    done = run(*command, *target, *words, *ABSENT)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert done.stderr.startswith(f"error [{code}]")
    assert said in done.stderr


def test_a_dry_run_refuses_the_same() -> None:
    done = run(*MOVE, "--dry-run", "--to", "kserve", "--strategy", "gap", *ABSENT)
    assert done.stderr.startswith("error [preflight.room]")


@pytest.mark.parametrize("word", ["5m", "90s", "1h30m", "2.5", "90"])
def test_every_time_is_a_duration(word: str) -> None:
    names = ("--hold", "--ready-timeout", "--drain-timeout", "--roll-timeout", "--allow-downtime", "--merge-timeout")
    done = run(*MOVE, "--to", "kserve", *(part for name in names for part in (name, word)), *ABSENT)
    assert done.stderr.startswith("error [kubeconfig-invalid]"), done.stderr


def test_help_shows_how_a_duration_is_given() -> None:
    told = " ".join(run("move", "--help").stdout.replace("│", " ").split())
    assert told.count("DURATION") == 6
    assert "warm after the shift: 90s, 1h30m, or bare seconds." in told


def test_where_the_spec_says_a_model_was_brought_up_it_may_go_back_to() -> None:
    done = run(*MOVE, "--to", "raw-vllm", *ABSENT)
    assert done.stderr.startswith("error [kubeconfig-invalid]")


@pytest.mark.parametrize("file", ["/nope/x.json", ".", "/proc/x.json"])
def test_a_plan_that_cannot_be_kept_is_not_made(file: str) -> None:
    done = run(*PLAN, "--to", "kserve", "-o", file, *ABSENT)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error [plan-unwritable] at {file}: the plan cannot be written")


def test_looking_whether_a_plan_can_be_kept_leaves_no_trace(tmp_path: Path) -> None:
    run(*PLAN, "--to", "kserve", "-o", str(tmp_path / "plan.json"), *ABSENT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["json", "yaml", "text"])
def test_a_format_is_not_taken_for_a_plans_file(name: str) -> None:
    done = run(*PLAN, "--to", "kserve", "-o", name, *ABSENT)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--output json" in done.stderr
    assert not (ROOT / name).exists()


@pytest.mark.parametrize(
    "command",
    ["render", "status", "receipt", "history", "up", "plan", "move", "pause", "promote", "resume", "rollback", "abort"],
)
def test_an_empty_name_is_refused(command: str) -> None:
    target = ("--to", "kserve") if command in ("plan", "move") else ()
    done = run(command, "", *target, "--output", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["what"] == "the name given is empty"
