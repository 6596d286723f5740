"""``go build`` of every tool that ``go.mod`` names, with progress, and its failures as sentences."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pointsman.errors import LabError
from pointsman.lab.parentage import dies_with_parent
from pointsman.lab.progress import Progress, Report
from pointsman.lab.storage import disk_full
from pointsman.lab.toolchain.golang import Go

__all__ = [
    "BUILD_FLAGS",
    "KUBERNETES_VERSION",
    "build_tools",
    "fetch_module",
    "module_directory",
    "refuse_full_disk",
    "replace_module",
]

KUBERNETES_VERSION = "v1.34.4"
_GLUE = ("k8s.io/kubernetes/...", "k8s.io/kubectl/...", "k8s.io/client-go/applyconfigurations/...")
"""Large, and not what a request's time is spent in: compiled without inlining, which is a sixth cheaper."""
BUILD_FLAGS = (
    "-trimpath",
    # Nobody debugs these programs: no DWARF, neither linked nor, which costs more, compiled.
    "-gcflags=all=-dwarf=false",
    *(f"-gcflags={packages}=-dwarf=false -l" for packages in _GLUE),
    "-ldflags",
    f"-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}",
)

_NEED = "the lab's tools need 1.5 GB, and Go 4 GB more for its own cache the first time"
_CACHES = "POINTSMAN_CACHE (and GOCACHE)"
_PACKAGE = re.compile(r"[\w.~-]+(/[\w.~-]+)*")
_OFFLINE = ("dial tcp", "no such host", "i/o timeout", "connection refused", "proxyconnect", "TLS handshake timeout")


def build_tools(go: Go, module: Path, renamed: Mapping[str, str], report: Report) -> None:
    """Build the tools of ``module`` into its ``bin``, under the names the lab knows them by."""
    target = module / "bin"
    report(Progress("toolchain", f"building with {go.origin}; minutes the first time, seconds afterwards"))
    packages = _list_packages(go, module, report)
    built = 0

    def note(line: str) -> None:
        nonlocal built
        if _PACKAGE.fullmatch(line):
            built += 1
            report(Progress("toolchain", f"compiling, of at most {packages} packages: {line[-60:]}", built, packages))

    _run(go, ["build", "-v", *BUILD_FLAGS, "-o", f"{target}/", "tool"], module, note)
    for built_name, name in renamed.items():
        (target / built_name).rename(target / name)


def module_directory(go: Go, module: Path, path: str) -> Path:
    """Where the sources of the module called ``path`` lie."""
    return Path(_run(go, ["list", "-m", "-f", "{{.Dir}}", path], module).strip())


def fetch_module(go: Go, module: Path, path: str, report: Report) -> Path:
    """Where the sources of the module called ``path`` lie; fetched now, if they were not there."""
    report(Progress("toolchain", f"fetching modules: {path}"))
    _run(go, ["mod", "download", path], module)
    return module_directory(go, module, path)


def replace_module(go: Go, module: Path, path: str, folder: Path) -> None:
    """Take the module called ``path`` from ``folder``, which lies below ``module``."""
    _run(go, ["mod", "edit", f"-replace={path}=./{folder.relative_to(module)}"], module)


def _list_packages(go: Go, module: Path, report: Report) -> int:
    """How many packages the tools are made of; fetches their modules on the way."""
    fetched = 0

    def note(line: str) -> None:
        nonlocal fetched
        if line.startswith("go: downloading "):
            fetched += 1
            report(Progress("toolchain", f"fetching modules: {line.split()[2]}", fetched))

    return len(_run(go, ["list", "-deps", "tool"], module, note).splitlines())


def _run(go: Go, arguments: Sequence[str], module: Path, note: Callable[[str], None] = lambda line: None) -> str:
    """Run ``go``; ``note`` is given each line of its standard error. Its standard output is returned."""
    process = subprocess.Popen(
        [go.binary, *arguments],
        cwd=module,
        env=go.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=dies_with_parent(),  # noqa: PLW1509 - prctl is all that runs there
    )
    assert process.stdout
    assert process.stderr
    output: list[str] = []
    reader = threading.Thread(target=lambda stream: output.append(stream.read()), args=(process.stdout,))
    reader.start()
    last: deque[str] = deque(maxlen=20)
    try:
        for line in process.stderr:
            last.append(line.rstrip())
            note(line.rstrip())
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        reader.join()
        process.stdout.close()
        process.stderr.close()
    if code:
        raise _failure(module, arguments[0], list(last))
    return output[0]


def _failure(where: Path, verb: str, lines: list[str]) -> LabError:
    text = "\n".join(lines)
    if "no space left on device" in text:
        return disk_full(_NEED, where, _CACHES)
    if any(sign in text for sign in _OFFLINE):
        return LabError(
            f"the lab's tools have to be built, but their Go modules cannot be fetched: {lines[-1]}",
            next_action=(
                "either connect this machine to a Go module proxy once (GOPROXY names it), or copy the lab's cache "
                "from a machine of the same kind and point POINTSMAN_CACHE at it"
            ),
            code="lab-no-modules",
        )
    shown = "\n  ".join(lines[-8:])
    return LabError(
        f"go {verb} failed:\n  {shown}",
        next_action="try again; if it fails again, report it with these lines",
        code="lab-build",
    )


def refuse_full_disk(target: Path, room: int) -> None:
    """Raise LabError where there are not so many bytes free."""
    if shutil.disk_usage(target).free < room:
        raise disk_full(_NEED, target, _CACHES)
