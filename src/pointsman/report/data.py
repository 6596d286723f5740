"""Data for programs: JSON, or YAML that reads back as the very same data.

YAML is made of what JSON says, so the two cannot differ: no type that one of them has and the other lacks, no aliases,
no tags. PyYAML writes it, which quotes what YAML 1.1 takes for something else (``on``, ``1:30``), as Kubernetes' own
readers do; ruamel.yaml, which keeps people's comments elsewhere, needs seconds for a thousand models. Nothing is
imported before YAML is asked for. Manifests are no data of ours: ``layers.stream`` writes them, a document each.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

__all__ = ["data_text", "write_data"]

_WHOLE = 1 << 30
"""Columns: no line of YAML is folded."""


def write_data(stream: TextIO, data: Any, output: str, *, indent: int | None = None) -> None:
    """Write data as ``json``, with so many columns of indentation or on one line, or as ``yaml``; let it be seen.

    Letters that the stream's encoding lacks are escaped.
    """
    encoding = (stream.encoding or "utf-8").lower().replace("-", "")
    stream.write(data_text(data, output, indent=indent, ascii_only=encoding != "utf8"))
    stream.flush()


def data_text(data: Any, output: str, *, indent: int | None = None, ascii_only: bool = True) -> str:
    """The same as text, with a line end. What JSON has no form for (a path, a time) is written as ``str`` has it."""
    text = json.dumps(data, default=str, indent=indent)
    return _yaml(json.loads(text), ascii_only) if output == "yaml" else text + "\n"


def _yaml(data: Any, ascii_only: bool) -> str:
    import yaml

    quick = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    how: dict[str, Any] = {"sort_keys": False, "width": _WHOLE, "allow_unicode": not ascii_only}
    try:
        text = yaml.dump(data, Dumper=quick, **how)
    except UnicodeEncodeError:  # half of a pair of surrogates, which a file's name may hold
        text = yaml.dump(data, Dumper=yaml.SafeDumper, **how | {"allow_unicode": False})
    return str(text)
