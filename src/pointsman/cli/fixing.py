"""``pointsman lint --fix``: mend what has an edit, after a question; what is ignored is never touched.

An edit is tried on a copy of the texts and kept only where it changes what was meant and nothing else. The files are
written all together or not at all, and read again: what is told then is what is left.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli import stopping
from pointsman.cli.words import agree

if TYPE_CHECKING:
    from pointsman.adopt.adopted import Adopted
    from pointsman.adopt.context import Context
    from pointsman.adopt.mending import Mended
    from pointsman.adopt.placing import Placed
    from pointsman.checks.check import Check
    from pointsman.checks.finding import Finding, Outcome

__all__ = ["Fixed", "fixed", "wanted_of"]


@dataclass(slots=True)
class Fixed:
    """What is so after it."""

    found: Adopted
    made: Outcome
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """Id and sentence of what has an edit that was not made, and why."""
    placed: list[Placed] = field(default_factory=list)


def fixed(place: Path, env: str | None, checks: Sequence[Check], whole: Context, *, yes: bool) -> Fixed:
    """Look, show, ask, write, and look again."""
    from pointsman.checks.repository import lint

    found, made = lint(place, env, checks, whole)
    wanted, refused = wanted_of(made)
    mended = _mended(found, wanted, whole)
    if not mended.texts:
        return Fixed(found, made, refused + _refused(mended))
    _show(found, mended)
    agree(yes, f"write these changes to {len(mended.texts)} files of {found.tree.root if found.tree else place}?")
    placed = _written(found, mended)
    found, made = lint(place, env, checks, whole)
    return Fixed(found, made, refused + _refused(mended), placed)


def wanted_of(made: Outcome) -> tuple[list[Finding], list[tuple[str, str, str]]]:
    """Those with an edit that nobody ignores, nor one that they go together with."""
    held = {one.told.tied: one for one in made.findings if one.ignored and one.told.tied}
    wanted, refused = [], []
    for one in made.counted:
        if not one.told.fixes:
            continue
        if one.told.tied in held:
            other = held[one.told.tied]
            refused.append((one.check.id, one.what, f"it goes together with {other.where}, which is ignored"))
        else:
            wanted.append(one)
    return wanted, refused


def _mended(found: Adopted, wanted: Sequence[Finding], whole: Context) -> Mended:
    """Of a single file that file alone is changed."""
    from pointsman.adopt.mending import mend

    assert found.tree is not None
    tree, mendable = found.tree, [one.mendable() for one in wanted]
    mended = mend(tree, mendable)
    if not whole.single or set(mended.texts) <= {whole.named}:
        return mended
    return mend(tree, [one for one in mendable if set(mend(tree, [one]).texts) <= {whole.named}])


def _refused(mended: Mended) -> list[tuple[str, str, str]]:
    return [(one.code, one.what, why) for one, why, _ in mended.refused]


def _show(found: Adopted, mended: Mended) -> None:
    from pointsman.adopt.adopted import shared
    from pointsman.adopt.telling import diffs
    from pointsman.report.adopt import also_lines, diff_lines
    from pointsman.report.text import write_lines

    write_lines(sys.stderr, diff_lines(diffs(mended.tree)) + also_lines(shared(found, mended.texts)))


def _written(found: Adopted, mended: Mended) -> list[Placed]:
    from pointsman.adopt.placing import place_edits
    from pointsman.adopt.tree import Tree
    from pointsman.report.text import write_lines

    assert found.tree is not None
    plain, pages = Tree(found.tree.root), found.survey.pages if found.survey else {}
    read = {path: pages[path].text if path in pages else plain.text(path) for path in mended.texts}
    stopping.left("interrupted while files were written: each is as it was, or as it was to be", "run it again")
    placed = place_edits(mended.tree, read)
    write_lines(sys.stderr, [f"{one.how}: {one.path}" for one in placed])
    return placed
