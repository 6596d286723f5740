"""``pointsman sync`` and ``wait`` as a person runs them, against an API server and an Argo CD in another thread."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import SystemClock
from tests.cli.cluster import kubeconfig_for
from tests.cli.program import START, run
from tests.delivery.ground import NEW, OLD, deployment, tracked
from tests.docs.schemas.holding import held
from tests.world.api_server import MemoryServer
from tests.world.argo import App, Argo, application
from tests.world.cluster import MemoryCluster

LONG_AGO = {"status": {"reconciledAt": "2026-01-01T00:00:00Z"}}
APPLICATION = kind_of("Application")


@dataclass
class Platform:
    """Applications and their Argo CD, served from a thread until the test is over."""

    folder: Path
    argo: Argo = field(default_factory=lambda: Argo(MemoryCluster(), SystemClock()))
    port: int = 0
    _ready: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, over: asyncio.Event) -> None:
        server = MemoryServer(self.argo.cluster)
        site = web.Application()
        site.router.add_route("*", "/{tail:.*}", server.answer)
        runner = web.AppRunner(site)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        controllers = asyncio.create_task(self.argo.run(0.02))
        self._ready.set()
        await over.wait()
        controllers.cancel()
        await asyncio.gather(controllers, return_exceptions=True)
        await runner.cleanup()

    def add(self, name: str, *, replicas: int = 1, **spec: Any) -> App:
        """An Application that runs an older commit."""
        manifest = deployment(name, replicas=replicas)
        app = App([NEW], applied=[OLD], seconds=0.0, refreshing=0.0, resources=[tracked(manifest)])

        async def all_of_it() -> None:
            await self.argo.cluster.create(manifest)
            ref = await self.argo.add(application(name, **spec), app)
            await self.argo.cluster.patch(ref, LONG_AGO)

        self.do(all_of_it)
        return app

    def do(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """In the server's own loop."""
        assert self._loop is not None

        async def done() -> Any:
            return await work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(30)

    def operation(self, name: str) -> Any:
        return self.argo.cluster.objects[Ref(APPLICATION, name, "argocd")].get("operation")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run(*words, "--kubeconfig", str(self.kubeconfig))

    @property
    def kubeconfig(self) -> Path:
        config = self.folder / "kubeconfig"
        config.write_text(kubeconfig_for(self.port))
        return config

    @contextmanager
    def running(self) -> Iterator[None]:
        over = asyncio.Event()

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            await self.serve(over)

        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        assert self._ready.wait(30)
        assert self._loop is not None
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(over.set)
            thread.join(30)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    made = Platform(tmp_path)
    with made.running():
        yield made


def test_a_sync_shows_what_it_is_about_to_do_and_what_became_of_it(platform: Platform) -> None:
    platform.add("raw-vllm", syncPolicy={"syncOptions": ["CreateNamespace=true"]})
    done = platform.run("sync", "raw-vllm", "--yes")
    assert done.returncode == 0, done.stderr
    for shown in (
        "argocd/raw-vllm  (context test, uid uid-raw-vllm, resourceVersion ",
        f"source        https://git.example/platform serving/raw-vllm at main, now {NEW}",
        f"sync to       {NEW}",
        "out of sync   Deployment serving/raw-vllm",
        "options       CreateNamespace=true",
        "argocd/raw-vllm: succeeded: successfully synced",
    ):
        assert shown in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"argocd/raw-vllm: synced at {NEW}"
    assert lines[2] == "  ready         Deployment serving/raw-vllm: 1 of 1 replicas are available"


def test_nothing_is_synced_when_there_is_nobody_to_ask(platform: Platform) -> None:
    app = platform.add("raw-vllm")
    done = platform.run("sync", "raw-vllm")
    assert (done.returncode, "error [not-asked]" in done.stderr) == (2, True)
    assert "sync to" in done.stderr
    assert (app.synced, platform.operation("raw-vllm")) == (0, None)


def applications(printed: str) -> list[dict[str, Any]]:
    """What was printed of each; JSON is YAML, too."""
    found = yaml.safe_load(printed)
    held("applications", found)
    return list(found["applications"])


def test_one_that_is_refused_refuses_all(platform: Platform) -> None:
    app = platform.add("raw-vllm")
    platform.add("kserve")
    skipped = {"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}}
    platform.do(lambda: platform.argo.cluster.patch(Ref(APPLICATION, "kserve", "argocd"), skipped))
    done = platform.run("sync", "raw-vllm", "kserve", "--yes", "--output", "json")
    assert done.returncode == 1
    (refused,) = applications(done.stdout)
    assert (refused["application"], refused["error"]["code"]) == ("argocd/kserve", "argo-skip-reconcile")
    assert "error [argo-skip-reconcile] at Application argocd/kserve:" in done.stderr
    assert app.synced == 0


def test_all_automatic_ones_are_waited_for_and_the_others_listed(platform: Platform) -> None:
    platform.add("litellm", syncPolicy={"automated": {}})
    platform.add("raw-vllm", replicas=0)
    done = platform.run("wait", "--all-automatic", "--output", "yaml")
    assert done.returncode == 0, done.stderr
    found = {one["application"]: one["state"] for one in applications(done.stdout)}
    assert found == {"argocd/litellm": "ready", "argocd/raw-vllm": "manual"}
    assert "argocd/raw-vllm: manual, not waited for" in done.stderr


def test_a_deadline_leaves_with_1_and_a_reason_for_each(platform: Platform) -> None:
    platform.add("raw-vllm")
    done = platform.run("wait", "raw-vllm", "--timeout", "4", "--output", "json")
    assert done.returncode == 1
    (one,) = applications(done.stdout)
    assert one["error"]["code"] == "argo-not-synced"
    assert "OutOfSync: Deployment serving/raw-vllm" in one["error"]["what"]


def test_a_profile_waits_for_what_it_deploys_by_itself_also_for_what_is_not_made_yet(platform: Platform) -> None:
    made = ("group-platform-core", "group-serving-core", "group-kserve", "namespaces")
    for name in made[:-1]:
        platform.add(name, syncPolicy={"automated": {}})
    late = threading.Timer(1, lambda: platform.add("namespaces", syncPolicy={"automated": {}}))
    late.start()
    words = ("wait", "--profile", "serving", "--repo", "examples/platform", "--output", "json")
    done = platform.run(*words)
    late.join()
    assert done.returncode == 0, done.stderr
    found = {one["application"]: one["state"] for one in applications(done.stdout)}
    assert found == {f"argocd/{name}": "ready" for name in made}, "manual ones are nobody's to wait for"


def test_nothing_to_wait_for_is_no_success(platform: Platform) -> None:
    platform.add("raw-vllm")
    done = platform.run("wait", "--all-automatic")
    assert (done.returncode, "error [wait-empty]" in done.stderr) == (1, True)
    assert platform.run("wait", "--all-automatic", "--allow-empty").returncode == 0


def test_ctrl_c_ends_the_operation_before_the_program_ends(platform: Platform) -> None:
    app = platform.add("raw-vllm")
    app.hangs = True
    words = [*START, "sync", "raw-vllm", "--yes", "--kubeconfig", str(platform.kubeconfig)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while platform.operation("raw-vllm") is None and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "error [stopped] at Application argocd/raw-vllm: interrupted; our operation" in err
    assert platform.operation("raw-vllm") is None


def test_what_an_application_says_does_nothing_to_a_terminal(platform: Platform) -> None:
    acts = "\x1b[2J\nargocd/raw-vllm: synced, and its workloads are ready\r\x9b31m"
    app = platform.add("raw-vllm", syncPolicy={"syncOptions": [acts]})
    app.fails = acts
    done = platform.run("sync", "raw-vllm", "--yes")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert {one for one in said if one != "\n" and not one.isprintable()} == set()
    assert not any(line.startswith("argocd/raw-vllm: synced") for line in said.splitlines())


def test_a_cluster_without_argo_cd_is_told_as_one(platform: Platform) -> None:
    platform.argo.cluster.unknown_kinds |= {"applications", "applicationsets"}
    for words in (("wait", "--all-automatic"), ("wait", "raw-vllm"), ("sync", "raw-vllm", "--yes")):
        done = platform.run(*words)
        assert (done.returncode, "error [argo-absent]" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("sync",),
        ("sync", "raw-vllm", "--commit", "main"),
        ("sync", "raw-vllm", "--commit", NEW, "--revision", NEW),
        ("sync", "raw-vllm", "--commit", NEW, "--repository", "/nowhere"),
        ("sync", " "),
        ("wait",),
        ("wait", "raw-vllm", "--timeout", "soon"),
    ],
    ids=" ".join,
)
def test_wrong_words_are_told_without_any_cluster(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, "error [usage]" in done.stderr) == (2, True), done.stderr


def test_a_cluster_that_does_not_answer_leaves_with_2(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text("{}")
    done = run("wait", "raw-vllm", "--kubeconfig", str(config))
    assert (done.returncode, "error [kubeconfig-invalid]" in done.stderr) == (2, True), done.stderr
