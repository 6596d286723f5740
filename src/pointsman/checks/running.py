"""Run checks over a view: what they found, what they could not look at, and which of them broke."""

from __future__ import annotations

from collections.abc import Iterable

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Told
from pointsman.checks.finding import Broken, Finding, Outcome, Skipped
from pointsman.checks.view import View
from pointsman.kube.resources import plural_of

__all__ = ["joined", "kinds_read", "run"]


def run(view: View, checks: Iterable[Check]) -> Outcome:
    """Every check that can look here; a check that raises says nothing, and does not stop the others."""
    made = Outcome(objects=len(view.adopted.world.objects))
    for check in checks:
        if view.source not in check.sources:
            continue
        blind = _blind(view, check)
        if blind:
            made.skipped.append(Skipped(check, blind))
            if check.whole:
                continue
        try:
            found = [_finding(check, told) for told in check.run(view.noting())]
        except Exception as error:
            made.broken.append(Broken(check, f"{type(error).__name__}: {error}"))
            continue
        made.ran += not blind
        made.findings += found
    made.findings.sort(key=_order)
    return made


def joined(made: Outcome, more: Outcome) -> Outcome:
    """Both; checks are counted once, since the same ones ran."""
    made.findings = sorted([*made.findings, *more.findings], key=_order)
    made.broken += more.broken
    made.objects += more.objects
    return made


def _order(one: Finding) -> tuple[int, tuple[str, int], str]:
    return -one.level.rank, _place(one.where), one.check.id


def _blind(view: View, check: Check) -> str:
    """Why it cannot look everywhere: what may not be listed is not absent."""
    unknown = view.adopted.world.unknown
    return "; ".join(why for kind, why in sorted(unknown.items()) if kind in _names(check.reads))


def _names(reads: Iterable[str]) -> set[str]:
    """Kinds in the plural, as those that may not be listed are noted."""
    return {plural_of(name) for name in kinds_read(reads)}


def kinds_read(reads: Iterable[str]) -> set[str]:
    """The kinds that these kinds and parts of a view are made of."""
    return {name for one in reads for name in _PARTS.get(one, (one,))}


_ENGINES = ("Deployment", "InferenceService", "LLMInferenceService")
_PARTS = {
    "engines": _ENGINES,
    "edges": ("ConfigMap",),
    "declared": (),
    "files": (),
    "models": (*_ENGINES, "ConfigMap", "Service", "HTTPRoute", "InferencePool"),
}


def _finding(check: Check, told: Told) -> Finding:
    where = told.where or (_where(told.standing, told) if told.standing else "")
    return Finding(check, where, str(told.standing) if told.standing else "", told)


def _where(standing: Standing, told: Told) -> str:
    return standing.at(*told.place)


def _place(where: str) -> tuple[str, int]:
    """So that line 9 comes before line 10."""
    path, _, line = where.rpartition(":")
    return (path, int(line)) if line.isdigit() else (where, 0)
