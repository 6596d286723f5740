"""``pointsman init`` writes all of its files or none, and over nothing."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.blueprint.folders import files, refused, written
from tests.catalog.repository import pointsman


def test_what_would_be_overwritten_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "charts").write_text("a file where a folder goes")
    (tmp_path / "models").symlink_to("/tmp")
    before = files(tmp_path)
    told = refused(pointsman(tmp_path, "init", "."), "init-exists", 1)
    assert "README.md, charts, models" in told
    assert (files(tmp_path), (tmp_path / "README.md").read_text()) == (before, "mine")


def test_a_second_time_is_refused(tmp_path: Path) -> None:
    assert pointsman(tmp_path, "init", ".").returncode == 0
    before = {name: (tmp_path / name).stat() for name in files(tmp_path)}
    told = refused(pointsman(tmp_path, "init", "."), "init-exists", 1)
    assert "Makefile" in told
    assert before == {name: (tmp_path / name).stat() for name in files(tmp_path)}


def test_what_is_in_nobodys_way_stays(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("mine")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/other.yaml").write_text("mine")
    found = written(pointsman(tmp_path, "init", ".", "-o", "json"))
    ours = {path for path in files(tmp_path) if (tmp_path / path).is_file()} - {"LICENSE", "models/other.yaml"}
    assert ours == set(found["files"])


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(pointsman(tmp_path, "init", "file"), "init-not-a-folder", 2)
    refused(pointsman(tmp_path, "init", "file/below"), "init-unwritable", 2)
    (tmp_path / "loop").symlink_to("loop")
    refused(pointsman(tmp_path, "init", "loop/x"), "init-not-a-folder", 2)
    assert files(tmp_path) == {"file", "loop"}


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_nothing(tmp_path: Path, there: bool) -> None:
    """Of which every file beyond a size reminds here."""
    if there:
        (tmp_path / "new").mkdir()
    before = files(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pointsman", "init", "new" if there else "deep/er/new"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)),
    )
    assert "file too large; none was" in refused(done, "init-unwritable", 2)
    assert files(tmp_path) == before


HELD = """
import signal, sys, os
from pathlib import Path
from pointsman.cli.main import main
seen = 0
def slow(self, data, real=Path.write_bytes):
    global seen
    seen += 1
    if seen == 20:
        os.kill(os.getpid(), signal.{number})
    return real(self, data)
Path.write_bytes = slow
sys.argv = ["pointsman", "init", "deep/new"]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_the_middle_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    code = HELD.replace("{number}", number.name)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert "interrupted; nothing was written" in refused(done, "stopped", 128 + number)
    assert files(tmp_path) == set()


def test_a_rename_that_fails_takes_back_those_before(tmp_path: Path) -> None:
    """Somebody makes a folder of ours after it was looked at."""
    code = """
import sys
from pathlib import Path
from pointsman.cli.main import main
def rename(self, target, real=Path.rename):
    if self.name == "models":
        (target / "theirs").mkdir(parents=True)
    return real(self, target)
Path.rename = rename
sys.argv = ["pointsman", "init", "."]
main()
"""
    (tmp_path / "LICENSE").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    refused(done, "init-unwritable", 2)
    assert files(tmp_path) == {"LICENSE", "models", "models/theirs"}


def test_an_interrupt_between_two_renames_waits_until_all_is_in_place(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from pointsman.cli.main import main
def rename(self, target, real=Path.rename):
    if self.name == "models":
        os.kill(os.getpid(), signal.SIGTERM)
    return real(self, target)
Path.rename = rename
sys.argv = ["pointsman", "init", ".", "-o", "json"]
main()
"""
    (tmp_path / "LICENSE").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    found = written(done)
    assert {name for name in files(tmp_path) if (tmp_path / name).is_file()} == {"LICENSE", *found["files"]}
