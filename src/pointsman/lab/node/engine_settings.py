"""The simulator's settings of each pod, from ConfigMap ``lab-engine`` of its namespace, kept live.

Keys of the ConfigMap are prefixes of pod names; the longest that fits wins, ``default`` is for all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["CONFIG_MAP", "write_settings"]

CONFIG_MAP = "lab-engine"


def write_settings(path: Path, pod: str, data: Mapping[str, bytes]) -> None:
    """Write the settings file of one pod, or take it away; a file whose text stays keeps its time."""
    fitting = [key for key in data if pod.startswith(key)]
    chosen = max(fitting, key=len) if fitting else "default"
    text = data.get(chosen)
    if text is None:
        path.unlink(missing_ok=True)
        return
    if path.exists() and path.read_bytes() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_bytes(text)
    draft.replace(path)
