"""How long the demonstration will take on this machine, said before it begins.

Two things decide: whether the lab's programs are built already, and how fast the machine is. The second is measured
for a moment, on all cores at once, so that cores which are busy, or two threads of one, count for what they give now.
"""

from __future__ import annotations

import math
import os
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

__all__ = ["Machine", "measured", "sentence"]

SECONDS = 0.3
"""How long the machine is measured."""
TEXT = b"".join(b"%d: tenants ask, engines answer, %d\n" % (line, line * line) for line in range(8000))
BUILD = 50.0
"""Megabytes of ``TEXT`` that a machine compresses in the time in which it builds the lab's programs, in thousands."""
SPREAD = (0.8, 1.5)
"""How far builds were from that, as factors: memory, disk and a busier hour are not measured."""
SHOW = (6.0, 8.0)
"""Minutes of lab, model and three moves; most of it is waiting for counted answers, on any machine that keeps up."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of it."""

    cores: int
    speed: float
    """Megabytes a second that all cores together compress now."""
    built: bool
    """Are the lab's programs there?"""


def measured(*, built: bool, seconds: float = SECONDS) -> Machine:
    """This machine, now; takes ``seconds``."""
    cores = len(os.sched_getaffinity(0))
    began = time.monotonic()
    with ThreadPoolExecutor(cores) as threads:
        rounds = sum(threads.map(_rounds, [began + seconds] * cores))
    return Machine(cores, rounds * len(TEXT) / 1e6 / (time.monotonic() - began), built)


def sentence(machine: Machine) -> str:
    """How long it will take, and why."""
    cores = f"{machine.cores} core{'s' if machine.cores > 1 else ''}"
    if machine.built:
        return f"this takes {_minutes(*SHOW)}: the lab's tools are built already ({cores})"
    once = 1000 * BUILD / machine.speed / 60
    build = (once * SPREAD[0], once * SPREAD[1])
    whole = (build[0] + SHOW[0], build[1] + SHOW[1])
    return (
        f"this takes {_minutes(*whole)} the first time, {_minutes(*SHOW)} later: the lab's tools have to be built, "
        f"{_minutes(*build)} at the speed that {cores} gave just now; fetching their sources comes on top"
    )


def _rounds(end: float) -> int:
    """How often one core compresses the text until then; zlib leaves the interpreter to the other threads."""
    done = 0
    while time.monotonic() < end:
        zlib.compress(TEXT)
        done += 1
    return done


def _minutes(least: float, most: float) -> str:
    low, high = max(1, math.floor(least)), math.ceil(most)
    return f"{low} minutes" if low == high else f"{low} to {high} minutes"
