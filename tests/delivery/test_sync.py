"""``sync`` against an Argo CD in memory, over HTTP: shown, asked for once, followed to its end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pointsman.delivery.argocd.sync import carry_out
from pointsman.errors import PointsmanError, RefusedError, StoppedError
from pointsman.kube.resources import Ref, kind_of
from tests.delivery.ground import NEW, OLD, Ground, code, plain, told
from tests.world.argo import App, application


def _cut(request: web.Request) -> web.Response:
    """Nobody hears the answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def test_a_manual_application_is_synced_to_what_was_compared(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made, syncPolicy={"syncOptions": ["RespectIgnoreDifferences=true"]})
        result = await made.synced()
        assert result.error is None, result.error
        assert (result.state, result.revisions, app.synced) == ("synced", (NEW,), 1)
        (operation,) = made.operations
        assert operation == {
            "info": [{"name": "pointsman", "value": result.operation}],
            "initiatedBy": {"username": "pointsman"},
            "sync": {
                "revision": NEW,
                "syncStrategy": {"hook": {}},
                "syncOptions": ["RespectIgnoreDifferences=true"],
            },
        }
        assert [one.ready for one in result.workloads] == [True]

    told(tmp_path, story)


def test_each_source_of_several_has_its_revision(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        chart = {"repoURL": "oci://charts.example", "chart": "litellm", "targetRevision": "1.2.3"}
        values = {"repoURL": "https://git.example/platform", "ref": "values", "targetRevision": "main"}
        manifest = application("litellm", sources=[chart, values])
        await made.argo.add(manifest, App(["1.2.3", NEW], applied=["1.2.3", OLD]))
        result = await made.synced("litellm", prune=True)
        assert result.error is None, result.error
        assert made.operations[0]["sync"] == {
            "revisions": ["1.2.3", NEW],
            "syncStrategy": {"hook": {}},
            "prune": True,
        }

    told(tmp_path, story)


def test_nothing_is_posted_over_an_operation_that_runs(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.seconds = 20.0
        await made.edit("raw-vllm", {"operation": {"initiatedBy": {"username": "ada"}, "sync": {"revision": OLD}}})
        result = await made.synced()
        assert result.error is None, result.error
        assert app.synced == 2
        assert any("an operation of ada runs" in line for line in made.said)

    told(tmp_path, story)


def test_what_changed_while_a_person_read_is_not_synced(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        draft = await made.drafted()
        await made.edit("raw-vllm", {"spec": {"source": {"path": "elsewhere"}}})
        assert code(await carry_out(made.means, draft)) == "argo-changed"
        assert made.operations == []

    told(tmp_path, story)


def test_another_sync_while_a_person_read_is_noticed(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        draft = await made.drafted()
        await made.edit("raw-vllm", {"operation": {"sync": {"revision": NEW}}})
        await made.until(lambda: app.synced == 1)
        assert code(await carry_out(made.means, draft)) == "argo-changed"
        assert made.operations == []

    told(tmp_path, story)


def test_of_two_people_who_read_the_same_one_syncs(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        drafts = [await made.drafted() for _ in range(2)]
        results = await asyncio.gather(*(carry_out(made.means, draft) for draft in drafts))
        assert sorted(map(code, results)) == ["", "argo-changed"]
        assert app.synced == 1

    told(tmp_path, story)


def test_after_a_conflict_everything_is_read_again(tmp_path: Path) -> None:
    """Argo CD writes an Application's status all the time, so its resourceVersion is old as soon as it was read."""
    made_: list[Ground] = []
    conflicts: list[str] = []

    async def front(request: web.Request) -> web.StreamResponse | None:
        if request.method == "PATCH" and "operation" in await request.json() and len(conflicts) < 3:
            conflicts.append(request.path)
            await made_[0].edit("raw-vllm", {"status": {"summary": {"images": [str(len(conflicts))]}}})
        return None

    async def story(made: Ground) -> None:
        made_.append(made)
        app = await plain(made)
        result = await made.synced()
        assert result.error is None, result.error
        assert (len(conflicts), app.synced) == (3, 1)

    told(tmp_path, story, front)


def test_a_connection_that_breaks_after_the_patch_repeats_nothing(tmp_path: Path) -> None:
    made_: list[Ground] = []
    broken: list[str] = []

    async def front(request: web.Request) -> web.StreamResponse | None:
        if request.method == "PATCH" and "operation" in (body := await request.json()) and not broken:
            broken.append(request.path)
            await made_[0].edit("raw-vllm", body)
            return _cut(request)
        return None

    async def story(made: Ground) -> None:
        made_.append(made)
        app = await plain(made)
        result = await made.synced()
        assert result.error is None, result.error
        assert (len(broken), app.synced) == (1, 1)

    told(tmp_path, story, front)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_sync_of_which_nobody_knows_whether_it_arrived(tmp_path: Path, arrives: bool) -> None:
    """Every answer to it is lost; it is found by its id, or it is said that it is not there."""
    made_: list[Ground] = []
    lost: list[str] = []

    async def front(request: web.Request) -> web.StreamResponse | None:
        if request.method == "PATCH" and "operation" in (body := await request.json()):
            if arrives and not lost:
                await made_[0].edit("raw-vllm", body)
            lost.append(request.path)
            return _cut(request)
        return None

    async def story(made: Ground) -> None:
        made_.append(made)
        app = await plain(made)
        result = await made.synced()
        assert code(result) == ("" if arrives else "argo-sync-unknown")
        assert app.synced == (1 if arrives else 0)
        assert len({one["info"][0]["value"] for one in made.operations}) == 1

    told(tmp_path, story, front)


def test_at_the_deadline_our_operation_is_ended_and_gone(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.hangs = True
        result = await made.synced(timeout=30.0)
        assert code(result) == "argo-sync-timeout"
        assert result.error is not None
        assert "it ended as Failed" in result.error.what
        assert "operation" not in made.argo.of("raw-vllm")

    told(tmp_path, story)


def test_an_operation_that_nobody_takes_is_taken_back(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        draft = await made.drafted(timeout=30.0)
        app.ignores = True
        result = await carry_out(made.means, draft)
        assert code(result) == "argo-sync-timeout"
        assert result.error is not None
        assert "was not begun, and is not there any more" in result.error.what
        app.ignores = False
        await made.clock.sleep(30)
        assert app.synced == 0

    told(tmp_path, story)


def test_an_operation_that_cannot_be_ended_is_told(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.hangs = app.endless = True
        result = await made.synced(timeout=30.0)
        assert result.error is not None
        assert "still runs after 60 s" in result.error.what

    told(tmp_path, story)


def test_ctrl_c_ends_our_operation_and_waits_until_it_is_gone(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.hangs = True
        draft = await made.drafted()
        work = asyncio.ensure_future(carry_out(made.means, draft))
        await made.until(lambda: made.phase() == "Running")
        made.means.stop()
        with pytest.raises(StoppedError, match="ended as Failed"):
            await work
        assert "operation" not in made.argo.of("raw-vllm")

    told(tmp_path, story)


def test_ctrl_c_ends_every_operation_of_ours_at_once(tmp_path: Path) -> None:
    """One that cannot be ended does not keep the others running."""

    async def story(made: Ground) -> None:
        stuck, other = await plain(made), await plain(made, "kserve")
        stuck.hangs = stuck.endless = other.hangs = True
        drafts = [await made.drafted(name) for name in ("raw-vllm", "kserve")]
        works = [asyncio.ensure_future(carry_out(made.means, draft)) for draft in drafts]
        await made.until(lambda: made.phase() == made.phase("kserve") == "Running")
        made.means.stop()
        begun = made.clock.monotonic()
        with pytest.raises(StoppedError, match="ended as Failed"):
            await works[1]
        assert made.clock.monotonic() - begun < 10
        with pytest.raises(StoppedError, match="still runs after 60 s"):
            await works[0]

    told(tmp_path, story)


def test_nothing_is_asked_for_after_ctrl_c(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        draft = await made.drafted()
        made.means.stop()
        with pytest.raises(StoppedError, match="was not begun"):
            await carry_out(made.means, draft)
        assert made.operations == []

    told(tmp_path, story)


def test_somebody_elses_operation_is_never_ended(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.hangs = True
        draft = await made.drafted()
        work = asyncio.ensure_future(carry_out(made.means, draft))
        await made.until(lambda: made.phase() == "Running")
        theirs = {"info": None, "initiatedBy": {"username": "ada"}, "sync": {"revision": NEW}}
        state = {"operation": theirs, "phase": "Running"}
        await made.edit("raw-vllm", {"operation": theirs, "status": {"operationState": state}})
        assert code(await work) == "argo-operation-lost"
        assert made.argo.of("raw-vllm")["status"]["operationState"]["operation"]["initiatedBy"] == {"username": "ada"}
        assert made.phase() == "Running"

    told(tmp_path, story)


def test_a_failed_sync_says_what_could_not_be_applied(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.fails = "one or more objects failed to apply"
        app.refused = [{"kind": "Deployment", "namespace": "serving", "name": "raw-vllm", "message": "immutable"}]
        result = await made.synced()
        assert code(result) == "argo-sync-failed"
        assert result.failed == [{"resource": "Deployment serving/raw-vllm", "message": "immutable"}]

    told(tmp_path, story)


def test_what_is_out_of_sync_after_a_sync_is_told(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.differs = [{"kind": "Service", "namespace": "serving", "name": "old", "requiresPruning": True}]
        result = await made.synced()
        assert result.error is None, result.error
        (note,) = result.notes
        assert note.code == "argo-still-out-of-sync"
        assert "Service serving/old" in note.what

    told(tmp_path, story)


def test_an_application_that_is_deleted_meanwhile_is_told(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.hangs = True
        draft = await made.drafted()
        work = asyncio.ensure_future(carry_out(made.means, draft))
        await made.until(lambda: made.phase() == "Running")
        await made.cluster.delete(Ref(kind_of("Application"), "raw-vllm", "argocd"))
        assert code(await work) == "argo-app-gone"

    told(tmp_path, story)


def test_what_cannot_be_compared_is_not_synced(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        condition = {"type": "ComparisonError", "message": "app path does not exist"}
        await made.edit("raw-vllm", {"status": {"conditions": [condition]}})
        with pytest.raises(RefusedError, match="app path does not exist") as refused:
            await made.drafted()
        assert refused.value.code == "argo-comparison"

    told(tmp_path, story)


def test_what_argo_cd_does_not_allow_is_told_in_its_words(tmp_path: Path) -> None:
    """It is not compared then: the refresh is taken, and ``reconciledAt`` stays."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.invalid = "project platform does not exist"
        with pytest.raises(RefusedError, match="project platform does not exist") as refused:
            await made.drafted()
        assert refused.value.code == "argo-comparison"
        result = await made.waited(seconds=30.0)
        assert code(result) == "argo-not-synced"
        assert result.error is not None
        assert "project platform does not exist" in result.error.what

    told(tmp_path, story)


def test_an_automatic_sync_that_failed_once_is_no_reason_to_refuse(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        condition = {"type": "SyncError", "message": "Failed last sync attempt"}
        await made.edit("raw-vllm", {"status": {"conditions": [condition]}})
        assert (await made.synced()).error is None
        assert app.synced == 1

    told(tmp_path, story)


def test_nobody_answers_a_refresh(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.ignores = True
        with pytest.raises(PointsmanError) as refused:
            await made.drafted(timeout=30.0)
        assert refused.value.code == "argo-refresh-unanswered"

    told(tmp_path, story)


def test_without_the_project_windows_are_said_to_be_unknown(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        made.cluster.denied.add("get appprojects")
        made.cluster.unknown_kinds.add("appprojects")
        draft = await made.drafted()
        assert draft.operation is not None

    told(tmp_path, story)


def test_a_value_of_any_shape_is_no_bug_of_ours(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        odd: dict[str, Any] = {"status": {"operationState": "odd", "resources": "odd", "conditions": {}, "history": 5}}
        await made.edit("raw-vllm", odd)
        draft = await made.drafted()
        assert draft.app.delivered == ()

    told(tmp_path, story)
