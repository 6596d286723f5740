"""Objects that were deleted and do not go, since nobody takes their finalizers off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pointsman.audit.finding import Finding, Ground, kept_by, kubectl, place_of
from pointsman.cost.volumes import mounted
from pointsman.move.boundary import Object
from pointsman.report.counting import count_of

__all__ = ["stuck"]

LONG = timedelta(minutes=10)
"""A controller that lives takes its finalizer off sooner; a pod's time to end is over when this begins."""
PROTECTED = "kubernetes.io/pvc-protection"
_FREE = """--type merge -p '{"metadata":{"finalizers":null}}'"""


def stuck(ground: Ground, kinds: Sequence[str]) -> Iterator[Finding]:
    """Of these kinds, as far as they could be listed."""
    held = mounted(ground.sight)
    for kind in kinds:
        for one in ground.sight.of(kind):
            since = _time(one["metadata"].get("deletionTimestamp"))
            if since is not None and ground.now - since > LONG:
                yield _finding(
                    ground, one, kind, since, held.get(place_of(one)) if kind == "PersistentVolumeClaim" else None
                )


def _finding(ground: Ground, one: Object, kind: str, since: datetime, pod: Object | None) -> Finding:
    finalizers = [str(each) for each in one["metadata"].get("finalizers") or []]
    name = f"{kind} {'/'.join(part for part in place_of(one) if part)}"
    money, why = ground.money(name)
    age = _age(ground.now - since)
    if pod is not None and PROTECTED in finalizers:
        holder = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        what, end, note = f"it was deleted {age} ago, and Pod {holder} still mounts it", kubectl("delete", pod), ""
    elif finalizers:
        what = f"it was deleted {age} ago, and nobody takes {', '.join(finalizers)} off it"
        end = kubectl("patch", one, _FREE)
        note = "only when the controller is gone for good: what it would have taken away is left then"
    elif kind == "Namespace":
        what = f"it was deleted {age} ago, and something in it does not go"
        end, note = kubectl("get", one, "-o yaml"), "status.conditions says what; free that"
    else:
        what = f"it was deleted {age} ago and is still there: whoever is to end it (its node) does not answer"
        end, note = kubectl("delete", one, "--force --grace-period=0"), "when its node is gone for good"
    return Finding("stuck", name, kept_by(one), what, end, note, money, why)


def _time(said: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(said)) if said else None
    except ValueError:
        return None


def _age(passed: timedelta) -> str:
    minutes = int(passed.total_seconds() // 60)
    if minutes < 120:
        return count_of(minutes, "minute")
    return count_of(minutes // 60, "hour") if minutes < 48 * 60 else count_of(minutes // 1440, "day")
