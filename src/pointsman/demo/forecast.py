"""How long the demonstration will take on this machine, said before it begins.

Two things decide: whether the lab's programs are built already, and how fast the machine is. The second is measured
for a moment, on all cores at once, so that cores which are busy, or two threads of one, count for what they give now.
"""

from __future__ import annotations

import os
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

__all__ = ["Machine", "measured", "sentence"]

SECONDS = 0.3
"""How long the machine is measured."""
USED = 8
"""Cores beyond which neither a build nor a lab is faster."""
TEXT = b"".join(b"%d: tenants ask, engines answer, %d\n" % (line, line * line) for line in range(8000))
BUILD = 38.0
"""Megabytes of ``TEXT`` that a machine compresses in the time in which it builds the lab's programs, in thousands."""
SHOW = 10.0
"""The same of lab, model and three moves."""
WAITING = 4.5
"""Minutes that these take on any machine, however fast: counted answers, cold starts, drains."""
SPREAD = (0.8, 1.5)
"""How far runs were from that, as factors: memory, disk and a busier hour are not measured."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of it."""

    cores: int
    speed: float
    """Megabytes a second that the cores together compress now, up to ``USED`` of them."""
    built: bool
    """Are the lab's programs there?"""


def measured(*, built: bool, seconds: float = SECONDS) -> Machine:
    """This machine, now; takes ``seconds``."""
    cores = len(os.sched_getaffinity(0))
    used, began = min(cores, USED), time.monotonic()
    with ThreadPoolExecutor(used) as threads:
        rounds = sum(threads.map(_rounds, [began + seconds] * used))
    return Machine(cores, rounds * len(TEXT) / 1e6 / (time.monotonic() - began), built)


def sentence(machine: Machine) -> str:
    """How long it will take, and why."""
    gave = f"{machine.cores} core{'s' if machine.cores > 1 else ''} gave just now"
    build, show = (1000 * work / machine.speed / 60 for work in (BUILD, SHOW))
    later = _minutes(show, WAITING)
    if machine.built:
        return f"this takes {later} at the speed that {gave}: the lab's tools are built already"
    first = _minutes(build + show, WAITING)
    return (
        f"this takes {first} the first time, {later} later: the lab's tools have to be built, "
        f"{_minutes(build)} at the speed that {gave}; fetching their sources comes on top"
    )


def _rounds(end: float) -> int:
    """How often one core compresses the text until then; zlib leaves the interpreter to the other threads."""
    done = 0
    while time.monotonic() < end:
        zlib.compress(TEXT)
        done += 1
    return done


def _minutes(working: float, waiting: float = 0.0) -> str:
    low, high = (round(working * factor + waiting) for factor in SPREAD)
    low, high = max(1, low), max(1, high)
    return f"{low} minutes" if low == high else f"{low} to {high} minutes"
