"""Taking a change back: our lines alone, on whatever others did since."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.delivery.git import Change, Delivered, Edit, Mark, Outcome, revert_of
from pointsman.delivery.git.lines import OverwrittenError, merged, stands
from pointsman.errors import RefusedError
from tests.delivery.git.ground import CONFIG, FILE, Ground, change, git

BACK = Mark("m-1", "features-back")


async def revert(ground: Ground, commit: str | Mark) -> Change:
    return await revert_of(ground.clone, commit, BACK, remote="origin", branch="main", why="It was too slow.")


async def deliver_back(ground: Ground, commit: str = "") -> Delivered:
    return await ground.deliver(await revert(ground, commit or change().mark))


async def test_the_lines_are_put_back_in_a_new_commit(ground: Ground) -> None:
    made = await ground.deliver()
    back = await deliver_back(ground)
    assert (back.outcome, ground.read()) == (Outcome.MADE, CONFIG)
    assert git(ground.remote, "log", "-1", "--format=%B", "main") == (
        f"Revert: Switch gateway on\n\nIt was too slow.\n\n"
        f"This takes back the lines of commit {made.commit}; whatever else came since stays.\n\n{BACK.line}\n"
    ).rstrip("\n")


async def test_others_edits_elsewhere_in_the_file_stay(ground: Ground) -> None:
    made = await ground.deliver()
    ground.colleague({FILE: ground.read().replace(b"nodes: 3", b"nodes: 5") + b"more: yes\n", "b.txt": b"b"})
    await deliver_back(ground, made.commit)
    assert ground.read() == CONFIG.replace(b"nodes: 3", b"nodes: 5") + b"more: yes\n"
    assert ground.read("b.txt") == b"b"


async def test_others_edits_of_our_lines_refuse_it_with_who_and_when(ground: Ground) -> None:
    await ground.deliver()
    ground.colleague({FILE: ground.read().replace(b"nodes: 3", b"nodes: 5")}, "elsewhere")
    theirs = ground.colleague({FILE: ground.read().replace(b"gateway: true", b"gateway: maybe")}, "on ours")
    ground.colleague({FILE: ground.read().replace(b"nodes: 5", b"nodes: 6")}, "elsewhere again")
    with pytest.raises(RefusedError) as caught:
        await deliver_back(ground)
    assert (caught.value.code, caught.value.where) == ("git-overwritten", FILE)
    assert f"by Grace Colleague in {theirs[:12]}, 2026-" in caught.value.what


async def test_back_already_is_nothing_to_do_and_said_twice_it_is_found(ground: Ground) -> None:
    await ground.deliver()
    ground.colleague({FILE: CONFIG})
    assert (await deliver_back(ground)).outcome is Outcome.NOTHING


async def test_a_revert_is_delivered_once(ground: Ground) -> None:
    await ground.deliver()
    back = await revert(ground, change().mark)
    assert [(await ground.deliver(back)).outcome for _ in range(2)] == [Outcome.MADE, Outcome.FOUND]


async def test_files_that_were_made_go_and_files_that_were_removed_come_back(ground: Ground) -> None:
    edits = (Edit("new.yaml", lambda *_: b"new\n"), Edit("README.md", lambda *_: None))
    await ground.deliver(change(edits=edits))
    await deliver_back(ground)
    assert ground.read("README.md") == b"# Platform\n"
    assert "new.yaml" not in git(ground.remote, "ls-tree", "-r", "--name-only", "main")


async def test_a_file_that_was_made_and_that_others_went_on_with_stays_theirs(ground: Ground) -> None:
    await ground.deliver(change(edits=(Edit("new.yaml", lambda *_: b"new\n"),)))
    ground.colleague({"new.yaml": b"new\nand more\n"})
    with pytest.raises(RefusedError) as caught:
        await deliver_back(ground)
    assert caught.value.code == "git-overwritten"


async def test_a_commit_that_is_not_there_is_refused(ground: Ground) -> None:
    for commit in (Mark("m-9", "nothing"), "0" * 40, "main"):
        with pytest.raises(RefusedError) as caught:
            await revert(ground, commit)
        assert caught.value.code == "git-commit-unknown"


async def test_in_a_clone_that_is_cut_off_it_is_said(ground: Ground) -> None:
    made = await ground.deliver()
    git(ground.root, "clone", "-q", "--depth=1", f"file://{ground.remote}", "shallow")
    with pytest.raises(RefusedError) as caught:
        await revert_of(ground.root / "shallow", made.commit, BACK, remote="origin", branch="main", why="")
    assert (caught.value.code, "unshallow" in caught.value.next_action) == ("git-history-cut", True)
    again = await ground.deliver(folder=ground.root / "shallow")
    assert (again.outcome, again.stands) == (Outcome.FOUND, None)


def lines(*words: bytes) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.sampled_from(words), max_size=6)


ABOVE, BELOW = lines(b"a: 1", b"", b"# a", b"\xff\xfe"), lines(b"b: 1", b"  ", b"# b", b"same", b"last")
ANY = lines(b"a: 1", b"b: 1", b"", b"same", b"gateway: maybe")
ENDS = st.sampled_from([b"\n", b"\r\n"])


def text(head: list[bytes], word: bytes, tail: list[bytes], end: bytes, last: bool) -> bytes:
    return end.join([*head, b"gateway: " + word, *tail]) + (end if last else b"")


@settings(max_examples=300, deadline=None)
@given(above=ABOVE, below=BELOW, now_above=ABOVE, now_below=BELOW, end=ENDS)
def test_whatever_others_do_elsewhere_only_our_line_is_taken_back(
    above: list[bytes], below: list[bytes], now_above: list[bytes], now_below: list[bytes], end: bytes
) -> None:
    """On the lines right beside ours too."""
    before, after = text(above, b"false", below, end, True), text(above, b"true", below, end, True)
    now = text(now_above, b"true", now_below, end, True)
    assert stands(now, before, after)
    assert merged(now, after, before) == text(now_above, b"false", now_below, end, True)


@settings(max_examples=300, deadline=None)
@given(above=ANY, below=ANY, now_above=ANY, now_below=ANY, end=ENDS, last=st.booleans(), now_last=st.booleans())
def test_whatever_others_do_it_is_right_or_refused(
    above: list[bytes],
    below: list[bytes],
    now_above: list[bytes],
    now_below: list[bytes],
    end: bytes,
    last: bool,
    now_last: bool,
) -> None:
    """Lines that were moved past ours can be read in two ways."""
    before, after = text(above, b"false", below, end, last), text(above, b"true", below, end, last)
    now = text(now_above, b"true", now_below, end, now_last)
    with suppress(OverwrittenError):
        assert merged(now, after, before) == text(now_above, b"false", now_below, end, now_last)


@settings(max_examples=300, deadline=None)
@given(above=ANY, below=ANY, now_above=ANY, now_below=ANY, word=st.sampled_from([b"off", b"truest", b"false"]))
def test_a_line_of_ours_that_others_changed_does_not_stand(
    above: list[bytes], below: list[bytes], now_above: list[bytes], now_below: list[bytes], word: bytes
) -> None:
    before, after = text(above, b"false", below, b"\n", True), text(above, b"true", below, b"\n", True)
    assert not stands(text(now_above, word, now_below, b"\n", True), before, after)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(base=ANY, current=ANY, other=ANY)
def test_where_git_merges_it_is_merged_alike(
    base: list[bytes], current: list[bytes], other: list[bytes], tmp_path: Path
) -> None:
    """Of lines that are all different, so that there is one way to read them."""
    texts = [b"".join(line + b"\n" for line in dict.fromkeys(one)) for one in (current, base, other)]
    for name, content in zip(("current", "base", "other"), texts, strict=True):
        (tmp_path / name).write_bytes(content)
    words = ("git", "merge-file", "-p", "-q", *(str(tmp_path / name) for name in ("current", "base", "other")))
    said = subprocess.run(words, capture_output=True, check=False)
    if said.returncode == 0:
        with suppress(OverwrittenError):
            assert merged(texts[0], texts[1], texts[2]) == said.stdout


@pytest.mark.parametrize("theirs", [b"a\nours!\nc\n", b"a\nc\n", None, b"a\nb\nc\n"])
def test_lines_of_ours_that_others_touched_do_not_stand(theirs: bytes | None) -> None:
    assert not stands(theirs, b"a\nb\nc\n", b"a\nours\nc\n")


def test_one_of_two_lines_put_back_is_not_all_that_stands() -> None:
    assert not stands(b"1\nb\n3\nd\n5\n", b"1\n2\n3\n4\n5\n", b"1\nb!\n3\nd\n5\n")
    assert not stands(b"1\n2\n3\nd\n5\n", b"1\n2\n3\n4\n5\n", b"1\nb\n3\nd\n5\n")


@pytest.mark.parametrize(
    ("theirs", "base", "ours"),
    [
        (b"theirs\n", b"base\n", b"ours\n"),
        (b"1\nx\n3\n", b"1\n3\n", b"1\n2\n3\n"),
        (b"1\n3\n", b"1\n2\n3\n", b"1\n2!\n3\n"),
        (b"", b"1\n", b"1!\n"),
        (None, b"1\n", b"1!\n"),
    ],
)
def test_two_who_changed_the_same_place_cannot_be_merged(theirs: bytes | None, base: bytes, ours: bytes) -> None:
    with pytest.raises(OverwrittenError):
        merged(theirs, base, ours)
    assert not stands(theirs, ours, base)


async def test_a_neighbouring_feature_that_a_colleague_switched_stays_switched(ground: Ground) -> None:
    await ground.deliver()
    ground.colleague({FILE: ground.read().replace(b"tracing: false", b"tracing: true")})
    await deliver_back(ground)
    assert ground.read() == CONFIG.replace(b"tracing: false", b"tracing: true")
