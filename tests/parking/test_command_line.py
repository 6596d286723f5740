"""``pointsman down``, ``up --layer``, ``pause`` and ``unpause`` as a person runs them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from pointsman.errors import TemporaryError
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.registry import layer
from pointsman.report.parking import result_lines
from tests.cli.cluster import kubeconfig_for, serving
from tests.cli.program import SPEC, run
from tests.docs.schemas.holding import held
from tests.root.cluster import ArgoCluster
from tests.root.tenants import MODEL, tenants
from tests.world.api_server import MemoryServer
from tests.world.edge_of_others import ProxyWorld
from tests.world.world import World

DEPLOYMENT = Ref(kind_of("Deployment"), "raw-vllm", "serving")


def static(*layers: str, on: str = "raw-vllm") -> ArgoCluster:
    """A cluster that can only be read, with these layers."""
    objects = [one for name in layers for one in layer(name).render(MODEL)]
    for one in objects:
        one["metadata"] |= {"uid": "u-1", "resourceVersion": "7"}
    return ArgoCluster.holding(*tenants({on: 100}), *objects)


def told(cluster: ArgoCluster, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with serving(cluster, folder) as kubeconfig:
        return run(*words, "--kubeconfig", str(kubeconfig), "--repo", str(folder))


@contextmanager
def live(world: World, folder: Path) -> Iterator[Path]:
    """The world behind an API server, in a thread; gives a kubeconfig."""
    ready, over = threading.Event(), asyncio.Event()
    ports: list[int] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        site = web.Application()
        site.router.add_route("*", "/{tail:.*}", MemoryServer(world.cluster).answer)
        runner = web.AppRunner(site)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert ready.wait(30)
    config = folder / "kubeconfig"
    config.write_text(kubeconfig_for(ports[0]))
    try:
        yield config
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(30)


def two_layers() -> ProxyWorld:
    """Tenants are served from elsewhere; the example's raw vLLM runs beside that."""
    world = ProxyWorld()
    for manifest in layer("raw-vllm").render(MODEL):
        manifest["metadata"]["uid"] = "u-1"
        world.put(manifest)
    return world


def test_a_layer_is_parked_and_the_result_names_the_command_that_brings_it_back(tmp_path: Path) -> None:
    world = two_layers()
    with live(world, tmp_path) as config:
        words = ("down", SPEC, "--layer", "raw-vllm", "--yes", "--kubeconfig", str(config), "--repo", str(tmp_path))
        done = run(*words, "-o", "json")
        assert done.returncode == 0, done.stderr
        again = run(*words, "-o", "yaml")
    found: dict[str, Any] = json.loads(done.stdout)
    held("parking", found)
    assert (found["state"], found["replicas"], found["freed"]["gpus"]) == ("parked", 1, 1)
    assert found["next"] == f"pointsman up --kubeconfig {config} --repo {tmp_path} {SPEC} --layer raw-vllm"
    assert found["volumes"] == [{"claim": "serving/raw-vllm-cache", "size": "20Gi"}]
    assert "change        spec.replicas: 1 → 0" in done.stderr
    assert "stops         unknown: spec.accelerator.pricePerHour is not set" in done.stderr
    assert "context       test (http://127.0.0.1:" in done.stderr
    assert world.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 0
    assert again.returncode == 0, again.stderr
    assert yaml.safe_load(again.stdout)["state"] == "parked-already"
    config_map = world.cluster.objects[Ref(kind_of("ConfigMap"), "litellm-config", "llm-gateway")]
    assert config_map["data"]["config.yaml"] == world.text


def test_somebody_who_is_quicker_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    world = two_layers()

    def scale(write: Any) -> None:
        if write.ref.name == "parked-qwen" and write.verb == "create":
            live_now = world.cluster.objects[DEPLOYMENT]
            world.put({**live_now, "spec": {**live_now["spec"], "replicas": 3}})

    world.cluster.before = scale
    with live(world, tmp_path) as config:
        words = ("--yes", "--kubeconfig", str(config), "--repo", str(tmp_path))
        done = run("down", SPEC, "--layer", "raw-vllm", *words)
    assert (done.returncode, done.stdout) == (6, "")
    assert "error [changed-meanwhile] at Deployment serving/raw-vllm" in done.stderr
    assert world.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 3


def test_what_would_be_written_is_told_before_the_question(tmp_path: Path) -> None:
    done = told(static("raw-vllm", "kserve"), tmp_path, "down", SPEC, "--layer", "kserve")
    assert (done.returncode, done.stdout) == (2, "")
    for line in (
        "KServe of model qwen is parked:",
        "  object        InferenceService kserve/qwen",
        "  as of         uid u-1, resourceVersion 7",
        "  change        metadata.annotations.serving.kserve.io/stop: not set → 'true'",
        "  stops         0 an hour",
        "  goes on       PersistentVolumeClaim kserve/qwen-cache, 20Gi",
        "error [not-asked]",
    ):
        assert line in done.stderr


def test_a_dry_run_is_a_result_and_asks_nothing(tmp_path: Path) -> None:
    cluster = static("raw-vllm", "kserve")
    shown = told(cluster, tmp_path, "down", SPEC, "--layer", "kserve", "--dry-run")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "change        metadata.annotations.serving.kserve.io/stop: not set → 'true'" in shown.stdout
    data = json.loads(told(cluster, tmp_path, "down", SPEC, "--layer", "kserve", "--dry-run", "-o", "json").stdout)
    held("parking-preview", data)
    assert (data["model"], data["layer"], data["dryRun"]) == ("qwen", "kserve", True)
    assert list(data["changes"]) == ["metadata.annotations.serving.kserve.io/stop"]
    awake = told(cluster, tmp_path, "up", SPEC, "--layer", "kserve", "--dry-run")
    assert awake.stdout == "KServe of model qwen is so already: nothing would be written\n"
    refused = told(cluster, tmp_path, "down", SPEC, "--layer", "raw-vllm", "--dry-run")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "error [alias-points]" in refused.stderr
    assert cluster.applied == []


def test_a_dry_run_of_a_whole_model_is_refused(tmp_path: Path) -> None:
    done = told(static("raw-vllm"), tmp_path, "up", SPEC, "--dry-run")
    assert done.returncode == 2
    assert "error [usage]: --dry-run is about one parked layer" in done.stderr


@pytest.mark.parametrize(
    ("words", "layers", "on", "exit_code", "code"),
    [
        (("down", SPEC, "--layer", "kserve", "--yes"), ("kserve",), "kserve", 1, "alias-points"),
        (("down", SPEC, "--yes"), ("raw-vllm", "kserve"), "raw-vllm", 2, "down-which"),
        (("down", SPEC, "--yes"), ("raw-vllm",), "raw-vllm", 1, "alias-points"),
        (("down", SPEC, "--layer", "kserv"), ("kserve",), "raw-vllm", 2, "layer-unknown"),
        (("down", SPEC, "--layer", "kserve", "--yes"), ("raw-vllm",), "raw-vllm", 1, "down-absent"),
        (("down", SPEC, "--layer", "kserve", "--dry-run"), ("raw-vllm",), "raw-vllm", 1, "down-absent"),
        (("up", SPEC, "--layer", "kserve"), ("raw-vllm",), "raw-vllm", 1, "up-absent"),
        (("up", SPEC, "--layer", "kserv"), ("raw-vllm",), "raw-vllm", 2, "layer-unknown"),
        (("pause", "qwen"), ("raw-vllm",), "raw-vllm", 1, "no-open-move"),
        (("unpause", "qwen"), ("raw-vllm",), "raw-vllm", 1, "no-open-move"),
    ],
)
def test_what_is_refused_is_refused_with_a_code_and_a_next_step(
    tmp_path: Path, words: tuple[str, ...], layers: tuple[str, ...], on: str, exit_code: int, code: str
) -> None:
    cluster = static(*layers, on=on)
    done = told(cluster, tmp_path, *words)
    assert (done.returncode, done.stdout) == (exit_code, ""), done.stderr
    assert f"error [{code}]" in done.stderr
    assert "next: " in done.stderr
    assert cluster.applied == []


def test_what_parks_a_layer_again_says_what_was_agreed_to(tmp_path: Path) -> None:
    world = two_layers()

    def unheard(write: Any) -> None:
        if write.ref == DEPLOYMENT:
            raise TemporaryError("cut")

    world.cluster.before = unheard
    with live(world, tmp_path) as config:
        words = ("--leave", "other name", "--drain-timeout", "5s", "--yes", "--kubeconfig", str(config))
        done = run("down", SPEC, "--layer", "raw-vllm", *words)
    assert "error [park-unknown]" in done.stderr, done.stderr
    said = f"pointsman down --kubeconfig {config} {SPEC} --layer raw-vllm --leave 'other name' --drain-timeout 5s"
    assert said in done.stderr


def test_whose_tenants_a_layer_serves_already_is_told() -> None:
    note = "alias qwen-local points at it (declared): its tenants are served from here"
    done = {"state": "serving-already", "model": "qwen", "notes": [note], "next": "pointsman status qwen"}
    assert result_lines(done, "raw vLLM") == [
        "raw vLLM of model qwen serves already; nothing was written",
        f"  note          {note}",
        "  next: pointsman status qwen",
    ]


@pytest.mark.parametrize("word", ["pause", "unpause"])
def test_a_word_that_means_a_move_never_stops_a_layer_and_names_what_does(tmp_path: Path, word: str) -> None:
    cluster = static("raw-vllm", "kserve")
    done = told(cluster, tmp_path, word, "qwen")
    place = f"--kubeconfig {tmp_path / 'kubeconfig'} --repo {tmp_path}"
    assert f"pointsman down {place} qwen --layer LAYER" in done.stderr
    assert f"pointsman up {place} qwen --layer LAYER" in done.stderr
    assert "pointsman history" not in done.stderr, "there was no move yet"
    assert cluster.applied == []
