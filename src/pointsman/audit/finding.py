"""One thing that is paid for or left behind, and all that one look found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pointsman.cost.items import Item
from pointsman.cost.models import Owner, Owners
from pointsman.cost.sight import Sight
from pointsman.cost.sums import Sum, total
from pointsman.kube.resources import Ref, ref_of
from pointsman.move.boundary import Object
from pointsman.owners.marks import controller_of, helm_release, labels, notes

__all__ = ["KINDS", "Finding", "Ground", "kept_by", "kubectl", "place_of"]

Place = tuple[str, str]

KINDS = (
    "teardown",
    "stuck",
    "move",
    "layer",
    "left-over",
    "volume",
    "released-volume",
    "load-balancer",
    "gateway",
    "gpu-node",
    "application",
)
"""What a finding may be of, in the order in which an object that is found twice counts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One."""

    kind: str
    """One of ``KINDS``."""
    name: str
    """The object: ``PersistentVolumeClaim serving/old``."""
    owner: str
    """Whose it is, as far as it says; ``nobody``."""
    what: str
    """Why it is here: lowercase, no full stop."""
    end: str
    """The one command that ends it."""
    note: str = ""
    """What to know before that."""
    money: Sum | None = None
    """An hour; None where it is no thing that has a price."""
    why: str = ""
    """Why the money is not known."""

    @property
    def namespace(self) -> str:
        """Where the object is; empty where it is in none."""
        space, slash, _ = self.name.rpartition(" ")[2].partition("/")
        return space if slash else ""

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "kind": self.kind,
            "name": self.name,
            "owner": self.owner,
            "what": self.what,
            "money": None if self.money is None else self.money.as_dict(),
            "moneyNotKnown": self.why or None,
            "end": self.end,
            "note": self.note or None,
        }


@dataclass(slots=True)
class Ground:
    """What all looks stand on."""

    sight: Sight
    owners: Owners
    items: Mapping[str, Item]
    """What has a price, by its object's name."""
    now: datetime
    recorded: frozenset[str] = frozenset()
    """Models that the cluster knows; of the others that are known only a file says that they are to be."""
    unseen: dict[str, str] = field(default_factory=dict)
    """What could not be judged, and why."""
    _pods: dict[tuple[str, str, str], list[Object]] | None = None
    """By namespace, label and value."""
    leaving: set[str] = field(default_factory=set)
    """Models that an open teardown takes away."""
    of_kserve: str = ""
    """KServe's own Gateway, by namespace and name."""

    def needs(self, what: str, kinds: Sequence[str]) -> bool:
        """May this be judged? Where a list is missing it is told instead."""
        missing = [one for one in kinds if not self.sight.knows(one)]
        if missing:
            self.unseen[what] = f"{', '.join(missing)} could not be listed"
        return not missing

    def pods_with(self, namespace: str, wanted: Mapping[str, str]) -> Iterator[Object]:
        """Pods with all of these labels, looked for among those of the rarest one."""
        if self._pods is None:
            self._pods = {}
            for pod in self.sight.of("Pod"):
                for pair in labels(pod).items():
                    self._pods.setdefault((place_of(pod)[0], *pair), []).append(pod)
        some = [self._pods.get((namespace, *pair), []) for pair in wanted.items()]
        few = min(some, key=len, default=[])
        return (pod for pod in few if wanted.items() <= labels(pod).items())

    def held(self, places: Mapping[Place, Owner]) -> set[Place]:
        """Those of models that the cluster knows: what only a file declares needs nothing until it is brought up."""
        return {place for place, owner in places.items() if owner.model in self.recorded}

    def money(self, *names: str) -> tuple[Sum | None, str]:
        """What these cost together, and why that is not known."""
        found = [self.items[name] for name in names if name in self.items]
        if not found:
            return None, ""
        return total(one.hourly for one in found), next((one.why for one in found if one.why), "")


def place_of(one: Object) -> Place:
    """Namespace and name."""
    return str(one["metadata"].get("namespace") or ""), str(one["metadata"]["name"])


def kept_by(one: Object) -> str:
    """Who keeps an object, as far as it says."""
    if controller := controller_of(one):
        return f"{controller.get('kind')} {controller.get('name')}"
    if tracking := notes(one).get("argocd.argoproj.io/tracking-id", ""):
        return f"Application {tracking.partition(':')[0]}"
    if release := helm_release(one):
        return f"Helm release {release}"
    namespace = place_of(one)[0]
    return f"nobody it names, in namespace {namespace}" if namespace else "nobody it names"


def kubectl(verb: str, one: Object | Ref, rest: str = "") -> str:
    """A command about one object."""
    ref = one if isinstance(one, Ref) else ref_of(one)
    space = f" -n {ref.namespace}" if ref.namespace else ""
    return f"kubectl{space} {verb} {ref.kind.name.lower()} {ref.name}{f' {rest}' if rest else ''}"
