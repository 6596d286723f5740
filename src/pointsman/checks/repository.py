"""Checks on files: a repository, a folder of it, or a single file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pointsman.adopt.adopted import Adopted, adopt
from pointsman.checks.catalogue import CHECKS, RETIRED
from pointsman.checks.check import Check
from pointsman.checks.finding import Outcome
from pointsman.checks.ignores import ABOUT
from pointsman.checks.ignoring import ignored
from pointsman.checks.rendered import rendered
from pointsman.checks.running import joined, run
from pointsman.checks.view import View

__all__ = ["lint"]


def lint(root: Path, env: str | None = None, checks: Iterable[Check] = CHECKS) -> tuple[Adopted, Outcome]:
    """What is written there, and what checks say of it; raises UsageError where an environment has to be named.

    Of a single file everything in its folder is read, since its objects belong together; what is said is of the file.
    """
    found = adopt(root if root.is_dir() else root.parent, env)
    view, chosen = View(found), list(checks)
    made = joined(run(view, chosen), rendered(view.declared, chosen))
    said = {(one.where, one.told.what) for one in made.findings}
    found.left_out = [one for one in found.left_out if (one.where, one.why) not in said]
    texts = {path: page.text for path, page in found.survey.pages.items()} if found.survey else {}
    made = ignored(made, texts, [one.id for one in CHECKS], ABOUT, RETIRED)
    if not root.is_dir():
        made.findings = [one for one in made.findings if one.where.rpartition(":")[0] == root.name]
        found.left_out = [one for one in found.left_out if one.where.partition(":")[0] == root.name]
    return found, made
