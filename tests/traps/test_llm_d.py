"""What llmisvc makes of an LLMInferenceService that says something else than its writer meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.reading import read
from tests.traps.serving import (
    GATEWAY,
    STOP,
    Object,
    Space,
    condition,
    device,
    llm_d_service,
    made,
    main,
    needing,
    replaced,
    space,
)
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

LLM = "llminferenceservice"
CONNECTOR = '\'--kv-transfer-config={"kv_connector": "NixlConnector", "kv_role": "kv_both"}\''
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def prefill(*args: str, **more: Any) -> Object:
    """One pod that computes prompts for others."""
    return {"replicas": 1, "template": {"containers": [main(*args, **more)]}}


def words(here: Space, deployment: str) -> str:
    """Everything that its engine is started with."""
    pod = here.comes("deployment", deployment)["spec"]["template"]["spec"]
    found = next(one for one in pod["containers"] if one["name"] == "main")
    return "\n".join([*found.get("command", []), *found.get("args", [])])


@pytest.mark.bites("prefill and decode without a KV connector read Ready, and nothing is transferred", "PM302")
def test_prefill_that_sends_nothing(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        bare = llm_d_service("bare", here.name, prefill=prefill())
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", bare))
        here.apply(bare)
        here.ready(LLM, "bare")
        given = [connectors(words(here, name)) for name in ("bare-kserve", "bare-kserve-prefill")]
        assert given == [{""}, {""}]
        assert trap.doctor("-n", here.name)
        trap.bit("Ready is True with one pod of each; the presets give neither a connector: KV_TRANSFER_ARGS is empty")
        wired = llm_d_service("bare", here.name, main(CONNECTOR), prefill=prefill(CONNECTOR))
        here.apply(wired)
        for name in ("bare-kserve", "bare-kserve-prefill"):
            until(lambda name=name: "NixlConnector" in words(here, name))  # type: ignore[misc]
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", wired))


@pytest.mark.bites("kvCacheOffloading is no transfer between prefill and decode", "PM302")
def test_an_offload_is_no_transfer(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    offload = {"cpu": "1Gi"}
    with space(lab) as here:
        kept = llm_d_service(
            "kept", here.name, prefill={**prefill(), "kvCacheOffloading": offload}, kvCacheOffloading=offload
        )
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", kept))
        here.apply(kept)
        given = [connectors(words(here, name)) for name in ("kept-kserve", "kept-kserve-prefill")]
        assert all(len(one) == 2 and any("OffloadingConnector" in each for each in one) for one in given), given
        trap.bit(
            "both engines get OffloadingConnector, which keeps a cache in the pod's own memory, and no NixlConnector"
        )
        multi = '\'--kv-transfer-config={"kv_connector": "MultiConnector", "kv_role": "kv_both"}\''
        good = llm_d_service("good", here.name, main(multi), prefill=prefill(multi))
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


def connectors(script: str) -> set[str]:
    """What the preset's script may take for --kv-transfer-config."""
    return set(re.findall(r'KV_TRANSFER_ARGS="((?:[^"\\]|\\.)*)"', script))


@pytest.mark.bites("an engine's container that is not called main runs beside the preset's", "PM303")
def test_an_engine_that_is_not_called_main(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        other = llm_d_service("other", here.name, {**main("--max-model-len=2048"), "name": "vllm"})
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", other))
        here.apply(other)
        pod = here.comes("deployment", "other-kserve")["spec"]["template"]["spec"]
        names = {one["name"]: one["image"] for one in pod["containers"]}
        assert names.keys() == {"vllm", "main"}
        assert names["main"] != names["vllm"]
        assert "2048" not in words(here, "other-kserve")
        trap.bit(
            f"two engines in each pod: vllm with our flags, and main of {names['main']} without them, which is asked"
        )
        good = llm_d_service("good", here.name, main("--max-model-len=2048"))
        here.apply(good)
        assert "2048" in words(here, "good-kserve")
        assert len(here.read("deployment", "good-kserve")["spec"]["template"]["spec"]["containers"]) == 1
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("JSON among an engine's args loses its quotes in the preset's shell", "PM304")
def test_json_that_loses_its_quotes(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    flag = '--hf-overrides={"rope_theta": 1000000}'
    with space(lab) as here:
        bare = llm_d_service("bare", here.name, main(flag))
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", bare))
        here.apply(bare)

        def said() -> str:
            told = lab.kubectl(
                "logs", f"--namespace={here.name}", "deployment/bare-kserve", "--all-containers", check=False
            )
            return next((one for one in told.stdout.splitlines() if "error:" in one), "")

        error = str(until(said))
        assert "1000000}" in error
        trap.bit(f"the shell broke it into words, and the engine left: {error}")
        quoted = llm_d_service("quoted", here.name, main(f"'{flag}'"))
        here.apply(quoted)
        here.answers("quoted-kserve-workload-svc:8000")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", quoted))


@pytest.mark.bites("decode is told to listen on the port of its routing sidecar", "PM305")
def test_the_sidecars_port(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        taken = llm_d_service("taken", here.name, main("--port=8000"), prefill=prefill())
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", taken))
        free = llm_d_service("free", here.name, prefill=prefill())
        here.apply(free, taken)
        here.ready(LLM, "free")
        (pod,) = until(
            lambda: [
                one
                for one in here.all("pods")
                if one["metadata"]["name"].startswith("taken-kserve-") and "prefill" not in one["metadata"]["name"]
            ]
        )
        name = pod["metadata"]["name"]

        def restarted() -> list[str]:
            found = here.read("pod", name).get("status", {})
            listed = [*found.get("containerStatuses", []), *found.get("initContainerStatuses", [])]
            return [one["name"] for one in listed if one.get("restartCount", 0) > 0]

        again = until(restarted)
        assert condition(here.read(LLM, "taken"), "Ready").get("status") != "True"
        trap.bit(
            f"{', '.join(again)} of decode's pod starts again and again, and it is never Ready; without the flag it is"
        )
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", free))


@pytest.mark.bites("an LLMInferenceService without replicas reads Ready", "PM306")
def test_ready_with_none(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        none = llm_d_service("none", here.name, replicas=0)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", none))
        here.apply(none)
        here.ready(LLM, "none")
        answer = here.call("none-kserve-workload-svc:8000", "/v1/models")
        assert answer.status != 200
        trap.doctor("-n", here.name)
        trap.bit(f"Ready is True, its Deployment has 0 pods, and its Service answers {answer.status or 'nothing'}")
        stopped = replaced(none, "metadata", "annotations", value={STOP: "true"})
        here.apply(stopped)
        here.says(LLM, "none", "Ready", "Service is stopped")
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", stopped))


@pytest.mark.bites("hf:// is downloaded by every pod for itself", "PM307")
def test_every_pod_downloads(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        here.apply(made("v1", "PersistentVolumeClaim", "weights", here.name, spec=CLAIM))
        hub = llm_d_service("hub", here.name, replicas=2)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", hub))
        here.apply(hub)
        pods = until(lambda: len(found := here.all("pods", "app.kubernetes.io/name=hub")) == 2 and found)
        for pod in pods:
            inits = {one["name"] for one in pod["spec"]["initContainers"]}
            assert "storage-initializer" in inits
            assert any(
                one["name"] == "kserve-provision-location" and "emptyDir" in one for one in pod["spec"]["volumes"]
            )
        trap.bit("2 pods, and each has an init container that downloads into an emptyDir of its own")
        staged = llm_d_service("staged", here.name, model={"uri": "pvc://weights/qwen", "name": "qwen"}, replicas=2)
        here.apply(staged)
        pod_spec = here.comes("deployment", "staged-kserve")["spec"]["template"]["spec"]
        assert "storage-initializer" not in {one["name"] for one in pod_spec.get("initContainers", [])}
        assert "/mnt/models" in mounts(pod_spec)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", staged))


def mounts(pod: Object) -> list[str]:
    """Where its engine has volumes."""
    found = next(one for one in pod["containers"] if one["name"] == "main")
    return [one["mountPath"] for one in found.get("volumeMounts", [])]


@pytest.mark.bites("storageInitializer off takes the mount of pvc:// along", "PM308")
def test_weights_that_are_not_mounted(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    model = {"uri": "pvc://weights/qwen", "name": "qwen"}
    with space(lab) as here:
        here.apply(made("v1", "PersistentVolumeClaim", "weights", here.name, spec=CLAIM))
        off = llm_d_service("off", here.name, model=model, storageInitializer={"enabled": False})
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", off))
        here.apply(off)
        pod = here.comes("deployment", "off-kserve")["spec"]["template"]["spec"]
        assert "/mnt/models" not in mounts(pod)
        assert not any("persistentVolumeClaim" in one for one in pod["volumes"])
        assert "/mnt/models" in words(here, "off-kserve")
        trap.bit("the engine is told to load /mnt/models, and its pod mounts neither that nor the claim")
        on = llm_d_service("on", here.name, model=model)
        here.apply(on)
        assert "/mnt/models" in mounts(here.comes("deployment", "on-kserve")["spec"]["template"]["spec"])
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", on))


@pytest.mark.bites("children of a long name are called something else", "PM309")
def test_names_with_a_hash(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    name, shorter = "q" * 40, "q" * 38
    with space(lab) as here:
        long = llm_d_service(name, here.name, router={"gateway": {"refs": [GATEWAY]}, "route": {}, "scheduler": {}})
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", long))
        good = replaced(long, "metadata", "name", value=shorter)
        here.apply(long, good)
        here.comes("deployment", f"{shorter}-kserve-router-scheduler")
        own = {f"{name}-kserve", f"{shorter}-kserve", f"{shorter}-kserve-router-scheduler"}
        found = until(lambda: [one for one in _names(here, "deployments") if one not in own])
        assert f"{name}-kserve-router-scheduler" not in found
        trap.bit(f"of {len(name)} characters: its endpoint picker is called {found[0]}")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


def _names(here: Space, kind: str) -> list[str]:
    return [one["metadata"]["name"] for one in here.all(kind)]


@pytest.mark.bites("without router.route there is no HTTPRoute, and the gateway answers 404", "PM310")
def test_no_way_in(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    gateway = f"{GATEWAY['name']}.{GATEWAY['namespace']}.svc.cluster.local"
    with space(lab) as here:
        hidden = llm_d_service("hidden", here.name, router={"gateway": {"refs": [GATEWAY]}})
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", hidden))
        found = llm_d_service("found", here.name)
        here.apply(hidden, found)
        for name in ("hidden", "found"):
            here.ready(LLM, name)
        until(lambda: here.call("", f"/{here.name}/found/v1/models", host=gateway).status == 200)
        answer = here.call("", f"/{here.name}/hidden/v1/models", host=gateway)
        assert answer.status == 404
        here.answers("hidden-kserve-workload-svc:8000")
        assert here.read("httproute", "hidden-kserve-route") == {}
        trap.bit(f"Ready is True, its Service answers, and the gateway says {answer.status}")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", found))


@pytest.mark.bites("--served-model-name among the args takes the model's name away", "PM314")
def test_a_name_that_is_replaced(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    service = "renamed-kserve-workload-svc:8000"
    with space(lab) as here:
        renamed = llm_d_service("renamed", here.name, main("--served-model-name=chat"))
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", renamed))
        good = llm_d_service("good", here.name, model={**renamed["spec"]["model"], "name": "chat"})
        here.apply(renamed, good)
        here.answers(service, "/v1/models")
        names = [one["id"] for one in here.call(service, "/v1/models").json["data"]]
        assert names == ["chat"]
        answer = here.call(service, "/v1/completions", {"model": "qwen", "prompt": "Tell me.", "max_tokens": 1})
        assert answer.status == 404
        trap.bit(
            f"model.name is qwen; the engine answers to {', '.join(names)} alone, and to qwen with {answer.status}"
        )
        here.answers("good-kserve-workload-svc:8000", "/v1/models")
        both = [one["id"] for one in here.call("good-kserve-workload-svc:8000", "/v1/models").json["data"]]
        assert both[0] == "chat"
        assert len(both) == 2
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("prefill is added to an LLMInferenceService that runs: its selector cannot be changed", "PM739")
def test_prefill_is_toggled(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        alone = llm_d_service("alone", here.name)
        here.apply(alone)
        here.ready(LLM, "alone")
        trap.healthy("-n", here.name, "--patience", "0")
        here.apply(replaced(alone, "spec", "prefill", value=prefill()))
        said = here.says(LLM, "alone", "WorkloadsReady", "spec.selector: Invalid value")
        trap.doctor("-n", here.name, "--patience", "0")
        assert here.read("deployment", "alone-kserve-prefill") == {}
        trap.bit(f"nothing of it is carried out: {said}")
        # Stopped, changed, started again: that is how it goes.
        here.patch(LLM, "alone", {"metadata": {"annotations": {STOP: "true"}}})
        until(lambda: not here.read("deployment", "alone-kserve"))
        here.patch(LLM, "alone", {"metadata": {"annotations": {STOP: None}}})
        here.ready(LLM, "alone")
        here.comes("deployment", "alone-kserve-prefill")
        trap.healthy("-n", here.name, "--patience", "0")


@pytest.mark.bites("a prefill pod that finds no GPU keeps llmisvc making RSA keys", "PM718", "PM713")
def test_a_pod_that_waits_burns_the_controller(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with device(lab) as one, space(lab) as here:
        asking = needing(one)
        both = llm_d_service("both", here.name, main(resources=asking), prefill=prefill(resources=asking))
        here.apply(both)
        until(lambda: _waits(here, "both"))
        keys: set[str] = set()

        def remade() -> bool:
            keys.add(read(lab.kubeconfig, "secret", "both-kserve-self-signed-certs", here.name)["data"]["tls.key"])
            return len(keys) >= 4

        until(remade, 90)
        assert trap.doctor("-n", here.name, "--patience", "0")
        trap.bit(f"while one pod is Pending (no GPU is free), {len(keys)} RSA keys were made for one Secret")
        here.patch(LLM, "both", {"metadata": {"annotations": {STOP: "true"}}})
        until(lambda: not here.all("pods", "app.kubernetes.io/name=both"))
        trap.healthy("-n", here.name, "--patience", "0")


def _waits(here: Space, name: str) -> bool:
    found = [condition(one, "PodScheduled") for one in here.all("pods", f"app.kubernetes.io/name={name}")]
    return any(one.get("reason") == "Unschedulable" for one in found)
