"""What an alias's members say, against the engines that they lead to and against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pointsman.adopt.findings import DropEntry, Finding, Fix, ReplaceText, SetEntry
from pointsman.adopt.models import Found
from pointsman.adopt.promise import Auth
from pointsman.adopt.roads import LOST, Road
from pointsman.delivery.git.wording import redacted
from pointsman.edge.litellm_base import base_of, ends_in_version, leads_astray
from pointsman.edge.litellm_params import INFO, KNOWN, PARAMS, address_key

__all__ = ["lost_finding", "member_findings", "price_of"]

_PRICES = ("input_cost_per_token", "output_cost_per_token")


def member_findings(model: Found) -> list[Finding]:
    """Everything about the members that reach this model."""
    found: list[Finding] = []
    for road in model.roads:
        found += [*_port(model, road), *_model(model, road), *_base(model, road), *_key(model, road)]
    found += _prices(model)
    for road in model.roads:
        found += _two_layers(model, road)
    return [_without_member(model, one) for one in found]


def _two_layers(model: Found, road: Road) -> Iterator[Finding]:
    """A member on another layer than the one that serves: a move writes it itself, and refuses where it is there."""
    engine = road.engines[0]
    if engine is model.engine or not any(
        one.member.alias == road.member.alias and one.engines[0] is model.engine for one in model.roads
    ):
        return
    standby = _standby(model, road)
    yield Finding(
        "adopt-two-layers",
        model.name,
        road.member.where,
        f"{road.member.alias} leads to {engine}, too, "
        + ("as a standby" if standby else "with a share of its own")
        + f", beside {model.engine}: a move, which writes the other layer's member itself, refuses",
        "take the entry out" if standby else f"let {model.engine} alone serve it: weight 0 here, then take it out",
        (DropEntry(road.member.edge, road.member.entry.index),) if standby else (),
    )


def _standby(model: Found, road: Road) -> bool:
    return model.share_of(road) == 0


def _without_member(model: Found, finding: Finding) -> Finding:
    """What is wrong with an entry that goes is mended by its going."""
    gone = next((one for one in finding.fixes if isinstance(one, SetEntry)), None)
    for road in model.roads if gone else ():
        entry = road.member.entry
        same = gone is not None and (road.member.edge, entry.index) == (gone.edge, gone.index)
        if same and any(one.fixes for one in _two_layers(model, road)):
            return replace(finding, fixes=(DropEntry(road.member.edge, entry.index),))
    return finding


def lost_finding(road: Road) -> Finding:
    """A member that leads to nothing that is known."""
    return Finding(
        "adopt-road",
        "",
        road.where,
        f"{road.member.alias} leads to {road.member.shown}, and {road.why}",
        "correct the address, or write what should be there",
    )


def _port(model: Found, road: Road) -> Iterator[Finding]:
    if road.end != LOST:
        return
    fixes: tuple[Fix, ...] = ()
    if road.wrong_port is not None:
        service, place, before = road.wrong_port
        fixes = (ReplaceText(service, place, before, str(road.engines[0].port.value)),)
    yield Finding(
        "adopt-port",
        model.name,
        road.where,
        f"{road.member.alias} does not reach {road.engines[0]}: {road.why}",
        "let the ports agree",
        fixes,
    )


def _model(model: Found, road: Road) -> Iterator[Finding]:
    """The name that requests carry, against what the engine will answer to once the layers agree."""
    engine, said = road.engines[0], road.member.model
    if "*" in said or said == model.wanted or not model.wanted:
        return
    if engine.serves(said) and engine.serves(model.wanted):
        return
    if engine is model.engine and engine.serves(said):
        return
    fixes: list[Fix] = [_set(road, "model", _renamed(road, model.wanted))]
    told = ""
    if road.header is not None and road.header[2] != model.wanted:
        route, place, before = road.header
        fixes.append(ReplaceText(route, place, before, model.wanted))
        told = f", and {route} tells it by {before}"
    answers = model.wanted if engine is model.engine else _names(model, road)
    yield Finding(
        "adopt-model-name",
        model.name,
        road.member.where,
        f"{road.member.alias} asks {engine} for {said}, which answers to {answers}{told}",
        f"write model: {_renamed(road, model.wanted)}",
        tuple(fixes),
        f"name of {engine}",
    )


def _names(model: Found, road: Road) -> str:
    own = ", ".join(str(one.value) for one in road.engines[0].names)
    return own if road.engines[0].serves(model.wanted) else f"{own}, and should answer to {model.wanted}"


def _renamed(road: Road, name: str) -> str:
    said = str(road.member.params.get("model"))
    prefix = f"{road.member.provider}/"
    return f"{prefix}{name}" if said.startswith(prefix) else name


def _base(model: Found, road: Road) -> Iterator[Finding]:
    member = road.member
    wanted = base_of(member.base)
    ends = ends_in_version(member.base)
    if member.provider not in KNOWN or not leads_astray(member.base, member.provider):
        return
    key = address_key(member.params)
    said = member.params.get(key)
    ours = isinstance(said, str) and not said.startswith("os.environ/")
    wrong = "holds an endpoint" if ends else "does not end in /v1"
    yield Finding(
        "adopt-base-url",
        model.name,
        member.where,
        f"{member.alias} leads to {member.shown}, which {wrong}: LiteLLM adds the endpoint, and engines answer "
        "below /v1",
        _base_action(key, wanted, ours=ours),
        (_set(road, key, wanted),) if ours and wanted else (),
    )


def _base_action(key: str, wanted: str | None, *, ours: bool) -> str:
    if not ours:
        return "write it where the address stands: in its credential, or its variable"
    if wanted is None:
        return f"let {key} end in the /v1 below which this engine answers; what it is cannot be told from here"
    return f"write {key}: {redacted(wanted)}"


def _key(model: Found, road: Road) -> Iterator[Finding]:
    """The key that a member shows, against the one that its engine asks for once the layers agree."""
    auth, engine, shown = model.engine.auth.value, road.engines[0], _shown(road)
    assert isinstance(auth, Auth)
    theirs = {_shown(one) for one in model.roads if one.engines[0] is model.engine} - {""}
    other = engine is not model.engine and auth.differs(engine.auth.value) and shown not in theirs
    if not (auth.secret or auth.plain) or (shown and not other):
        return
    beside = {_shown(one) for one in model.roads if one.member.alias == road.member.alias and one is not road} & theirs
    known = beside or (theirs if shown else {_shown(one) for one in model.roads} - {""})
    named = sorted(key for key in known if key.startswith("os.environ/"))
    fixes: tuple[Fix, ...] = (_set(road, "api_key", named[0]),) if len(named) == 1 else ()
    said = f"another key than members that lead to {model.engine}" if shown else "no key"
    asks = f"{engine} should ask for the same" if shown else f"{model.engine} asks for one"
    yield Finding(
        "adopt-key",
        model.name,
        road.member.where,
        f"{road.member.alias} shows {said}, and {asks}: it would be told 401",
        f"write api_key: {named[0] if named else 'os.environ/NAME, with that variable set from the Secret'}",
        fixes,
        f"key of {engine}",
    )


def _shown(road: Road) -> str:
    """What a member says of its key: the key itself, a variable, or a credential's name."""
    params = road.member.params
    return str(params.get("api_key") or params.get("litellm_credential_name") or "")


def price_of(road: Road) -> dict[str, object]:
    """What a member says it costs."""
    params, info = road.member.params, road.member.entry.section(INFO)
    said = {key: params.get(key, info.get(key)) for key in _PRICES}
    return {key: _number(value) for key, value in said.items() if value is not None}


def _number(value: object) -> object:
    """``5e-07`` is text in YAML 1.1, and LiteLLM reads it as the number that it looks like (1.106.2)."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _prices(model: Found) -> Iterator[Finding]:
    """One price for one alias, whichever engine of ours answers."""
    for alias in model.aliases:
        roads = [road for road in model.roads if road.member.alias == alias]
        roads.sort(key=lambda road: road.engines[0] is not model.engine)
        price = next((said for road in roads if len(said := price_of(road)) == len(_PRICES)), None)
        for road in roads if price else ():
            if price and price_of(road) != price:
                yield _price(model, road, price)


def _price(model: Found, road: Road, price: dict[str, object]) -> Finding:
    own = price_of(road)
    numbers = {(PARAMS, key): value for key, value in price.items() if isinstance(value, int | float)}
    return Finding(
        "adopt-price",
        model.name,
        road.member.where,
        f"a member of {road.member.alias} says {_told(own)}, and another one {_told(price)}",
        "write one price for all engines of the model",
        (SetEntry(road.member.edge, road.member.entry.index, numbers),) if len(numbers) == len(price) else (),
    )


def _told(price: dict[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in price.items()) or "no price"


def _set(road: Road, key: str, value: str) -> SetEntry:
    return SetEntry(road.member.edge, road.member.entry.index, {(PARAMS, key): value})
