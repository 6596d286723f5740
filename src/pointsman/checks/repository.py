"""Checks on files: a repository, a folder of it, or a single file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pointsman.adopt.adopted import Adopted, adopt
from pointsman.adopt.closure import closure_of
from pointsman.adopt.context import Context
from pointsman.adopt.documents import OF_HELM
from pointsman.adopt.edges import Edge
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.standing import Standing
from pointsman.checks.catalogue import CHECKS, RETIRED
from pointsman.checks.check import Check
from pointsman.checks.finding import Finding, Outcome
from pointsman.checks.ignores import ABOUT
from pointsman.checks.ignoring import ignored
from pointsman.checks.rendered import rendered
from pointsman.checks.running import joined, run
from pointsman.checks.view import View
from pointsman.errors import PointsmanError

__all__ = ["lint"]


def lint(
    place: Path, env: str | None = None, checks: Iterable[Check] = CHECKS, context: Context | None = None
) -> tuple[Adopted, Outcome]:
    """What is written there, and what checks say of it; raises UsageError where an environment has to be named.

    ``context``: what the place is a part of; without one a folder is all there is, and a file has its folder, since its
    objects belong together. What is said is of the place.
    """
    whole = context or (Context(place) if place.is_dir() else Context(place.parent, place.name, single=True))
    found = adopt(whole.root, env, context=whole)
    view, chosen = View(found), list(checks)
    more = rendered([one for one in view.declared if not whole.named or whole.holds(one.path)], chosen)
    made = joined(run(view, chosen), more)
    said = {(one.where, one.told.what) for one in made.findings}
    found.left_out = [one for one in found.left_out if (one.where, one.why) not in said]
    files = _built_of(found, whole) if whole.named and not whole.single else frozenset()
    unread = {one.where.rpartition(":")[0] for one in found.left_out if one.unread}
    made = ignored(made, _texts(found, files), [one.id for one in CHECKS], ABOUT, RETIRED, unread)
    if whole.named:
        _narrowed(found, made, whole, files)
        made.objects += more.objects
    made.configurations = len({one.path for one in found.edges if _alone(one) and whole.holds(one.path)})
    made.models = len([one for one in view.declared if whole.holds(one.path)])
    return found, made


def _alone(edge: Edge) -> bool:
    """Is it a file by itself, which no ConfigMap among the objects holds?"""
    return edge.config_map is None and edge.generated is None


def _texts(found: Adopted, files: frozenset[str]) -> dict[str, str]:
    """Every file that was read, with its text."""
    assert found.survey is not None
    texts = {path: page.text for path, page in found.survey.pages.items()}
    for path in files - texts.keys():
        with suppress(PointsmanError):
            texts[path] = found.survey.tree.text(path)
    return texts


def _narrowed(found: Adopted, made: Outcome, whole: Context, files: frozenset[str]) -> None:
    """What is of the part that is meant: written there, or built there of what lies elsewhere."""
    made.findings = [one for one in made.findings if _belongs(one, whole, files)]
    found.left_out = [one for one in found.left_out if whole.holds(one.where) or one.where.rpartition(":")[0] in files]
    made.objects = sum(_of(one, whole) for one in found.world.objects)
    if whole.single and found.survey is not None and found.survey.templated(whole.named):
        found.left_out.append(LeftOut(whole.named, OF_HELM, "needs helm"))


def _built_of(found: Adopted, whole: Context) -> frozenset[str]:
    """Files that kustomizations of the folder read, wherever they lie."""
    assert found.survey is not None
    folders = [one for one in found.survey.kustomizations() if whole.holds(one)]
    return frozenset(name for folder in folders for name in closure_of(found.survey.tree, folder).files)


def _belongs(one: Finding, whole: Context, files: frozenset[str]) -> bool:
    standing = one.told.standing
    if whole.holds(one.where):
        return True
    if standing is None:
        return one.where.rpartition(":")[0] in files
    return not whole.single and whole.holds(standing.origin.path)


def _of(one: Standing, whole: Context) -> bool:
    return whole.holds(one.where) or (not whole.single and whole.holds(one.origin.path))
