"""A comparison of layers as data under stable names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pointsman.advice.noticing import Notice, notices_of
from pointsman.advice.rows import ROWS, Row
from pointsman.advice.side import Side, side_of
from pointsman.layers.registry import LAYERS
from pointsman.spec.model import Model

__all__ = ["compared"]


def compared(model: Model, layers: Sequence[str] = ()) -> dict[str, Any]:
    """All of it, of these layers or of every one; what tenants would notice is from the first (or the declared) one.

    Raises SpecError when manifests that people wrote cannot be read, UsageError for a layer that there is not.
    """
    sides = [side_of(model, one) for one in layers or [one.id for one in LAYERS]]
    source = sides[0] if layers else next(one for one in sides if one.id == model.spec.layer)
    return {
        "model": model.name,
        "from": source.id,
        "layers": [one.id for one in sides],
        "rows": [_row(row, sides) for row in ROWS],
        "notices": {one.id: [_notice(each) for each in notices_of(source, one)] for one in sides if one is not source},
        "unknown": [f"{one.engine}: {why}" for one in sides for why in one.engine.unknown],
    }


def _row(row: Row, sides: Sequence[Side]) -> dict[str, Any]:
    said = {one.id: row.of(one) for one in sides}
    return {"name": row.name, "differs": len(set(said.values())) > 1, "tenants": row.tenants, "values": said}


def _notice(one: Notice) -> dict[str, Any]:
    return {"what": one.what, "next": one.action or None, "check": one.check or None}
