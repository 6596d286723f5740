"""The page of errors names every code the program has, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "pointsman"
_LITERAL = re.compile(r'\b(?:code|default_code)(?: = |=)"([a-z0-9-]+)"')
_BY_STATUS = re.compile(r'4\d\d: "(cluster-[a-z-]+)"')


def codes_in_the_source() -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")]
    return {code for text in texts for pattern in (_LITERAL, _BY_STATUS) for code in pattern.findall(text)}


def codes_on_the_page() -> list[str]:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([a-z0-9-]+)` \|", page, flags=re.MULTILINE)


def test_every_code_is_explained_and_no_other() -> None:
    assert sorted(codes_on_the_page()) == sorted(codes_in_the_source())
