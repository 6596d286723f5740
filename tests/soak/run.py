"""One move whose process is killed when its journal has reached a record, and what others make of it afterwards."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pointsman.demo.ledger import summary
from pointsman.demo.reconciliation import Reconciliation, sentence
from pointsman.kube.client import Client
from pointsman.kube.resources import kind_of
from tests.conftest import Pointsman, RunningLab
from tests.move.platform import MODEL, layer_of, objects, pointsman_in, status
from tests.move.tenants import Books

__all__ = ["RATE", "Death", "Seen", "carry_out", "home"]

RATE = 3.0
"""Tenants' requests a second: enough to meet every moment, few enough for four labs on two cores."""
LIMIT = 300.0
"""Seconds one command may take before the test gives up on it."""
SETTLE = 20.0
"""Seconds that controllers and finalizers have to take away what was deleted."""


@dataclass(frozen=True, slots=True)
class Death:
    """Where a move's process dies, and what is said to the next one."""

    source: str
    target: str
    record: int
    verb: str
    """``resume`` or ``rollback``."""

    def __str__(self) -> str:
        return f"{self.source}-{self.target}-{self.record:02d}-{self.verb}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of it."""

    killed: bool
    """False: the move had ended before."""
    refused: bool
    """A rollback came after the point of no return, and the move was finished in its place."""
    layer: str
    requests: int
    lost: int
    wrong: int
    orphans: list[str]
    """Objects that should not be there, or should."""
    said: str
    failures: list[str]
    """The first requests that were lost: when, how, and what was said."""
    receipt: str
    """``exact``: it is the ledger; ``range``: it says unknown, and the ledger lies in its range; ``wrong``: neither."""
    width: float
    """By how much the widest range is wider than a number."""
    accounts: str
    """The ledger against the receipt, in words."""
    commits: int = 0
    """Where the alias is in git."""
    unexplained: list[str] = field(default_factory=list)
    """Commits that no move in the journal explains, or that were made twice."""

    def as_dict(self) -> dict[str, Any]:
        """For the file."""
        return asdict(self)


def home(lab: RunningLab, layer: str, program: Pointsman | None = None) -> None:
    """The model is served from ``layer``; a gap is the quickest way there, and not what is looked at."""
    program = program or pointsman_in(lab)
    if status(lab)["move"]:  # a death before this one was not made good; that test has said so
        program("resume", MODEL_NAME, "--kubeconfig", str(lab.kubeconfig), timeout=LIMIT)
    if layer_of(lab) != layer:
        words = ("move", MODEL, "--to", layer, "--yes", "--hold", "0", "--strategy", "gap", "--allow-downtime", "5m")
        done = program(*words, "--kubeconfig", str(lab.kubeconfig), timeout=LIMIT)
        assert done.returncode == 0, done.stderr


async def carry_out(
    lab: RunningLab,
    books: Books,
    death: Death,
    model: Path,
    undisturbed: set[str] | None,
    program: Pointsman | None = None,
) -> Seen:
    """Move, die, let another process go on; tenants call all the time.

    ``model`` is the file that says what moves, ``program`` is run where the platform's repository is, if it has one.
    ``undisturbed`` are the objects at the end of a move that nobody killed; None: they were not looked at.
    """
    program = program or pointsman_in(lab)
    before, tenants = await asyncio.to_thread(objects, lab), books.load
    began = tenants.now()
    killed = await _killed(lab, program, model, death)
    refused, said = False, ""
    if killed:
        exit_, said = await _tell(lab, program, death.verb)
        if death.verb == "rollback" and "point-of-no-return" in said:
            refused, (exit_, said) = True, await _tell(lab, program, "resume")
        elif "source-parked" in said or "no-open-move" in said:  # it died when all was done
            refused, exit_ = True, 0
        assert exit_ == 0, f"{death}: {said}"
    await books.close()
    felt = summary(tenants.ledger.entries)
    lost = [one for one in tenants.ledger.entries if not one.answered]
    bad = [f"{one.sent - began:.1f} s: {one.failure} {one.status} {one.detail[:120]}" for one in lost]
    layer = await asyncio.to_thread(layer_of, lab)
    back = killed and death.verb == "rollback" and not refused
    expected = before if back else undisturbed
    orphans = [] if expected is None else await asyncio.to_thread(_unlike, lab, expected)
    found = await asyncio.to_thread(books.reconcile)
    return Seen(
        killed=killed,
        refused=refused,
        layer=layer,
        requests=felt["requests"],
        lost=felt["lost"],
        wrong=felt["wrong"],
        orphans=orphans,
        said=said[-400:],
        failures=bad[:8],
        receipt="exact" if found.exact else "range" if found.agrees else "wrong",
        width=_width(found),
        accounts=sentence(found),
    )


def _width(found: Reconciliation) -> float:
    return max(one.surplus.most - one.surplus.least for one in found.layers.values())


def _unlike(lab: RunningLab, expected: set[str]) -> list[str]:
    """What is there and should not be, or the other way round, when controllers had time to finish."""
    deadline = time.monotonic() + SETTLE
    while (different := expected ^ objects(lab)) and time.monotonic() < deadline:
        time.sleep(1)
    return sorted(different)


async def _killed(lab: RunningLab, program: Pointsman, model: Path, death: Death) -> bool:
    """Begin the move and kill its process at the record; False when it had ended by then."""
    words = ("move", str(model), "--to", death.target, "--yes", "--hold", "1", "--kubeconfig", str(lab.kubeconfig))
    known = await asyncio.to_thread(_journals, lab)
    process = await asyncio.create_subprocess_exec(
        *program.command(*words),
        cwd=program.folder,
        env=program.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    reached = asyncio.create_task(_reached(lab, known, death.record))
    ended = asyncio.create_task(process.wait())
    try:
        async with asyncio.timeout(LIMIT):
            await asyncio.wait({reached, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if process.returncode is None:
            process.kill()
        await ended
        reached.cancel()
        await asyncio.gather(reached, return_exceptions=True)
    return process.returncode != 0


async def _reached(lab: RunningLab, known: set[str], record: int) -> None:
    """Returns when a journal that was not there before has that many records."""
    async with Client.from_kubeconfig(lab.kubeconfig) as client:
        async for event in client.watch(kind_of("ConfigMap"), "pointsman-system"):
            found = event.object
            if event.type == "SYNCED" or not found or found["metadata"]["name"] in known:
                continue
            if f"{record:06d}" in (found.get("data") or {}):
                return


def _journals(lab: RunningLab) -> set[str]:
    done = lab.kubectl("get", "configmaps", "-n", "pointsman-system", "-o", "name", check=False)
    return {line.partition("/")[2] for line in done.stdout.split()}


async def _tell(lab: RunningLab, program: Pointsman, verb: str) -> tuple[int, str]:
    """What an operator says; the exit code, and the state or the error."""
    words = [verb, MODEL_NAME, *(["--yes"] if verb == "rollback" else []), "--output", "json"]
    done = await asyncio.to_thread(program, *words, "--kubeconfig", str(lab.kubeconfig), timeout=LIMIT)
    state = json.loads(done.stdout).get("state", "") if done.stdout.startswith("{") else ""
    return done.returncode, f"{state} {done.stderr[-1500:] if done.returncode else ''}".strip()


MODEL_NAME = "qwen"
