"""Objects and their owners as people have them, and what becomes of a change: a table of YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pointsman.kube.resources import ref_of
from pointsman.owners.argo import Settings
from pointsman.owners.argo_settings import settings_in
from pointsman.owners.contract import Change
from pointsman.owners.fields import as_pointer, pointer_path
from pointsman.owners.judge import Known, judge
from pointsman.owners.marks import Name

CASES: list[dict[str, Any]] = [
    case for file in sorted((Path(__file__).parent / "cases").glob("*.yaml")) for case in YAML(typ="safe").load(file)
]


def by_name(found: list[dict[str, Any]]) -> dict[Name, dict[str, Any]]:
    return {Name(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in found}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_becomes_of_a_change(case: dict[str, Any]) -> None:
    fields = {pointer_path(pointer): value for pointer, value in case["change"].items()}
    known = Known(
        applications=tuple(case.get("applications") or ()),
        settings=settings_in({"data": case["settings"]}) if "settings" in case else Settings(),
        kustomizations=by_name(case.get("kustomizations") or []),
        releases=by_name(case.get("releases") or []),
        hpas=tuple(case.get("hpas") or ()),
        scaled_objects=tuple(case.get("scaledObjects") or ()),
        unread=case.get("unread") or {},
    )
    verdicts = judge([Change(ref_of(case["object"]), case["object"], fields)], known, "pointsman")
    found = [(as_pointer(path), one.outcome.value) for one in verdicts for path in one.fields]
    assert sorted(found) == sorted(case["expect"].items())
    said = "; ".join(one.sentence for one in verdicts)
    assert case.get("says", "") in said
