"""Whole processes, measured: seconds by the clock and of a processor, and the most memory that was resident."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointsman.lab.toolchain import ensure_toolchain

__all__ = ["Cost", "best", "kubectl", "pointsman", "turns"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost, or several one after the other."""

    seconds: float
    mebibytes: float
    """The largest of them."""
    processor: float
    """Seconds of a processor: who else is at the machine counts less."""


def pointsman(*words: str, codes: Collection[int] = (0,)) -> Cost:
    """One command line of ours; its output goes nowhere. Ends the benchmark when it ends with another code."""
    return _run([str(Path(sysconfig.get_path("scripts")) / "pointsman"), *words], codes)


def kubectl(paths: Sequence[str]) -> Cost:
    """``kubectl get --raw`` of each path, a process each."""
    program = ensure_toolchain().tool("kubectl")
    costs = [_run([program, "get", "--raw", path]) for path in paths]
    return Cost(
        sum(one.seconds for one in costs),
        max(one.mebibytes for one in costs),
        sum(one.processor for one in costs),
    )


def best(rounds: int, one: Callable[[], Cost]) -> Cost:
    """The quickest of several, with the memory of the smallest."""
    return _least([one() for _ in range(rounds)])


def turns(rounds: int, one: Callable[[], Cost], other: Callable[[], Cost]) -> tuple[Cost, Cost]:
    """The quickest of each, taken in turns."""
    pairs = [(one(), other()) for _ in range(rounds)]
    return _least([pair[0] for pair in pairs]), _least([pair[1] for pair in pairs])


def _least(costs: Sequence[Cost]) -> Cost:
    return Cost(
        min(one.seconds for one in costs),
        min(one.mebibytes for one in costs),
        min(one.processor for one in costs),
    )


def _run(command: Sequence[str], codes: Collection[int] = (0,)) -> Cost:
    """Through a process that is small itself: what is resident before a program takes over counts as its own."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _SMALL, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode not in codes:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    seconds, kibibytes, processor = map(float, done.stdout.split())
    return Cost(seconds, kibibytes / 1024, processor)


_SMALL = """
import os, sys, time
begun = time.perf_counter()
child = os.fork()
if not child:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - begun, usage.ru_maxrss, usage.ru_utime + usage.ru_stime)
sys.exit(os.waitstatus_to_exitcode(status))
"""
