"""The programs that one lab runs: the control plane's, and Argo CD's where it has git."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.lab.gitops.toolset import ARGO_CD
from pointsman.lab.progress import Report, silent
from pointsman.lab.toolchain import Toolchain, ensure_toolchain

__all__ = ["Tools", "ensure_tools"]


@dataclass(frozen=True, slots=True)
class Tools:
    """Finished builds."""

    control_plane: Toolchain
    argo_cd: Toolchain | None = None

    @property
    def key(self) -> str:
        """What they were made of."""
        return self.control_plane.key + (self.argo_cd.key if self.argo_cd else "")


def ensure_tools(*, gitops: bool, report: Report = silent) -> Tools:
    """The builds, made now where they are missing."""
    return Tools(ensure_toolchain(report), ensure_toolchain(report, ARGO_CD) if gitops else None)
