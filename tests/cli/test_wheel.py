"""What a user installs carries everything the program needs, without the repository around it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's contents, in a directory of their own; built with what the environment has, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env=os.environ | {"PYTHONPATH": str(site)},
        cwd=site.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def files(folder: Path) -> set[str]:
    """Every file below a folder, less what Python makes by itself."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if "__pycache__" not in path.parts}


def test_the_wheel_has_every_file_beside_the_code_and_the_example_platform(unpacked: Path) -> None:
    wanted = files(ROOT / "src" / "pointsman")
    wanted |= {f"demo/example_platform/{name}" for name in files(ROOT / "examples" / "platform")}
    assert {"py.typed", "lab/go.mod", "lab/go.sum", "lab/engine/vllm-flags.json"} <= wanted
    assert files(unpacked / "pointsman") == wanted


def test_the_program_runs_from_the_wheel_with_its_own_example(unpacked: Path) -> None:
    where = run(unpacked, "from pointsman.demo.platform import example_root; print(example_root())").stdout.strip()
    assert where == str(unpacked / "pointsman" / "demo" / "example_platform")
    program = "from pointsman.cli.main import main; main()"
    rendered = run(unpacked, program, "render", f"{where}/models/qwen.yaml", "--layer", "kserve")
    assert rendered.returncode == 0, rendered.stderr
    assert "kind: InferenceService" in rendered.stdout


def test_both_commands_are_installed(unpacked: Path) -> None:
    (points,) = unpacked.glob("*.dist-info/entry_points.txt")
    text = points.read_text()
    assert "pointsman = " in text
    assert "kubectl-pointsman = " in text
