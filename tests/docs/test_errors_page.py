"""The page of errors names every code the program has, and no other; its tables are those of the package.

``python -m tests.docs.test_errors_page`` writes the tables; the words between them are the page's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pointsman.codes.table import Table, tables

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "pointsman"
PAGE = ROOT / "docs" / "errors.md"
_LITERAL = re.compile(r'\b(?:code|default_code)(?: = |=)"([a-z0-9-]+)"')
_BY_PLACE = {place: re.compile(rf'"({place}-[a-z-]+)"') for place in ("spec", "edge", "adopt")}
"""Every word of this form in a package is one of its codes."""
_TOLD = re.compile(r'\bTold\(\s*"([a-z-]+)"')
"""Warnings about a platform repository."""
_BY_FAULT = re.compile(r': "(platform-[a-z-]+)"')
_BY_STATUS = re.compile(r'4\d\d: "(cluster-[a-z-]+)"')
_TABLE = re.compile(r"\| Code \| Exit \| What it means \| What to do \|\n\|---\|---\|---\|---\|\n(?:\| .* \|\n?)*")


def codes_in_the_source() -> set[str]:
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        place = _BY_PLACE.get(path.relative_to(SOURCE).parts[0])
        for pattern in (_LITERAL, _BY_STATUS, _TOLD, _BY_FAULT, *([place] if place else [])):
            found |= set(pattern.findall(path.read_text(encoding="utf-8")))
    return found


def codes_on_the_page() -> list[str]:
    return re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def written(text: str) -> str:
    """The page with the package's tables in the places of its own."""
    made: Iterator[Table] = iter(tables())
    return _TABLE.sub(lambda _: _rows(next(made)), text)


def _rows(table: Table) -> str:
    head = ["| Code | Exit | What it means | What to do |", "|---|---|---|---|"]
    rows = (f"| `{one.code}` | {one.exit} | {one.means} | {one.remedy} |" for one in table.codes)
    return "\n".join([*head, *rows, ""])


def test_every_code_is_explained_and_no_other() -> None:
    assert sorted(codes_on_the_page()) == sorted(codes_in_the_source())


def test_the_tables_are_those_of_the_package() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = [text[: one.start()].rpartition("\n## ")[2].partition("\n")[0] for one in _TABLE.finditer(text)]
    assert headings == [one.title for one in tables()]
    assert text == written(text)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
