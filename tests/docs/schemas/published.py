"""Every schema by the name of its file; ``python -m tests.docs.schemas.published`` writes docs/schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.docs.schemas import advised, checked, paid, served

__all__ = ["FOLDER", "SCHEMAS", "data_text"]

FOLDER = Path(__file__).parents[3] / "docs/schemas"
SCHEMAS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "error": ("What went wrong", served.ERROR),
    "status": ("Models and what serves them", served.STATUS),
    "history": ("Moves there were", served.HISTORY),
    "cost": ("What is reserved, used and idle", paid.COST),
    "audit": ("What is paid for and nobody uses", paid.AUDIT),
    "doctor": ("What checks find in a cluster", checked.DOCTOR),
    "lint": ("What checks find in files", checked.LINT),
    "checks": ("The checks there are", checked.CHECKS),
    "explain": ("What a code or an id means", checked.EXPLAIN),
    "pick": ("Which layer suits a model", advised.PICK),
    "compare": ("What differs between layers", advised.COMPARE),
    "parking": ("A layer that was parked, or woken: down, up --layer", served.PARKING),
    "rights": ("Which rights are missing", served.RIGHTS),
    "features": ("Features of a platform", served.FEATURES),
    "resolve": ("The groups file", served.RESOLVE),
}


def data_text(name: str) -> str:
    """The file."""
    title, schema = SCHEMAS[name]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://pointsman.dev/schemas/{name}.schema.json",
        "title": title,
    }
    return json.dumps(head | dict(schema), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in SCHEMAS:
        (FOLDER / f"{each}.schema.json").write_text(data_text(each), "utf-8")
