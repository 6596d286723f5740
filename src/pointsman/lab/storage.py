"""What the file system says no with, as sentences."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from pointsman.errors import LabError

__all__ = ["disk_full", "storage_errors"]


@contextlib.contextmanager
def storage_errors(folder: Path, variable: str) -> Iterator[None]:
    """Turn an OSError into a LabError. ``variable`` is what moves ``folder`` elsewhere."""
    try:
        yield
    except (OSError, shutil.Error) as failed:
        if failed.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(failed):
            raise disk_full(f"{folder} cannot be written", folder, variable) from failed
        raise LabError(
            f"the lab's directory cannot be used: {failed}",
            where=str(folder),
            next_action=f"point {variable} at a directory you can write to",
            code="lab-storage",
        ) from failed


def disk_full(what: str, where: Path, variable: str) -> LabError:
    """The error for a disk without room."""
    return LabError(
        f"the disk is full: {what}",
        where=str(where),
        next_action=f"make room, or point {variable} at another disk",
        code="lab-disk-full",
    )
