"""What taking a layer away takes along, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.report.counting import count_of, records_among

__all__ = ["done_line", "ended_line", "look_lines", "progress_lines", "survey_lines"]


def look_lines(model: str, title: str, found: Mapping[str, Any]) -> list[str]:
    """What goes, what stays, and what bites."""
    lines = [f"{title} of model {model} goes:"]
    lines += [f"  - {name}" for name in found["objects"]] or ["  nothing of it is there"]
    state = "parked" if found["parked"] else f"{count_of(len(found['pods']), 'engine pod')}, drained first"
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


def survey_lines(title: str, found: Mapping[str, Any], context: str) -> list[str]:
    """What a teardown would take away: models with their layers, the platform, what stays, and what bites."""
    lines = [f"{title} goes:", f"  context: {context}"]
    for model in found["models"]:
        lines += _model_lines(model)
    lines += [f"  - {name}" for name in found["entrances"]]
    for one in found["platform"]:
        lines.append(f"  - {one['applicationSet']}, with what it made:")
        lines += [
            f"      Application {app['name']}, {count_of(len(app['objects']), 'object')}" for app in one["applications"]
        ]
    lines += [f"  - {name}" for name in found["projects"]]
    lines += [f"  - {name}, left over" for name in found["leftOvers"]]
    if found["records"]:
        lines.append(f"  - {records_among(found['records'])}, last of all")
    if found["aliases"]:
        running = "not known" if found["running"] is None else found["running"]
        lines.append(f"  tenants lose: {', '.join(found['aliases'])} (requests running now: {running})")
    money = "not known (spec.accelerator.pricePerHour)" if found["perHour"] is None else f"{found['perHour']} an hour"
    lines.append(f"  GPUs released: {found['gpus']}; stops: {money}")
    lines += [f"  stays: {one['name']} ({one['why']})" for one in found["stays"]]
    return [*lines, *_trap_lines(found["traps"])]


def _model_lines(model: Mapping[str, Any]) -> list[str]:
    lines = [f"  model {model['model']}:"]
    if model["aliases"]:
        lines.append(f"    alias {', '.join(model['aliases'])}: withdrawn first")
    for layer in model["layers"]:
        state = "parked" if layer["parked"] else f"{count_of(len(layer['pods']), 'engine pod')}, drained first"
        lines.append(f"    {layer['layer']}: {count_of(layer['gpus'], 'GPU')}, {state}")
        lines += [f"      - {name}" for name in layer["objects"]]
        lines += [
            f"      volume: {one['claim']}, {one['size']}: deleted with what is on it" for one in layer["volumes"]
        ]
        lines += [f"      Application {one['name']}, its objects are {one['objects']}" for one in layer["applications"]]
        lines += [f"    {line}" for line in _trap_lines(layer["traps"])]
    if not model["layers"]:
        lines.append("    nothing of it is there")
    return [*lines, *(f"  {line}" for line in _trap_lines(model["traps"]))]


def _trap_lines(traps: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        line
        for trap in traps
        for line in (f"  {'refused' if trap['stops'] else 'note'}: {trap['what']}", f"    {trap['remedy']}")
    ]


def progress_lines(progress: Any) -> list[str]:
    """An open teardown, as it is left."""
    found = progress.as_dict()
    steps = f"{found['done']} of {count_of(found['steps'], 'step')} done"
    lines = [
        f"{progress.title} is open: {steps}, next: {found['step'] or 'the end'}",
        f"  begun   {found['since']}",
        f"  last    {found['holder']}",
    ]
    if found["failure"]:
        lines.append(f"  stopped {found['failure']}")
    chosen = [name.replace("_", "-") for name, value in progress.plan.choices.items() if value is True]
    return [*lines, f"  chosen  {', '.join(f'--{name}' for name in chosen)}"] if chosen else lines


def ended_line(title: str, done: Mapping[str, Any]) -> str:
    """What was done."""
    kept = f"; kept: {', '.join(done['kept'])}" if done["kept"] else ""
    aliases = f"; withdrawn: {', '.join(done['aliases'])}" if done["aliases"] else ""
    gone = f"{count_of(len(done['gone']), 'object')}, {count_of(done['gpus'], 'GPU')} free again"
    return f"{title} is gone: {gone}{aliases}{kept}"
