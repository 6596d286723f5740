"""``wait``: synced and ready by answers that are newer than the question, and never by Argo CD's health alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pointsman.errors import StoppedError
from tests.delivery.ground import NEW, OLD, Ground, code, deployment, plain, told, tracked
from tests.delivery.test_traps import CLOSED, project
from tests.world.argo import App, application
from tests.world.engine import Faults
from tests.world.virtual import run_virtually

AUTOMATED: dict[str, Any] = {"syncPolicy": {"automated": {"selfHeal": True}}}


def llm(**status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "serving.kserve.io/v1alpha2",
        "kind": "LLMInferenceService",
        "metadata": {"name": "llm-d", "namespace": "llm-d", "generation": 2},
        "spec": {},
        "status": status,
    }


def made_of(name: str) -> dict[str, Any]:
    """A Deployment that KServe makes."""
    manifest = deployment(f"{name}-kserve", "llm-d")
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "llminferenceservice"}
    manifest["metadata"]["labels"] = labels
    return manifest


def test_an_old_synced_and_healthy_is_no_answer(tmp_path: Path) -> None:
    """Argo CD has not looked into git since a commit was pushed (Kargo 6357)."""

    async def story(made: Ground) -> None:
        app = await plain(made, **AUTOMATED)
        await made.until(lambda: app.applied == [NEW])
        assert (await made.waited()).error is None
        app.heads = [OLD]
        assert made.argo.of("raw-vllm")["status"]["sync"] == {"status": "Synced", "revision": NEW}
        result = await made.waited()
        assert result.error is None, result.error
        assert (result.revisions, app.applied) == ((OLD,), [OLD])

    told(tmp_path, story)


def test_at_the_deadline_argo_cds_own_reasons_are_told(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made, idle=True, **AUTOMATED)
        condition = {"type": "SyncError", "message": "Failed last sync attempt"}
        await made.edit("raw-vllm", {"status": {"conditions": [condition]}})
        await made.cluster.create(project(CLOSED))
        result = await made.waited()
        assert code(result) == "argo-not-synced"
        assert result.error is not None
        assert "deny window '0 0 * * *' for 1h (UTC): open now" in result.error.what
        assert "OutOfSync: Deployment serving/raw-vllm; SyncError: Failed last sync attempt" in result.error.what

    told(tmp_path, story)


def test_a_manual_one_says_how_it_is_synced(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made)
        result = await made.waited()
        assert result.error is not None
        assert "pointsman sync raw-vllm" in result.error.next_action

    told(tmp_path, story)


def test_a_workload_that_is_not_ready_is_named(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        made.cluster.faults["serving"] = Faults(never_ready=True)
        await plain(made, **AUTOMATED)
        result = await made.waited()
        assert code(result) == "argo-not-ready"
        assert result.error is not None
        assert "Deployment serving/raw-vllm: 0 of 1 replicas are available" in result.error.what
        assert [one.ready for one in result.workloads] == [False]

    told(tmp_path, story)


def test_a_workload_that_is_parked_on_purpose_is_ready(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        manifest = deployment(replicas=0)
        await made.cluster.create(manifest)
        await made.argo.add(application(**AUTOMATED), App([NEW], resources=[tracked(manifest)], health="Suspended"))
        result = await made.waited()
        assert result.error is None, result.error
        assert "parked at 0 replicas" in result.workloads[0].reason

    told(tmp_path, story)


def test_an_llm_inference_service_that_argo_cd_calls_healthy_at_once_is_waited_for(tmp_path: Path) -> None:
    """argo-cd 3.2 has no health rule for it."""

    async def story(made: Ground) -> None:
        await made.cluster.create(llm(observedGeneration=1))
        await made.argo.add(application("llm-d", **AUTOMATED), App([NEW], resources=[tracked(llm())]))
        result = await made.waited("llm-d")
        assert code(result) == "argo-not-ready"
        assert "has not seen the latest change" in result.workloads[0].reason
        await made.cluster.replace(llm(observedGeneration=2, conditions=[{"type": "Ready", "status": "True"}]))
        assert code(await made.waited("llm-d")) == "argo-not-ready", "no Deployment of it exists"
        await made.cluster.create(made_of("llm-d"))
        assert (await made.waited("llm-d")).error is None

    told(tmp_path, story)


def test_an_inference_service_whose_deployment_is_of_yesterday_is_waited_for(tmp_path: Path) -> None:
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "qwen", "namespace": "kserve"},
        "spec": {"predictor": {"containers": [{"name": "kserve-container", "image": "vllm:new"}]}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    old = deployment("qwen-predictor", "kserve")
    container = {"name": "kserve-container", "image": "vllm:old"}
    old["spec"]["template"]["spec"]["containers"] = [container]

    async def story(made: Ground) -> None:
        await made.cluster.create(service)
        await made.cluster.create(old)
        await made.argo.add(application("kserve-demo", **AUTOMATED), App([NEW], resources=[tracked(service)]))
        result = await made.waited("kserve-demo")
        assert code(result) == "argo-not-ready"
        assert "has not carried the latest image over yet" in result.workloads[0].reason
        container["image"] = "vllm:new"
        await made.cluster.replace(old)
        assert (await made.waited("kserve-demo")).error is None

    told(tmp_path, story)


def test_an_inference_service_of_which_nothing_tells_what_kserve_has_seen_is_looked_at_for_a_while(
    tmp_path: Path,
) -> None:
    """It names a model and no container: its Deployment is of yesterday, and rolled out."""
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "qwen", "namespace": "kserve"},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "huggingface"}}}},
    }

    async def story(made: Ground) -> None:
        await made.cluster.create(service)
        await made.cluster.create(deployment("qwen-predictor", "kserve"))
        rolling: list[asyncio.Task[None]] = []

        async def roll() -> None:
            await made.clock.sleep(5)
            made.cluster.faults["kserve"] = Faults(never_ready=True)
            await made.cluster.replace(deployment("qwen-predictor", "kserve", replicas=2))
            await made.clock.sleep(15)
            made.cluster.faults.clear()
            await made.cluster.replace(deployment("qwen-predictor", "kserve", replicas=1))

        made.argo.delivered = lambda name: rolling.append(asyncio.create_task(roll()))
        await made.argo.add(application("kserve-demo"), App([NEW], applied=[OLD], resources=[tracked(service)]))
        result = await made.synced("kserve-demo")
        assert result.error is None, result.error
        assert rolling[0].done(), "it was over before KServe had begun"

    told(tmp_path, story)


def test_what_argo_cd_calls_degraded_is_waited_for_too(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        app = await plain(made, **AUTOMATED)
        app.health = "Degraded"
        result = await made.waited()
        assert code(result) == "argo-not-ready"
        assert result.error is not None
        assert "Argo CD says Degraded" in result.error.what

    told(tmp_path, story)


def test_an_application_that_is_not_there_is_told_or_waited_for(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        assert code(await made.waited("nobody")) == "argo-app-missing"
        work = asyncio.ensure_future(made.waited(for_app=True))
        await made.until(lambda: any("does not exist yet" in line for line in made.said))
        await plain(made, **AUTOMATED)
        assert (await work).error is None

    told(tmp_path, story)


def test_the_manual_ones_are_listed_apart(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await made.argo.add(application("b", **AUTOMATED), App([NEW]))
        await made.argo.add(application("off", syncPolicy={"automated": {"enabled": False}}), App([NEW]))
        await made.argo.add(application("named"), App([NEW], applied=[NEW]))
        await made.argo.add(application("a", syncPolicy={"automated": {}}), App([NEW]))
        found = await made.all_waited("named")
        assert [(one.name, one.state) for one in found] == [
            ("argocd/named", "ready"),
            ("argocd/a", "ready"),
            ("argocd/b", "ready"),
            ("argocd/off", "manual"),
        ]

    told(tmp_path, story)


def test_applications_that_another_one_makes_meanwhile_are_waited_for_too(tmp_path: Path) -> None:
    """The group is synced; the child that it made is not."""

    async def story(made: Ground) -> None:
        making: list[asyncio.Task[Any]] = []

        def applied(name: str) -> None:
            child = App([NEW], applied=[OLD], autosync=lambda: False)
            making.append(asyncio.create_task(made.argo.add(application("litellm", **AUTOMATED), child)))

        made.argo.delivered = applied
        await made.argo.add(application("group-llm-gateway", **AUTOMATED), App([NEW]))
        found = {one.name: code(one) for one in await made.all_waited()}
        assert found == {"argocd/group-llm-gateway": "", "argocd/litellm": "argo-not-synced"}

    told(tmp_path, story)


def test_they_are_waited_for_from_when_they_appear(tmp_path: Path) -> None:
    """Seen on argo-cd 3.2.6: a group takes as long as its waves, and blamed was Argo CD for not comparing the rest."""

    async def story(made: Ground) -> None:
        await made.argo.add(application("group", **AUTOMATED), App([NEW], health="Degraded"))
        work = asyncio.ensure_future(made.all_waited())
        await made.clock.sleep(20)
        await made.argo.add(application("early", **AUTOMATED), App([NEW]))
        await made.clock.sleep(38)
        await made.argo.add(application("late", **AUTOMATED), App([NEW]))
        found = {one.name: one.error.what if one.error else "" for one in await work}
        assert found.pop("argocd/group").startswith("synced, and not ready within 60 s")
        assert found == {
            "argocd/early": "",
            "argocd/late": "it appeared only as the 60 s were over, so it was not waited for",
        }

    told(tmp_path, story)


def test_ctrl_c_ends_a_sync_that_only_waits(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made, idle=True, **AUTOMATED)
        work = asyncio.ensure_future(made.synced())
        await made.until(lambda: any("OutOfSync" in line for line in made.said))
        made.means.stop()
        with pytest.raises(StoppedError):
            await work

    told(tmp_path, story)


def test_one_that_argo_cd_skips_is_told_at_once(tmp_path: Path) -> None:
    async def story(made: Ground) -> None:
        await plain(made, **AUTOMATED)
        await made.edit("raw-vllm", {"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}})
        before = made.clock.monotonic()
        assert code(await made.waited()) == "argo-skip-reconcile"
        assert made.clock.monotonic() == before

    told(tmp_path, story)


def test_an_api_server_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    from aiohttp import web

    from tests.delivery.ground import ground

    away: list[bool] = []

    async def front(request: web.Request) -> web.StreamResponse | None:
        return web.json_response({"kind": "Status", "code": 503}, status=503) if away else None

    async def story() -> None:
        async with ground(tmp_path, front) as made:
            await plain(made, **AUTOMATED)
            work = asyncio.ensure_future(made.waited(seconds=120.0))
            await made.until(lambda: bool(made.patched))
            away.append(True)
            await made.clock.sleep(30)
            away.clear()
            assert (await work).error is None

    run_virtually(story())
