"""A plan, for people: objects with their marks, fields that change, steps with checks and undos, what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.report.counting import count_of
from pointsman.report.text import took

__all__ = ["plan_lines", "short_lines", "summary_lines"]

_SAID = ("delivery", "edge-settings", "aliases", "owners", "edge-rolls", "others-reach", "engines", "evidence")
"""Checks that tell what a person has to know although they refuse nothing."""
_MARKS = {"make": "+", "change": "~", "wake": "^", "park": "v", "drain": "v", "leave": "="}


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """The whole plan."""
    needs, prediction = plan["needs"], plan["prediction"]
    lines = [f"{plan['model']}: {plan['source']} → {plan['target']}, {plan['strategy']}: {plan['why']}", "", "objects"]
    for one in plan["objects"]:
        note = f"  ({one['note']})" if one.get("note") else ""
        lines.append(f"  {_MARKS[one['action']]} {one['action']:<7} {one['object']}{note}")
        lines += [f"      {field['path']}: {field['before']!r} → {field['after']!r}" for field in one["changes"]]
    lines += ["", "steps"]
    times = {one["step"]: one for one in prediction["steps"]}
    width = max(12, *(len(step["id"]) + 1 for step in plan["steps"]))
    for step in plan["steps"]:
        time = times[step["id"]]
        lines.append(f"  {step['id']:<{width}}{took(time['seconds']):>9}  {step['act']}")
        lines += [f"{'':<{width + 13}}check: {step['check']}", f"{'':<{width + 13}}undo:  {step['undo']}"]
    lines += _shifting(plan.get("shifting") or {})
    lines += _checks(plan.get("checks") or {})
    lines += _findings(plan.get("findings") or ())
    lines += [
        "",
        f"takes         {took(prediction['seconds'])} (predicted)",
        f"no engine     {took(prediction['downtimeSeconds'])} (predicted: {prediction['downtimeSource']})",
    ]
    by_source: dict[str, list[str]] = {}
    for one in prediction["steps"]:
        by_source.setdefault(one["source"], []).append(one["step"])
    lines += [f"              {', '.join(steps)}: {source}" for source, steps in by_source.items()]
    gpus, cpu, memory = needs["gpus"], needs["cpuMillicores"], needs["memoryBytes"]
    lines += [
        f"accelerators  {gpus['needed']} needed, {gpus['free']} of {gpus['total']} free, "
        f"{gpus['pending']} waited for by other pods",
        f"CPU           {cpu['needed'] / 1000:g} cores needed, {cpu['free'] / 1000:g} free on all nodes together",
        f"memory        {memory['needed'] / 2**30:.3g} GiB needed, {memory['free'] / 2**30:.3g} free",
        f"price         {_price(plan['price'])}",
    ]
    return lines


def summary_lines(plan: Mapping[str, Any]) -> list[str]:
    """What whoever is asked has to know before the answer."""
    checks = plan.get("checks") or {}
    lines = [f"{plan['model']}: {plan['source']} → {plan['target']}, {plan['strategy']}: {plan['why']}"]
    lines += _part("takes", [f"{took(plan['prediction']['seconds'])} (predicted)"])
    lines += _part("tenants", [*_felt(plan), *_sentences(checks, "edge-rolls")])
    lines += _part("GPUs", [_gpus(plan)])
    lines += _part("price", [_price(plan["price"])])
    lines += _part("differs", _sentences(checks, "engines"))
    lines += _part("touched", _sentences(checks, "aliases", "others-reach", "owners"))
    given_up = (plan.get("shifting") or {}).get("givesUp") or ""
    return lines + _part("gives up", given_up.split("; ") if given_up else [])


def short_lines(plan: Mapping[str, Any]) -> list[str]:
    """The same for a person who agreed beforehand: a line, and what warns."""
    felt = "; ".join(_felt(plan))
    head = f"{plan['strategy']}, {took(plan['prediction']['seconds'])} predicted; {felt}; {_gpus(plan)}"
    warned = [
        part.removeprefix("warning: ")
        for part in _sentences(plan.get("checks") or {}, *_SAID)
        if part.startswith("warning: ")
    ]
    return [f"{head}; price {_price(plan['price'])}", *(f"warning: {part}" for part in warned)]


def _part(name: str, said: Sequence[str]) -> list[str]:
    return [f"  {name if not at else '':<14}{part}" for at, part in enumerate(said)]


def _sentences(checks: Mapping[str, str], *names: str) -> list[str]:
    return [part for name in names for part in checks.get(name, "").split("; ") if part]


def _felt(plan: Mapping[str, Any]) -> list[str]:
    """What tenants notice of it."""
    down, changes = plan["prediction"]["downtimeSeconds"], len((plan.get("shifting") or {}).get("changes") or [])
    rolls = f"the edge is rolled {count_of(changes, 'time')}"
    return [f"{took(down)} without any engine (predicted)" if down else "always an engine that serves", rolls]


def _gpus(plan: Mapping[str, Any]) -> str:
    gpus = plan["needs"]["gpus"]
    return (
        f"{count_of(gpus['needed'], 'GPU')} started ({gpus['free']} of {gpus['total']} free), "
        f"{count_of(plan['released'], 'GPU')} released"
    )


def _shifting(shifting: Mapping[str, Any]) -> list[str]:
    """Commits and their subjects where there are any, who has to agree, and what is given up."""
    lines = []
    if shifting.get("commitsTo"):
        count = len(shifting["changes"])
        lines = ["", f"commits       {count} to {shifting['commitsTo']}"]
        lines += [f"              {one['step']}: {one['subject']}" for one in shifting["changes"]]
        if shifting["reviewed"]:
            lines.append(
                f"reviews       {count}: the move waits until each is merged; one more takes it back, and tenants do "
                "not wait for that one"
            )
    if shifting.get("givesUp"):
        parts = shifting["givesUp"].split("; ")
        lines += ["", *(f"{'gives up' if not at else '':<14}{part}" for at, part in enumerate(parts))]
    return lines


def _checks(checks: Mapping[str, str]) -> list[str]:
    """A line for each sentence."""
    said = [(name, part) for name in _SAID if name in checks for part in checks[name].split("; ") if part]
    first = dict(reversed(said))
    return (
        ["", "checks", *(f"  {name if first[name] == part else '':<14}{part}" for name, part in said)] if said else []
    )


def _findings(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the catalogue of checks says of the target; an error would have refused the plan."""
    lines = ["", "findings"] if findings else []
    for one in findings:
        lines += [f"  {one['level']} {one['id']}: {one['what']}", f"              next: {one['next']}"]
    return lines


def _price(price: Mapping[str, Any]) -> str:
    """What is started and stopped, if anybody said what it costs."""
    starts, stops = price["startsPerHour"], price["stopsPerHour"]
    if starts is None or stops is None:
        return "unknown: spec.accelerator.pricePerHour is not set"
    both = took(price["bothSeconds"])
    return f"starts {starts}/h, stops {stops}/h; both for about {both}, which is {price['whileBoth']} extra"
