"""``python -m tests.delivery.git.deliverer ROOT MODE``: a delivery in a process that can be killed.

It keeps a journal of one line, as a move does: what it was told before its push, for whoever goes on.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from pointsman.delivery.git import Mode
from tests.delivery.git.ground import Ground


async def main(root: Path, mode: Mode) -> None:
    journal = root / "journal"
    since = journal.read_text() if journal.exists() else ""

    async def recorded(base: str, commit: str) -> None:
        if not journal.exists():
            journal.write_text(base)

    ground = Ground(root, root / "remote.git", root / "clone")
    delivered = await ground.deliver(mode=mode, since=since, recorded=recorded)
    sys.stdout.write(f"{delivered.outcome} {delivered.commit}\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Mode(sys.argv[2])))
