"""All of it in order: a repository, or a cluster, to what is found in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.adopt.applications import Application, applications_in, env_of
from pointsman.adopt.closure import closure_of
from pointsman.adopt.comparing import findings_of
from pointsman.adopt.context import Context
from pointsman.adopt.edges import Edge, edges_in
from pointsman.adopt.engines import engines_in
from pointsman.adopt.findings import Finding
from pointsman.adopt.generated import joined
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.members import lost_finding
from pointsman.adopt.models import Found, models_of
from pointsman.adopt.promise import Engine
from pointsman.adopt.roads import LOST, Road, Roads
from pointsman.adopt.standing import World, world_of
from pointsman.adopt.survey import Survey, survey
from pointsman.adopt.tree import Tree
from pointsman.errors import UsageError

__all__ = ["Adopted", "adopt", "shared", "understood"]


@dataclass(slots=True)
class Adopted:
    """What was found."""

    tree: Tree | None
    world: World
    engines: list[Engine]
    edges: list[Edge]
    roads: list[Road]
    models: list[Found]
    findings: list[Finding]
    left_out: list[LeftOut] = field(default_factory=list)
    env: str = ""
    survey: Survey | None = None

    @property
    def nothing(self) -> bool:
        """Neither an engine nor an alias that leads to one."""
        return not self.models


def adopt(
    root: Path | Tree,
    env: str | None = None,
    same: Iterable[tuple[str, str]] = (),
    context: Context | None = None,
) -> Adopted:
    """Everything that a repository says about served models; raises UsageError where an environment has to be named.

    ``context``: the folder of it that is meant. Its environment counts, else all of them.
    """
    tree = root if isinstance(root, Tree) else Tree(root)
    found = survey(tree, context=context)
    applications = applications_in(found)
    chosen = _meant(found, env) if found.named and env is None else _environment(applications, env)
    world = world_of(found, [one for one in applications if not chosen or one.env in ("", chosen)])
    hidden = sorted({one.where for one in (*found.left_out, *world.left_out) if one.unread})
    if hidden:
        world.partly.setdefault(
            "", f"{hidden[0]}{f' and {len(hidden) - 1} more' if hidden[1:] else ''} could not be read"
        )
    made = understood(world, joined(edges_in(found, world)), same)
    made.tree, made.env, made.survey = tree, chosen, found
    made.left_out = _each_once([*found.left_out, *world.left_out, *made.left_out])
    return made


def _each_once(found: Iterable[LeftOut]) -> list[LeftOut]:
    """In order; what is unread stays so, though somebody else tells it, too."""
    kept: dict[LeftOut, LeftOut] = {}
    for one in found:
        if one not in kept or one.unread:
            kept[one] = one
    return sorted(kept.values())


def understood(world: World, edges: Sequence[Edge], same: Iterable[tuple[str, str]] = ()) -> Adopted:
    """What a world means: engines, roads to them, models, and what does not agree."""
    engines = engines_in(world)
    follow = Roads(world, engines)
    roads = [follow.of(member) for edge in edges for member in edge.members]
    models = models_of(world, engines, roads, same)
    findings = [one for model in models for one in findings_of(model)]
    findings += [lost_finding(road) for road in roads if road.end == LOST and not road.engines]
    left_out = _unknown(edges, roads, engines)
    return Adopted(None, world, engines, list(edges), roads, models, findings, left_out)


def _unknown(edges: Sequence[Edge], roads: Sequence[Road], engines: Sequence[Engine]) -> list[LeftOut]:
    """What cannot be told from what is written."""
    found = [LeftOut(one.standing.where, _named(one, why)) for one in engines for why in one.unknown]
    found += [
        LeftOut(
            edge.database, _DATABASE, "ask LiteLLM itself (GET /model/info); a move asks every replica what it runs"
        )
        for edge in edges
        if edge.database
    ]
    found += [
        LeftOut(road.where, f"{road.member.alias}: {road.why or 'where it leads is not known'}")
        for road in roads
        if road.end == "unknown"
    ]
    return found


def _named(one: Engine, why: str) -> str:
    """With the engine's name, where the place is not that already."""
    return why if one.standing.where == str(one) else f"{one}: {why}"


_DATABASE = (
    "LiteLLM keeps models in a database, too (store_model_in_db): aliases that were added there are not in files"
)


def shared(found: Adopted, paths: Iterable[str]) -> dict[str, list[str]]:
    """Folders that are built from a file beside those whose engines were looked at: an edit changes them, too."""
    if found.survey is None or found.tree is None:
        return {}
    own = {one.standing.origin.path for model in found.models for one in model.engines.values()}
    own |= {one.origin.path for edge in found.edges for one in (edge.config_map, edge.generated) if one is not None}
    closures = {folder: closure_of(found.tree, folder) for folder in sorted(set(found.survey.kustomizations()))}
    below = {inner for folder in own if folder in closures for inner in closures[folder].folders}
    others = {folder: one.files for folder, one in closures.items() if folder not in below}
    told = {path: [folder for folder, files in others.items() if path in files] for path in paths}
    return {path: folders for path, folders in told.items() if folders}


def _meant(found: Survey, env: str | None) -> str:
    """The environment of the folder that is meant; the one of the Applications in it, or none."""
    written = [one for one in applications_in(found) if found.means(one.where.rpartition(":")[0])]
    return _environment(written, env) if written else env_of(f"{found.named}/")


def _environment(applications: Sequence[Application], env: str | None) -> str:
    known = sorted({one.env for one in applications if one.env})
    if env is not None and env not in known:
        raise UsageError(
            f"no Application is written for an environment {env[:80]!r}",
            next_action=f"use one of: {', '.join(known) or 'none is known; leave --env out'}",
            code="env-unknown",
        )
    if env is None and len(known) > 1:
        raise UsageError(
            f"the repository has Applications for {len(known)} environments: {', '.join(known)}",
            next_action="name the one you mean: --env ENV",
            code="env-not-named",
        )
    return env or (known[0] if known else "")
