"""What taking a layer away takes along, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["done_line", "look_lines"]


def look_lines(model: str, title: str, found: Mapping[str, Any]) -> list[str]:
    """What goes, what stays, and what bites."""
    lines = [f"{title} of model {model} goes:"]
    lines += [f"  - {name}" for name in found["objects"]] or ["  nothing of it is there"]
    state = "parked" if found["parked"] else f"{len(found['pods'])} engine pods, drained first"
    lines.append(f"  GPUs: {found['gpus']} ({state})")
    lines += [f"  volume: {one['claim']}, {one['size']}: deleted with what is on it" for one in found["volumes"]]
    lines += [f"  stays: {name}" for name in found["kept"]]
    for app in found["applications"]:
        made = f", made by {app['madeBy']}" if app["madeBy"] else ""
        lines.append(f"  Application {app['name']}{made}: its objects are {app['objects']} when it goes")
    for trap in found["traps"]:
        lines += [f"  {'refused' if trap['stops'] else 'note'}: {trap['what']}", f"    {trap['remedy']}"]
    return lines


def done_line(found: Mapping[str, Any]) -> str:
    """What was done."""
    kept = f"; kept: {', '.join(found['kept'])}" if found["kept"] else ""
    if not found["objects"] and not found["applications"]:
        return f"nothing of {found['layer']} of model {found['model']} is left{kept}"
    gone = ", ".join([*(f"Application {one}" for one in found["applications"]), *found["objects"]])
    return f"{found['layer']} of model {found['model']} is gone: {gone}{kept}"
