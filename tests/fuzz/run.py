"""``make fuzz``: many mutated inputs through every reader, counted; ``--kind K --only N`` runs one of them again.

An input is a function of seed, kind and number, so that whatever is found can be found again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.corpus import KINDS, KUBECONFIG, corpus
from tests.fuzz.mutations import mutated
from tests.fuzz.platforms import laid_out
from tests.fuzz.readers import READERS, command_for, outcome_of
from tests.fuzz.watch import SECONDS, Watch, peak

__all__ = ["Report", "fuzz"]

SHARES = {
    **{"spec": 3, "edge": 3, "plan": 2, "kubeconfig": 2, "word": 1, "config": 2, "platform": 1, "appset": 1},
    **{"repository": 10, "prices": 3, "hub": 3, "answer": 10},
}
START = (sys.executable, "-c", "from pointsman.cli.main import main; main()")
FOUND = Path("build/fuzz")


@dataclass
class Report:
    """What happened."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    slowest: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Seconds and number, by kind."""
    hungriest: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Megabytes and number, by kind."""
    findings: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """All inputs."""
        return sum(sum(one.values()) for one in self.outcomes.values())

    def lines(self) -> Iterator[str]:
        """For people."""
        for kind, told in self.outcomes.items():
            common = ", ".join(f"{name} {count}" for name, count in told.most_common(6))
            seconds, number = self.slowest.get(kind, (0.0, 0))
            megabytes, hungry = self.hungriest.get(kind, (0, 0))
            worst = f"slowest {seconds * 1000:.0f} ms (--only {number}), hungriest {megabytes} MB (--only {hungry})"
            yield f"{kind:<11} {sum(told.values()):>6} inputs, {worst}: {common}"
        yield f"{self.count} inputs, {len(self.findings)} findings, most memory {peak()} MB"


def fuzz(
    seed: int, count: int, kinds: Sequence[str] = KINDS, *, only: int | None = None, part: tuple[int, int] = (1, 1)
) -> Report:
    """Read ``count`` mutated inputs, shared out over the kinds; of several parts one."""
    report, watch = Report(), Watch()
    total = sum(SHARES[kind] for kind in kinds)
    with _folder() as folder:
        for kind in kinds:
            for seed_text in corpus()[kind][0], corpus()[kind][-1]:  # what it imports is not an input's time
                READERS[kind](seed_text, _written(folder, kind, seed_text, Random(0)), Random(0))
            numbers = [only] if only is not None else range(part[0] - 1, count * SHARES[kind] // total, part[1])
            for number in numbers:
                _one(report, watch, folder, (seed, kind, number))
    return report


def _one(report: Report, watch: Watch, folder: Path, named: tuple[int, str, int]) -> None:
    seed, kind, number = named
    random = Random(f"{seed}/{kind}/{number}")
    data = mutated(random, kind, corpus()[kind])
    path = _written(folder, kind, data, random)
    outcome, told = "found", ""
    try:
        with watch.over():
            outcome = READERS[kind](data, path, random)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        told = "".join(traceback.format_exception(error)[-4:])
    report.outcomes[kind][outcome] += 1
    report.slowest[kind] = max(report.slowest.get(kind, (0.0, 0)), (watch.seconds, number))
    report.hungriest[kind] = max(report.hungriest.get(kind, (0, 0)), (watch.megabytes, number))
    problems = [*watch.found, *([told] if told else [])]
    if problems:
        report.findings.append(f"--seed {seed} --kind {kind} --only {number}: {'; '.join(problems)}")
        FOUND.mkdir(parents=True, exist_ok=True)
        (FOUND / f"{kind}-{seed}-{number}").write_bytes(data)


def processes(seed: int, count: int) -> list[str]:
    """Some of the same inputs through real processes; what is wrong with them."""
    found = []
    with _folder() as folder:
        for number in range(count):
            random = Random(f"{seed}/process/{number}")
            kind = random.choice(("spec", "plan", "word"))
            data = mutated(random, kind, corpus()[kind])
            named = (
                os.fsdecode(data.replace(b"\0", b"")) if kind == "word" else str(_written(folder, kind, data, random))
            )
            if not named.strip():
                continue
            words = command_for(kind, named, random)
            env = os.environ | random.choice(({}, {"PYTHONIOENCODING": "ascii"}))
            done = subprocess.run(
                [*START, *words], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False, env=env
            )
            try:
                outcome_of(
                    done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
                )
            except AssertionError as error:
                found.append(f"process {number} of seed {seed}, {words}: {error}")
    return found


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        yield Path(folder)


def _written(folder: Path, kind: str, data: bytes, random: Random) -> Path:
    """Where a reader of this kind finds it."""
    if kind == "repository":
        shutil.rmtree(folder / "repository", ignore_errors=True)
        return laid_out(folder, data, random)
    if kind == "answer":
        (folder / "played.json").write_text(KUBECONFIG, "utf-8")
    path = folder / "input.yaml"
    path.write_bytes(data)
    return path


def _part(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    return int(number), int(of)


def main() -> int:
    """Run and print; 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, default=41_000)
    parser.add_argument("--processes", type=int, default=40)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--only", type=int)
    parser.add_argument(
        "--part", type=_part, default=(1, 1), metavar="1/2", help="Every second input, in two processes."
    )
    given = parser.parse_args()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nobody answers a question
    sys.dont_write_bytecode = True
    os.environ["POINTSMAN_TRACEBACK"] = "1"  # of a bug of ours, where it is
    began = time.monotonic()
    report = fuzz(given.seed, given.count, [given.kind] if given.kind else KINDS, only=given.only, part=given.part)
    if given.only is None and given.kind is None:
        report.findings += processes(given.seed + given.part[0], given.processes)
    for line in [f"seed {given.seed}, at most {SECONDS:g} s each", *report.lines(), *report.findings]:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\n")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
