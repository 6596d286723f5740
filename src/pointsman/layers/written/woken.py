"""A KServe object as it is to be served, though git may have it parked."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pointsman.layers.contract import Manifest
from pointsman.layers.stop import ANNOTATION

__all__ = ["woken"]


def woken(manifest: Manifest, sizes: Mapping[str, Any]) -> Manifest:
    """A copy without the stop annotation, and with these sizes laid over it (a merge patch without removals)."""
    made = copy.deepcopy(manifest)
    annotations = made["metadata"].get("annotations")
    if annotations and ANNOTATION in annotations:
        del annotations[ANNOTATION]
        if not annotations:
            del made["metadata"]["annotations"]
    _lay(made, sizes)
    return made


def _lay(made: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping):
            _lay(made.setdefault(key, {}), value)
        else:
            made[key] = value
