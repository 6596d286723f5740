"""Every schema by the name of its file, and which one each command's output has.

``python -m tests.docs.schemas.published`` writes docs/schemas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.docs.schemas import advised, checked, embedded, moved, paid, served, taken, written

__all__ = ["FOLDER", "OUTPUTS", "RECEIPT", "SCHEMAS", "data_text", "schema_of", "table"]

FOLDER = Path(__file__).parents[3] / "docs/schemas"
RECEIPT = "receipt"
"""The one schema that is written by hand."""
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
    "parking-preview": ("A layer that would be parked, or woken", served.PARKING_PREVIEW),
    "plan": ("What a move would do", moved.PLAN),
    "up": ("A model that was brought up", moved.UP),
    "demo": ("What the demo did, and what its tenants felt", moved.DEMO),
    "teardown": ("A teardown at its end", taken.TEARDOWN),
    "teardown-preview": ("What a teardown would take away", taken.TEARDOWN_PREVIEW),
    "teardown-layer": ("A layer of a model that was taken away", taken.TEARDOWN_LAYER),
    "teardown-layer-preview": ("What would go with a layer of a model", taken.TEARDOWN_LAYER_PREVIEW),
    "rights": ("Which rights are missing", served.RIGHTS),
    "features": ("Features of a platform", served.FEATURES),
    "resolve": ("The groups file", served.RESOLVE),
    "feature": ("A feature that was turned on or off", written.FEATURE),
    "proposal": ("A change of the platform as a commit", written.PROPOSAL),
    "init": ("A platform repository that was written", written.INIT),
    "adopt": ("What a platform repository of others has", written.ADOPT),
    "root": ("A profile that was applied", written.ROOT),
    "root-preview": ("What a profile would change", written.ROOT_PREVIEW),
    "applications": ("What became of Applications of Argo CD", written.APPLICATIONS),
    "manifests": ("Manifests", written.MANIFESTS),
    "lab": ("The embedded cluster", embedded.LAB),
    "lab-down": ("The embedded cluster, once it is stopped", embedded.LAB_DOWN),
    "lab-protect": ("Who refuses pushes in the embedded cluster", embedded.LAB_PROTECT),
}
_WAYS = ("--commit", "--push", "--pull-request")
_SAME = (
    "pick",
    "compare",
    "status",
    "history",
    "receipt",
    "cost",
    "audit",
    "lint",
    "doctor",
    "explain",
    "init",
    "adopt",
)
OUTPUTS: Mapping[str, str] = {
    **{name: name for name in _SAME},
    **dict.fromkeys(("lint --list", "doctor --list"), "checks"),
    **dict.fromkeys(("move", "apply", "resume", "rollback", "abort", "pause", "unpause", "promote"), RECEIPT),
    **dict.fromkeys(("plan", "move --dry-run"), "plan"),
    "up": "up",
    **dict.fromkeys(("down", "up --layer"), "parking"),
    **dict.fromkeys(("down --dry-run", "up --layer --dry-run"), "parking-preview"),
    "teardown": "teardown",
    "teardown --dry-run": "teardown-preview",
    "teardown --layer": "teardown-layer",
    "teardown --layer --dry-run": "teardown-layer-preview",
    **dict.fromkeys(("render", "rights"), "manifests"),
    "rights --check": "rights",
    **dict.fromkeys(("features", "features list"), "features"),
    **dict.fromkeys(("features enable", "features disable"), "feature"),
    **{f"{what} {way}": "proposal" for what in ("features enable", "features disable", "resolve") for way in _WAYS},
    "resolve": "resolve",
    "root": "root",
    "root --dry-run": "root-preview",
    **dict.fromkeys(("sync", "wait"), "applications"),
    "demo": "demo",
    **dict.fromkeys(("lab up", "lab status"), "lab"),
    "lab down": "lab-down",
    "lab protect": "lab-protect",
}
"""Schemas by the command, with what is said on its line to get another one. An error has its own everywhere."""


def schema_of(words: Sequence[str]) -> str:
    """The schema of what this command line prints as JSON; raises KeyError for one that has none."""
    fitting = [one for one in OUTPUTS if one.split()[0] == words[0] and set(one.split()) <= set(words)]
    return OUTPUTS[max(fitting, key=lambda one: len(one.split()), default=words[0])]


def table() -> str:
    """The schemas with the commands whose output has them, for docs/output.md."""
    commands: dict[str, list[str]] = {}
    for command, name in OUTPUTS.items():
        commands.setdefault(name, []).append(command)
    rows = [f"| [{name}](schemas/{name}.schema.json) | {_joined(some)} |" for name, some in commands.items()]
    return "\n".join(["| Schema | Printed by |", "|---|---|", *rows]) + "\n"


def _joined(commands: Sequence[str]) -> str:
    return ", ".join(f"`{one}`" for one in commands)


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
