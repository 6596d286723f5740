"""The demonstration says how long it will take before it does anything. Go is a script here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.demo.forecast import Machine, measured, sentence
from tests.lab import fake_go

BUILD = "from pointsman.lab.toolchain import ensure_toolchain; ensure_toolchain()"
COLD = Machine(cores=2, speed=100.0, built=False)


def run(folder: Path, *words: str) -> tuple[int, list[str]]:
    """A Python process with a cache of its own and nowhere to keep a lab."""
    (folder / "state").touch()
    programs = folder / "programs"
    environment = os.environ | {
        "POINTSMAN_CACHE": str(folder / "cache"),
        "POINTSMAN_STATE": str(folder / "state"),
        "FAKE_GO": str(folder),
        "PATH": f"{programs if programs.exists() else fake_go.install(folder)}:/usr/bin:/bin",
    }
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr.splitlines()


def test_the_first_word_of_the_demo_is_how_long_it_takes_here_and_why(tmp_path: Path) -> None:
    code, said = run(tmp_path, "-m", "pointsman", "demo", "--lab", "never")
    assert code == 2, said
    assert re.search(
        r"this takes \d+ to \d+ minutes the first time, [\d to]+ minutes later: the lab's tools have to be built",
        said[0],
    )
    assert re.search(r"\b\d+ cores? gave just now", said[0])
    assert run(tmp_path, "-c", BUILD)[0] == 0
    code, said = run(tmp_path, "-m", "pointsman", "demo", "--lab", "never")
    assert code == 2, said
    assert re.search(r"this takes [\d to]+ minutes at the speed .*: the lab's tools are built already", said[0])


def _first(text: str) -> int:
    found = re.search(r"\d+", text)
    assert found
    return int(found[0])


def test_a_machine_of_a_quarter_of_the_speed_takes_longer_and_less_so_with_tools() -> None:
    slow = replace(COLD, speed=COLD.speed / 4)
    assert _first(sentence(slow)) >= _first(sentence(COLD)) + 5
    warm = [sentence(replace(one, built=True)) for one in (COLD, slow)]
    cold = [sentence(COLD), sentence(slow)]
    assert [_first(one) for one in warm] < [_first(one) for one in cold]
    assert _first(warm[1]) - _first(warm[0]) < _first(cold[1]) - _first(cold[0])


@pytest.mark.parametrize(("cores", "words"), [(1, "1 core "), (8, "8 cores ")])
def test_cores_are_counted_in_words(cores: int, words: str) -> None:
    assert words in sentence(replace(COLD, cores=cores))


def test_the_machine_is_measured_for_a_moment() -> None:
    found = measured(built=True, seconds=0.05)
    assert found.speed > 0
    assert found.cores == len(os.sched_getaffinity(0))
