"""GPUs as items: what each pod holds on its node, and what of each node no pod asks for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from pointsman.cost.accelerators import Machine, claims_devices, devices_of, gpus_of, machine_of
from pointsman.cost.engines import Use
from pointsman.cost.items import GPU, Item
from pointsman.cost.models import Owners
from pointsman.cost.prices import Prices
from pointsman.cost.sight import Sight
from pointsman.move.boundary import Object
from pointsman.move.probes.pods import EnginePod, pod_of

__all__ = ["Gpus", "engines_among", "gpus_in"]

_OVER = ("Succeeded", "Failed")


@dataclass(slots=True)
class Gpus:
    """All of them."""

    items: list[Item] = field(default_factory=list)
    machines: dict[str, Machine] = field(default_factory=dict)
    waiting: list[tuple[str, int]] = field(default_factory=list)
    """Pods that no node took yet, and how many accelerators they ask for: nothing is reserved for them."""
    notes: list[str] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    """Nodes with a pod that gets devices by claims: what of them is nobody's is not known."""


def engines_among(sight: Sight, owners: Owners) -> list[EnginePod]:
    """Engine pods on nodes, to be asked what they do."""
    found = []
    for pod in sight.of("Pod"):
        _, engines = owners.of_pod(pod)
        if engines is not None and _alive(pod) and pod["spec"].get("nodeName"):
            found.append(pod_of(pod, engines))
    return found


def gpus_in(sight: Sight, owners: Owners, uses: Mapping[str, Use], prices: Prices | None) -> Gpus:
    """What pods hold, and what nobody holds."""
    made = Gpus(machines={one.name: one for one in map(machine_of, sight.of("Node"))})
    held = defaultdict[str, Counter[str]](Counter)
    for pod in sight.of("Pod"):
        if _alive(pod):
            _take(made, pod, held, _Terms(owners, uses, prices, sight.knows("Node")))
    if sight.knows("Node", "Pod"):
        for machine in made.machines.values():
            claimed = machine.name in made.claimed
            made.items += _unasked(machine, held[machine.name], prices, claimed=claimed)
    made.notes += [
        f"node {one.name} is not ready: it is paid for, and what runs there is as it was last told"
        for one in made.machines.values()
        if one.has and not one.ready
    ]
    return made


@dataclass(frozen=True, slots=True)
class _Terms:
    owners: Owners
    uses: Mapping[str, Use]
    prices: Prices | None
    nodes_known: bool


def _alive(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") not in _OVER


def _take(made: Gpus, pod: Object, held: Mapping[str, Counter[str]], terms: _Terms) -> None:
    metadata, spec = pod["metadata"], pod["spec"]
    key, node = f"{metadata['namespace']}/{metadata['name']}", str(spec.get("nodeName") or "")
    owner, engines = terms.owners.of_pod(pod)
    devices = devices_of(spec)
    if claims_devices(spec):
        made.notes.append(f"Pod {key} gets devices by claims (resourceClaims): how many is not known here")
        made.claimed.add(node)
    if not devices and engines is None:
        return
    if not node:
        made.waiting.append((key, devices.total()))
        return
    machine = made.machines.get(node)
    if machine is None and terms.nodes_known:
        made.notes.append(f"Pod {key} is on node {node}, which is gone: it is not counted")
        return
    if machine is not None:
        devices = Counter(machine.named(devices))
    held[node].update(devices)
    hourly, why = _money(devices, machine, terms.prices)
    state = "running" if engines is not None or owner.model else "of no model"
    made.items.append(
        Item(
            GPU,
            f"Pod {key}",
            owner,
            str(metadata["namespace"]),
            node,
            state,
            dict(devices),
            gpus_of(devices, machine.parts if machine else 1),
            hourly=hourly,
            why=why,
            use=terms.uses.get(key),
        )
    )


def _money(devices: Mapping[str, int], machine: Machine | None, prices: Prices | None) -> tuple[Decimal | None, str]:
    if not devices:
        return None, "it runs on CPU, which has no price here"
    if prices is None:
        return None, "no prices were given"
    if machine is None:
        return None, "which node it is on is known, what that has is not"
    total = Decimal(0)
    for name, count in devices.items():
        unit, why = machine.unit(name, prices)
        if unit is None:
            return None, why
        total += unit * count
    return total, ""


def _unasked(machine: Machine, held: Counter[str], prices: Prices | None, *, claimed: bool) -> Iterator[Item]:
    left = {name: count - held[name] for name, count in machine.has.items() if count > held[name]}
    if left:
        hourly, why = _money(left, machine, prices)
        state = "perhaps claimed" if claimed else "nobody's" if held.total() == 0 else "left over"
        gpus = gpus_of(left, machine.parts)
        yield Item(
            GPU, f"Node {machine.name}", node=machine.name, state=state, devices=left, gpus=gpus, hourly=hourly,
            why=why, reserved=claimed,
        )  # fmt: skip
