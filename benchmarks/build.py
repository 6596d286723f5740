"""What the lab's cold build costs: processor time of another commit's and of this tree's, measured in pairs.

Every build begins with an empty compiler cache and an empty lab cache; modules are fetched beforehand, so that no
network is measured. Processor time, user and system, of everything below the build; builds alternate, so that a busy
machine slows both. Needs a Go on the PATH (the one from PyPI lives in the cache that is emptied). Exit code 1 when the
goal is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
LAB = Path("src/pointsman/lab")
GOAL = 0.8
BUILD = "from pointsman.lab.toolchain import ensure_toolchain as build; print(build().directory)"


@dataclass(frozen=True, slots=True)
class Cost:
    """One build."""

    user: float
    system: float
    wall: float
    size: int
    """Bytes of programs."""

    @property
    def processor(self) -> float:
        """Seconds of processor time."""
        return self.user + self.system


def build(tree: Path) -> Cost:
    """Build a tree's toolchain from nothing but fetched modules."""
    with tempfile.TemporaryDirectory(prefix="bench-build-") as folder:
        caches = {"POINTSMAN_CACHE": f"{folder}/lab", "GOCACHE": f"{folder}/go"}
        environment = os.environ | caches | {"PYTHONPATH": str(tree / "src")}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", BUILD], env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
        size = sum(path.stat().st_size for path in (Path(done.stdout.strip()) / "bin").iterdir())
    return Cost(after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime, wall, size)


def fetch(tree: Path) -> int:
    """Fetch the modules of a tree's toolchain; returns how many packages its ``go.mod`` leads to."""
    environment = os.environ | {"GOFLAGS": "-modcacherw", "GOWORK": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    words = ["go", "list", "-deps", "tool"]
    listed = subprocess.run(words, cwd=tree / LAB, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return len(listed.stdout.split())


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A commit's files, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="bench-build-") as folder:
        archive = subprocess.run(["git", "archive", commit, "src"], cwd=HERE, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        yield Path(folder)


def main() -> int:
    """Print each build, the medians and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("commit", help="what to compare with")
    parser.add_argument("--pairs", type=int, default=2)
    chosen = parser.parse_args()
    if shutil.which("go") is None:
        sys.stderr.write("go is not on the PATH; install it to compare\n")
        return 2
    costs: dict[str, list[Cost]] = {"old": [], "new": []}
    with checked_out(chosen.commit) as old:
        trees = {"old": old, "new": HERE}
        for tree in trees.values():
            fetch(tree)
        for _ in range(chosen.pairs):
            for name, tree in trees.items():
                cost = build(tree)
                costs[name].append(cost)
                sys.stdout.write(_line(name, cost))
                sys.stdout.flush()
    return _verdict(costs)


def _line(name: str, cost: Cost) -> str:
    spent = f"{cost.processor:6.0f} s of processor time (user {cost.user:.0f}, system {cost.system:.0f})"
    return f"{name:4} {spent}, {cost.wall:.0f} s by the clock, {cost.size / 1e6:.0f} MB of programs\n"


def _verdict(costs: dict[str, list[Cost]]) -> int:
    ratios = [new.processor / old.processor for old, new in zip(costs["old"], costs["new"], strict=True)]
    ratio = statistics.median(ratios)
    sys.stdout.write(f"new / old {ratio:.2f} ({', '.join(f'{one:.2f}' for one in ratios)})    goal <= {GOAL}\n")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
