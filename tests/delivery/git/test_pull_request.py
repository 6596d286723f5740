"""A change as a pull request: a branch of its own, made once, and known when it has landed in whatever way."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.delivery.git import Delivered, Edit, Landed, Landing, Mark, Outcome, landed
from pointsman.errors import RefusedError
from tests.delivery.git.ground import CONFIG, FILE, LINE, Ground, change, git

HEAD = "pointsman/m-1-features"
ON = CONFIG.replace(b"gateway: false", b"gateway: true")


async def ask(ground: Ground, made: Delivered, folder: Path | None = None) -> Landed:
    return await landed(folder or ground.clone, made.commit, remote="origin", branch="main", head=HEAD)


async def test_the_commit_goes_to_a_branch_of_its_own_with_a_text_for_people(ground: Ground) -> None:
    tip = ground.tip()
    made = await ground.request()
    assert (made.outcome, made.branch, made.commit, ground.tip()) == (Outcome.MADE, HEAD, ground.tip(HEAD), tip)
    assert made.request is not None
    assert (made.request.title, made.request.base, made.request.branch) == ("Switch gateway on", "main", HEAD)
    text = made.request.body.splitlines()
    assert text[0] == "The gateway is wanted in the lab."
    assert text[2] == "```diff"
    assert "-  gateway: false" in text
    assert "+  gateway: true" in text
    assert text[-3:] == ["```", "", LINE]


async def test_a_text_with_a_fence_in_it_is_fenced_by_more(ground: Ground) -> None:
    made = await ground.request(change(edits=(Edit("a.md", lambda *_: b"````sh\nls\n````\n"),)))
    assert made.request is not None
    assert made.request.body.count("`````") == 2


async def test_a_branch_that_is_there_with_the_same_content_is_found(ground: Ground) -> None:
    made = await ground.request()
    ground.colleague({FILE: CONFIG.replace(b"nodes: 3", b"nodes: 4")})
    again = await ground.request()
    assert (again.outcome, again.commit, again.request) == (Outcome.FOUND, made.commit, made.request)


async def test_a_branch_with_other_content_is_refused(ground: Ground) -> None:
    await ground.request()
    head = ground.tip(HEAD)
    with pytest.raises(RefusedError) as caught:
        await ground.request(change("tracing"))
    assert (caught.value.code, caught.value.where, ground.tip(HEAD)) == ("git-branch-taken", f"origin/{HEAD}", head)


async def test_a_branch_of_somebody_else_is_refused_and_so_is_ours_with_more_on_it(ground: Ground) -> None:
    git(ground.remote, "branch", HEAD, "main")
    with pytest.raises(RefusedError):
        await ground.request()
    git(ground.remote, "branch", "-D", HEAD)
    await ground.request()
    ground.colleague({"review.txt": b"a suggestion\n"}, branch=HEAD)
    with pytest.raises(RefusedError) as caught:
        await ground.request()
    assert caught.value.code == "git-branch-taken"


async def test_merged(ground: Ground) -> None:
    made = await ground.request()
    assert await ask(ground, made) == Landed(Landing.OPEN, "", stands=False)
    ground.colleague({"b.txt": b"b"})
    tree = git(ground.remote, "merge-tree", "--write-tree", "main", HEAD)
    merge = git(ground.remote, "commit-tree", "-p", "main", "-p", HEAD, "-m", f"Merge\n\n{LINE}", tree)
    git(ground.remote, "update-ref", "refs/heads/main", merge)
    git(ground.remote, "branch", "-D", HEAD)
    assert await ask(ground, made) == Landed(Landing.MERGED, made.commit, stands=True)
    ground.colleague({FILE: CONFIG})
    assert await ask(ground, made) == Landed(Landing.MERGED, made.commit, stands=False)
    again = await ground.request()
    assert (again.outcome, again.commit) == (Outcome.FOUND, made.commit)


async def test_squashed_onto_others_edits_of_the_same_file(ground: Ground) -> None:
    made = await ground.request()
    ground.colleague({FILE: CONFIG.replace(b"nodes: 3", b"nodes: 4")})
    squashed = ground.colleague({FILE: ON.replace(b"nodes: 3", b"nodes: 4")}, "Switch gateway on (#12)")
    git(ground.remote, "branch", "-D", HEAD)
    ground.colleague({FILE: ON.replace(b"nodes: 3", b"nodes: 5")})
    assert await ask(ground, made) == Landed(Landing.REWRITTEN, squashed, stands=True)
    assert (await ground.request()).outcome is Outcome.NOTHING


async def test_rebased_and_changed_by_others_afterwards(ground: Ground) -> None:
    made = await ground.request()
    ground.colleague({"b.txt": b"b"})
    rebased = ground.colleague({FILE: ON}, f"Switch gateway on\n\n{LINE}\n")
    ground.colleague({FILE: CONFIG})
    assert await ask(ground, made) == Landed(Landing.REWRITTEN, rebased, stands=False)
    assert (await ground.request()).commit == rebased


async def test_closed_without_landing(ground: Ground) -> None:
    made = await ground.request()
    git(ground.remote, "branch", "-D", HEAD)
    ground.colleague({FILE: CONFIG.replace(b"nodes: 3", b"nodes: 4")})
    assert await ask(ground, made) == Landed(Landing.GONE, "", stands=False)


async def test_a_file_that_was_made_lands_squashed_too(ground: Ground) -> None:
    asked = change(mark=Mark("m-1", "features"), edits=(Edit("new.yaml", lambda *_: b"new\n"),))
    made = await ground.request(asked)
    squashed = ground.colleague({"new.yaml": b"new\n"})
    assert await ask(ground, made) == Landed(Landing.REWRITTEN, squashed, stands=True)


async def test_asked_from_another_clone(ground: Ground) -> None:
    made = await ground.request()
    git(ground.root, "clone", "-q", "--single-branch", f"file://{ground.remote}", "other")
    other = ground.root / "other"
    git(ground.root, "clone", "-q", "--single-branch", f"file://{ground.remote}", "third")
    assert (await ask(ground, made, other)).landing is Landing.OPEN
    git(ground.remote, "branch", "-D", HEAD)
    assert (await ask(ground, made, other)).landing is Landing.GONE
    with pytest.raises(RefusedError) as caught:
        await ask(ground, made, ground.root / "third")
    assert caught.value.code == "git-commit-unknown"
