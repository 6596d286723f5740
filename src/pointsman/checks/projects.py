"""4xx: AppProjects: what they allow, and the windows in which they let nobody sync."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.applications import APPLICATIONS, App, applications
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View, entries, get, listed
from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.globs import fits
from pointsman.delivery.argocd.windows import concerns

__all__ = ["CHECKS"]

_TEMPLATED = "{{"
_SSH = re.compile(r"(?:ssh://)?[^\s/:@]+@[^\s/:]+[:/]")


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
    patterns = [str(one) for one in found] if isinstance(found, list) else []
    return _listed_in([_pattern(one) for one in patterns], _plain(url), "/")


def _pattern(said: str) -> str:
    return f"!{_plain(said[1:])}" if said.startswith("!") else _plain(said)


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


def _listed_in(patterns: list[str], text: str, separator: str = "") -> bool:
    """A pattern with ``!`` refuses what it names, and allows everything else."""
    denied = [one[1:] for one in patterns if one.startswith("!")]
    if any(_fits(one, text, separator) for one in denied):
        return False
    return bool(denied) or any(_fits(one, text, separator) for one in patterns)


def _fits(pattern: str, text: str, separator: str = "") -> bool:
    return pattern == "*" or fits(pattern, text, separator)


def _plain(url: str) -> str:
    """As Argo CD compares addresses of repositories (argo-cd 3.2, NormalizeGitURL)."""
    found = url.strip().lower()
    if _SSH.match(found):
        found = found.removeprefix("ssh://") if found.startswith("ssh://") else found.replace(":", "/", 1)
    return found.removesuffix(".git")


def _windows(view: View) -> Iterator[Told]:
    """Those that hold for Applications of engines or edges, and that a manual sync does not pass."""
    known = list(_serving(view))
    for project in view.of("AppProject"):
        for number, window in enumerate(entries(project.data, "spec", "syncWindows")):
            if not isinstance(window, Mapping) or window.get("manualSync") is True:
                continue
            held = [one for one in known if _in(project, one) and concerns(window, one)]
            if held:
                when = "in" if window.get("kind") == "deny" else "outside of"
                what = (
                    f"{when} its window {window.get('schedule')!r} for {window.get('duration')} nobody can sync "
                    f"{held[0].metadata.get('name')}, not by hand either"
                )
                yield Told(project, what, ("spec", "syncWindows", number))


def _in(project: Standing, app: Application) -> bool:
    return str(app.spec.get("project") or "default") == project.name


def _serving(view: View) -> Iterator[Application]:
    """Applications that deploy an engine or an edge; in files those that sets make, as they make them."""
    parts = [one.standing for one in view.engines] + [one.config_map for one in view.edges if one.config_map]
    if view.source is Source.files:
        view.read |= APPLICATIONS
        makers = {id(one.origin.application) for one in parts} | {id(one.application) for one in view.edges}
        yield from (Application(one.data) for one in view.adopted.world.applications if id(one) in makers)
    else:
        found = (one for one in applications(view) if any(one.deploys(part) for part in parts))
        yield from (Application(one.data) for one in found)


CHECKS = (
    Check(
        "PM410",
        "project-forbids",
        Level.error,
        APPLICATIONS | {"AppProject"},
        cause="Argo CD does not sync an Application whose project allows neither its source nor its destination",
        remedy="add it to the AppProject's sourceRepos or destinations, or name another project",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/user-guide/projects.md",
        run=_forbidden,
    ),
    Check(
        "PM411",
        "sync-window",
        Level.info,
        APPLICATIONS | {"AppProject", "engines", "edges"},
        cause="a window without manualSync stops syncs that people ask for, too: a move that syncs waits, or fails",
        remedy="set manualSync: true on it, or move outside of the time it forbids",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/user-guide/sync_windows.md",
        run=_windows,
    ),
)
