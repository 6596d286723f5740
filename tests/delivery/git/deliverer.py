"""``python -m tests.delivery.git.deliverer ROOT MODE``: a delivery in a process that can be killed.

It keeps a journal of one line, as a move does: what it was told before its push, for whoever goes on.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from pointsman.delivery.git import Edit, Files, Mode
from tests.delivery.git.ground import FILE, Ground, change


def one_more_node(before: bytes | None, files: Files) -> bytes:
    """An edit that changes something every time: made twice, it would be seen."""
    return re.sub(rb"nodes: (\d+)", lambda found: b"nodes: %d" % (int(found[1]) + 1), before or b"")


async def main(root: Path, mode: Mode) -> None:
    journal = root / "journal"
    since = journal.read_text() if journal.exists() else ""

    async def recorded(base: str, commit: str) -> None:
        if not journal.exists():
            journal.write_text(base)

    asked = change(edits=(Edit(FILE, one_more_node),))
    ground = Ground(root, root / "remote.git", root / "clone")
    delivered = await ground.deliver(asked, mode=mode, since=since, recorded=recorded)
    sys.stdout.write(f"{delivered.outcome} {delivered.commit}\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Mode(sys.argv[2])))
