"""Where the lab keeps things: state (what a lab is) and cache (what can be made again).

State lives under ``$POINTSMAN_STATE``, cache under ``$POINTSMAN_CACHE``; both default to the user's own
directories, so that nothing needs root and nothing is written to a place that is shared with other tools.
"""

from __future__ import annotations

import os
from pathlib import Path

from pointsman.errors import LabError

__all__ = ["cache_root", "lab_home", "lab_names", "state_root"]


def state_root() -> Path:
    """The directory that holds every lab of this user."""
    named = os.environ.get("POINTSMAN_STATE", "")
    return Path(named).expanduser().absolute() if named else _user_directory("user_state_path")


def cache_root() -> Path:
    """The directory for what can be made again: the toolchain and the snapshots."""
    named = os.environ.get("POINTSMAN_CACHE", "")
    return Path(named).expanduser().absolute() if named else _user_directory("user_cache_path")


def lab_home(name: str) -> Path:
    """The directory of the lab called ``name``, whether it exists or not."""
    return state_root() / "labs" / name


def lab_names() -> list[str]:
    """The labs that have state on this machine, sorted."""
    return sorted(path.parent.name for path in (state_root() / "labs").glob("*/lab.json"))


def _user_directory(kind: str) -> Path:
    try:
        import platformdirs
    except ImportError as missing:
        raise LabError(
            "the lab's Python packages are not installed",
            next_action="pip install 'pointsman[lab]'",
            code="lab-extra-missing",
        ) from missing
    path: Path = getattr(platformdirs, kind)("pointsman")
    return path
