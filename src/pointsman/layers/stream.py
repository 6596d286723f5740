"""Manifests as a YAML stream that is the same, byte for byte, for the same manifests.

Keys stay in the order the layer wrote them, mappings and lists are in block style, lines are never folded. Kubernetes
reads YAML 1.1, where ``on`` and ``1:30`` are not text, so such text is quoted although YAML 1.2 would not need it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from pointsman.layers.contract import Manifest

__all__ = ["yaml_stream"]

_WORDS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|~|")
_NUMBERS = re.compile(r"[-+.]?[0-9][-+.0-9_:a-fA-FxXoT]*(\s.*)?|[-+]?\.(?i:inf|nan)")


class _Representer(RoundTripRepresenter):
    """Quotes what YAML 1.1 would take for something else."""


def _text(representer: Any, value: str) -> ScalarNode:
    ambiguous = _WORDS.fullmatch(value) or _NUMBERS.fullmatch(value)
    node: ScalarNode = representer.represent_scalar("tag:yaml.org,2002:str", value, style='"' if ambiguous else None)
    return node


_Representer.add_representer(str, _text)


def yaml_stream(manifests: Sequence[Manifest], *, ascii_only: bool = False) -> str:
    """All manifests, each after a ``---`` line; with ``ascii_only`` other letters are escaped, as YAML itself does."""
    yaml = YAML()
    yaml.allow_unicode = not ascii_only
    yaml.Representer = _Representer
    yaml.width = 1 << 20
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.explicit_start = True
    text = StringIO()
    yaml.representer.ignore_aliases = lambda _: True
    yaml.dump_all([dict(each) for each in manifests], text)
    return text.getvalue()
