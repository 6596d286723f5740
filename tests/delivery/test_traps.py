"""The traps of git and Argo CD that tools before us fell into, one test each (argo-cd and Kargo issues by number)."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pointsman.delivery.argocd.sync import carry_out
from pointsman.errors import RefusedError
from tests.delivery.ground import NEW, NEWER, OLD, Ground, code, plain, told
from tests.world.argo import App, application

SELECTED = [{"kind": "Service", "name": "raw-vllm"}]


def repository(folder: Path, count: int = 4) -> list[str]:
    """A git repository with so many commits, oldest first."""
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": str(folder)}
    who = ("-c", "user.name=a", "-c", "user.email=a@example", "-c", "init.defaultBranch=main")

    def git(*words: str) -> str:
        done = subprocess.run(
            ("git", "-C", str(folder), *who, *words), env={"PATH": "/usr/bin:/bin", **quiet}, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    folder.mkdir()
    git("init", "-q")
    for number in range(count):
        git("commit", "-q", "--allow-empty", "-m", f"commit {number}")
    return git("rev-list", "--reverse", "HEAD").split()


def stateful(generation: int, seen: int, updated: int) -> dict[str, Any]:
    """A StatefulSet of one replica whose controller has come so far."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "raw-vllm", "namespace": "serving", "generation": generation},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": seen, "replicas": 1, "updatedReplicas": updated, "availableReplicas": 1},
    }


def argo_object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "argocd"}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def test_1_a_commit_of_others_on_top_of_ours_is_not_reverted(tmp_path: Path) -> None:
    """Kargo 5553, 4020: the revision is not ours any more, and ours is in it."""
    first, ours, theirs, _ = repository(tmp_path / "git")

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.heads, app.applied = [theirs], [first]
        result = await made.synced(commit=ours[:10], repository=tmp_path / "git")
        assert result.error is None, result.error
        assert result.revisions == (theirs,)

    told(tmp_path, story)


def test_1_an_older_tree_than_the_one_that_runs_is_never_synced(tmp_path: Path) -> None:
    first, ours, theirs, _ = repository(tmp_path / "git")

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.heads = [theirs]
        assert (await made.synced()).error is None
        with pytest.raises(RefusedError) as refused:
            await made.drafted(revision=ours, repository=tmp_path / "git")
        assert refused.value.code == "argo-older"
        with pytest.raises(RefusedError) as unknown:
            await made.drafted(revision=ours)
        assert unknown.value.code == "argo-ancestry-unknown"
        assert (app.synced, app.applied) == (1, [theirs])
        assert first != ours

    told(tmp_path, story)


def test_2_a_commit_that_argo_cd_has_not_seen_is_waited_for(tmp_path: Path) -> None:
    """Kargo 6357, argo-cd 542: the old Synced and Healthy is no answer."""
    first, ours, _, _ = repository(tmp_path / "git")

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.heads = app.applied = [first]

        async def push() -> None:
            await asyncio.sleep(10)
            app.heads = [ours]

        pushing = asyncio.create_task(push())
        result = await made.synced(commit=ours, repository=tmp_path / "git")
        await pushing
        assert result.error is None, result.error
        assert (result.revisions, app.synced) == ((ours,), 1)
        assert any("does not have" in line for line in made.said)

    told(tmp_path, story)


def test_2_a_commit_that_never_comes_is_told(tmp_path: Path) -> None:
    first, ours, _, _ = repository(tmp_path / "git")

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.heads = [first]
        with pytest.raises(RefusedError) as refused:
            await made.drafted(commit=ours, repository=tmp_path / "git", timeout=30.0)
        assert refused.value.code == "argo-commit-unseen"

    told(tmp_path, story)


def test_2_without_a_repository_it_is_said_what_cannot_be_told(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        with pytest.raises(RefusedError, match="cannot be told") as refused:
            await made.drafted(commit=NEWER)
        assert refused.value.code == "argo-commit-unproved"
        assert app.synced == 0
        assert (await made.synced(commit=NEW)).error is None, "the same commit needs no repository"

    told(tmp_path, story)


def test_3_healthy_for_an_instant_is_not_ready(tmp_path: Path) -> None:
    """Kargo 1411: the controller has not seen the new generation, so everything reads as before."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.resources = [
            {"group": "apps", "version": "v1", "kind": "StatefulSet", "namespace": "serving", "name": "raw-vllm"}
        ]
        await made.cluster.create(stateful(1, 1, 1))

        def applied(name: str) -> None:
            rolling.append(asyncio.create_task(roll()))

        async def roll() -> None:
            await made.cluster.replace(stateful(2, 1, 1))
            await asyncio.sleep(20)
            await made.cluster.replace(stateful(2, 2, 0))
            await asyncio.sleep(20)
            await made.cluster.replace(stateful(2, 2, 1))

        rolling: list[asyncio.Task[None]] = []
        made.argo.delivered = applied
        result = await made.synced()
        assert result.error is None, result.error
        assert rolling[0].done(), "it was over before its workload was"
        assert any("has not seen the latest change" in line for line in made.said)

    told(tmp_path, story)


def test_3_a_status_from_before_the_end_of_the_sync_is_not_believed(tmp_path: Path) -> None:
    """Kargo 4673: ``reconciledAt`` may never be written after a sync; so it is asked for."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.seconds, app.refreshing = 0.0, 5.0
        result = await made.synced()
        assert result.error is None, result.error
        status = made.argo.of("raw-vllm")["status"]
        assert status["reconciledAt"] >= status["operationState"]["finishedAt"]
        assert status["sync"]["status"] == "Synced"

    told(tmp_path, story)


def test_3_a_comparison_that_began_before_the_end_of_the_sync_is_not_believed(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        made.argo.delivered = lambda name: app.lag.extend((30.0, 20.0))
        result = await made.synced()
        assert result.error is None, result.error
        assert app.lag == []
        status = made.argo.of("raw-vllm")["status"]
        assert status["reconciledAt"] >= status["operationState"]["finishedAt"]

    told(tmp_path, story)


def test_4_what_a_selective_sync_left_behind_is_not_inherited(tmp_path: Path) -> None:
    """argo-cd 28701, 29332: the state before is merged into ours, unless it is taken away first."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        theirs = {
            "initiatedBy": {"username": "ada"},
            "sync": {"resources": [{"kind": "Service", "name": "x"}], "prune": True},
        }
        await made.edit("raw-vllm", {"operation": theirs})
        await made.until(lambda: made.phase() == "Succeeded")
        result = await made.synced()
        assert result.error is None, result.error
        assert app.applied == [NEW]

    told(tmp_path, story)


@pytest.mark.parametrize("left", [{"resources": SELECTED}, {"prune": True}, {"revision": OLD}])
def test_4_an_operation_that_inherited_something_is_no_success(tmp_path: Path, left: dict[str, Any]) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.inherits = left
        result = await made.synced()
        assert code(result) == "argo-inherited"
        assert result.error is not None
        assert f"sync.{next(iter(left))} is" in result.error.what
        assert "operation" not in made.argo.of("raw-vllm")

    told(tmp_path, story)


def test_4_an_operation_that_is_never_cleared_is_told(tmp_path: Path) -> None:
    """argo-cd 29741. Not in the lab: it takes 3.5.3, and the lab has 3.2.6."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.uncleared = True
        result = await made.synced(timeout=300.0)
        assert code(result) == "argo-operation-uncleared"
        assert result.error is not None
        assert "29741" in result.error.next_action

    told(tmp_path, story)


def test_5_a_zombie_is_told_by_its_age_and_left_alone(tmp_path: Path) -> None:
    """argo-cd 28970: Running with finishedAt, and a retry that was due long ago. Not in the lab: a controller that
    lost its retry cannot be had at will."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.ignores = True
        theirs = {"initiatedBy": {"username": "ada"}, "sync": {"revision": NEW}, "retry": {"limit": 5}}
        state = {"operation": theirs, "phase": "Running", "retryCount": 2, "message": "failed. Retrying attempt #2"}
        times = {"startedAt": "2025-12-31T22:00:00Z", "finishedAt": "2025-12-31T22:01:00Z"}
        await made.edit("raw-vllm", {"operation": theirs, "status": {"operationState": {**state, **times}}})
        with pytest.raises(RefusedError) as refused:
            await made.drafted()
        assert refused.value.code == "argo-operation-open"
        assert "ada (after 2 retries)" in refused.value.what
        assert "begun 2 h 00 min ago" in refused.value.what
        assert "Terminating" in refused.value.next_action
        assert made.patched == []

    told(tmp_path, story)


def test_5_a_retry_that_is_still_due_is_waited_for(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made)
        app.ignores = True
        theirs = {"sync": {"revision": NEW}}
        times = {"startedAt": "2025-12-31T23:59:50Z", "finishedAt": "2026-01-01T00:00:00Z"}
        state = {"operation": theirs, "phase": "Running", "retryCount": 2, **times}
        await made.edit("raw-vllm", {"operation": theirs, "status": {"operationState": state}})
        with pytest.raises(RefusedError, match="waits for its next try"):
            await made.drafted(timeout=20.0)

    told(tmp_path, story)


def test_11_an_application_that_an_application_set_would_make(tmp_path: Path) -> None:
    """Kargo 5844."""

    async def story(made: Ground) -> None:
        template = {"metadata": {"name": "group-{{.name}}"}}
        metadata = {"name": "serving", "namespace": "argocd"}
        await made.cluster.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "ApplicationSet",
                "metadata": metadata,
                "spec": {"template": template},
            }
        )
        with pytest.raises(RefusedError, match="ApplicationSet serving would make it") as refused:
            await made.drafted("group-kserve")
        assert refused.value.code == "argo-app-awaited"
        with pytest.raises(RefusedError) as unknown:
            await made.drafted("kserve")
        assert unknown.value.code == "argo-app-missing"
        await made.cluster.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "ApplicationSet",
                "metadata": {"name": "all", "namespace": "argocd"},
                "spec": {"template": {"metadata": {"name": "{{.name}}"}}},
            }
        )
        with pytest.raises(RefusedError, match="only ApplicationSet all, which makes any name") as perhaps:
            await made.drafted("kserve")
        assert "--wait-for-app" in perhaps.value.next_action

    told(tmp_path, story)


def test_11_it_is_waited_for_when_that_is_asked(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        work = asyncio.ensure_future(made.synced("group-kserve", wait_for_app=True))
        await made.until(lambda: any("does not exist yet" in line for line in made.said))
        await made.argo.add(application("group-kserve"), App([NEW]))
        assert (await work).error is None

    told(tmp_path, story)


def test_an_automated_application_is_waited_for_and_never_synced_by_us(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made, syncPolicy={"automated": {"prune": True, "selfHeal": True}})
        result = await made.synced(commit=NEW)
        assert result.error is None, result.error
        assert (result.state, made.operations, app.applied) == ("synced", [], [NEW])
        assert any("Argo CD syncs it by itself" in line for line in made.said)

    told(tmp_path, story)


def test_the_synced_commit_of_a_hydrator_is_another_than_the_pushed_one(tmp_path: Path) -> None:
    """argo-cd 22303. Not in the lab: it takes Argo CD's commit server, which the lab does not have."""
    first, ours, _, _ = repository(tmp_path / "git")
    hydrator = {
        "drySource": {"repoURL": "https://git.example/platform", "path": "serving", "targetRevision": "main"},
        "syncSource": {"path": "serving", "targetBranch": "environments/dev"},
    }

    async def story(made: Ground) -> None:
        app = await plain(made, source=None, sourceHydrator=hydrator)
        app.hydrated = NEWER
        last = {"drySHA": ours, "hydratedSHA": NEWER}
        await made.edit("raw-vllm", {"status": {"sourceHydrator": {"lastSuccessfulOperation": last}}})
        result = await made.synced(commit=first, repository=tmp_path / "git")
        assert result.error is None, result.error
        assert (result.revisions, [one.code for one in result.notes]) == ((NEWER,), ["argo-hydrator"])
        await made.edit("raw-vllm", {"status": {"sourceHydrator": None}})
        with pytest.raises(RefusedError, match="the hydrator does not say"):
            await made.drafted(commit=first, repository=tmp_path / "git", timeout=20.0)
        work = asyncio.ensure_future(made.drafted(commit=first, repository=tmp_path / "git"))
        await made.until(lambda: any("does not have" in line for line in made.said))
        await made.edit("raw-vllm", {"status": {"sourceHydrator": {"lastSuccessfulOperation": last}}})
        assert (await work).app.compared == (NEWER,)

    told(tmp_path, story)


@pytest.mark.parametrize("noted", [True, False])
def test_generated_paths_are_compared_anew_only_by_a_hard_refresh(tmp_path: Path, noted: bool) -> None:
    """argo-cd 27727."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.applied, app.cached = [NEW], True
        app.heads = [NEWER]
        if noted:
            await made.edit(
                "raw-vllm", {"metadata": {"annotations": {"argocd.argoproj.io/manifest-generate-paths": "."}}}
            )
        assert (await made.drafted()).app.compared == ((NEWER,) if noted else (NEW,))

    told(tmp_path, story)


def test_an_application_that_argo_cd_skips_is_refused(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        await made.edit("raw-vllm", {"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}})
        with pytest.raises(RefusedError) as refused:
            await made.drafted()
        assert refused.value.code == "argo-skip-reconcile"
        assert made.patched == []

    told(tmp_path, story)


@pytest.mark.parametrize(
    ("rule", "frozen"),
    [
        ({"jsonPointers": ["/spec/replicas"]}, False),
        ({"jsonPointers": ["/spec/template/spec/containers/0/resources"]}, False),
        ({"jsonPointers": ["/spec/template/spec/containers/0/args/1"]}, True),
        ({"jsonPointers": ["/spec/containers/0/image"], "group": "serving.kserve.io"}, True),
        ({"jsonPointers": ["/spec/containers/0/image"], "group": "*"}, True),
        ({"jqPathExpressions": ['.spec.template.spec.containers[] | select(.name == "a").env']}, False),
        ({"jqPathExpressions": [".spec.template.spec.containers[].args[0]"]}, True),
        ({"jqPathExpressions": ['.spec["tolerations"][0]']}, True),
        ({"jqPathExpressions": [".spec | to_entries | .[0].value"]}, True),
        ({"jqPathExpressions": ['.data["config.yaml"]']}, False),
    ],
)
def test_a_field_inside_an_array_that_a_sync_keeps_is_told(tmp_path: Path, rule: dict[str, Any], frozen: bool) -> None:
    """argo-cd 17694, 11876; which lists are kept was seen on argo-cd 3.2.6."""

    async def story(made: Ground) -> None:
        rules = [{"group": "apps", "kind": "Deployment", **rule}]
        await plain(made, ignoreDifferences=rules, syncPolicy={"syncOptions": ["RespectIgnoreDifferences=true"]})
        result = await made.synced()
        assert result.error is None, result.error
        assert [one.code for one in result.notes] == (["argo-ignored-array"] if frozen else [])

    told(tmp_path, story)


def project(*windows: dict[str, Any]) -> dict[str, Any]:
    return argo_object("AppProject", "platform", {"syncWindows": list(windows)})


CLOSED = {"kind": "deny", "schedule": "0 0 * * *", "duration": "1h", "applications": ["*"]}
"""From midnight to one, and the world's time begins at midnight."""


def test_a_window_that_forbids_it_refuses_before_anything_is_asked(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        await made.clock.sleep(60)
        await made.cluster.create(project(CLOSED))
        with pytest.raises(RefusedError, match="open now") as refused:
            await made.drafted()
        assert refused.value.code == "argo-window"
        assert made.operations == []

    told(tmp_path, story)


def test_a_window_that_lets_people_through_lets_us_through(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        await made.clock.sleep(60)
        await made.cluster.create(project({**CLOSED, "manualSync": True}))
        result = await made.synced()
        assert result.error is None, result.error
        assert [one.code for one in result.notes] == ["argo-window-there"]
        assert "automated" not in made.operations[0]["initiatedBy"]

    told(tmp_path, story)


def test_an_operation_that_a_window_holds_back_is_taken_back(tmp_path: Path) -> None:
    """argo-cd 25361: it could not be terminated, and would run when nobody expects it any more."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.blocked = True
        await made.cluster.create(project({**CLOSED, "schedule": "@midnight"}))
        draft = await made.drafted()
        assert [one.active for one in draft.windows] == [None]
        result = await carry_out(made.means, draft)
        assert code(result) == "argo-held-back"
        assert "operation" not in made.argo.of("raw-vllm")
        app.blocked = False
        await made.clock.sleep(60)
        assert app.synced == 0

    told(tmp_path, story)


def test_what_is_delivered_into_another_cluster_is_not_said_to_be_ready(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made, destination={"server": "https://elsewhere.example", "namespace": "serving"})
        result = await made.synced()
        assert (code(result), result.state) == ("argo-remote", "synced")

    told(tmp_path, story)


def test_what_a_window_holds_back_for_an_instant_is_not_taken_back(tmp_path: Path) -> None:
    """Seen on argo-cd 3.2.6: a window with ``manualSync`` is asked before the operation's state is there."""

    async def story(made: Ground) -> None:
        app = await plain(made)
        app.held, app.seconds = 3.0, 6.0
        result = await made.synced()
        assert result.error is None, result.error
        assert any("held back by a sync window" in line for line in made.said)

    told(tmp_path, story)
