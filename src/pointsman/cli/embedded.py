"""The way from the command line to the lab's code, whose packages a plain installation does not have."""

from __future__ import annotations

from types import ModuleType

from pointsman.errors import LabError

__all__ = ["control_plane"]


def control_plane() -> ModuleType:
    """``pointsman.lab.controlplane``, or a sentence where a package is missing."""
    try:
        from pointsman.lab import controlplane
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("pointsman"):
            raise
        raise LabError(
            f"the lab needs the Python package {missing.name!r}",
            next_action="pip install 'pointsman[lab]'",
            code="lab-extra-missing",
        ) from missing
    return controlplane
