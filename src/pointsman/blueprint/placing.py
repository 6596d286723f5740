"""Getting files into a folder: all of them or none, and never over one that is there.

They are written beside their places first, where a full disk or an interrupt leaves nothing behind, and then take their
names by a few renames, which no signal breaks into and which are taken back when one of them fails.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pointsman.errors import PointsmanError, RefusedError, SpecError, UsageError, reason_of

__all__ = ["place"]

_MOST_TOLD = 10
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def place(files: Mapping[str, bytes], folder: Path) -> None:
    """Put the files there.

    Raises RefusedError that names what is in the way, UsageError when the folder is none, SpecError when it cannot be
    written; nothing was written then. A KeyboardInterrupt before all is in place leaves nothing either.
    """
    _refuse_what_is_there(files, folder)
    made: list[Path] = []
    try:
        made = _parents(folder)
        _staged(files, folder)
    except OSError as error:
        _taken_away(made)
        raise _unwritable(folder, error) from None
    except BaseException:
        _taken_away(made)
        raise


def _refuse_what_is_there(files: Mapping[str, bytes], folder: Path) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(
            "this is no folder", where=str(folder), next_action="name another one", code="init-not-a-folder"
        )
    try:
        there = sorted({found for name in files if (found := _in_the_way(folder, name))})
    except OSError as error:
        raise _unwritable(folder, error) from None
    if there:
        more = f" and {len(there) - _MOST_TOLD} more" if len(there) > _MOST_TOLD else ""
        raise RefusedError(
            f"this is there already, and would be overwritten: {', '.join(there[:_MOST_TOLD])}{more}",
            where=str(folder),
            next_action="name a new folder, or move what is named away; nothing was written",
            code="init-exists",
        )


def _in_the_way(folder: Path, name: str) -> str:
    """What keeps a file from its place: the file itself, or something on its way that is no folder."""
    path = folder / name
    if os.path.lexists(path):
        return name
    for above in reversed(path.relative_to(folder).parents[:-1]):
        here = folder / above
        if os.path.lexists(here) and (here.is_symlink() or not here.is_dir()):
            return above.as_posix()
    return ""


def _parents(folder: Path) -> list[Path]:
    """Make the folders above it; those that were made, the deepest first."""
    missing = [one for one in folder.parents if not one.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _taken_away(made: Sequence[Path]) -> None:
    for one in made:
        with suppress(OSError):
            one.rmdir()


def _staged(files: Mapping[str, bytes], folder: Path) -> None:
    there = folder.exists()
    stage = Path(tempfile.mkdtemp(dir=folder if there else folder.parent, prefix=f".{folder.name[:40]}.init-"))
    placed = False
    try:
        tree = stage / "tree"
        for name, data in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        with _unbroken():
            _moved(tree, folder, whole=not there)
            placed = True
    except KeyboardInterrupt:
        if not placed:
            raise
    finally:
        with _unbroken():
            shutil.rmtree(stage, ignore_errors=True)


def _moved(tree: Path, folder: Path, *, whole: bool) -> None:
    """Give everything its name, each as high up as nothing is there yet; all or nothing."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in [(tree, folder)] if whole else list(_moves(tree, folder)):
            if os.path.lexists(target):
                raise FileExistsError(0, f"{target.name} was made by somebody else meanwhile", str(target))
            source.rename(target)
            done.append((source, target))
    except BaseException:
        for source, target in reversed(done):
            target.rename(source)
        raise


def _moves(tree: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    for source in sorted(tree.iterdir()):
        target = folder / source.name
        if source.is_dir() and target.is_dir():
            yield from _moves(source, target)
        else:
            yield source, target


@contextmanager
def _unbroken() -> Iterator[None]:
    """Signals wait until the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _unwritable(folder: Path, error: OSError) -> PointsmanError:
    return SpecError(
        f"the files cannot be written: {reason_of(error)}; none was",
        where=str(folder),
        next_action="name a folder that can be written, with some 200 KiB of room",
        code="init-unwritable",
    )
