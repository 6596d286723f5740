"""The page of errors names every code the program has, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "pointsman"
_LITERAL = re.compile(r'\b(?:code|default_code)(?: = |=)"([a-z0-9-]+)"')
_BY_PLACE = {place: re.compile(rf'"({place}-[a-z-]+)"') for place in ("spec", "edge", "adopt")}
"""Every word of this form in a package is one of its codes."""
_TOLD = re.compile(r'\bTold\(\s*"([a-z-]+)"')
"""Warnings about a platform repository."""
_BY_FAULT = re.compile(r': "(platform-[a-z-]+)"')
_BY_STATUS = re.compile(r'4\d\d: "(cluster-[a-z-]+)"')


def codes_in_the_source() -> set[str]:
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        place = _BY_PLACE.get(path.relative_to(SOURCE).parts[0])
        for pattern in (_LITERAL, _BY_STATUS, _TOLD, _BY_FAULT, *([place] if place else [])):
            found |= set(pattern.findall(path.read_text(encoding="utf-8")))
    return found


def codes_on_the_page() -> list[str]:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([a-z0-9-]+)` \|", page, flags=re.MULTILINE)


def test_every_code_is_explained_and_no_other() -> None:
    assert sorted(codes_on_the_page()) == sorted(codes_in_the_source())
