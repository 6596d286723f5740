"""What layers of one model, and the members of its aliases, do not agree in.

What tenants have today counts: the layer that the alias leads to is left as it is, and the others are held to it. What
serves nobody now can be changed without anybody noticing.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.adopt.findings import AddItem, Finding, Fix, ReplaceText, tied
from pointsman.adopt.members import member_findings
from pointsman.adopt.models import Found
from pointsman.adopt.promise import Auth, Engine, Fact
from pointsman.spec.arguments import base, flags

__all__ = ["findings_of"]


def findings_of(model: Found) -> list[Finding]:
    """Everything that does not agree, of one model."""
    found: list[Finding] = []
    for layer, engine in model.engines.items():
        if layer != model.chief:
            for check in (_names, _context, _auth, _weights, _arguments):
                found += check(model, engine)
    return tied([*found, *member_findings(model)])


def _names(model: Found, engine: Engine) -> Iterator[Finding]:
    wanted = model.wanted
    if not wanted or not engine.names or engine.serves(wanted):
        return
    first = engine.names[0]
    fixes: tuple[Fix, ...] = ()
    if first.token and engine.layer == "llm-d":
        fixes = (ReplaceText(engine.standing, first.place, first.token, wanted),)
    elif first.token and any(flag.name == "served-model-name" for flag in flags(engine.args)):
        fixes = (ReplaceText(engine.standing, first.place, first.token, _swapped(first, wanted)),)
    elif engine.layer != "llm-d":
        fixes = _flag(engine, f"--served-model-name={wanted}")
    yield Finding(
        "adopt-served-name",
        model.name,
        engine.at(first),
        f"{engine} answers to {first.value}, and tenants' requests carry {wanted}: after a move they would be told 404",
        f"serve it as {wanted}",
        fixes,
        f"name of {engine}",
    )


def _swapped(fact: Fact, value: object) -> str:
    """The same piece of text with another value."""
    name, equals, _ = fact.token.partition("=")
    return f"{name}={value}" if equals and name.startswith("-") else str(value)


def _context(model: Found, engine: Engine) -> Iterator[Finding]:
    ours, its = model.engine.context, engine.context
    if "max-model-len" in model.engine.hidden | engine.hidden:
        return
    if ours is not None and its is not None and ours.value == its.value:
        return
    if ours is None and its is None:
        return
    if ours is None:
        assert its is not None
        yield Finding(
            "adopt-context",
            model.name,
            model.engine.at(None),
            f"{model.engine} does not say --max-model-len, and {engine} says {its.value}",
            "write there what tenants are promised: --max-model-len=N",
        )
        return
    if its is None:
        fixes = _flag(engine, f"--max-model-len={ours.value}")
        said = "does not say --max-model-len, so its weights' own length counts"
    else:
        fixes = (ReplaceText(engine.standing, its.place, its.token, _swapped(its, ours.value)),) if its.token else ()
        said = f"takes {its.value} tokens"
    yield Finding(
        "adopt-context",
        model.name,
        engine.at(its),
        f"{engine} {said}, and tenants have {ours.value} on {model.engine}",
        f"write --max-model-len={ours.value}",
        fixes,
    )


def _flag(engine: Engine, said: str) -> tuple[Fix, ...]:
    """A flag more; a script takes none from outside."""
    return () if engine.scripted else (AddItem(engine.standing, engine.container, "args", said),)


def _auth(model: Found, engine: Engine) -> Iterator[Finding]:
    ours, its = model.engine.auth.value, engine.auth.value
    assert isinstance(ours, Auth)
    assert isinstance(its, Auth)
    if not ours.differs(its) or any(one.asks == "?" for one in (model.engine, engine)):
        return
    where = engine.at(engine.auth)
    what = f"{engine} asks for {_said(its)}, and {model.engine} for {_said(ours)}"
    if ours.plain and its.plain:
        what = f"{engine} asks for another key than {model.engine}, and both come from no Secret"
    fixes: tuple[Fix, ...] = ()
    action = "give both the same Secret: spec.contract.auth holds on every layer"
    if ours.secret and its == Auth():
        variable = {
            "name": "VLLM_API_KEY",
            "valueFrom": {"secretKeyRef": {"name": ours.secret, "key": ours.key}},
        }
        fixes = (AddItem(engine.standing, engine.container, "env", variable),)
        action = f"set VLLM_API_KEY from the Secret {ours.secret} there, and see that {engine.namespace} has it"
    elif ours.secret and its.secret:
        place = (*engine.auth.place, "valueFrom", "secretKeyRef")
        pairs = (("name", its.secret, ours.secret), ("key", its.key, ours.key))
        fixes = tuple(
            ReplaceText(engine.standing, (*place, part), before, after)
            for part, before, after in pairs
            if before != after
        )
        action = f"name the Secret {ours.secret} there, and see that {engine.namespace} has it"
    elif ours == Auth():
        action = f"take it away there, or let {model.engine} ask for it and the alias show it (api_key)"
    yield Finding("adopt-auth", model.name, where, what, action, fixes, f"key of {engine}")


def _said(auth: Auth) -> str:
    if auth.plain:
        return "a key that comes from no Secret"
    return f"the key in Secret {auth.secret}" if auth.secret else "no key"


def _weights(model: Found, engine: Engine) -> Iterator[Finding]:
    ours, its = model.engine.weights, engine.weights
    if ours is None or its is None or ours.value.lower() == its.value.lower():
        return
    yield Finding(
        "adopt-weights",
        model.name,
        engine.at(its),
        f"{engine} loads {its.value}, and {model.engine} {ours.value}",
        "load the same; of other precision, say contract: {weights: quantised} in the Model",
    )


def _arguments(model: Found, engine: Engine) -> Iterator[Finding]:
    ours, its = model.engine.arguments, engine.arguments
    hidden = {base(name) for name in model.engine.hidden | engine.hidden}
    for name in sorted((ours.keys() | its.keys()) - hidden):
        mine, other = ours.get(name), its.get(name)
        if mine is not None and other is not None and mine.value == other.value:
            continue
        yield _argument(model, engine, name, (mine, other))


def _argument(model: Found, engine: Engine, name: str, pair: tuple[Fact | None, Fact | None]) -> Finding:
    mine, other = pair
    fixes: tuple[Fix, ...] = ()
    if mine is not None and other is None and " " not in mine.value:
        said = f"--{name}" if mine.value == "on" else f"--{name}={mine.value}"
        fixes = _flag(engine, said)
    elif mine is not None and other is not None and "=" in other.token and " " not in mine.value:
        fixes = (ReplaceText(engine.standing, other.place, other.token, _swapped(other, mine.value)),)
    told = f"--{name} {mine.value}" if mine else f"no --{name}"
    its = f"--{name} {other.value}" if other else f"no --{name}"
    return Finding(
        "adopt-argument",
        model.name,
        engine.at(other),
        f"{engine} has {its}, and {model.engine} has {told}: tenants would notice which one serves them",
        f"write {told} there" if mine else f"take --{name} away there, or write it on {model.engine}, too",
        fixes,
    )
