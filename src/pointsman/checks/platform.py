"""4xx: the platform's own files: the groups file against its configuration, branches, and who may shift weights."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pointsman.adopt.standing import Standing
from pointsman.adopt.tree import Tree
from pointsman.catalog.config import read_config
from pointsman.catalog.repository import FILE, Repository, declared_platform, open_repository
from pointsman.catalog.resolution import Resolution, resolve
from pointsman.checks.applications import APPLICATIONS, applications
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View, get, listed
from pointsman.errors import PointsmanError, SpecError, UsageError

__all__ = ["CHECKS"]

_FILES = frozenset({Source.files})
_READS = frozenset({"files"})
_FIXED = re.compile(r"[0-9a-f]{7,40}|v?\d+(\.\d+)*([-+.].*)?|refs/tags/.*")
"""A revision that is meant to stay: a commit, a tag."""
_RESOLVE = "pointsman resolve, then commit and push what it wrote"


def _opened(view: View) -> Repository | None:
    """The environment that was asked for; None where the files are no platform's."""
    tree: Tree | None = view.tree
    if tree is None:
        return None
    try:
        found = open_repository(tree.root, view.adopted.env or None)
    except PointsmanError:
        return None
    return found if found.root == tree.root.resolve() else None


def _repository(view: View) -> Repository | None:
    """The same, where it says itself that it has a groups file."""
    found = _opened(view)
    return found if found and ((found.root / FILE).is_file() or found.groups_file.is_file()) else None


def _resolution(view: View) -> Resolution | None:
    found = _repository(view)
    try:
        return resolve(found) if found else None
    except PointsmanError:
        return None


def _empty(view: View) -> Iterator[Told]:
    found, sets = _opened(view), view.of("ApplicationSet")
    if found is None:
        return
    name, there = found.named(found.groups_file), found.groups_file.is_file()
    if there and _says(found.groups_file.read_bytes()):
        return
    if there or (found.root / FILE).is_file() or any(_reads_file(one, name) for one in sets):
        what = "the groups file lists no group" if there else f"there is no {name}"
        yield Told(None, f"{what}, and every Application that was made of it goes", where=f"{name}:1")


def _reads_file(one: Standing, name: str) -> bool:
    files = [each for made in listed(one.data, "spec", "generators") for each in listed(made, "git", "files")]
    return any(each.get("path") == name for each in files)


def _says(text: bytes) -> bool:
    lines = [line.partition("#")[0].strip() for line in text.decode("utf-8", "replace").splitlines()]
    return any(line and line not in ("[]", "{}", "---", "...", "null", "~") for line in lines)


def _stale(view: View) -> Iterator[Told]:
    found = _resolution(view)
    if found is None or found.before == found.after or found.before is None or not _says(found.before):
        return
    name = found.repository.named(found.path)
    old, new = found.before.splitlines(), found.after.splitlines()
    at = next((number for number, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(new))
    wanted = new[at].decode() if at < len(new) else "nothing more"
    line = min(at + 1, max(len(old), 1))
    yield Told(None, f"the groups file is not what the configuration resolves to: {wanted}", where=f"{name}:{line}")


def _advised(view: View) -> Iterator[Told]:
    found = _repository(view)
    if found is None:
        return
    try:
        told = resolve(found).told
    except UsageError:
        return
    except SpecError as error:
        yield Told(None, f"the configuration cannot be resolved: {error.what}", where=error.where or "")
        return
    except PointsmanError:
        return
    for one in told:
        if one.code != "warn-gpus":
            yield Told(None, one.what, where=one.where, next_action=one.next_action)


def _gpus(view: View) -> Iterator[Told]:
    found = _resolution(view)
    for one in found.told if found else ():
        if one.code == "warn-gpus":
            yield Told(None, one.what, where=one.where)


def _branches(view: View) -> Iterator[Told]:
    found = _repository(view)
    known = list(applications(view))
    if found is None:
        return
    try:
        config = read_config(found)
    except PointsmanError:
        return
    url, branch = config.word(("repoURL",)), config.word(("repoBranch",))
    for app in known if url and branch else ():
        for place, source in app.sources():
            said = str(source.get("targetRevision") or "HEAD")
            if source.get("repoURL") == url and said != branch and not _FIXED.fullmatch(said) and "{" not in said:
                what = f"it reads {said} of the platform's repository, and everything else {branch} ({found.env})"
                yield Told(app.standing, what, (*place, "targetRevision"))


def _reverted(view: View) -> Iterator[Told]:
    edges, known = view.edges, list(applications(view))
    platform = _delivery(view)
    for app in known if platform == "direct" else ():
        heals = get(app.data, "spec", "syncPolicy", "automated", "selfHeal") is True and app.automated
        edge = next((one for one in edges if one.application and one.application.where == app.standing.where), None)
        if heals and edge is not None:
            what = (
                f"selfHeal puts back what is changed in the cluster, and moves shift the weights of {edge.path} there"
            )
            yield Told(app.standing, what, app.place("spec", "syncPolicy", "automated", "selfHeal"))


def _delivery(view: View) -> str:
    """How moves change the edge by what ``platform.yaml`` says; empty where there is none."""
    tree = view.tree
    try:
        found = declared_platform(tree.root) if tree is not None and (tree.root / FILE).is_file() else None
    except PointsmanError:
        return ""
    return found.spec.delivery if found else ""


CHECKS = (
    Check(
        "PM414",
        "groups-empty",
        Level.error,
        _READS | {"ApplicationSet"},
        cause="from an empty groups file, or none, an ApplicationSet concludes that all its Applications are to go",
        remedy=_RESOLVE,
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab: an empty list, an empty file, a file that is gone; a parse error deletes none",
        run=_empty,
        sources=_FILES,
    ),
    Check(
        "PM415",
        "groups-stale",
        Level.warning,
        _READS,
        cause="ApplicationSets read the groups file, so what the configuration says beyond it is not in effect",
        remedy=_RESOLVE,
        sure=Sure.measured,
        fact="what pointsman resolve would write",
        run=_stale,
        sources=_FILES,
    ),
    Check(
        "PM416",
        "groups-advice",
        Level.warning,
        _READS,
        cause="groups need each other, and fields of the configuration: without these they do not work",
        remedy="set the field, or turn the group off",
        sure=Sure.rule,
        fact="the platform's own warnings (platform.yaml spec.warnings, or those of the usual layout)",
        run=_advised,
        sources=_FILES,
    ),
    Check(
        "PM417",
        "groups-gpus",
        Level.info,
        _READS,
        cause="a group that needs more GPUs than there are waits for ever, half of it paid",
        remedy="see that the cluster has them, or turn the group off",
        sure=Sure.rule,
        fact="the platform's own warnings (platform.yaml spec.warnings, or those of the usual layout)",
        run=_gpus,
        sources=_FILES,
    ),
    Check(
        "PM418",
        "other-revision",
        Level.warning,
        APPLICATIONS | _READS,
        cause="an Application on another branch than the platform's deploys what nobody sees in the platform's history",
        remedy="write the platform's branch (repoBranch) as targetRevision",
        sure=Sure.rule,
        fact="one branch for one environment; HEAD is whatever the server calls its default branch",
        run=_branches,
        sources=_FILES,
    ),
    Check(
        "PM419",
        "edge-self-heal",
        Level.warning,
        APPLICATIONS | _READS | {"edges"},
        cause="with delivery: direct a move shifts weights in the cluster, and Argo CD puts them back within seconds",
        remedy="set delivery: git in platform.yaml, or take selfHeal off the edge's Application",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; selfHeal; Argo Rollouts' Gateway API plugin, issue 208",
        run=_reverted,
        sources=_FILES,
    ),
)
