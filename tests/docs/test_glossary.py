"""``docs/glossary.md``: each term once, and in its place."""

from __future__ import annotations

from pathlib import Path

GLOSSARY = Path(__file__).parents[2] / "docs/glossary.md"


def test_a_term_has_one_meaning_and_is_found_by_its_letter() -> None:
    rows = [line.split("|") for line in GLOSSARY.read_text("utf-8").splitlines() if line.startswith("| ")]
    terms = [term.strip().casefold() for row in rows[1:] for term in [row[1]]]
    assert len(terms) > 80
    assert terms == sorted(set(terms))
