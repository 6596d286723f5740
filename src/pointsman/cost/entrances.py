"""Load balancers as items: Services of that type, and Gateways and Ingresses with an address of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pointsman.cost.items import LOAD_BALANCER, Item
from pointsman.cost.models import NOBODY, Owner, Owners
from pointsman.cost.prices import Prices, unpriced
from pointsman.cost.sight import Sight
from pointsman.kube.resources import ref_of
from pointsman.move.boundary import Object

__all__ = ["addresses_of", "entrances_in"]


def entrances_in(sight: Sight, owners: Owners, prices: Prices | None) -> Iterator[Item]:
    """All that have an address; one that waits for its address is nobody's bill yet."""
    known = set[str]()
    for one in sight.of("Service"):
        known |= {str(ip) for ip in one["spec"].get("clusterIPs") or [one["spec"].get("clusterIP") or ""]}
        if one["spec"].get("type") == "LoadBalancer" and (found := addresses_of(one)):
            known |= set(found)
            yield _item(one, _owner(one, owners), prices)
    if not sight.knows("Service"):
        return  # whether their addresses are those of Services cannot be told
    for one in [*sight.of("Gateway"), *sight.of("Ingress")]:
        own = [each for each in addresses_of(one) if each not in known and not _inside(each)]
        if own:
            yield _item(one, _owner(one, owners), prices)


def addresses_of(one: Object) -> list[str]:
    """Addresses that it has been given."""
    status = one.get("status") or {}
    said: list[Mapping[str, Any]] = [
        *((status.get("loadBalancer") or {}).get("ingress") or []),
        *(status.get("addresses") or []),
    ]
    found = (each.get("ip") or each.get("hostname") or each.get("value") for each in said)
    return [str(each) for each in found if each]


def _inside(address: str) -> bool:
    return address.startswith("127.") or ".svc" in address


def _owner(one: Object, owners: Owners) -> Owner:
    return owners.refs.get(ref_of(one), NOBODY) if one["kind"] == "Service" else NOBODY


def _item(one: Object, owner: Owner, prices: Prices | None) -> Item:
    metadata = one["metadata"]
    price: Decimal | None = prices.load_balancer if prices else None
    why = "" if price is not None else unpriced("a load balancer", "loadBalancer") if prices else "no prices were given"
    name = f"{one['kind']} {metadata['namespace']}/{metadata['name']}"
    state = ", ".join(addresses_of(one))
    return Item(LOAD_BALANCER, name, owner, str(metadata["namespace"]), state=state, hourly=price, why=why)
