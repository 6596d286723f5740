"""A change becomes one commit on the newest tree of the remote's branch."""

from __future__ import annotations

import pytest

from pointsman.delivery.git import Edit, Mode, Outcome, look_up
from pointsman.errors import RefusedError
from tests.delivery.git.ground import CONFIG, FILE, LINE, Ground, change, git


async def test_one_commit_with_the_change_and_the_reason(ground: Ground) -> None:
    before = ground.tip()
    delivered = await ground.deliver()
    assert (delivered.outcome, delivered.commit, delivered.base) == (Outcome.MADE, ground.tip(), before)
    assert ground.read() == CONFIG.replace(b"gateway: false", b"gateway: true")
    said = git(ground.remote, "log", "-1", "--format=%an <%ae>%n%cn%n%P%n%B", "main")
    assert said == (
        f"Ada Operator <ada@example.org>\nAda Operator\n{before}\n"
        f"Switch gateway on\n\nThe gateway is wanted in the lab.\n\n{LINE}\n"
    ).rstrip("\n")


async def test_it_is_made_on_commits_that_the_clone_has_not_seen(ground: Ground) -> None:
    theirs = ground.colleague({"other.yaml": b"a: 1\n"})
    delivered = await ground.deliver()
    assert delivered.base == theirs
    assert ground.read("other.yaml") == b"a: 1\n"


async def test_said_twice_it_is_found_and_not_made_again(ground: Ground) -> None:
    first = await ground.deliver()
    again = await ground.deliver()
    assert (again.outcome, again.commit, again.stands) == (Outcome.FOUND, first.commit, True)
    assert len(ground.commits()) == 1


async def test_found_although_others_changed_its_lines_and_that_is_said(ground: Ground) -> None:
    first = await ground.deliver()
    ground.colleague({FILE: CONFIG})
    again = await ground.deliver()
    assert (again.outcome, again.commit, again.stands) == (Outcome.FOUND, first.commit, False)
    assert "others changed its lines since" in again.told()


async def test_nothing_to_change_is_a_clean_skip_that_says_where_the_lines_stand(ground: Ground) -> None:
    theirs = ground.colleague({FILE: CONFIG.replace(b"gateway: false", b"gateway: true")})
    ground.colleague({"README.md": b"# Newer\n"})
    tip = ground.tip()
    delivered = await ground.deliver()
    assert (delivered.outcome, delivered.commit, ground.tip()) == (Outcome.NOTHING, theirs, tip)
    assert theirs[:12] in delivered.told()


async def test_a_newer_decision_wins(ground: Ground) -> None:
    tip = ground.tip()
    delivered = await ground.deliver(change(wanted=lambda files: f"{len(files)} files say otherwise"))
    assert (delivered.outcome, delivered.reason, ground.tip()) == (Outcome.SUPERSEDED, "1 files say otherwise", tip)


async def test_files_are_made_removed_and_derived_from_each_other(ground: Ground) -> None:
    edits = (
        Edit("groups/lab.yaml", lambda before, files: b"from " + files["README.md"]),
        Edit("groups/copy.yaml", lambda before, files: files["groups/lab.yaml"]),
        Edit("README.md", lambda before, files: None),
    )
    await ground.deliver(change(edits=edits))
    assert ground.read("groups/copy.yaml") == b"from # Platform\n"
    assert git(ground.remote, "ls-tree", "--name-only", "main").split() == ["environments", "groups"]


async def test_a_change_sees_the_files_it_reads_and_no_others(ground: Ground) -> None:
    seen: list[list[str]] = []

    def wanted(files: object) -> str:
        seen.append(sorted(files))  # type: ignore[call-overload]
        return ""

    ground.colleague({"clusters/lab/a.yaml": b"a", "clusters/lab/b.txt": b"b"})
    await ground.deliver(change(wanted=wanted, reads=("clusters/*.yaml", "missing.yaml")))
    assert seen == [["clusters/lab/a.yaml", FILE]]


async def test_found_from_the_base_that_was_told_before_the_push_or_without_it(ground: Ground) -> None:
    told: list[tuple[str, str]] = []

    async def recorded(base: str, commit: str) -> None:
        told.append((base, commit))

    tip = ground.tip()
    assert await look_up(ground.clone, change().mark, remote="origin", branch="main") == ""
    made = await ground.deliver(recorded=recorded)
    assert told == [(tip, made.commit)]
    ground.colleague({"README.md": b"# Newer\n"})
    for since in (tip, "", "0" * 40, "main"):
        assert await look_up(ground.clone, change().mark, remote="origin", branch="main", since=since) == made.commit
        again = await ground.deliver(since=since)
        assert (again.outcome, again.commit, again.base) == (Outcome.FOUND, made.commit, tip)
    assert await look_up(ground.clone, change().mark, remote="origin", branch="main", since=made.commit) == ""


async def test_made_and_kept_without_a_push(ground: Ground) -> None:
    tip = ground.tip()
    delivered = await ground.deliver(mode=Mode.COMMIT)
    assert (ground.tip(), delivered.branch) == (tip, "pointsman/m-1-features")
    assert git(ground.clone, "rev-parse", delivered.branch, f"{delivered.branch}^").split() == [delivered.commit, tip]
    again = await ground.deliver(mode=Mode.COMMIT)
    assert (again.outcome, again.commit, again.request) == (Outcome.FOUND, delivered.commit, None)
    with pytest.raises(RefusedError) as caught:
        await ground.deliver(change("tracing"), mode=Mode.COMMIT)
    assert (caught.value.code, caught.value.where) == ("git-branch-taken", "pointsman/m-1-features")
    assert git(ground.clone, "rev-parse", delivered.branch) == delivered.commit


async def test_nothing_of_a_delivery_is_left_in_the_clone_but_objects(ground: Ground) -> None:
    git(ground.clone, "update-ref", "refs/pointsman/1700000000-dead", "HEAD")
    await ground.deliver()
    assert git(ground.clone, "for-each-ref", "refs/pointsman/") == ""


@pytest.mark.parametrize("branch", ["nowhere", "-x", "a..b"])
async def test_a_branch_that_is_not_there_is_refused(ground: Ground, branch: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await ground.deliver(branch=branch)
    assert caught.value.code == "git-branch-missing"


@pytest.mark.parametrize("remote", ["upstream", "-u"])
async def test_a_remote_that_is_not_there_is_refused_with_those_that_are(ground: Ground, remote: str) -> None:
    with pytest.raises(RefusedError) as caught:
        await ground.deliver(remote=remote)
    assert (caught.value.code, caught.value.next_action) == ("git-remote", "name one of: origin")


async def test_a_folder_that_is_no_repository_is_refused(ground: Ground) -> None:
    with pytest.raises(RefusedError) as caught:
        await ground.deliver(folder=ground.root / "home")
    assert caught.value.code == "git-repository"
