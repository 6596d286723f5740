"""A ``go`` that builds empty programs, for tests of what happens around the real one.

Whatever ``mod`` and ``list -m`` are asked for is one module, which has all that the lab takes from any.
It lives as a script on the PATH, the toolchain's only way to Go. ``FAKE_GO`` names a directory: each build adds a
line to ``builds`` there, and the files ``slow`` and ``fails`` (with what to say) change what it does.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TOOLS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "server", "manager", "llmisvc")
SOURCES = (
    "go.mod",
    "cmd/manager/main.go",
    "pkg/agent/agent.go",
    "pkg/agent/storage/provider.go",
    "pkg/agent/storage/s3.go",
    "pkg/admission/plugin/policy/generic/plugin.go",
    "pkg/admission/plugin/policy/generic/policy_test_context.go",
    "pkg/scheduler/backend/queue/testing.go",
    "pkg/kubelet/eviction/helpers.go",
    "pkg/kubelet/kubelet.go",
)
MANIFESTS = (
    "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml",
    *(
        f"config/crd/standard/gateway.networking.k8s.io_{kind}.yaml"
        for kind in ("gatewayclasses", "gateways", "httproutes", "referencegrants", "grpcroutes")
    ),
)


def main(words: list[str]) -> int:
    home = Path(os.environ["FAKE_GO"])
    if words[:2] == ["env", "GOVERSION"]:
        sys.stdout.write("go1.99.0\n")
    elif words[:2] == ["list", "-deps"]:
        sys.stdout.write("one\ntwo/three\n")
    elif words[:2] == ["list", "-m"]:
        sys.stdout.write(f"{_module(home)}\n")
    elif words[:2] == ["mod", "edit"]:
        _replace(home, words[2])
    elif words[0] == "build":
        return _build(home, Path(words[words.index("-o") + 1]))
    return 0


def _build(home: Path, target: Path) -> int:
    with (home / "builds").open("a") as log:
        log.write(f"{os.getpid()}\n")
    if (home / "fails").exists():
        sys.stderr.write((home / "fails").read_text() + "\n")
        return 1
    sys.stderr.write("one\ntwo/three\n")
    sys.stderr.flush()
    for name in TOOLS:
        (target / name).write_text("#!/bin/sh\necho rendered: true\n")
        (target / name).chmod(0o755)
        while (home / "slow").exists():
            time.sleep(0.01)
    return 0


def _replace(home: Path, words: str) -> None:
    """``-replace=PATH=./FOLDER``: what the build would find there is written down."""
    folder = Path.cwd() / words.split("=")[2]
    found = sorted(str(path.relative_to(folder)) for path in _files(folder))
    with (home / "replaced").open("a") as log:
        log.write(f"{words.split('=')[1]} {' '.join(found)}\n")


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _module(home: Path) -> Path:
    module = home / "module"
    for name in (*MANIFESTS, *SOURCES):
        (module / name).parent.mkdir(parents=True, exist_ok=True)
        (module / name).write_text("kind: Nothing\n")
    return module


def install(folder: Path) -> Path:
    """Put the script on a PATH of its own; returns that directory."""
    programs = folder / "programs"
    programs.mkdir()
    script = programs / "go"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return programs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
