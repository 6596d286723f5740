"""What people and programs are shown of a move and of the models, from moves in memory."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Mapping, Sequence

from rich.console import Console

from pointsman.edge.contract import AliasState
from pointsman.errors import PointsmanError
from pointsman.move.bring_up import bring_up
from pointsman.move.control import Control
from pointsman.move.overview import overview
from pointsman.report.contract import Happening, Topic
from pointsman.report.lines import JsonLines, PlainLines
from pointsman.report.status import print_status
from pointsman.report.text import TITLES, receipt_lines, took
from pointsman.report.tree import LiveTree
from pointsman.spec.model import Model
from tests.world.layers import LAYERS
from tests.world.world import World, quick


def test_a_pipe_gets_one_plain_line_per_happening() -> None:
    stream = io.StringIO()
    lines = PlainLines(stream)
    lines.tell(Happening(12.34, Topic.STEP_NOTE, "contract", "two\nlines"))
    lines.tell(Happening(13, Topic.UNDO_DONE, "deploy", ""))
    assert stream.getvalue() == ("   12.3 s   contract           two · lines\n   13.0 s ✓ undo deploy        done\n")


def test_a_program_gets_one_object_per_line() -> None:
    stream = io.StringIO()
    JsonLines(stream).tell(Happening(1, Topic.STEP_DONE, "drain", "", {"a": 1}))
    told = json.loads(stream.getvalue())
    assert told == {"seconds": 1, "event": "step-done", "step": "drain", "text": "", "data": {"a": 1}}


def test_a_watcher_whose_pipe_broke_does_not_fail_the_move() -> None:
    stream = io.StringIO()
    stream.close()
    PlainLines(stream).tell(Happening(1, Topic.NOTICE, "", "nobody listens"))


async def test_a_terminal_shows_every_step_of_the_move() -> None:
    world = World()
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with LiveTree(console, "qwen → kserve") as tree:
        world.seen.react = tree.tell
        await world.conductor().move(world.model, "kserve", quick())
    shown = stream.getvalue()
    for words in ("qwen → kserve", "prove the contract", "shift all tenants", "park the source"):
        assert words in shown


async def test_a_terminal_is_left_with_the_times_of_the_receipt() -> None:
    world = World()
    stream = io.StringIO()
    with LiveTree(Console(file=stream, force_terminal=True, width=100), "qwen → kserve") as tree:
        world.seen.react = tree.tell
        receipt = (await world.conductor().move(world.model, "kserve", quick(hold=40.0))).receipt
    *_, last = stream.getvalue().split("qwen → kserve")
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).splitlines()
    for step in receipt["steps"]:
        assert any(f"{TITLES[step['id']]} {took(step['seconds'])}" in line for line in lines), step["id"]


def left_by(happenings: Sequence[Happening]) -> list[str]:
    """The lines that stay in a terminal after these."""
    stream = io.StringIO()
    with LiveTree(Console(file=stream, force_terminal=True, width=100), "qwen → kserve") as tree:
        for one in happenings:
            tree.tell(one)
    *_, last = stream.getvalue().split("qwen → kserve")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).splitlines()


def test_what_git_is_asked_for_stands_below_the_step_that_asked_and_is_no_step() -> None:
    told = [
        Happening(0, Topic.MOVE_OPENED, "", "qwen-1", {"steps": ["shift-10", "park"]}),
        Happening(1, Topic.STEP_BEGUN, "shift-10", "alias"),
        Happening(2, Topic.STEP_NOTE, "git", "committed 1234567"),
    ]
    running = left_by(told)
    assert not [line for line in running if line.endswith(" git") or "· git" in line]
    (noted,) = (number for number, line in enumerate(running) if "git: committed 1234567" in line)
    (parked,) = (number for number, line in enumerate(running) if "park the source" in line)
    assert noted < parked
    done = left_by(
        [*told, Happening(3, Topic.STEP_DONE, "shift-10", ""), Happening(4, Topic.STEP_NOTE, "git", "synced")]
    )
    assert any("git: synced" in line for line in done)


async def test_a_terminal_is_left_with_what_the_receipt_says_of_steps_that_others_did_or_nobody_ended() -> None:
    world = World()
    mover = world.conductor()

    def stop(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "shift-50":
            mover.interrupt()
            mover.interrupt()

    world.seen.react = stop
    await mover.move(world.model, "kserve", quick())
    left = left_by(world.seen.happenings)
    assert any("· shift 50 % of tenants" in line for line in left)
    world.seen.react = lambda happening: None
    world.seen.happenings.clear()
    await Control(world.conductor("second@test/2")).resume("qwen")
    lines = left_by(world.seen.happenings)
    assert any("✓ shift 10 % of tenants" in line for line in lines)
    assert not [line for line in lines if "· " in line.partition("─ ")[2][:2]]


async def test_a_wait_that_would_read_as_nothing_is_not_shown() -> None:
    world = World()
    receipt = json.loads(json.dumps((await world.conductor().move(world.model, "kserve", quick())).receipt))
    receipt["steps"][0]["waits"] = receipt["waits"] = {"git": 0.04, "hold": 2.0}
    text = "\n".join(receipt_lines(receipt))
    assert "waited: hold 2.0 s" in text
    assert "git" not in text


async def test_the_receipt_names_each_step_its_split_and_the_overhead() -> None:
    world = World()
    receipt = (await world.conductor().move(world.model, "kserve", quick())).receipt
    text = "\n".join(receipt_lines(receipt))
    assert "qwen: raw-vllm → kserve, done in" in text
    assert "asked 50 %, observed" in text
    assert "overhead" in text


async def test_the_status_of_a_running_move_says_who_and_where() -> None:
    world = World()
    await bring_up(world.conductor("zeroth@test/0"), world.model, quick())
    seen: list[dict[str, object]] = []

    async def aliases(models: Sequence[Model]) -> Mapping[str, AliasState | PointsmanError]:
        return {model.name: await world.edge.read() for model in models}

    async def look() -> None:
        seen.extend(await overview(world.cluster, world.clock, LAYERS, aliases))

    tasks = []

    def begin(happening: Happening) -> None:
        if happening.topic is Topic.STEP_DONE and happening.step == "shift-50":
            tasks.append(asyncio.create_task(look()))

    world.seen.react = begin
    await world.conductor().move(world.model, "kserve", quick())
    await tasks[0]
    model = seen[0]
    assert isinstance(model["move"], dict)
    assert model["move"]["holder"] == "first@test/1"
    assert model["move"]["from"] == "raw-vllm"
    stream = io.StringIO()
    print_status(stream, seen)
    assert "raw-vllm → kserve" in stream.getvalue()


async def test_a_model_is_brought_up_and_a_second_time_changes_nothing() -> None:
    world = World()
    world.edge.members = ()
    result = await bring_up(world.conductor(), world.model, quick())
    assert result["layer"] == "raw-vllm"
    assert world.serving() == {"raw-vllm": 100}
    writes = len(world.edge.writes)
    await bring_up(world.conductor("second@test/2"), world.model, quick())
    assert len(world.edge.writes) == writes


def test_durations_are_short() -> None:
    assert [took(0.31), took(12.4), took(185)] == ["0.3 s", "12 s", "3 min 05 s"]
