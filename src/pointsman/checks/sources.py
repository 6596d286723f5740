"""4xx: where Applications come from: folders that git does not have, and files that a refresh does not look at."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.applications import Application
from pointsman.adopt.standing import Standing
from pointsman.adopt.tree import below
from pointsman.checks.applications import APPLICATIONS
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.reading import address_here, at, files_of, folder_of, here, there
from pointsman.checks.view import View, get, listed

__all__ = ["CHECKS"]

_FILES = frozenset({Source.files})
_PATHS = "argocd.argoproj.io/manifest-generate-paths"


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
    """Of other repositories, and of other branches, nothing is known."""
    tree, known = view.tree, list(_told_of(view))
    if tree is None:
        return
    folders = [(one, standing, each) for one, standing in known for each in _sources(one) if folder_of(each)]
    these = here(tree, [each for _, _, each in folders])
    for one, standing, each in folders:
        if at(each) in these and not there(tree, folder_of(each)):
            what = f"its folder {each['path']} is not in this repository"
            if standing is None:
                yield Told(None, f"Application {one.name}, which a set makes: {what}", where=one.where)
            else:
                yield Told(standing, what, _place(standing, each))


def _place(standing: Standing, source: Mapping[str, Any]) -> tuple[str | int, ...]:
    several = listed(standing.data, "spec", "sources")
    return ("spec", "sources", several.index(source), "path") if several else ("spec", "source", "path")


def _narrow(view: View) -> Iterator[Told]:
    tree, known = view.tree, list(_told_of(view))
    if tree is None:
        return
    address = address_here(tree, [each for one, _ in known for each in _sources(one)])
    for one, standing in known:
        said = str(get(one.data, "metadata", "annotations", _PATHS) or "")
        sources = _sources(one) if said else []
        looked_at = [path for source in sources for path in _refreshed(source, said)]
        ours = [source for source in sources if address in ("", at(source)[0])]
        files = sorted(set(one.values if said else ()).union(*(files_of(tree, source) for source in ours)))
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
