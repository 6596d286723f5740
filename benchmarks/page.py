"""The page that benchmarks write their tables into, each between its own two marks."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from pathlib import Path

__all__ = ["DOCS", "machine", "write"]

DOCS = Path(__file__).parents[1] / "docs"


def machine() -> str:
    """Where and when, in a few words."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{today}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}"
    )


def write(mark: str, title: str, lines: Sequence[str], name: str = "benchmarks.md") -> None:
    """Put the lines between the marks named ``mark`` of a page; a section is made where there is none."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    page = DOCS / name
    text = page.read_text("utf-8") if page.exists() else f"# {page.stem.replace('-', ' ').capitalize()}\n"
    if begin not in text:
        text = f"{text.rstrip()}\n\n## {title}\n\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    DOCS.mkdir(exist_ok=True)
    page.write_text(f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{after}", "utf-8")
