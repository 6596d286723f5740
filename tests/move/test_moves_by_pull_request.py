"""Moves whose every change of the alias is a pull request: a real repository, and people who merge, close, rewrite."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.errors import NeedsPersonError, PointsmanError, RefusedError, StoppedError
from pointsman.move.bring_up import bring_up
from pointsman.move.conductor import Conductor
from pointsman.move.context import Options
from pointsman.move.control import Control
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.requests import Verb
from pointsman.move.means import Result
from pointsman.move.overview import overview
from pointsman.report.plan import plan_lines
from pointsman.report.status import print_status
from tests.move.test_kill_everywhere import SECOND, Died
from tests.move.test_receipt_figures import believable
from tests.world.cluster import Write
from tests.world.git import PLACE, GitWorld
from tests.world.layers import LAYERS
from tests.world.virtual import Clock, run_virtually
from tests.world.world import lenient, quick

RAW = "http://qwen-raw-vllm.serving.svc.cluster.local:8000/v1"
KSERVE = "http://qwen-kserve.kserve.svc.cluster.local:8000/v1"
Act = Callable[["People", str], object]


class People:
    """Those who look at pull requests; each time the move begins to wait, the next of ``acts`` is done."""

    def __init__(self, folder: Path, *acts: Act, then: Act | None = None) -> None:
        self.world = GitWorld(folder)
        self.world.model = lenient(self.world.model)
        self.acts, self.then = list(acts), then
        self.waited: list[str] = []
        self.heard: set[str] = set()
        self.world.cluster.after = self.after

    def git(self, *words: str) -> str:
        return self.world.git("--git-dir", str(self.world.bare), *words)

    def branches(self) -> list[str]:
        return [one for one in self.git("for-each-ref", "--format=%(refname:short)").split() if one != "main"]

    def after(self, write: Write) -> None:
        self.world.argo(write)
        body = write.body if isinstance(write.body, dict) and write.ref.name.startswith("qwen-2026") else {}
        said = [
            line
            for line in (body.get("data") or {}).values()
            if "the merge of " in str(line) and "awaiting" in str(line)
        ]
        if not set(said) - self.heard:
            return
        self.heard.update(said)
        branch = str(said[-1]).partition("the merge of ")[2].partition(" ")[0]
        self.waited.append(branch)
        act = self.acts.pop(0) if self.acts else self.then
        if act is not None:
            act(self, branch)

    async def move(self, conductor: Conductor | None = None, **more: Any) -> Result:
        return await (conductor or self.world.conductor()).move(self.world.model, "kserve", options(**more))

    async def ask(self, verb: Verb | None) -> Result:
        """Another process: a verb, or resume."""
        control = Control(self.world.conductor(SECOND))
        return await (control.resume("qwen") if verb is None else control.ask(verb, "qwen"))

    async def awaiting(self) -> str:
        (one,) = await Ledger(self.world.cluster, Clock()).moves(model="qwen")
        return one.progress.awaiting

    def done(self, result: Result) -> None:
        """A move that ended as it should have: git, the cluster and the replicas agree."""
        assert result.error is None, result.error
        believable(result.receipt)
        assert self.world.in_git() == {KSERVE: 100}
        assert all(one == {KSERVE: 100} for one in self.world.running())

    def undone(self, result: Result) -> None:
        assert result.receipt["state"] == "undone"
        believable(result.receipt)
        assert self.world.in_git() == {RAW: 100}
        assert all(one == {RAW: 100} for one in self.world.running())
        assert not [one for one in self.branches() if self.git("merge-base", "main", one) != self.git("rev-parse", one)]


def options(**more: Any) -> Options:
    place = replace(PLACE, pull_requests=True, merge_timeout=more.pop("merge_timeout", 300.0))
    return replace(quick(in_git=place, ready_timeout=30.0), **more)


def committed(people: People, branch: str, message: str, *parents: str) -> str:
    tree = people.git("merge-tree", "--write-tree", "main", branch).splitlines()[0]
    flags = [word for parent in parents for word in ("-p", parent)]
    return people.git("commit-tree", *flags, "-m", message, tree)


def merge(people: People, branch: str) -> None:
    people.git("update-ref", "refs/heads/main", committed(people, branch, "Merge", "main", branch))


def forward(people: People, branch: str) -> None:
    people.git("update-ref", "refs/heads/main", branch)


def squash(people: People, branch: str) -> None:
    """The forge's own message, without any trailer; the branch stays."""
    people.git("update-ref", "refs/heads/main", committed(people, branch, "A change (#7)", "main"))


def squash_and_delete(people: People, branch: str) -> None:
    squash(people, branch)
    close(people, branch)


def rebase(people: People, branch: str) -> None:
    message = people.git("log", "-1", "--format=%B", branch)
    people.git("update-ref", "refs/heads/main", committed(people, branch, message, "main"))
    close(people, branch)


def by_hand(people: People, branch: str) -> None:
    """Somebody writes the same lines on main, and deletes the branch."""
    text = people.git("show", f"{branch}:platform/litellm/values.yaml") + "\n"
    people.world.push(text, "The same by hand")
    close(people, branch)


def close(people: People, branch: str) -> None:
    people.git("update-ref", "-d", f"refs/heads/{branch}")


def rewrite(people: People, branch: str) -> None:
    """A reviewer makes less of it."""
    text = people.git("show", f"{branch}:platform/litellm/values.yaml").replace("weight: 10", "weight: 3")
    people.world.git("fetch", "--quiet", "origin", branch)
    people.world.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    (people.world.clone / "platform/litellm/values.yaml").write_text(text + "\n")
    people.world.git("commit", "--quiet", "--all", "--message=Less")
    people.world.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    people.world.git("checkout", "--quiet", "main")


def update(people: People, branch: str) -> None:
    """The forge's button: others' work on main is merged into the branch; then it is merged."""
    bring_up_to_date(people, branch)
    later(merge)(people, branch)


def bring_up_to_date(people: People, branch: str) -> None:
    blob = people.git("rev-parse", "main:platform/litellm/values.yaml")
    people.world.git("fetch", "--quiet", "origin", "main")
    people.world.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
    (people.world.clone / f"others-{blob[:6]}").write_text("others' work")
    people.world.git("add", "--all")
    people.world.git("commit", "--quiet", "--message=Others' work")
    people.world.git("push", "--quiet", "origin", "HEAD:main")
    people.world.git("checkout", "--quiet", "main")
    people.git("update-ref", f"refs/heads/{branch}", committed(people, branch, "Merge main", branch, "main"))


def later(act: Act, seconds: float = 45.0) -> Act:
    return lambda people, branch: asyncio.get_running_loop().call_later(seconds, act, people, branch) and None


@pytest.mark.parametrize(
    "act", [merge, forward, squash, squash_and_delete, rebase, by_hand, update, later(merge), later(squash_and_delete)]
)
def test_however_it_is_merged_the_move_goes_on(tmp_path: Path, act: Act) -> None:
    people = People(tmp_path, then=act)
    result = run_virtually(people.move())
    people.done(result)
    assert len(people.waited) == len(set(people.waited)) == 4


def test_the_time_until_people_merge_is_a_wait_of_its_own(tmp_path: Path) -> None:
    people = People(tmp_path, merge, later(merge), then=merge)
    result = run_virtually(people.move())
    people.done(result)
    assert 45 <= result.receipt["waits"]["review"] < 60
    assert result.receipt["overheadSeconds"] < 45


def test_all_at_once_is_one_review_told_in_the_plan(tmp_path: Path) -> None:
    people = People(tmp_path, then=merge)
    plan = run_virtually(planned(people))
    told = "\n".join(plan_lines(plan))
    assert "commits       1 to platform/litellm/values.yaml on origin/main" in told
    assert "reviews       1: the move waits until each is merged; one more takes it back" in told
    people.done(run_virtually(people.move(shares=(100,))))
    assert len(people.waited) == 1


async def planned(people: People) -> dict[str, object]:
    return (await people.world.conductor().plan(people.world.model, "kserve", options(shares=(100,)))).as_dict()


def stopped(people: People, code: str, **more: Any) -> PointsmanError:
    """The move pauses with this code; tenants are where they were."""
    result = run_virtually(people.move(**more))
    assert isinstance(result.error, NeedsPersonError), result.error
    assert (result.error.code, result.receipt["state"]) == (code, "paused")
    assert people.world.in_git() == {RAW: 100}
    assert "pointsman resume qwen" in result.error.next_action
    assert "promote" not in result.error.next_action
    return result.error


def test_closed_without_a_merge_pauses_and_resuming_proposes_it_anew(tmp_path: Path) -> None:
    people = People(tmp_path, close, then=merge)
    error = stopped(people, "shift-10.merge-closed")
    assert "is gone and was not merged" in error.what
    people.done(run_virtually(people.ask(None)))
    assert people.waited[0] == people.waited[1]


def test_a_branch_that_was_rewritten_pauses_and_is_never_taken_for_ours(tmp_path: Path) -> None:
    people = People(tmp_path, rewrite, then=merge)
    stopped(people, "shift-10.merge-rewritten")
    again = run_virtually(people.ask(None))
    assert again.error is not None
    assert again.error.code == "shift-10.merge-rewritten"
    close(people, people.waited[0])
    people.done(run_virtually(people.ask(None)))


def test_a_rewritten_branch_of_others_is_left_by_a_rollback_and_told(tmp_path: Path) -> None:
    people = People(tmp_path, rewrite)
    stopped(people, "shift-10.merge-rewritten")
    result = run_virtually(people.ask(Verb.ROLLBACK))
    assert (result.receipt["state"], people.world.in_git()) == ("undone", {RAW: 100})
    assert people.branches() == people.waited
    assert any("close it by hand" in one.text for one in people.world.seen.happenings)


def test_not_merged_in_time_pauses_and_one_that_is_merged_meanwhile_is_found(tmp_path: Path) -> None:
    people = People(tmp_path, lambda people, branch: None, then=merge)
    error = stopped(people, "shift-10.merge-late", merge_timeout=60.0)
    assert "git cannot tell whether its pull request is open or was closed" in error.what
    merge(people, people.waited[0])
    people.done(run_virtually(people.ask(None)))
    assert len(set(people.world.marks())) == len(people.world.marks()) == 4


@pytest.mark.parametrize("merged", [False, True])
def test_an_interrupt_while_it_waits_pauses_and_nothing_is_proposed_twice(tmp_path: Path, merged: bool) -> None:
    people = People(tmp_path, then=merge)
    conductor: list[Conductor] = []
    people.acts.append(
        lambda people, branch: asyncio.get_running_loop().call_later(60, conductor[0].interrupt) and None
    )

    async def interrupted() -> Result:
        conductor.append(people.world.conductor())
        return await people.move(conductor[0])

    result = run_virtually(interrupted())
    assert (result.interrupted, result.receipt["state"]) == (True, "paused")
    assert isinstance(result.error, NeedsPersonError)
    assert "it was interrupted while it waited for the merge of pointsman/qwen-" in result.error.what
    (branch,) = people.branches()
    proposed = people.git("rev-parse", branch)
    if merged:
        merge(people, branch)
    people.done(run_virtually(people.ask(None)))
    assert proposed in people.git("log", "--format=%H", "main").split()
    assert len(set(people.world.marks())) == len(people.world.marks()) == 4


def test_a_branch_that_was_brought_up_to_date_while_nobody_waited_is_the_same_proposal(tmp_path: Path) -> None:
    people = People(tmp_path, lambda people, branch: None, then=later(merge))
    stopped(people, "shift-10.merge-late", merge_timeout=60.0)
    bring_up_to_date(people, people.waited[0])
    people.done(run_virtually(people.ask(None)))
    assert people.waited[0] == people.waited[1]
    assert len(people.waited) == 5


def test_squashed_while_nobody_waited_and_its_branch_left_is_done(tmp_path: Path) -> None:
    people = People(tmp_path, lambda people, branch: None, then=squash)
    stopped(people, "shift-10.merge-late", merge_timeout=60.0)
    squash(people, people.waited[0])
    people.done(run_virtually(people.ask(None)))
    assert len(people.waited) == 4


@pytest.mark.parametrize("verb", [None, Verb.ROLLBACK])
def test_a_process_that_dies_while_it_waits_is_followed_by_one_that_finds_its_branch(
    tmp_path: Path, verb: Verb | None
) -> None:
    def die(people: People, branch: str) -> None:
        raise Died

    people = People(tmp_path, die, then=merge)
    with pytest.raises(Died):
        run_virtually(people.move())
    (branch,) = people.branches()
    assert run_virtually(people.awaiting()) == f"the merge of {branch} into origin/main"
    proposed = people.git("rev-parse", branch)
    result = run_virtually(people.ask(verb))
    if verb is None:
        people.done(result)
        assert proposed in people.git("log", "--format=%H", "main").split()
    else:
        people.undone(result)
        assert (people.branches(), people.world.marks()) == ([], [])


def test_a_wait_shows_in_status(tmp_path: Path) -> None:
    people = People(tmp_path)
    seen: list[str] = []

    async def look() -> None:
        async def none(models: object) -> dict[str, object]:
            return {"qwen": await people.world.edge_for(people.world.model).read()}

        rows = await overview(people.world.cluster, Clock(), LAYERS, none)  # type: ignore[arg-type]
        out = io.StringIO()
        print_status(out, rows)
        seen.append(out.getvalue())

    async def waiting() -> None:
        task = asyncio.ensure_future(people.move())
        await asyncio.sleep(90)
        await look()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtually(waiting())
    assert f"forward at shift-10 by first@test/1, waits for the merge of {people.waited[0]} into origin/main" in seen[0]


@pytest.mark.parametrize("verb", [Verb.ROLLBACK, Verb.ABORT])
def test_taken_back_while_the_first_waits_takes_the_proposal_away(tmp_path: Path, verb: Verb) -> None:
    people = People(tmp_path)
    moved, asked = run_virtually(beside(people, verb))
    assert asked.error is None
    assert moved.receipt["state"] in ("undone", "aborted")
    assert (people.branches(), people.world.marks(), people.world.in_git()) == ([], [], {RAW: 100})


def test_a_pause_comes_at_once_while_people_are_waited_for(tmp_path: Path) -> None:
    people = People(tmp_path)
    moved, asked = run_virtually(beside(people, Verb.PAUSE))
    assert (asked.error, moved.receipt["state"]) == (None, "paused")
    people.then = merge
    people.done(run_virtually(people.ask(None)))


@pytest.mark.parametrize("paused", ["asked", "merge-late"])
def test_a_promote_after_a_pause_for_a_pull_request_judges_the_shift_as_ever(tmp_path: Path, paused: str) -> None:
    people = People(tmp_path, lambda people, branch: None, then=merge)
    if paused == "asked":
        moved, _ = run_virtually(beside(people, Verb.PAUSE))
        assert moved.receipt["state"] == "paused"
    else:
        stopped(people, "shift-10.merge-late", merge_timeout=60.0)
    done = run_virtually(people.ask(Verb.PROMOTE))
    people.done(done)
    judged = next(one for one in done.receipt["steps"] if one["id"] == "shift-10")["evidence"]["evidence"]
    assert judged["accepted"] is False
    assert judged["probes"] > 0


def test_a_promote_while_people_are_waited_for_is_refused_and_skips_no_verdict(tmp_path: Path) -> None:
    people = People(tmp_path, then=merge)
    people.acts.append(later(merge, 200.0))
    moved, asked = run_virtually(promoted_beside(people))
    assert (asked.code, asked.exit_code) == ("merge-first", 1)
    assert "waits for the merge of pointsman/qwen-" in asked.what
    people.done(moved)
    judged = next(one for one in moved.receipt["steps"] if one["id"] == "shift-10")["evidence"]["evidence"]
    assert judged["probes"] > 0


async def promoted_beside(people: People) -> tuple[Result, RefusedError]:
    """Another process promotes while the move waits, and is refused."""
    task = asyncio.ensure_future(people.move())
    await asyncio.sleep(90)
    with pytest.raises(RefusedError) as refused:
        await people.ask(Verb.PROMOTE)
    return await task, refused.value


async def beside(people: People, verb: Verb) -> tuple[Result, Result]:
    """Another process asks while the move waits."""
    task = asyncio.ensure_future(people.move())
    await asyncio.sleep(90)
    asked = await people.ask(verb)
    return await task, asked


def test_the_way_back_is_a_pull_request_too_and_tenants_do_not_wait_for_it(tmp_path: Path) -> None:
    seen: list[bool] = []

    def tell(people: People) -> None:
        """Long before anybody merges it, every replica runs the source alone."""
        seen.append(all(one == {RAW: 100} for one in people.world.running()))
        seen.append(people.world.in_git() == {RAW: 90, KSERVE: 10})
        seen.append(people.world.held())

    def look(people: People, branch: str) -> None:
        asyncio.get_running_loop().call_later(60, tell, people)
        later(merge, 120)(people, branch)

    people = People(tmp_path, merge, lambda people, branch: None, look)
    moved, asked = run_virtually(beside(people, Verb.ROLLBACK))
    assert asked.error is None
    people.undone(moved)
    assert seen == [True, True, True]
    assert not people.world.held()
    assert people.world.log()[-1][0] == "qwen-local: back to raw vLLM alone"
    assert people.waited[1] not in people.branches()


def test_a_way_back_that_is_closed_leaves_tenants_back_and_goes_on_when_it_is_asked_for_again(tmp_path: Path) -> None:
    people = People(tmp_path, merge, lambda people, branch: None, close, then=merge)
    moved, asked = run_virtually(beside(people, Verb.ROLLBACK))
    assert isinstance(moved.error, NeedsPersonError)
    assert (moved.error.code, moved.receipt["state"]) == ("undo-failed", "undo-stuck")
    assert "is gone and was not merged" in moved.error.what
    people.undone(asked)  # whoever asked for it takes the move over and says it again
    assert people.waited[2] == people.waited[3]


def test_a_way_back_that_nobody_merges_in_time_is_owed_and_tenants_are_back(tmp_path: Path) -> None:
    people = People(tmp_path, merge, lambda people, branch: None)
    moved, asked = run_virtually(beside(people, Verb.ROLLBACK))
    assert (moved.receipt["state"], asked.receipt["state"]) == ("undo-stuck", "undo-stuck")
    assert all(one == {RAW: 100} for one in people.world.running())
    assert people.world.in_git() == {RAW: 90, KSERVE: 10}
    merge(people, people.waited[-1])
    people.undone(run_virtually(people.ask(Verb.ROLLBACK)))
    assert not people.world.held()


def test_merged_and_changed_again_by_others_is_their_decision(tmp_path: Path) -> None:
    def theirs(people: People, branch: str) -> None:
        merge(people, branch)
        people.world.push(people.world.values().replace("weight: 90", "weight: 70"), "More for the new one")

    people = People(tmp_path, theirs)
    result = run_virtually(people.move())
    assert result.error is not None
    assert "weight: 70" in people.world.values()
    assert result.receipt["state"] != "done"


def test_a_remote_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    def away(people: People, branch: str) -> None:
        loop, url = asyncio.get_running_loop(), people.world.git("remote", "get-url", "origin")
        loop.call_later(15, people.world.git, "remote", "set-url", "origin", "http://127.0.0.1:9/away.git")
        loop.call_later(55, people.world.git, "remote", "set-url", "origin", url)
        later(merge, 60)(people, branch)

    people = People(tmp_path, away, then=merge)
    people.done(run_virtually(people.move()))


def test_a_remote_that_refuses_us_meanwhile_pauses_and_is_asked_again(tmp_path: Path) -> None:
    people = People(tmp_path, then=merge)
    elsewhere = people.world.bare.with_name("elsewhere")
    people.acts.append(lambda people, branch: people.world.bare.rename(elsewhere))
    result = run_virtually(people.move())
    assert isinstance(result.error, NeedsPersonError)
    assert (result.error.code, result.receipt["state"]) == ("shift-10.merge-unseen", "paused")
    elsewhere.rename(people.world.bare)
    people.done(run_virtually(people.ask(None)))


def test_a_gap_is_refused_since_its_end_would_wait_for_people(tmp_path: Path) -> None:
    people = People(tmp_path)
    with pytest.raises(RefusedError, match="its end would wait for a pull request") as refused:
        run_virtually(people.move(strategy="gap", allow_downtime=60.0))
    assert refused.value.code == "preflight.room"


@pytest.mark.parametrize("merged", [True, False])
def test_up_waits_for_its_pull_request_and_takes_it_away_when_it_is_stopped(tmp_path: Path, merged: bool) -> None:
    people = People(tmp_path)
    model = people.world.model
    spec = model.spec.model_copy(update={"tenant": model.spec.tenant.model_copy(update={"alias": "brand-new"})})
    people.world.model = model.model_copy(update={"spec": spec})
    stop = asyncio.Event()

    async def up() -> None:
        loop = asyncio.get_running_loop()
        work = asyncio.ensure_future(bring_up(people.world.conductor(), people.world.model, options(), stop))
        await asyncio.sleep(60)
        assert len(people.branches()) == 1
        loop.call_soon(merge, people, people.branches()[0]) if merged else stop.set()
        await work

    if merged:
        run_virtually(up())
        assert "brand-new" in people.world.values()
    else:
        with pytest.raises(StoppedError):
            run_virtually(up())
        assert (people.branches(), people.world.marks()) == ([], [])
