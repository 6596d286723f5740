"""The files that ``--write`` puts into a repository, as far as everything in them is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pointsman.adopt.adopted import Adopted
from pointsman.adopt.edges import Edge
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.models import Found, as_name
from pointsman.adopt.placing import refuse_invalid
from pointsman.adopt.proxy import Proxy, proxy_of
from pointsman.adopt.writing import ASKED, drafted, platform_text
from pointsman.catalog.repository import FILE
from pointsman.errors import UsageError

__all__ = ["Files", "files_of", "given_words"]

FOLDER = "models"
_PLACE = re.compile(r"[-._A-Za-z0-9]+(/[-._A-Za-z0-9]+)*")
_UNDER = re.compile(r"([A-Za-z0-9][-_A-Za-z0-9]*(\.[A-Za-z0-9][-_A-Za-z0-9]*)*)?")


@dataclass(slots=True)
class Files:
    """Texts by path, and what is not written, with why."""

    texts: dict[str, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


def given_words(words: list[str], found: Adopted) -> dict[str, dict[str, str]]:
    """``NAME.KEY=VALUE`` by model; raises UsageError for what is none."""
    made: dict[str, dict[str, str]] = {}
    names = [one.name for one in found.models]
    for word in words:
        left, equals, value = word.partition("=")
        name, dot, key = left.partition(".")
        if not equals or not dot or not value or key not in ASKED or name not in names:
            raise UsageError(
                f"--set {word[:80]!r} says nothing that is asked for",
                next_action=f"give MODEL.KEY=VALUE; models: {', '.join(names) or 'none'}; keys: {', '.join(ASKED)}",
                code="adopt-set",
            )
        made.setdefault(name, {})[key] = value
    return made


def files_of(found: Adopted, given: Mapping[str, Mapping[str, str]]) -> Files:
    """Every Model that is known whole, and a platform's file where there is none.

    Raises UsageError when something has to be given, and SpecError when a Model would not load.
    """
    made = Files()
    missing: list[str] = []
    for model in found.models:
        said = given.get(model.name, {})
        if not model.aliases and "alias" not in said:
            why = f"{model.name} gets no file: no alias reaches it"
            made.left_out.append(LeftOut(model.engine.standing.where, why, f"--set {model.name}.alias=NAME"))
            continue
        draft = drafted(model, _proxy(model, found), said)
        missing += [f"{model.name}.{key}={ASKED[key]}" for key in dict.fromkeys(draft.missing)]
        made.texts[f"{FOLDER}/{model.name}.yaml"] = draft.text
    if missing:
        told = "; ".join(one.replace("=", " (", 1) + ")" for one in missing)
        raise UsageError(
            f"not written anywhere, and a Model needs it: {told}",
            next_action="give each: " + " ".join(f"--set {one.partition('=')[0]}=…" for one in missing),
            code="adopt-unknown",
        )
    refuse_invalid(made.texts)
    _platform(found, made)
    return made


def _proxy(model: Found, found: Adopted) -> Proxy | None:
    road = model.road_to(model.chief) or (model.roads[0] if model.roads else None)
    if road is None or found.survey is None:
        return None
    return proxy_of(road.member.edge, found.world, found.survey)


def _platform(found: Adopted, made: Files) -> None:
    """Where git has the edge, when one Application brings it into the cluster from one file."""
    tree = found.tree
    assert tree is not None
    if tree.kind(FILE):
        return
    edges = {id(road.member.edge): road.member.edge for model in found.models for road in model.roads}
    usable = [one for one in edges.values() if one.application is not None and one.editable]
    if len(usable) != 1:
        return
    edge = usable[0]
    if not (_PLACE.fullmatch(edge.path) and _UNDER.fullmatch(".".join(edge.under))):
        made.left_out.append(LeftOut(edge.path, f"{FILE} cannot name this place, so none is written"))
        return
    made.texts[FILE] = _platform_text(found, edge)


def _platform_text(found: Adopted, edge: Edge) -> str:
    application, tree = edge.application, found.tree
    assert application is not None
    assert tree is not None
    name = as_name(tree.root.resolve().name)
    return platform_text(name, edge.path, edge.under, application.name, application.namespace, application.branch)
