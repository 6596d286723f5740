"""4xx: AppProjects: what they allow, and the windows in which they let nobody sync."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.applications import APPLICATIONS, App, applications
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View, get, listed

__all__ = ["CHECKS"]

_TEMPLATED = "{{"


def _project(view: View, app: App) -> Standing | None:
    """Its project, where that is written; one whose name a set fills in is not known."""
    name = str(app.get("spec", "project") or "default")
    return view.find("AppProject", app.standing.namespace, name)


def _forbidden(view: View) -> Iterator[Told]:
    for app in applications(view):
        project = _project(view, app)
        if project is None:
            continue
        for place, source in app.sources():
            url = source.get("repoURL")
            if isinstance(url, str) and _TEMPLATED not in url and not _allows_source(project, url):
                what = f"AppProject {project.name} does not allow its source {url}"
                yield Told(app.standing, what, (*place, "repoURL"))
        said = app.get("spec", "destination")
        if isinstance(said, Mapping) and not _allows(project, said):
            where = " ".join(str(said[key]) for key in ("server", "name", "namespace") if said.get(key))
            what = f"AppProject {project.name} does not allow its destination {where}"
            yield Told(app.standing, what, app.place("spec", "destination"))


def _allows_source(project: Standing, url: str) -> bool:
    found = get(project.data, "spec", "sourceRepos")
    return _listed_in([str(one) for one in found] if isinstance(found, list) else [], url, _plain)


def _allows(project: Standing, said: Mapping[str, Any]) -> bool:
    """Rather yes than no: what a set fills in, and a cluster that is named otherwise, fit everything."""
    listing = listed(project.data, "spec", "destinations")
    space = str(said.get("namespace") or "")
    fit = [one for one in listing if _same_cluster(one, said)]
    if _TEMPLATED in str(said) or not space:
        return bool(fit)
    return _listed_in([str(one.get("namespace") or "") for one in fit], space)


def _same_cluster(one: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    for key in ("server", "name"):
        if one.get(key) and said.get(key) and _TEMPLATED not in str(said[key]):
            return _fits(str(one[key]), str(said[key]))
    return True


def _listed_in(patterns: list[str], text: str, plain: Any = str) -> bool:
    denied = [one[1:] for one in patterns if one.startswith("!")]
    given = [one for one in patterns if not one.startswith("!")]
    return any(_fits(plain(one), plain(text)) for one in given) and not any(
        _fits(plain(one), plain(text)) for one in denied
    )


def _fits(pattern: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern)


def _plain(url: str) -> str:
    return url.strip().lower().rstrip("/").removesuffix(".git")


def _windows(view: View) -> Iterator[Told]:
    """Those that hold for Applications of engines or edges, and that a manual sync does not pass."""
    known = _serving(view)
    for project in view.of("AppProject"):
        for number, window in enumerate(listed(project.data, "spec", "syncWindows")):
            held = [one for one in known if one.project == project.name and _holds(window, one.name, one.into)]
            if held and window.get("manualSync") is not True:
                when = "in" if window.get("kind") == "deny" else "outside of"
                what = (
                    f"{when} its window {window.get('schedule')!r} for {window.get('duration')} nobody can sync "
                    f"{held[0].name}, not by hand either"
                )
                yield Told(project, what, ("spec", "syncWindows", number))


@dataclass(frozen=True, slots=True)
class _Serving:
    """An Application that deploys an engine or an edge."""

    name: str
    project: str
    into: str


def _serving(view: View) -> list[_Serving]:
    """In files each is known from its folder, what a set makes too; in a cluster from its status."""
    engines, edges = view.engines, view.edges
    if view.source is Source.files:
        costly = {id(one.standing.origin.application) for one in engines} | {id(one.application) for one in edges}
        known = [(one.name, one.data, one.into) for one in view.adopted.world.applications if id(one) in costly]
    else:
        served = [*(one.standing for one in engines), *(one.config_map for one in edges if one.config_map)]
        apps = [one for one in applications(view) if any(one.deploys(each) for each in served)]
        into = ("spec", "destination", "namespace")
        known = [(one.standing.name, one.data, str(one.get(*into) or "")) for one in apps]
    return [_Serving(name, str(get(data, "spec", "project") or "default"), into) for name, data, into in known]


def _holds(window: Mapping[str, Any], name: str, namespace: str) -> bool:
    """Does it hold for an Application? Clusters are not looked at."""
    for key, value in (("applications", name), ("namespaces", namespace)):
        said = window.get(key)
        if isinstance(said, list) and any(_fits(str(one), value) for one in said):
            return True
    return False


CHECKS = (
    Check(
        "PM410",
        "project-forbids",
        Level.error,
        APPLICATIONS | {"AppProject"},
        cause="Argo CD does not sync an Application whose project allows neither its source nor its destination",
        remedy="add it to the AppProject's sourceRepos or destinations, or name another project",
        sure=Sure.source,
        fact="Argo CD 3.2, docs/user-guide/projects.md",
        run=_forbidden,
    ),
    Check(
        "PM411",
        "sync-window",
        Level.info,
        APPLICATIONS | {"AppProject", "engines", "edges"},
        cause="a window without manualSync stops syncs that people ask for, too: a move that syncs waits, or fails",
        remedy="set manualSync: true on it, or move outside of the time it forbids",
        sure=Sure.source,
        fact="Argo CD 3.2, docs/user-guide/sync_windows.md",
        run=_windows,
    ),
)
