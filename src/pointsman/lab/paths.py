"""Where the lab keeps things: state (what a lab is) and cache (what can be made again).

State lives under ``$POINTSMAN_STATE``, cache under ``$POINTSMAN_CACHE``; both default to the user's own
directories, so that nothing needs root and nothing is written to a place that is shared with other tools.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pointsman.errors import LabError

__all__ = ["NOBODY_ELSE", "cache_root", "lab_home", "lab_names", "private", "state_root"]

NOBODY_ELSE = 0o077
"""What a process that writes below a lab's home takes for its umask: keys, tokens and journals lie there."""


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


@contextmanager
def private(home: Path) -> Iterator[None]:
    """The lab's home is there, and its owner's alone, whoever made it; so is what is written while the block runs."""
    before = os.umask(NOBODY_ELSE)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.chmod(0o700)
        yield
    finally:
        os.umask(before)


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
