"""5xx: what members of LiteLLM's aliases get: shares, standbys, and who covers for whom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pointsman.adopt.edges import Edge, Member
from pointsman.adopt.findings import Fix, SetEntry
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.members import COVERING, fallbacks_of, line_of, open_members, own_aliases
from pointsman.checks.view import View
from pointsman.edge.litellm_names import answered_by
from pointsman.edge.litellm_params import PARAMS, address, share

__all__ = ["CHECKS"]

_EDGES = frozenset({"edges"})
_OWN = frozenset({"edges", "models"})
_MEASURED = "LiteLLM 1.106.2, its Router"
_OFF = re.compile(r"#.*\b(?:off|disabled?|retired|deprecated|unused|not in use|do not use)\b", re.IGNORECASE)
_SHARED_BY = ("weight", "rpm", "tpm")


def _partial(view: View) -> Iterator[Told]:
    for edge in view.edges:
        strategy = edge.config.settings("router_settings").get("routing_strategy")
        for alias, members in open_members(edge).items() if strategy in (None, "simple-shuffle") else ():
            name, given = _given(members)
            missing = [one for one, value in zip(members, given, strict=True) if value is None]
            if missing and name:
                what = f"{alias}: this member has no {name} and others have, so it gets nothing"
                yield Told(None, what, where=missing[0].where)


def _given(members: Sequence[Member]) -> tuple[str, list[object]]:
    """What LiteLLM shares by, and what each member says of it; nothing where shares are even."""
    for name in _SHARED_BY:
        found: list[object] = [share(one.entry.data, name) for one in members]
        if any(isinstance(one, int | float) and one > 0 for one in found):
            return name, found
    return "", [None for _ in members]


def _no_number(view: View) -> Iterator[Told]:
    for edge in view.edges:
        for one in edge.members:
            value = share(one.entry.data, "weight")
            if isinstance(value, str):
                what = f"{one.alias}: weight {value} is no number, and every request for the alias fails"
                yield Told(None, what, where=line_of(one, PARAMS, "weight"), fixes=_as_number(one))


def _as_number(one: Member) -> tuple[Fix, ...]:
    said = one.params.get("weight")
    if not isinstance(said, str) or not re.fullmatch(r"\d{1,9}", said.strip()):
        return ()
    return (SetEntry(one.edge, one.entry.index, {(PARAMS, "weight"): int(said)}),)


def _meant_off(view: View) -> Iterator[Told]:
    for edge in view.edges:
        for alias, members in open_members(edge).items():
            name, given = _given(members)
            for one, value in zip(members, given, strict=True):
                if name == "weight" and value == 0 and _OFF.search(_comments(one)):
                    what = f"{alias}: a comment says that this member is off, and weight 0 makes it a standby"
                    yield Told(None, what, where=line_of(one, PARAMS, "weight"))


def _comments(one: Member) -> str:
    """Comments in an entry, and in the lines just above it; those as deep as its keys are its own, down to its end."""
    config = one.edge.config
    node, lines = config.items[one.entry.index], config.body.splitlines()
    start, end = node.start_mark.line, min(node.end_mark.line, len(lines))
    depth = node.start_mark.column
    while end - 1 > start and not lines[end - 1].split("#")[0].strip() and _indent(lines[end - 1]) < depth:
        end -= 1
    while start and lines[start - 1].lstrip().startswith("#") and _indent(lines[start - 1]) < depth:
        start -= 1
    return "\n".join(line[line.find("#") :] for line in lines[start : max(end, start + 1)] if "#" in line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _no_cover(view: View) -> Iterator[Told]:
    for alias, members, roads in own_aliases(view):
        places = _places(members)
        if len(places) > 1 or members[0].edge.database or _behind(members[0].edge, alias) - places:
            continue
        has = "one member" if len(members) == 1 else f"{len(members)} members with one address"
        what = f"{alias} has {has} and no fallback: while {roads[0].engines[0]} fails, nothing covers for it"
        yield Told(None, what, where=members[0].where)


def _places(members: Iterable[Member]) -> set[object]:
    """Where they lead; what says no address, as clouds do, is a place of its own."""
    return {address(one.base) if one.base else id(one) for one in members}


def _behind(edge: Edge, alias: str) -> set[object]:
    """Where its fallbacks lead."""
    targets = {to for name, to, place in fallbacks_of(edge) if name in (alias, "*") and place[1] in COVERING}
    groups = {answered_by(edge.config, to) for to in targets}
    return _places(one for one in edge.members if one.alias in groups) if groups else set()


CHECKS = (
    Check(
        "PM501",
        "weight-partial",
        Level.error,
        _EDGES,
        cause="of an alias with one weighted member, a member without a weight counts as 0: it got 0 of 200 requests",
        remedy="write a weight for every member, in one change",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_partial,
    ),
    Check(
        "PM502",
        "weight-no-number",
        Level.error,
        _EDGES,
        cause="a weight that is text fails every request of its alias",
        remedy="write it as a number, without quotes",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_no_number,
        fixable=True,
    ),
    Check(
        "PM503",
        "standby-meant-off",
        Level.warning,
        _EDGES,
        cause="weight 0 is a standby, not off: with the other member failing it took 196 of 200 requests",
        remedy="write model_info: {blocked: true}, or take the entry out",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_meant_off,
    ),
    Check(
        "PM504",
        "no-cover",
        Level.info,
        _OWN,
        cause="an alias with one member has no cover: 20 of 20 requests were lost, each after 4.9 s",
        remedy="add a member on another engine with weight 0, or a fallback to one",
        sure=Sure.measured,
        fact=_MEASURED,
        run=_no_cover,
    ),
)
