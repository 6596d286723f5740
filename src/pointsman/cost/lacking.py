"""What sums leave out: kinds that could not be listed to the end, and which sums things of these kinds belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.cost.sight import Sight
from pointsman.cost.wanted import Wanted

__all__ = ["COMPLETE", "Lacking", "lacking"]

_SUMS: Mapping[str, frozenset[str]] = {
    "Pod": frozenset({"paid", "reserved", "used", "idle"}),
    "Node": frozenset({"paid", "idle"}),
    "PersistentVolumeClaim": frozenset({"paid", "volumes"}),
    "PersistentVolume": frozenset({"paid", "volumes"}),
    "Service": frozenset({"paid", "loadBalancers"}),
    "Gateway": frozenset({"paid", "loadBalancers"}),
    "Ingress": frozenset({"paid", "loadBalancers"}),
    "Model": frozenset({"paid", "reserved", "used", "idle", "volumes", "loadBalancers"}),
}
"""The money that a thing of this kind may be a part of."""
_NOBODYS: Mapping[str, frozenset[str]] = {
    "Node": frozenset({"model", "layer", "namespace"}),
    "PersistentVolumeClaim": frozenset({"node"}),
    "PersistentVolume": frozenset({"model", "layer", "node"}),
    "Service": frozenset({"node"}),
    "Gateway": frozenset({"model", "layer", "node"}),
    "Ingress": frozenset({"model", "layer", "node"}),
    "Model": frozenset({"namespace", "node"}),
}
"""By what it belongs to none, so that only the row of none leaves it out. Nobody knows what is a model's without the
records of models, and only a row of one is too small then."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """Kinds that were not seen to the end."""

    kinds: frozenset[str] = frozenset()
    whole: bool = True
    """Is it about everything in the cluster?"""

    def within(self, by: str, name: str) -> Lacking:
        """Those that leave something out of one row; of the row of none when ``name`` is empty."""
        if not name:
            return self
        return Lacking(frozenset(one for one in self.kinds if by not in _NOBODYS.get(one, ())), whole=False)

    @property
    def told(self) -> list[str]:
        """Those that leave something out; whose a thing is does not change the sum of all."""
        return sorted(one for one in self.kinds if one != "Model" or not self.whole)

    def of(self, key: str) -> bool:
        """Do they leave something out of this sum?"""
        return any(key in _SUMS[one] for one in self.told)


COMPLETE = Lacking()


def lacking(sight: Sight, wanted: Wanted) -> Lacking:
    """What the sum of everything that is asked for leaves out. One odd object of a kind counts, too."""
    made = Lacking(frozenset(one.split()[0] for one in sight.unseen) & _SUMS.keys())
    for by, name in (("model", wanted.model or wanted.alias), ("layer", wanted.layer), ("namespace", wanted.namespace)):
        made = made.within(by, name)
    return made
