"""What a person can do about an owner that puts things back: the exact command, or the exact lines for git."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pointsman.owners.contract import Object, Verdict
from pointsman.owners.fields import as_pointer
from pointsman.owners.marks import controller_of, notes, spec_of

__all__ = ["remedies"]

_RESPECT = "RespectIgnoreDifferences=true"


def remedies(verdicts: Iterable[Verdict]) -> list[str]:
    """One for each owner, in order; objects of one Application are mended by one change of it."""
    found: dict[str, list[Verdict]] = {}
    for one in verdicts:
        found.setdefault(one.owner if one.keeper else f"{one.owner} {one.ref}", []).append(one)
    said = [_of_application(of[0].keeper, of) if of[0].keeper else of[0].instead for of in found.values()]
    return [one for one in dict.fromkeys(said) if one]


def _of_application(app: Object, verdicts: Sequence[Verdict]) -> str:
    rules = [_rule(one) for one in verdicts]
    name, namespace = app["metadata"]["name"], app["metadata"]["namespace"]
    if maker := _maker(app):
        lines = {"ignoreDifferences": rules, "syncPolicy": {"syncOptions": [_RESPECT]}}
        return (
            f"add {json.dumps(lines)} to the spec that {maker} gives Application {namespace}/{name} "
            "(a change of the Application itself does not last)"
        )
    patch = json.dumps(_patch(app, rules), separators=(",", ":"))
    return (
        f"kubectl patch application {name} -n {namespace} --type json -p '{patch}' "
        "(and the same where its manifest is kept, if it is), "
        f"or argocd app set {namespace}/{name} --sync-policy none until the move is over"
    )


def _rule(verdict: Verdict) -> dict[str, Any]:
    """An entry of ``ignoreDifferences``."""
    kind, name, namespace = verdict.ref.kind, verdict.ref.name, verdict.ref.namespace
    return {
        **({"group": kind.group} if kind.group else {}),
        "kind": kind.name,
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        "jsonPointers": [as_pointer(path) for path in verdict.fields],
    }


def _patch(app: Object, rules: Sequence[Any]) -> list[dict[str, Any]]:
    """A JSON patch that adds to what is there."""
    found = _added("/spec/ignoreDifferences", spec_of(app).get("ignoreDifferences"), rules)
    options = (spec_of(app).get("syncPolicy") or {}).get("syncOptions")
    return (
        found if _RESPECT in (options or []) else [*found, *_added("/spec/syncPolicy/syncOptions", options, [_RESPECT])]
    )


def _added(path: str, there: Any, new: Sequence[Any]) -> list[dict[str, Any]]:
    if there:
        return [{"op": "add", "path": f"{path}/-", "value": one} for one in new]
    return [{"op": "add", "path": path, "value": list(new)}]


def _maker(app: Object) -> str:
    """What writes the Application itself; empty when nothing shows."""
    owner = controller_of(app)
    if owner is not None:
        return f"{owner.get('kind')} {app['metadata']['namespace']}/{owner.get('name')}"
    parent = notes(app).get("argocd.argoproj.io/tracking-id", "").split(":", 1)[0]
    return f"Application {parent}" if parent else ""
