"""Standard output and standard error that are full, closed, or that nobody reads."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.program import ROOT, SPEC, START, run

PRINTS = [("--help",), ("--version",), ("move", "--help"), ("render", SPEC)]


@pytest.mark.parametrize("words", PRINTS, ids=" ".join)
@pytest.mark.parametrize("shell", ['"$@" >/dev/full', '"$@" >&-'])
def test_what_cannot_be_printed_is_an_error_of_its_own(words: tuple[str, ...], shell: str) -> None:
    done = run(*words, shell=shell)
    assert done.returncode == 2
    assert done.stderr.startswith("error [output-lost]: standard output cannot be written")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ['"$@" 2>&-', '"$@" 2>/dev/full', '"$@" >&- 2>&-', '"$@" <&- >&- 2>&-'])
def test_an_error_that_nobody_can_read_keeps_its_exit_code(shell: str) -> None:
    assert run("render", "nope.yaml", shell=shell).returncode == 2


def test_closed_streams_cost_the_data_nothing() -> None:
    done = run("render", SPEC, shell='"$@" <&- 2>&-')
    assert (done.returncode, done.stdout) == (0, run("render", SPEC).stdout)


def test_nobody_to_ask_is_told_when_standard_input_is_closed() -> None:
    done = run("move", SPEC, "--to", "kserve", shell='"$@" <&-')
    assert done.returncode == 2
    assert "error [not-asked]" in done.stderr


@pytest.mark.parametrize("words", PRINTS, ids=" ".join)
def test_a_reader_that_leaves_is_no_error(words: tuple[str, ...]) -> None:
    with subprocess.Popen([*START, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert (process.returncode, told) == (0, b"")
