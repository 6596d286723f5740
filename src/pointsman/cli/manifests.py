"""How the commands that make manifests print them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from pointsman.cli.words import Output

__all__ = ["Output", "print_manifests"]


def print_manifests(manifests: Sequence[dict[str, Any]], output: Output) -> None:
    """On standard output, as YAML or as one JSON List; with an ASCII terminal other letters are escaped."""
    if output is Output.json:
        from pointsman.report.data import write_data

        write_data(sys.stdout, {"apiVersion": "v1", "kind": "List", "items": manifests}, output, indent=2)
        return
    from pointsman.layers.stream import yaml_stream

    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    sys.stdout.write(yaml_stream(manifests, ascii_only=encoding != "utf8"))
