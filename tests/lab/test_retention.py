"""The cache forgets what nobody uses any more, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pointsman.lab.locks import hold
from pointsman.lab.retention import UNUSED_SECONDS, forget_old, used


def entry(folder: Path, name: str, *, age: float) -> Path:
    made = folder / name
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "etcd").write_text("x")
    (folder / f"{made.stem}.lock").touch()
    moment = time.time() - age
    os.utime(made, (moment, moment))
    return made


def test_only_what_was_not_used_for_two_weeks_goes(tmp_path: Path) -> None:
    current = entry(tmp_path, "current", age=2 * UNUSED_SECONDS)
    old = entry(tmp_path, "old", age=2 * UNUSED_SECONDS)
    left_over = entry(tmp_path, "broken.part", age=2 * UNUSED_SECONDS)
    recent = entry(tmp_path, "recent", age=UNUSED_SECONDS / 2)
    assert forget_old(tmp_path, current) == [left_over, old]
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_dir()) == ["current", "recent"]
    assert recent.is_dir()
    assert not (tmp_path / "old.lock").exists()


def test_use_keeps_an_entry(tmp_path: Path) -> None:
    current, old = entry(tmp_path, "current", age=0), entry(tmp_path, "old", age=2 * UNUSED_SECONDS)
    used(old)
    assert forget_old(tmp_path, current) == []


def test_what_another_process_is_making_stays(tmp_path: Path) -> None:
    current, old = entry(tmp_path, "current", age=0), entry(tmp_path, "old", age=2 * UNUSED_SECONDS)
    with hold(tmp_path / "old.lock", lambda pid: None):
        assert forget_old(tmp_path, current) == []
    assert old.is_dir()
