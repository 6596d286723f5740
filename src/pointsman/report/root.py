"""What applying a profile would do, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.report.counting import count_of

__all__ = ["alias_line", "generated_lines", "loss_lines", "survey_lines"]


def generated_lines(found: Mapping[str, Any]) -> list[str]:
    """What is applied, and what each ApplicationSet makes of the groups file."""
    lines = [f"profile {found['profile']} of {found['env']}"]
    lines += [f"  apply    {name}" for name in found["apply"]]
    for one in found["sets"]:
        names = ", ".join(one["applications"]) or "no Application"
        lines.append(f"  {one['name']} makes {names}")
    places = " and ".join(dict.fromkeys(one["reads"] for one in found["sets"]))
    return [*lines, f"  they read {places}, and act on what is pushed there; compared is the file on disk"]


def survey_lines(found: Mapping[str, Any]) -> list[str]:
    """What would appear and vanish."""
    lines = [f"  + {one['name']}  ({one['by']})" for one in found["appear"]]
    for one in found["vanish"]:
        lines += loss_lines(one)
    lines += [alias_line(one) for one in found["aliases"]]
    lines += [f"  note: {one}" for one in found["notes"]]
    head = f"{count_of(len(found['appear']), 'Application')} would appear, {len(found['vanish'])} vanish"
    return [head, *lines]


def alias_line(losing: Mapping[str, Any]) -> str:
    """One alias that would lose what answers it."""
    return (
        f"  ! alias {losing['alias']} points at {losing['layer']} of model {losing['model']} ({losing['known']}): "
        f"{losing['object']} goes with {losing['application']}"
    )


def loss_lines(loss: Mapping[str, Any]) -> list[str]:
    """One Application that vanishes."""
    lines = [f"  - {loss['name']}  ({loss['why']})"]
    count = count_of(loss["count"], "object")
    if loss["objects"] == "deleted":
        lines.append(f"      deleted with it: {count}, volumes too")
    else:
        lines.append(f"      no finalizer, so left running and costing what they cost: {count}")
    lines += [f"      GPUs: {one['gpus']} of {one['name']}" for one in loss["gpuWorkloads"]]
    lines += [f"      volume: {one['claim']}, {one['size']}" for one in loss["volumes"]]
    lines += [f"      not known: {one}" for one in loss["unknown"]]
    return [*lines, *(f"      stays: {one}" for one in loss["stay"])]
