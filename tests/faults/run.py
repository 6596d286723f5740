"""One move with one fault in it: the real program, told when to be hurt by its own events, under tenants who call."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.demo.ledger import summary
from pointsman.lab.faults.api import ApiFaults, bad_road
from tests.conftest import RunningLab
from tests.faults.case import Case
from tests.faults.deaths import deaths_of
from tests.faults.outcome import Outcome, Told
from tests.faults.scene import Scene
from tests.move.platform import MODEL, faults, layer_of, objects, pointsman_in, spec_with
from tests.move.tenants import Books

__all__ = ["carry_out"]

TARGET, MODEL_NAME = "kserve", "qwen"
LIMIT = 600.0
"""Seconds a move with a fault may take before the test gives up on it."""


async def carry_out(lab: RunningLab, books: Books, case: Case, folder: Path, seed: int) -> Outcome:
    """Move from raw vLLM to KServe with the fault, mend what an operator would mend, and look at what is left."""
    tenants, before = books.load, await asyncio.to_thread(objects, lab)
    began, counted = tenants.now(), len(tenants.ledger.entries)
    model = spec_with(folder, (_image(), case.image)) if case.image else Path(MODEL)
    async with AsyncExitStack() as stack:
        kubeconfig, road = lab.kubeconfig, None
        if case.road is not None:
            way = bad_road(lab.kubeconfig, folder, rate=case.road, seed=seed)
            kubeconfig, road = await stack.enter_async_context(way)
        stack.enter_context(faults(lab, TARGET, dict(case.engine)) if case.engine else nullcontext())
        stack.enter_context(case.around(lab))
        deaths = await stack.enter_async_context(deaths_of(books.client, TARGET, tenants.now))
        if case.mend is not None:
            stack.push_async_callback(asyncio.to_thread, case.mend, lab)
        process = await _start(lab, case, model, kubeconfig)
        scene = Scene(lab, process, road, tenants.now)
        code, out, told = await _watched(scene, case)
    if code in case.after:
        await _go_on(lab, case.after[code])
    seconds = tenants.now() - began
    await books.close()
    entries = [one for one in tenants.ledger.entries[counted:] if one.sent < began + seconds]
    layer, after = await asyncio.to_thread(layer_of, lab), await asyncio.to_thread(objects, lab)
    return Outcome(
        exit=code,
        receipt=json.loads(out) if out.startswith("{") else {"error": _error(told.raw)},
        felt=summary(entries),
        entries=entries,
        seconds=seconds,
        layer=layer,
        left=before ^ after,
        books=await asyncio.to_thread(books.reconcile),
        answers=_counts(road),
        told=told.events,
        marks=scene.marks,
        names=scene.names,
        deaths=deaths,
    )


def _image() -> str:
    line = next(line for line in Path(MODEL).read_text().splitlines() if "image:" in line)
    return line.split("image:", 1)[1].strip().rstrip("}").split(",")[0].strip()


def _counts(road: ApiFaults | None) -> str:
    if road is None or not road.rate:
        return ""
    made = ", ".join(f"{count} × {kind.value}" for kind, count in sorted(road.made.items()))
    return f"{sum(road.made.values())} of {road.calls} calls: {made}"


def _error(told: str) -> dict[str, str]:
    """The error as people read it, when there was no object on standard output."""
    found = re.search(r"error \[([\w.-]+)\](?: at [^:]*)?: (.*)", told)
    return {"code": found[1], "what": found[2]} if found else {"code": "", "what": ""}


def _no_room() -> None:
    """What a full disk means for a process: no file takes a byte."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


async def _start(lab: RunningLab, case: Case, model: Path, kubeconfig: Path) -> asyncio.subprocess.Process:
    program = pointsman_in(lab)
    words = ["move", str(model), "--to", TARGET, "--yes", "--output", "json", "--kubeconfig", str(kubeconfig)]
    words += ["--ready-timeout", "40", "--roll-timeout", "60", *case.words]
    elsewhere = str(Path(__file__).with_name("elsewhere.py"))
    times = [sys.executable, elsewhere, str(case.clock), str(case.release), *words]
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        return await asyncio.create_subprocess_exec(
            *(times if case.clock or case.release else program.command(*words)),
            env=program.environment(),
            stdin=subprocess.DEVNULL,
            stdout=full if case.disk_full else subprocess.PIPE,
            stderr=subprocess.PIPE,
            limit=1024 * 1024,
            preexec_fn=_no_room if case.disk_full else None,
        )
    finally:
        os.close(full)


async def _watched(scene: Scene, case: Case) -> tuple[int, str, Heard]:
    """The exit code, what the program printed, and what it told; each moment's act is done when it comes."""
    process = scene.process
    try:
        async with asyncio.timeout(LIMIT):
            told, out = await asyncio.gather(_listen(scene, case), _all(process.stdout))
            return await process.wait(), out, told
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _listen(scene: Scene, case: Case) -> Heard:
    stream = scene.process.stderr
    assert stream is not None
    heard, waiting = Heard(), list(case.moments)
    async for raw in stream:
        event = heard.take(raw.decode(), scene.now())
        if waiting and event and event.event == waiting[0].event and event.step in (waiting[0].step or event.step):
            await asyncio.to_thread(waiting.pop(0).act, scene)
    assert not waiting, f"the move never said {waiting[0]}: {heard.raw[-2000:]}"
    return heard


@dataclass
class Heard:
    """Standard error of the program."""

    raw: str = ""
    events: list[Told] = field(default_factory=list)

    def take(self, line: str, at: float) -> Told | None:
        """One more line; what it tells, if it is an event."""
        self.raw += line
        said = json.loads(line) if line.startswith("{") else {}
        if "event" not in said:
            return None
        self.events.append(Told(at, said["event"], said["step"], said["text"]))
        return self.events[-1]


async def _all(stream: asyncio.StreamReader | None) -> str:
    return (await stream.read()).decode() if stream is not None else ""


async def _go_on(lab: RunningLab, verb: str) -> None:
    """What the operator does with a move that was left open, when the trouble is mended."""
    words = [verb, MODEL_NAME, *(["--yes"] if verb == "rollback" else []), "--output", "json"]
    done = await asyncio.to_thread(pointsman_in(lab), *words, "--kubeconfig", str(lab.kubeconfig), timeout=LIMIT)
    assert done.returncode in (0, 3), done.stderr
