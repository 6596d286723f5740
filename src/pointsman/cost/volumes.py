"""Volumes as items: claims that have one, and PersistentVolumes that no claim has."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pointsman.cost.items import VOLUME, Item
from pointsman.cost.models import Owners, claims_in
from pointsman.cost.prices import MONTH, Prices, unpriced
from pointsman.cost.sight import Sight
from pointsman.kube.quantity import quantity
from pointsman.move.boundary import Object

__all__ = ["mounted", "volumes_in"]

GIB = Decimal(2**30)
_OVER = ("Succeeded", "Failed")


def mounted(sight: Sight) -> dict[tuple[str, str], Object]:
    """Claims that a pod mounts now, by namespace and name, and one such pod."""
    found: dict[tuple[str, str], Object] = {}
    for pod in sight.of("Pod"):
        if (pod.get("status") or {}).get("phase") in _OVER:
            continue
        namespace = str(pod["metadata"]["namespace"])
        for name in claims_in(pod["spec"].get("volumes") or []):
            found.setdefault((namespace, name), pod)
        for one in pod["spec"].get("volumes") or []:
            if "ephemeral" in one:
                found.setdefault((namespace, f"{pod['metadata']['name']}-{one.get('name')}"), pod)
    return found


def volumes_in(sight: Sight, owners: Owners, prices: Prices | None) -> Iterator[Item]:
    """All of them; a claim without a volume takes nothing yet."""
    held, classes = mounted(sight), _classes(sight)
    for one in sight.of("PersistentVolumeClaim"):
        metadata, spec, status = one["metadata"], one["spec"], one.get("status") or {}
        if status.get("phase", "Bound") != "Bound":
            continue
        place = (str(metadata["namespace"]), str(metadata["name"]))
        owner = owners.claims.get(place) or owners.of_labels(metadata.get("labels") or {})
        if not owner.model and place in held:
            owner, _ = owners.of_pod(held[place])
        state = "mounted" if place in held else "parked" if owner.model else "not mounted"
        asked = (status.get("capacity") or (spec.get("resources") or {}).get("requests") or {}).get("storage")
        name = str(spec.get("storageClassName") or classes.get(str(spec.get("volumeName") or ""), ""))
        gib, hourly, why = _money(asked, name, prices)
        title = f"PersistentVolumeClaim {place[0]}/{place[1]}"
        yield Item(VOLUME, title, owner, place[0], state=state, gib=gib, hourly=hourly, why=why)
    for one in sight.of("PersistentVolume"):
        yield from _without_claim(one, sight, prices)


def _without_claim(one: Object, sight: Sight, prices: Prices | None) -> Iterator[Item]:
    """A volume that is there though no claim has it; or whose claim could not be looked at."""
    spec, phase = one["spec"], str((one.get("status") or {}).get("phase") or "")
    bound = phase in ("Bound", "Pending", "")
    if bound and (sight.knows("PersistentVolumeClaim") or phase != "Bound"):
        return
    claim = spec.get("claimRef") or {}
    gib, hourly, why = _money(
        (spec.get("capacity") or {}).get("storage"), str(spec.get("storageClassName") or ""), prices
    )
    state = "bound" if bound else phase.lower()
    namespace = str(claim.get("namespace") or "")
    yield Item(
        VOLUME, f"PersistentVolume {one['metadata']['name']}", namespace=namespace, state=state, gib=gib,
        hourly=hourly, why=why,
    )  # fmt: skip


def _classes(sight: Sight) -> dict[str, str]:
    return {
        str(one["metadata"]["name"]): str(one["spec"].get("storageClassName") or "")
        for one in sight.of("PersistentVolume")
    }


def _money(size: object, name: str, prices: Prices | None) -> tuple[Decimal | None, Decimal | None, str]:
    """GiB, money an hour, and why that is not known."""
    try:
        gib = quantity(str(size)) / GIB
    except ValueError:
        return None, None, "its size is not said"
    if prices is None:
        return gib, None, "no prices were given"
    price = prices.volumes.get(name)
    if price is None:
        return gib, None, unpriced(f"StorageClass {name}", "volumes") if name else "its StorageClass is not said"
    return gib, price * gib / MONTH, ""
