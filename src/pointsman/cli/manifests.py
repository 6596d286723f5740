"""How the commands that make manifests print them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

__all__ = ["Output", "print_manifests"]


class Output(StrEnum):
    """How manifests are written."""

    yaml = "yaml"
    json = "json"
    text = "text"


def print_manifests(manifests: Sequence[dict[str, Any]], output: Output) -> None:
    """On standard output, as YAML or as one JSON List; with an ASCII terminal other letters are escaped."""
    if output is Output.json:
        sys.stdout.write(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}, indent=2) + "\n")
        return
    from pointsman.layers.stream import yaml_stream

    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    sys.stdout.write(yaml_stream(manifests, ascii_only=encoding != "utf8"))
