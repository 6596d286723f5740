"""Which engines are one model on several layers, and which aliases reach it.

Engines belong together when one alias reaches both, when they answer to one name, or say so by a label; and when they
load the same weights, unless that would make two engines on one layer one model. A person may say so, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.promise import Engine
from pointsman.adopt.roads import Road
from pointsman.adopt.standing import World
from pointsman.edge.litellm_names import aliases_of
from pointsman.edge.litellm_params import INFO, blocked, shares
from pointsman.errors import UsageError
from pointsman.spec.model import LAYER_IDS

__all__ = ["Found", "models_of"]

_LABEL = "pointsman.dev/model"


@dataclass(slots=True)
class Found:
    """One model."""

    name: str
    engines: dict[str, Engine]
    """By layer."""
    roads: list[Road] = field(default_factory=list)
    """Members of its aliases that reach it."""
    others: list[Road] = field(default_factory=list)
    """Members of its aliases that lead elsewhere: clouds, other engines."""
    aliases: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    """Names that are only others of an alias (``model_group_alias``)."""
    chief: str = ""
    """The layer that tenants are served from; the first one where no alias says."""

    @property
    def engine(self) -> Engine:
        """The engine that tenants are served by."""
        return self.engines[self.chief]

    @property
    def wanted(self) -> str:
        """The name that every layer should answer to: what tenants' requests carry today, if its engine knows it."""
        for road in self.roads:
            if road.engines and road.engines[0] is self.engine and self.engine.serves(road.member.model):
                return road.member.model
        return str(self.engine.names[0].value) if self.engine.names else ""

    def share_of(self, road: Road) -> float:
        """What LiteLLM gives a member of what its alias is asked; 0 for one that is blocked, or a standby."""
        return _shares(self, road).get(id(road), 0.0)

    def road_to(self, layer: str) -> Road | None:
        """The first member that leads to a layer."""
        engine = self.engines.get(layer)
        return next((road for road in self.roads if engine in road.engines), None)


def models_of(
    world: World, engines: Sequence[Engine], roads: Sequence[Road], same: Iterable[tuple[str, str]]
) -> list[Found]:
    """Every model, in the order of the engines."""
    groups = _Groups(engines)
    by_alias: dict[tuple[int, str], Engine] = {}
    for road in roads:
        if road.engines:
            groups.join(by_alias.setdefault(_alias_key(road), road.engines[0]), road.engines[0])
    for one, other in _pairs(engines, _strong_marks):
        if _strong(one, other):
            groups.join(one, other)
    for left, right in same:
        _join_named(groups, engines, left, right)
    _by_weights(groups, engines, world)
    reached, members = _numbered(roads)
    return _named([_found(group, reached, members, world) for group in groups.all()])


_Numbered = Mapping[Any, Sequence[tuple[int, Road]]]
"""Roads by what they have in common, each with its number among all."""


def _numbered(roads: Sequence[Road]) -> tuple[_Numbered, _Numbered]:
    """By the engine that they reach first, and by their alias: a thousand models are not asked for every road."""
    reached: dict[int, list[tuple[int, Road]]] = {}
    members: dict[tuple[int, str], list[tuple[int, Road]]] = {}
    for number, road in enumerate(roads):
        members.setdefault(_alias_key(road), []).append((number, road))
        if road.engines:
            reached.setdefault(id(road.engines[0]), []).append((number, road))
    return reached, members


def _in_order(found: Iterable[tuple[int, Road]]) -> list[Road]:
    return [road for _, road in sorted(found, key=itemgetter(0))]


def _alias_key(road: Road) -> tuple[int, str]:
    return id(road.member.edge), road.member.alias


def _strong(one: Engine, other: Engine) -> bool:
    label, its = one.standing.deployed.labels.get(_LABEL), other.standing.deployed.labels.get(_LABEL)
    if label and its:
        return bool(label == its)
    return bool({fact.value for fact in one.names} & {fact.value for fact in other.names})


def _join_named(groups: _Groups, engines: Sequence[Engine], left: str, right: str) -> None:
    chosen = [[one for one in engines if said in (f"{one.namespace}/{one.name}", one.name)] for said in (left, right)]
    for said, some in zip((left, right), chosen, strict=True):
        if not some:
            known = ", ".join(f"{one.namespace}/{one.name}" for one in engines[:12]) or "none"
            raise UsageError(f"--same {said[:80]!r} names no engine", next_action=f"name one of: {known}")
    for one in chosen[0]:
        for other in chosen[1]:
            groups.join(one, other)


def _by_weights(groups: _Groups, engines: Sequence[Engine], world: World) -> None:
    for one, other in _pairs(engines, lambda each: [each.weights.value.lower()] if each.weights else []):
        if groups.together(one, other):
            continue
        if (one.standing.origin.application is None) != (other.standing.origin.application is None):
            idle = one if one.standing.origin.application is None else other
            known = other if idle is one else one
            why = f"{idle} loads the weights of {known}, but no Application deploys it"
            world.left_out.append(LeftOut(idle.standing.where, why, f"say it: --same {idle.name}={known.name}"))
        elif groups.unique_after(one, other):
            groups.join(one, other)
        else:
            why = f"it loads the weights of {other}, but which of several engines there it belongs to is not known"
            world.left_out.append(LeftOut(one.standing.where, why, f"say it: --same {one.name}={other.name}"))


def _pairs(engines: Sequence[Engine], marks: Callable[[Engine], Iterable[str]]) -> Iterator[tuple[Engine, Engine]]:
    """Engines on two layers that have a mark in common, in their order; of a crowd with one mark the first alone."""
    by_mark: dict[str, list[Engine]] = {}
    for one in engines:
        for mark in dict.fromkeys(marks(one)):
            by_mark.setdefault(mark, []).append(one)
    for some in by_mark.values():
        for at, one in enumerate(some[:_CROWD]):
            yield from ((one, other) for other in some[at + 1 : _CROWD] if other.layer != one.layer)


_CROWD = 30


def _strong_marks(engine: Engine) -> list[str]:
    label = engine.standing.deployed.labels.get(_LABEL)
    return [*(str(fact.value) for fact in engine.names), *([f"{_LABEL}={label}"] if label else [])]


class _Groups:
    """Engines that belong together."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._of = {id(one): [one] for one in engines}

    def join(self, one: Engine, other: Engine) -> None:
        mine, its = self._of[id(one)], self._of[id(other)]
        if mine is not its:
            mine += its
            for each in its:
                self._of[id(each)] = mine

    def together(self, one: Engine, other: Engine) -> bool:
        return self._of[id(one)] is self._of[id(other)]

    def unique_after(self, one: Engine, other: Engine) -> bool:
        layers = [each.layer for each in (*self._of[id(one)], *self._of[id(other)])]
        return len(layers) == len(set(layers))

    def all(self) -> list[list[Engine]]:
        return list({id(group): group for group in self._of.values()}.values())


def _found(group: list[Engine], by_engine: _Numbered, members: _Numbered, world: World) -> Found:
    reached = _in_order(each for one in group for each in by_engine.get(id(one), ()))
    tuned = [road for road in reached if road.member.model in road.engines[0].adapters]
    world.left_out += [_adapter(road) for road in tuned]
    reached = [road for road in reached if road not in tuned]
    order = [road.engines[0] for road in reached] + group
    made = Found("", {})
    for layer in LAYER_IDS:
        own = [one for one in order if one.layer == layer]
        if own:
            made.engines[layer] = own[0]
            for one in {id(each): each for each in own}.values():
                if one is not own[0]:
                    why = f"a second engine of the same model on {layer} beside {own[0]}; a Model has one a layer"
                    world.left_out.append(LeftOut(one.standing.where, why))
    made.roads = [road for road in reached if road.engines[0] in made.engines.values()]
    made.aliases = list(dict.fromkeys(road.member.alias for road in made.roads))
    keys = {_alias_key(road) for road in made.roads}
    mine = {id(road) for road in made.roads}
    made.others = _in_order(each for key in keys for each in members[key] if id(each[1]) not in mine)
    for road in made.roads:
        known = aliases_of(road.member.edge.config)
        made.renamed |= {name: target for name, target in known.items() if target in made.aliases}
    made.chief = _chief(made)
    served = [road.member.alias for road in made.roads if road.engines[0].layer == made.chief]
    made.aliases = list(dict.fromkeys(served))
    return made


def _adapter(road: Road) -> LeftOut:
    engine, model = road.engines[0], road.member.model
    return LeftOut(
        road.member.where,
        f"{road.member.alias} asks {engine} for its LoRA adapter {model}, and a Model has no aliases of adapters",
        f"let it lead elsewhere before a move, or lose it there: --leave {road.member.alias}",
    )


def _chief(made: Found) -> str:
    """The layer with the largest share of the first alias."""
    if not made.roads:
        return next(iter(made.engines))
    first = made.roads[0]
    given = _shares(made, first)
    own = [road for road in made.roads if _alias_key(road) == _alias_key(first)]
    return max(own, key=lambda road: given[id(road)]).engines[0].layer


def _shares(made: Found, one: Road) -> dict[int, float]:
    """What each member of an alias gets, others' members counted."""
    members = [road for road in (*made.roads, *made.others) if _alias_key(road) == _alias_key(one)]
    open_ = [road for road in members if not blocked(road.member.entry.section(INFO))]
    given = shares([road.member.entry.data for road in open_])
    weights = [1.0] * len(open_) if isinstance(given, tuple) else [float(each) for each in given]
    found = {id(road): 0.0 for road in members}
    return found | {id(road): weight for road, weight in zip(open_, weights, strict=True)}


def _named(made: list[Found]) -> list[Found]:
    """Each by its label, else its alias, else its engine; all different."""
    taken: set[str] = set()
    for one in made:
        labels = [str(each.standing.deployed.labels.get(_LABEL) or "") for each in one.engines.values()]
        said = next((label for label in labels if label), "") or (one.aliases[0] if one.aliases else one.engine.name)
        name = base = as_name(said)
        number = 2
        while name in taken:
            name = f"{base[:37]}-{number}"
            number += 1
        taken.add(name)
        one.name = name
    return made


def as_name(text: str) -> str:
    """A text as a model may be called."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    plain = plain if plain[:1].isalpha() else f"m-{plain}"
    return plain[:40].strip("-") or "model"
