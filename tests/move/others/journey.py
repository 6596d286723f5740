"""One move of the model between others' aliases, from the operator's side, and what everybody saw of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsman.kube.client import Client
from pointsman.kube.resources import kind_of
from tests.conftest import RunningLab
from tests.move.others import scene
from tests.move.others.scene import EDGE, KEY, MODEL
from tests.move.others.tenants import PAST, Tenants, calling
from tests.move.platform import moves, pointsman_in, receipts_since

__all__ = ["QUICK", "Running", "Seen", "command", "disturbed", "journey", "naming", "started"]

QUICK = ("--hold", "1", "--ready-timeout", "90", "--roll-timeout", "90", "--drain-timeout", "20")
LIMIT = 420.0
"""Seconds one command may take; longer than any deadline given to one, so that it can say itself what it waited for."""
PAUSED = 4


@dataclass(slots=True)
class Seen:
    """One move."""

    source: str
    target: str
    before: str
    """The edge's configuration when it began."""
    after: str = ""
    exits: list[int] = field(default_factory=list)
    """Of ``move``, and of ``resume`` when it paused."""
    told: str = ""
    """What the operator read."""
    declared: list[str] = field(default_factory=list)
    """Every configuration of the edge meanwhile."""
    receipts: list[dict[str, Any]] = field(default_factory=list)
    tenants: Tenants | None = None
    ended: float = 0.0
    """On the tenants' clock."""


def command(lab: RunningLab, *words: str, timeout: float = LIMIT) -> subprocess.CompletedProcess[str]:
    """A command of the program, to its end."""
    return pointsman_in(lab)(*words, "--kubeconfig", str(lab.kubeconfig), timeout=timeout)


def naming(folder: Path, *aliases: str) -> str:
    """The model's file with further aliases."""
    text, line = Path(MODEL).read_text(encoding="utf-8"), "    alias: qwen-local\n"
    assert line in text
    path = folder / "model.yaml"
    path.write_text(text.replace(line, f"{line}    aliases: {json.dumps(aliases)}\n"), encoding="utf-8")
    return str(path)


async def journey(
    lab: RunningLab, source: str, target: str, file: str, *words: str, past: bool = True, patient: bool = False
) -> Seen:
    """Move under tenants of every alias, one of whom goes ``past`` the edge.

    ``patient``: that one stops when the move has paused for it, and the move is resumed; else as soon as the move says
    that it is not drained.
    """
    seen = Seen(source, target, scene.declared(lab))
    known = await asyncio.to_thread(moves, lab)
    async with calling(lab, source, past=past) as tenants, _declared(lab, seen.declared):
        seen.tenants = tenants
        await _moved(lab, seen, ("move", file, "--to", target, "--yes", *QUICK, *words), patient=patient)
        seen.ended = next(iter(tenants.loads.values())).now()
        await tenants.close()
    seen.after = await asyncio.to_thread(scene.declared, lab)
    seen.receipts = await asyncio.to_thread(receipts_since, lab, known)
    return seen


async def _moved(lab: RunningLab, seen: Seen, words: Sequence[str], *, patient: bool) -> None:
    assert seen.tenants is not None
    code = await _run(lab, seen, words, seen.tenants if PAST in seen.tenants.loads and not patient else None)
    if code == PAUSED:
        assert PAST in seen.tenants.loads, f"it paused, and not for who goes past the edge: {seen.told}"
        await seen.tenants.leave(PAST)
        await _run(lab, seen, ("resume", scene.model().name), None)


async def _run(lab: RunningLab, seen: Seen, words: Sequence[str], leaving: Tenants | None) -> int:
    """One command; who goes past the edge stops when it says so."""
    async with started(lab, *words) as running:
        if leaving is not None and await running.says(PAST):
            await leaving.leave(PAST)
        seen.exits.append(await running.ended())
    seen.told += running.told
    return seen.exits[-1]


@dataclass(slots=True)
class Running:
    """A command of the program under way."""

    process: asyncio.subprocess.Process
    out: asyncio.Task[bytes]
    told: str = ""
    """Its narration so far."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """What it printed in the end."""

    @property
    def next(self) -> str:
        """What its error says to do."""
        return str(self.result.get("error", {}).get("next", ""))

    async def until(self, event: str, step: str) -> None:
        """Until it tells this; fails when it ends before."""
        assert await self._heard(lambda said: (said.get("event"), said.get("step")) == (event, step)), self.told

    async def says(self, words: str) -> bool:
        """Until it says this, or has ended."""
        return await self._heard(lambda said: words in json.dumps(said))

    async def ended(self) -> int:
        """Its exit code."""
        await self._heard(lambda said: False)
        self.result = json.loads(await self.out or "{}")
        return await self.process.wait()

    async def _heard(self, wanted: Callable[[Mapping[str, Any]], bool]) -> bool:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            line = raw.decode()
            self.told += line
            if line.startswith("{") and wanted(json.loads(line)):
                return True
        return False


@asynccontextmanager
async def started(lab: RunningLab, *words: str) -> AsyncIterator[Running]:
    """A command under way; whatever happens, it is over when the block is."""
    program = pointsman_in(lab)
    process = await asyncio.create_subprocess_exec(
        *program.command(*words, "--output", "json", "--kubeconfig", str(lab.kubeconfig)),
        env=program.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        limit=1024 * 1024,
    )
    try:
        assert process.stdout is not None
        out = asyncio.create_task(process.stdout.read())
        async with asyncio.timeout(LIMIT):
            yield Running(process, out)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def disturbed(lab: RunningLab, record: int, act: Callable[[str], None], *words: str) -> Running:
    """A move to its end; ``act`` is called with its name when its journal has that many records."""
    known = frozenset(await asyncio.to_thread(moves, lab))
    async with started(lab, *words) as running:
        ending = asyncio.create_task(running.ended())
        reaching = asyncio.create_task(_reached(lab, known, record))
        try:
            await asyncio.wait({ending, reaching}, return_when=asyncio.FIRST_COMPLETED)
            if reaching.done():
                await asyncio.to_thread(act, reaching.result())
            await ending
        finally:
            reaching.cancel()
            ending.cancel()
            await asyncio.gather(reaching, ending, return_exceptions=True)
        return running


async def _reached(lab: RunningLab, known: frozenset[str], record: int) -> str:
    """The name of a move that was not there before, when its journal has that many records."""
    async with Client.from_kubeconfig(lab.kubeconfig) as client:
        async for event in client.watch(kind_of("ConfigMap"), "pointsman-system"):
            name = event.object["metadata"]["name"] if event.type in ("ADDED", "MODIFIED") else ""
            if name and name not in known and f"{record:06d}" in (event.object.get("data") or {}):
                return str(name)
    raise AssertionError("a watch does not end")


@asynccontextmanager
async def _declared(lab: RunningLab, texts: list[str]) -> AsyncIterator[None]:
    """Keeps every configuration that the edge is given."""

    async def follow() -> None:
        async with Client.from_kubeconfig(lab.kubeconfig) as client:
            async for event in client.watch(kind_of("ConfigMap"), EDGE):
                if event.type in ("ADDED", "MODIFIED") and event.object["metadata"]["name"] == "proxy-config":
                    texts.append(event.object["data"][KEY])

    following = asyncio.create_task(follow())
    try:
        yield
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
