"""Volumes that no pod mounts and no model will: claims of nobody, and PersistentVolumes that no claim has any more.

A claim that a parked model mounts when it wakes is not one of them, nor is one in the template of a workload that is
at 0 replicas now.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.audit.finding import Finding, Ground, kept_by, kubectl, place_of
from pointsman.cost.models import Owner, claims_in
from pointsman.cost.sight import Sight
from pointsman.cost.volumes import mounted

__all__ = ["WORKLOADS", "released", "unmounted"]

WORKLOADS = (
    *("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job"),
    *("InferenceService", "LLMInferenceService"),
)
"""Kinds whose pods may come back."""
_DELETE = """-p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'"""


def unmounted(ground: Ground) -> Iterator[Finding]:
    """Claims with a volume that nothing there, and nothing declared, mounts."""
    kinds = ("PersistentVolumeClaim", "Pod", "Model", *WORKLOADS)
    if not ground.needs("claims that nobody mounts", kinds):
        return
    if ground.owners.problems:
        ground.unseen["claims that nobody mounts"] = ground.owners.problems[0]
        return
    wanted = {*mounted(ground.sight), *_in_templates(ground.sight), *ground.held(ground.owners.claims)}
    for one in ground.sight.of("PersistentVolumeClaim"):
        bound = (one.get("status") or {}).get("phase", "Bound") == "Bound"
        if not bound or place_of(one) in wanted or "deletionTimestamp" in one["metadata"]:
            continue
        name = f"PersistentVolumeClaim {'/'.join(place_of(one))}"
        money, why = ground.money(name)
        yield Finding(
            "volume",
            name,
            kept_by(one),
            _unmounted(ground.owners.claims.get(place_of(one))),
            kubectl("delete", one),
            "what is on it goes, unless its PersistentVolume is retained: then that is found next",
            money,
            why,
        )


def _unmounted(owner: Owner | None) -> str:
    if owner is None:
        return "no pod mounts it, and no workload or model that is there, parked or not, would"
    return (
        f"no pod mounts it: of model {owner.model} only a file is here, and pointsman up {owner.model} takes it again"
    )


def _in_templates(sight: Sight) -> Iterator[tuple[str, str]]:
    """Claims of pods that workloads may make again."""
    sets = set[tuple[str, str]]()
    for kind in WORKLOADS:
        for one in sight.of(kind):
            home, name = place_of(one)
            yield from ((home, claim) for claim in claims_in(one.get("spec") or {}))
            for template in one["spec"].get("volumeClaimTemplates") or [] if kind == "StatefulSet" else ():
                stem = (template.get("metadata") or {}).get("name")
                sets.add((home, f"{stem}-{name}"))
    for claim in sight.of("PersistentVolumeClaim"):
        home, name = place_of(claim)
        stem, _, number = name.rpartition("-")
        if number.isdecimal() and (home, stem) in sets:  # scaling up takes those of replicas that are gone, too
            yield home, name


def released(ground: Ground) -> Iterator[Finding]:
    """PersistentVolumes whose claim is gone, or that none ever took."""
    if not ground.needs("released PersistentVolumes", ("PersistentVolume",)):
        return
    for one in ground.sight.of("PersistentVolume"):
        phase = str((one.get("status") or {}).get("phase") or "")
        if phase not in _PHASES or "deletionTimestamp" in one["metadata"]:
            continue
        if phase == "Available" and (one["spec"].get("local") or one["spec"].get("hostPath")):
            continue  # a node's own disk, kept ready
        what, note = _PHASES[phase]
        claim = one["spec"].get("claimRef") or {}
        named = f"{claim.get('namespace') or '?'}/{claim.get('name') or '?'}"
        owner = f"claim {named}, which is gone" if claim else kept_by(one)
        end = kubectl("patch", one, _DELETE) if phase == "Released" else kubectl("delete", one)
        name = f"PersistentVolume {one['metadata']['name']}"
        money, why = ground.money(name)
        yield Finding("released-volume", name, owner, what, end, note, money, why)


_PHASES = {
    "Released": ("its claim is gone, and it is retained", "its driver deletes the disk then, and what is on it"),
    "Failed": (
        "its claim is gone, and it could not be deleted",
        "the disk itself may stay: look outside of the cluster",
    ),
    "Available": ("no claim has it", "the disk itself stays: it is outside of the cluster"),
}
