"""The files that ``--write`` puts into a repository, as far as everything in them is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pointsman.adopt.adopted import Adopted
from pointsman.adopt.findings import Finding
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.models import Found, as_name
from pointsman.adopt.placing import model_of
from pointsman.adopt.platform_file import platform_text
from pointsman.adopt.proxy import Proxy, proxy_of
from pointsman.adopt.writing import ASKED, drafted
from pointsman.catalog.repository import FILE
from pointsman.errors import SpecError, UsageError

__all__ = ["Files", "files_of", "given_words"]

FOLDER = "models"
_PLACE = re.compile(r"[-._A-Za-z0-9]+(/[-._A-Za-z0-9]+)*")
_UNDER = re.compile(r"([A-Za-z0-9][-_A-Za-z0-9]*(\.[A-Za-z0-9][-_A-Za-z0-9]*)*)?")


@dataclass(slots=True)
class Files:
    """Texts by path, and the Models that cannot be written, with why."""

    texts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
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
    """Every Model that is known whole and loads, and a platform's file where there is none."""
    made = Files()
    for model in found.models:
        said = given.get(model.name, {})
        if not model.aliases and "alias" not in said:
            why = f"{model.name} gets no file: no alias reaches it"
            made.left_out.append(LeftOut(model.engine.standing.where, why, f"--set {model.name}.alias=NAME"))
            continue
        _model(model, found, said, made)
    if made.texts:
        _platform(found, made)
    return made


def _model(model: Found, found: Adopted, said: Mapping[str, str], made: Files) -> None:
    draft = drafted(model, _proxy(model, found), said)
    place = f"{FOLDER}/{model.name}.yaml"
    if draft.missing:
        missing = list(dict.fromkeys(draft.missing))
        told = "; ".join(f"{key}, {ASKED[key]}" for key in missing)
        action = "give " + " ".join(f"--set {model.name}.{key}=…" for key in missing)
        what = f"{place} is not written: nobody wrote what a Model needs: {told}"
        made.findings.append(Finding("adopt-unknown", model.name, model.engine.standing.where, what, action))
        return
    assert found.tree is not None
    try:
        model_of(place, draft.text, found.tree.root)
    except SpecError as error:
        what = f"{place} is not written, since it would not load: {error.what}"
        where = error.where or model.engine.standing.where
        made.findings.append(Finding("adopt-no-model", model.name, where, what, error.next_action))
        return
    made.texts[place] = draft.text


def _proxy(model: Found, found: Adopted) -> Proxy | None:
    road = model.road_to(model.chief) or (model.roads[0] if model.roads else None)
    if road is None or found.survey is None:
        return None
    return proxy_of(road.member.edge, found.world, found.survey)


def _platform(found: Adopted, made: Files) -> None:
    """A Model's folders count from the root, which this file marks; and it says where git has the edge."""
    tree = found.tree
    assert tree is not None
    if tree.kind(FILE):
        return
    edges = {id(road.member.edge): road.member.edge for model in found.models for road in model.roads}
    usable = [one for one in edges.values() if one.application is not None and one.editable]
    edge = usable[0] if len(usable) == len(edges) == 1 else None
    if edge is not None and not (_PLACE.fullmatch(edge.path) and _UNDER.fullmatch(".".join(edge.under))):
        made.left_out.append(LeftOut(edge.path, f"{FILE} cannot name this place of the edge's configuration"))
        edge = None
    made.texts[FILE] = platform_text(as_name(tree.root.resolve().name), edge)
