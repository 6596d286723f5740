"""73x: moves and teardowns that somebody left open, and what a way back still owes.

Journals are read as they lie in the cluster (``docs/adr/0010-move-journal.md``): one record a key, a line of JSON each.
Only the last word counts here; ``pointsman status`` folds and proves them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.state import label, older
from pointsman.checks.view import View, get

__all__ = ["CHECKS"]

_OPEN, _MODEL, _TEARDOWN = "pointsman.dev/open", "pointsman.dev/moved-model", "pointsman.dev/teardown"
_MINUTES = 2.0
"""A lock that was not renewed for so long is nobody's; it is renewed every few seconds."""


def _journals(view: View) -> Iterator[tuple[Standing, str, list[Mapping[str, Any]]]]:
    """Open ones, with their models and the records that can be read."""
    for one in view.of("ConfigMap"):
        data = get(one.data, "data")
        if label(one, _OPEN) != "yes" or not isinstance(data, Mapping):
            continue
        records = [said for key in sorted(map(str, data)) if (said := _record(str(data[key]))) is not None]
        yield one, label(one, _MODEL) or one.name, records


def _left(view: View) -> Iterator[Told]:
    for one, model, records in _journals(view):
        lease = view.find("Lease", one.namespace, f"move-{model}")
        renewed = get(lease.data, "spec", "renewTime") if lease else None
        last = records[-1] if records else {}
        if (renewed and not older(view, renewed, _MINUTES)) or not older(view, last.get("at"), _MINUTES):
            continue
        step = f" at step {last['step']}" if last.get("step") else ""
        what = f"this move of {model} is open{step}, and nobody has carried it on since {last.get('at')}"
        yield Told(one, what, model=model)


def _owed(view: View) -> Iterator[Told]:
    for one, model, records in _journals(view):
        owed: Any = None
        for each in records:
            if each.get("event") == "undo-outcome":
                owed = None
            elif each.get("event") == "undo-intent" and get(each, "detail", "owed"):
                owed = get(each, "detail", "owed")
        if isinstance(owed, Mapping):
            what = f"the way back of {model} is not done: {owed.get('what') or 'its alias'} ({owed.get('why') or '?'})"
            yield Told(one, what, model=model)


def _torn_down(view: View) -> Iterator[Told]:
    lease = view.find("Lease", "pointsman-system", "teardown")
    renewed = get(lease.data, "spec", "renewTime") if lease else None
    carried = bool(renewed and get(lease.data, "spec", "holderIdentity")) if lease else False
    for one in view.of("ConfigMap"):
        data = get(one.data, "data")
        if label(one, _TEARDOWN) != "open" or not isinstance(data, Mapping):
            continue
        records = [said for key in sorted(map(str, data)) if (said := _record(str(data[key]))) is not None]
        last, first = (records[-1], records[0]) if records else ({}, {})
        if (carried and not older(view, renewed, _MINUTES)) or not older(view, last.get("at"), _MINUTES):
            continue
        name = get(first, "detail", "name") or "--all"
        step = f" at step {last['step']}" if last.get("step") else ""
        what = f"this teardown ({name}) is open{step}, and nobody has carried it on since {last.get('at')}"
        yield Told(one, what)


def _record(text: str) -> Mapping[str, Any] | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, Mapping) else None


_CLUSTER = frozenset({Source.cluster})
CHECKS = (
    Check(
        "PM733",
        "move-left",
        Level.warning,
        frozenset({"ConfigMap", "Lease"}),
        cause="a move that nobody carries on keeps two layers running, both of them paid for, and blocks the next move",
        remedy="pointsman status says where it is; pointsman resume or pointsman rollback ends it",
        sure=Sure.measured,
        fact="journal and lock of the move, as this program writes them",
        run=_left,
        sources=_CLUSTER,
        whole=True,
    ),
    Check(
        "PM734",
        "alias-owed",
        Level.error,
        frozenset({"ConfigMap"}),
        cause="an alias that was not put back sends tenants where the move was undone",
        remedy="do what pointsman status says is owed; then pointsman resume",
        sure=Sure.measured,
        fact="journal of the move, as this program writes it",
        run=_owed,
        sources=_CLUSTER,
    ),
    Check(
        "PM735",
        "teardown-left",
        Level.warning,
        frozenset({"ConfigMap", "Lease"}),
        cause="a teardown that nobody carries on leaves things half gone: tenants without an alias, volumes still "
        "paid for, models that cannot be moved or brought up",
        remedy="pointsman teardown with the same words carries it on; with --abort it is given up",
        sure=Sure.measured,
        fact="journal and lock of the teardown, as this program writes them",
        run=_torn_down,
        sources=_CLUSTER,
        whole=True,
    ),
)
