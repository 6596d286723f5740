"""Ctrl-C, SIGTERM and a closed terminal: an error with a code and a next step, and the exit code of the signal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import ROOT, SPEC, START, ended, run
from tests.move.test_control_commands import died
from tests.parking.test_command_line import live
from tests.world.world import World

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
SAYS = {
    ("status",): "nothing was changed",
    ("history",): "nothing was changed",
    ("receipt",): "nothing was changed",
    ("doctor",): "nothing was changed",
    ("plan", SPEC, "--to", "kserve"): "nothing was changed",
    ("up", SPEC): "interrupted before anything was changed",
    ("move", SPEC, "--to", "kserve", "--yes"): "before the move's first step; nothing was changed",
    ("move", SPEC, "--to", "kserve", "--yes", "--recover"): "an open one may have been ended before that",
    ("resume", "qwen"): "before the move was reached; nothing was changed",
    ("rollback", SPEC, "--yes"): "before the move was reached; nothing was changed",
    ("promote", "qwen"): "before the move was reached; nothing was changed",
    ("sync", "raw-vllm", "--yes"): "nothing was changed",
    ("wait", "--all-automatic"): "nothing was changed",
}


@pytest.mark.parametrize("words", SAYS, ids=" ".join)
def test_ctrl_c_says_what_is_left_and_what_to_do_next(words: tuple[str, ...], tmp_path: Path) -> None:
    done = ended(words, tmp_path, INT)
    assert done.returncode == 130, done.stderr
    assert done.stdout == ""
    told, next_action = done.stderr.splitlines()[-2:]
    assert told.startswith("error [stopped]: interrupted")
    assert SAYS[words] in told
    assert next_action.startswith("  next: ")
    assert "journal" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("plan", SPEC, "--to", "kserve"), ("up", SPEC), ("pause", "qwen")], ids=" ".join)
def test_ctrl_c_is_an_object_when_json_is_asked_for(words: tuple[str, ...], tmp_path: Path) -> None:
    done = ended((*words, "--output", "json"), tmp_path, INT)
    assert done.returncode == 130
    error = json.loads(done.stdout)["error"]
    assert (error["code"], bool(error["next"])) == ("stopped", True)
    assert "error [stopped]" in done.stderr


@pytest.mark.parametrize("words", [("status",), ("up", SPEC), ("resume", "qwen")], ids=" ".join)
@pytest.mark.parametrize(("number", "code"), [(TERM, 143), (HUP, 129)])
def test_other_signals_are_told_likewise(
    words: tuple[str, ...], number: signal.Signals, code: int, tmp_path: Path
) -> None:
    done = ended(words, tmp_path, number)
    assert done.returncode == code
    assert "error [stopped]: interrupted" in done.stderr
    assert "  next: " in done.stderr


@pytest.mark.parametrize("words", [("status",), ("resume", "qwen")], ids=" ".join)
def test_a_signal_that_was_ignored_from_the_start_stays_ignored(words: tuple[str, ...], tmp_path: Path) -> None:
    done = ended(words, tmp_path, HUP, TERM, shell='trap "" HUP; exec "$@"')
    assert done.returncode == 143


def sitecustomize(folder: Path, module: str) -> dict[str, str]:
    """An environment in which the program is sent a ctrl-C as soon as it imports a module."""
    (folder / "sitecustomize.py").write_text(f"""
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
""")
    return os.environ | {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    "module",
    ["pointsman.cli.stopping", "pointsman.cli.entry", "typer", "pointsman.cli.move", "pydantic", "ruamel.yaml"],
)
def test_ctrl_c_inside_an_import_is_two_lines(module: str, tmp_path: Path) -> None:
    done = run("move", SPEC, "--to", "kserve", "--dry-run", env=sitecustomize(tmp_path, module))
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error [stopped]: interrupted; nothing was changed\n  next: run it again\n"


@pytest.mark.parametrize("name", ["pointsman", "kubectl-pointsman"])
@pytest.mark.parametrize("module", ["pointsman.cli.telling", "pointsman.cli.render"])
def test_ctrl_c_inside_an_import_of_the_installed_commands(name: str, module: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name(name)
    done = subprocess.run(
        [program, "render", SPEC],
        env=sitecustomize(tmp_path, module),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error [stopped]: interrupted; nothing was changed\n  next: run it again\n"


@pytest.mark.parametrize("answer", [b"n\n", INT])
def test_a_question_that_is_not_answered_with_yes_changes_nothing(
    answer: bytes | signal.Signals, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    world = died(World(), "shift-50")
    with (
        live(world, tmp_path) as config,
        subprocess.Popen(
            [*START, "rollback", "qwen", "--kubeconfig", str(config)],
            cwd=ROOT,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        assert process.stderr is not None
        asked = b""
        while b"?" not in asked:
            more = process.stderr.read(1)
            assert more, asked
            asked += more
        assert asked == b"take the move of qwen back?"
        if isinstance(answer, bytes):
            os.write(ours, answer)
        else:
            process.send_signal(answer)
        _, told = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 130
    assert b"error [stopped]: " in told
    assert b"nothing was changed" in told
