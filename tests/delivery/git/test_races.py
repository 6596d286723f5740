"""Others push at the same time: a lost race is made anew on their tree, unless it is not wanted or possible there."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable

import pytest

from pointsman.delivery.git import Change, Edit, Files, Mark, Outcome
from pointsman.delivery.git.outcome import Patience
from pointsman.errors import RefusedError
from tests.delivery.git.ground import CONFIG, FILE, LINE, QUICK, Ground, change, switched

Recorded = Callable[[str, str], Awaitable[None]]


def interfering(ground: Ground, *contents: dict[str, bytes | None]) -> Recorded:
    """A colleague who pushes between our fetch and our push, once for each of these."""
    left = list(contents)

    async def recorded(base: str, commit: str) -> None:
        if left:
            ground.colleague(left.pop(0))

    return recorded


async def test_a_lost_race_is_made_anew_on_the_winners_tree(ground: Ground) -> None:
    theirs = CONFIG.replace(b"nodes: 3", b"nodes: 4")
    delivered = await ground.deliver(recorded=interfering(ground, {FILE: theirs}, {"b.txt": b"b"}))
    assert delivered.outcome is Outcome.MADE
    assert ground.read() == theirs.replace(b"gateway: false", b"gateway: true")
    assert ground.commits() == [delivered.commit]
    assert delivered.base == ground.commits("Others' work")[0]


async def test_a_race_that_is_lost_while_the_push_is_under_way(ground: Ground) -> None:
    stream = r"commit refs/heads/main\ncommitter G <g@x> 1790000000 +0000\ndata 4\nlate\nfrom refs/heads/main^0\n\n"
    blob = f"printf '{stream}'"
    once = f"[ -e {ground.root}/raced ] && exit 0; touch {ground.root}/raced"
    ground.hook("pre-push", f"{once}\nunset GIT_DIR\n{blob} | git -C {ground.remote} fast-import --quiet", ground.clone)
    assert (await ground.deliver()).outcome is Outcome.MADE
    assert len(ground.commits()) == len(ground.commits("late")) == 1


@pytest.mark.parametrize(
    "words",
    [
        "GitLab: Could not update refs/heads/main. Please refresh and try again.",
        "error: cannot lock ref 'refs/heads/main': is at 1111111111111111111111111111111111111111 but expected 2",
        "the reference was updated by another push",
    ],
)
async def test_a_race_that_a_server_tells_in_its_own_words_is_tried_again(ground: Ground, words: str) -> None:
    once = f"[ -e {ground.root}/raced ] && exit 0; touch {ground.root}/raced"
    ground.hook("pre-receive", f"{once}\nprintf '%s\\n' {shlex.quote(words)} >&2\nexit 1")
    assert (await ground.deliver()).outcome is Outcome.MADE
    assert len(ground.commits()) == 1


async def test_it_is_asked_before_each_try_whether_it_is_still_wanted(ground: Ground) -> None:
    def wanted(files: Files) -> str:
        return "the colleague switched it off for good" if b"# off" in files[FILE] else ""

    theirs = CONFIG.replace(b"gateway: false", b"gateway: false # off")
    delivered = await ground.deliver(change(wanted=wanted), recorded=interfering(ground, {FILE: theirs}))
    assert (delivered.outcome, delivered.commit) == (Outcome.SUPERSEDED, ground.tip())
    assert "switched it off for good" in delivered.told()
    assert ground.read() == theirs


async def test_others_who_make_the_same_change_leave_nothing_to_do(ground: Ground) -> None:
    same = CONFIG.replace(b"gateway: false", b"gateway: true")
    delivered = await ground.deliver(recorded=interfering(ground, {FILE: same}))
    assert (delivered.outcome, delivered.commit) == (Outcome.NOTHING, ground.tip())


async def test_a_change_that_cannot_be_made_on_theirs_is_a_conflict_with_nothing_done(ground: Ground) -> None:
    def needs_line(before: bytes | None, files: Files) -> bytes | None:
        if b"gateway" not in (before or b""):
            raise RefusedError("there is no gateway to switch", where=f"{FILE}:1", code="feature-unknown")
        return switched("gateway")(before, files)

    theirs = CONFIG.replace(b"  gateway: false\n", b"")
    asked = change(edits=(Edit("made.yaml", lambda *_: b"x"), Edit(FILE, needs_line)))
    with pytest.raises(RefusedError) as caught:
        await ground.deliver(asked, recorded=interfering(ground, {FILE: theirs}))
    assert (caught.value.code, caught.value.where) == ("git-conflict", f"{FILE}:1")
    assert "there is no gateway to switch" in caught.value.what
    assert (ground.read(), ground.commits()) == (theirs, [])


async def test_an_edit_that_is_impossible_from_the_start_says_so_itself(ground: Ground) -> None:
    def never(before: bytes | None, files: Files) -> bytes | None:
        raise RefusedError("no", code="feature-unknown")

    with pytest.raises(RefusedError) as caught:
        await ground.deliver(change(edits=(Edit(FILE, never),)))
    assert caught.value.code == "feature-unknown"


async def test_whoever_always_loses_gives_up_after_a_stated_number_of_tries(ground: Ground) -> None:
    tries: list[str] = []
    pauses: list[float] = []

    async def always_first(base: str, commit: str) -> None:
        tries.append(ground.colleague({"README.md": f"{len(tries)}\n".encode()}))

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(RefusedError) as caught:
        await ground.deliver(recorded=always_first, patience=Patience(races=4, sleep=sleep, chance=lambda: 0.5))
    assert (caught.value.code, len(tries)) == ("git-contended", 4)
    assert "4 times over" in caught.value.what
    assert pauses == pytest.approx([0.3, 0.6, 1.2])
    assert ground.commits() == []


async def test_pauses_differ_by_chance_and_end_at_five_seconds() -> None:
    assert QUICK.pause(50) == pytest.approx(3.75)
    assert Patience(chance=lambda: 0.0).pause(1) < Patience(chance=lambda: 0.9).pause(1)


async def test_ten_at_once_all_arrive_once(ground: Ground) -> None:
    async def one(number: int) -> Outcome:
        edit = Edit(FILE, lambda before, files: (before or b"") + b"line %d\n" % number)
        asked = Change(Mark("m-1", f"s{number}"), "Add a line", "", (edit,))
        patience = Patience(races=50, sleep=lambda seconds: asyncio.sleep(seconds / 20))
        return (await ground.deliver(asked, patience=patience)).outcome

    assert await asyncio.gather(*map(one, range(10))) == [Outcome.MADE] * 10
    lines = ground.read().decode().splitlines()
    assert sorted(line for line in lines if line.startswith("line ")) == sorted(f"line {one}" for one in range(10))
    assert [len(ground.commits(f"{LINE.split()[0]} m-1 s{number}")) for number in range(10)] == [1] * 10


async def test_two_with_the_same_mark_make_one_commit(ground: Ground) -> None:
    ends = await asyncio.gather(*(ground.deliver() for _ in range(4)))
    assert {one.outcome for one in ends} <= {Outcome.FOUND, Outcome.MADE}
    assert len(ground.commits()) == 1
    assert {one.commit for one in ends} == set(ground.commits())
