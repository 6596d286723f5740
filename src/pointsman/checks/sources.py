"""4xx: where Applications come from: folders that git does not have, and files that a refresh does not look at."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.applications import Application
from pointsman.adopt.closure import FILES, closure_of
from pointsman.adopt.standing import Standing
from pointsman.adopt.tree import Tree, below
from pointsman.checks.applications import APPLICATIONS
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View, get, listed
from pointsman.errors import PointsmanError

__all__ = ["CHECKS"]

_FILES = frozenset({Source.files})
_PATHS = "argocd.argoproj.io/manifest-generate-paths"
_At = tuple[str, str]
"""Address and revision of a source."""


def _sources(application: Application) -> list[Mapping[str, Any]]:
    found = listed(application.data, "spec", "sources")
    single = get(application.data, "spec", "source")
    return found or ([single] if isinstance(single, Mapping) else [])


def _told_of(view: View) -> Iterator[tuple[Application, Standing | None]]:
    """Every Application, those that sets make as they make them; the object where it is written as one."""
    written = {one.where: one for one in view.of(*APPLICATIONS)}
    for one in view.adopted.world.applications:
        found = written.get(one.where)
        yield one, found if found is not None and found.kind == "Application" else None


def _missing(view: View) -> Iterator[Told]:
    """This very repository is the one by whose address most folders are found here; of others nothing is known."""
    tree, known = view.tree, list(_told_of(view))
    if tree is None:
        return
    folders = [(one, standing, each) for one, standing in known for each in _sources(one) if _path(each) is not None]
    found = Counter(_at(each) for _, _, each in folders if _there(tree, _path(each)))
    urls = Counter(url for url, _ in found.elements())
    here = {at for at in found if at[0] == urls.most_common(1)[0][0]}
    for one, standing, each in folders:
        if _at(each) in here and not _there(tree, _path(each)):
            what = f"its folder {each['path']} is not in this repository"
            if standing is None:
                yield Told(None, f"Application {one.name}, which a set makes: {what}", where=one.where)
            else:
                yield Told(standing, what, _place(standing, each))


def _place(standing: Standing, source: Mapping[str, Any]) -> tuple[str | int, ...]:
    several = listed(standing.data, "spec", "sources")
    return ("spec", "sources", several.index(source), "path") if several else ("spec", "source", "path")


def _at(source: Mapping[str, Any]) -> _At:
    url = str(source.get("repoURL") or "").strip().lower().rstrip("/").removesuffix(".git")
    return url, str(source.get("targetRevision") or "HEAD")


def _path(source: Mapping[str, Any]) -> str | None:
    """The folder it names; None where it names none, or a set fills it in."""
    said = source.get("path")
    return said if isinstance(said, str) and said and "{" not in said and not source.get("chart") else None


def _there(tree: Tree, path: str | None) -> bool:
    place = below("", path or "")
    try:
        return place is None or tree.kind(place) == "folder"
    except PointsmanError:
        return True


def _narrow(view: View) -> Iterator[Told]:
    tree, known = view.tree, list(_told_of(view))
    for one, standing in known if tree is not None else ():
        said = str(get(one.data, "metadata", "annotations", _PATHS) or "")
        looked_at = [path for source in _sources(one) for path in _refreshed(source, said)]
        files = sorted(set(one.values).union(*(_read(tree, part.path) for part in one.parts))) if said and tree else []
        unseen = next((name for name in files if not _covered(name, looked_at)), "")
        if unseen and looked_at:
            what = f"{_PATHS} says {said!r}, and it reads {unseen} too: a commit that changes that is not noticed"
            if standing is None:
                yield Told(None, f"Application {one.name}, which a set makes: {what}", where=one.where)
            else:
                yield Told(standing, what, ("metadata", "annotations", _PATHS))


def _refreshed(source: Mapping[str, Any], said: str) -> Iterator[str]:
    """Paths from the root on (argo-cd 3.2, GetSourceRefreshPaths)."""
    for item in filter(None, said.split(";")):
        found = item[1:] if item.startswith("/") else below(str(source.get("path") or ""), item)
        yield (found or "").rstrip("/") if found is not None else item


def _read(tree: Tree | None, folder: str) -> frozenset[str]:
    """What Kustomize reads for a folder; nothing where it is none of Kustomize's."""
    try:
        kustomized = tree is not None and tree.kind(folder) == "folder" and set(FILES) & set(tree.names(folder))
        return closure_of(tree, folder).files if tree is not None and kustomized else frozenset()
    except PointsmanError:
        return frozenset()


def _covered(name: str, paths: list[str]) -> bool:
    return any(path in ("", ".", name) or name.startswith(f"{path}/") or _fits(path, name) for path in paths)


def _fits(pattern: str, name: str) -> bool:
    """As Go's filepath.Match: a star stays inside one name."""
    return pattern.count("/") == name.count("/") and fnmatch.fnmatchcase(name, pattern)


CHECKS = (
    Check(
        "PM420",
        "path-missing",
        Level.error,
        APPLICATIONS | {"files"},
        cause="an Application whose folder git does not have cannot be compared: what ran runs on, nothing new comes",
        remedy="correct spec.source.path, or take the Application away together with its folder",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab: ComparisonError, app path does not exist",
        run=_missing,
        sources=_FILES,
    ),
    Check(
        "PM421",
        "generate-paths-narrow",
        Level.error,
        APPLICATIONS | {"files"},
        cause="a commit outside of these paths leaves what was rendered before, and reads Synced at the new commit",
        remedy="name every folder that it reads, with ; between them, or take the annotation off",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; argo-cd issue 27727",
        run=_narrow,
        sources=_FILES,
    ),
)
