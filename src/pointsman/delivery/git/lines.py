"""Whose lines stand in a file: asked of git's own three-way merge, on bytes.

Our commit made ``after`` of ``before``. Applied once more to a file in which it stands already, it changes nothing;
turned round, it takes only our lines back. Lines that touch ours count as ours: nobody can tell which was meant.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pointsman.delivery.git.changes import Made
from pointsman.delivery.git.program import Git

__all__ = ["OverwrittenError", "merged", "stands"]


class OverwrittenError(Exception):
    """Others changed the same lines."""


async def merged(git: Git, current: Made, base: Made, other: Made) -> Made:
    """``current`` with what leads from ``base`` to ``other``; raises OverwrittenError when both changed the same."""
    if current == base:
        return other
    if other in (current, base):
        return current
    if current is None or base is None or other is None:
        raise OverwrittenError
    with tempfile.TemporaryDirectory(prefix="pointsman-merge-") as folder:
        names = []
        for name, content in (("current", current), ("base", base), ("other", other)):
            (Path(folder) / name).write_bytes(content)
            names.append(str(Path(folder) / name))
        said = await git.run("merge-file", "-p", "-q", *names)
    if not said.ok:
        raise OverwrittenError
    return said.out


async def stands(git: Git, current: Made, before: Made, after: Made) -> bool:
    """Do the lines of our commit stand in the file as we wrote them?"""
    try:
        return await merged(git, current, before, after) == current and (current is None) == (after is None)
    except OverwrittenError:
        return False
