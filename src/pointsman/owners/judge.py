"""All owners of what is about to change, from what was read of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pointsman.owners import argo, autoscalers, flux, makers
from pointsman.owners.contract import Change, Object, Verdict
from pointsman.owners.marks import Name

__all__ = ["Known", "judge"]


@dataclass(frozen=True, slots=True)
class Known:
    """What was read. A kind that could not be read is in ``unread``, with the reason."""

    applications: tuple[Object, ...] = ()
    settings: argo.Settings = field(default_factory=argo.Settings)
    kustomizations: Mapping[Name, Object] = field(default_factory=dict)
    releases: Mapping[Name, Object] = field(default_factory=dict)
    hpas: tuple[Object, ...] = ()
    scaled_objects: tuple[Object, ...] = ()
    absent: tuple[str, ...] = ()
    """Kinds that the cluster does not serve."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """By kind: why it could not be read."""


def judge(changes: Iterable[Change], known: Known, manager: str) -> list[Verdict]:
    """What every owner makes of changes by field manager ``manager``, object by object."""
    return [verdict for change in changes for verdict in _of_one(change, known, manager)]


def _of_one(change: Change, known: Known, manager: str) -> list[Verdict]:
    why = known.unread.get
    return [
        *argo.judge(change, known.applications, known.settings, manager, why("Application", "")),
        *flux.judge_kustomization(change, known.kustomizations, why("Kustomization", "")),
        *flux.judge_release(change, known.releases, why("HelmRelease", "")),
        *makers.judge_release_by_hand(change),
        *makers.judge_controller(change),
        *(autoscalers.judge_hpa(change, one) for one in autoscalers.scaling(change, known.hpas)),
        *(autoscalers.judge_scaled_object(change, one) for one in autoscalers.scaling(change, known.scaled_objects)),
    ]
