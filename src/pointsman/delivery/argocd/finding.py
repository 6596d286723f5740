"""What became of one Application, and what is worth knowing about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.delivery.workloads import Workload
from pointsman.errors import PointsmanError

__all__ = ["Note", "Result"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that stops nothing: what, and what can be done about it, under a stable code."""

    code: str
    what: str
    next_action: str

    def as_dict(self) -> dict[str, str]:
        """The fields under stable names."""
        return {"code": self.code, "what": self.what, "next": self.next_action}


@dataclass
class Result:
    """One Application at the end."""

    name: str
    """``namespace/name``."""
    state: str
    """``synced``, ``ready``, ``manual`` (not waited for), ``refused`` (nothing was asked), ``failed``."""
    revisions: Sequence[str] = ()
    """What is applied, of each source."""
    operation: str = ""
    """The id of our operation; empty when there is none."""
    error: PointsmanError | None = None
    notes: Sequence[Note] = ()
    workloads: Sequence[Workload] = ()
    failed: Sequence[dict[str, str]] = field(default_factory=list)
    """Resources that could not be applied, with Argo CD's words."""

    @property
    def good(self) -> bool:
        """Is it as it should be?"""
        return self.error is None

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names, for ``--output json``."""
        shown: dict[str, Any] = {"application": self.name, "state": self.state, "revisions": list(self.revisions)}
        if self.operation:
            shown["operation"] = self.operation
        shown["workloads"] = [one.as_dict() for one in self.workloads]
        shown["notes"] = [one.as_dict() for one in self.notes]
        if self.failed:
            shown["failedResources"] = list(self.failed)
        if self.error is not None:
            shown["error"] = self.error.as_dict()
        return shown
