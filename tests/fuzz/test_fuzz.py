"""A sample of ``make fuzz``, in a process of its own: it listens to every file that is opened, and keeps listening."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.corpus import KINDS, corpus
from tests.fuzz.mutations import mutated
from tests.fuzz.readers import outcome_of

ROOT = Path(__file__).parents[2]


def test_nothing_that_is_read_ends_in_a_bug_a_wait_or_a_write() -> None:
    sample = ("--seed", "7", "--count", "410", "--processes", "2")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", *sample],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "410 inputs, 0 findings" in done.stdout


def test_an_input_is_the_same_each_time_it_is_made() -> None:
    for kind in KINDS:
        made = [[mutated(Random(f"1/{kind}/{number}"), kind, corpus()[kind]) for number in range(5)] for _ in range(2)]
        assert made[0] == made[1]


BREAKS = """
import subprocess, sys, time
from tests.fuzz.watch import Watch

def spin():
    until = time.process_time() + 1.1
    while time.process_time() < until:
        pass

watch = Watch()
for act in (
    lambda: open(sys.argv[1], "a").close(),
    lambda: subprocess.run(["true"]),
    spin,
    lambda: bytearray(300 << 20),
    lambda: open(sys.argv[1]).close(),
):
    with watch.over():
        act()
    print(watch.found)
"""


def test_what_a_reader_may_not_do_is_noticed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BREAKS, str(ROOT / "README.md")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wrote, started, slow, large, nothing = done.stdout.splitlines()
    assert "to write" in wrote
    assert "subprocess.Popen" in started
    assert "took" in slow
    assert "MB" in large
    assert nothing == "[]"


@pytest.mark.parametrize(
    ("code", "err"),
    [
        (101, "error [internal]: ValueError: x"),
        (2, "error [internal]: x"),
        (1, "Traceback (most recent call last)"),
        (2, ""),
        (0, "error [usage]: x"),
        (130, "error [stopped]: x"),
    ],
)
def test_an_outcome_that_may_not_be_is_no_outcome(code: int, err: str) -> None:
    with pytest.raises(AssertionError):
        outcome_of(code, "", err)
    assert outcome_of(2, "", "error [usage]: x") == "usage"
