"""Flux: what a Kustomization (v1) or a HelmRelease (v2) makes of a change.

A Kustomization applies its text again within its interval, a HelmRelease only with ``driftDetection.mode: enabled``;
both leave fields alone that are not in their text (kustomize-controller and helm-controller, Flux 2.7).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pointsman.owners.contract import Change, Object, Outcome, Verdict
from pointsman.owners.fields import Path, may_declare
from pointsman.owners.ignoring import flux_covers
from pointsman.owners.marks import HELM, KUSTOMIZE, Name, flux_release, kustomization, notes

__all__ = ["judge_kustomization", "judge_release"]

Said = tuple[Outcome, str]


def judge_kustomization(change: Change, found: Mapping[Name, Object], unread: str) -> list[Verdict]:
    """What the Kustomization in its labels does; ``unread`` says why it could not be looked at."""
    name = kustomization(change.live)
    if name is None:
        return []
    spec = (found.get(name) or {}).get("spec")
    instead = (
        f"kubectl annotate {change.ref.kind.plural} {change.ref.name} -n {change.ref.namespace} "
        f"{KUSTOMIZE}/reconcile=disabled, or flux suspend kustomization {name.name} -n {name.namespace} "
        "until the move is over"
    )

    def of_field(path: Path) -> Said:
        left = _left_alone(change.live)
        if left:
            return Outcome.LEAVES, left
        if spec is None:
            return Outcome.UNKNOWN, unread or "it is not in this cluster"
        if not may_declare(change.live, path, {"kustomize-controller"}):
            return Outcome.LEAVES, "it is not in what it applies"
        return _applied(spec, flux_covers(spec.get("ignore") or [], change.ref, path))

    return _verdicts(change, f"Kustomization {name} (Flux)", of_field, instead)


def _left_alone(live: Object) -> str:
    said = notes(live)
    if said.get(f"{KUSTOMIZE}/reconcile") == "disabled":
        return "annotation reconcile: disabled"
    ssa = said.get(f"{KUSTOMIZE}/ssa", "")
    return f"annotation ssa: {ssa}" if ssa.lower() in ("ignore", "ifnotpresent") else ""


def _applied(spec: Mapping[str, Any], covered: bool | None) -> Said:
    if covered:
        return Outcome.LEAVES, "spec.ignore covers it"
    if spec.get("suspend"):
        return Outcome.LATER, "when it is resumed (it is suspended)"
    if covered is None:
        return Outcome.UNKNOWN, "a rule of its spec.ignore selects by labels, and is not evaluated here"
    return Outcome.REVERTS, f"within its interval of {spec.get('interval', 'some minutes')}"


def judge_release(change: Change, found: Mapping[Name, Object], unread: str) -> list[Verdict]:
    """What the HelmRelease in its labels does."""
    name = flux_release(change.live)
    if name is None:
        return []
    spec = (found.get(name) or {}).get("spec")
    instead = (
        f"kubectl annotate {change.ref.kind.plural} {change.ref.name} -n {change.ref.namespace} "
        f"{HELM}/driftDetection=disabled, or flux suspend helmrelease {name.name} -n {name.namespace} "
        "until the move is over"
    )

    def of_field(path: Path) -> Said:
        if not may_declare(change.live, path, {"helm-controller"}):
            return Outcome.LEAVES, "it is not in its chart's text"
        if spec is None:
            return Outcome.UNKNOWN, unread or "it is not in this cluster"
        return _released(spec, change, path)

    return _verdicts(change, f"HelmRelease {name} (Flux)", of_field, instead)


def _released(spec: Mapping[str, Any], change: Change, path: Path) -> Said:
    drift = spec.get("driftDetection") or {}
    upgrade = Outcome.LATER, "at its next upgrade"
    if drift.get("mode") != "enabled" or notes(change.live).get(f"{HELM}/driftDetection") == "disabled":
        return upgrade
    if spec.get("suspend"):
        return Outcome.LATER, "when it is resumed (it is suspended)"
    covered = flux_covers(drift.get("ignore") or [], change.ref, path)
    if covered:
        return upgrade
    if covered is None:
        return Outcome.UNKNOWN, "a rule of driftDetection.ignore selects by labels, and is not evaluated here"
    return Outcome.REVERTS, f"within its interval of {spec.get('interval', 'some minutes')} (driftDetection is enabled)"


def _verdicts(change: Change, owner: str, of_field: Callable[[Path], Said], instead: str) -> list[Verdict]:
    grouped: dict[Said, list[Path]] = {}
    for path in change.fields:
        grouped.setdefault(of_field(path), []).append(path)
    return [
        Verdict(change.ref, owner, outcome, tuple(paths), why, instead) for (outcome, why), paths in grouped.items()
    ]
