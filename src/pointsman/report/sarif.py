"""Findings as SARIF 2.1.0, which code hosts show beside the lines (OASIS, 27 March 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pointsman import __version__

__all__ = ["sarif_of"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """A log of one run; a clean run has an empty list of results, not none."""
    findings = [*said["findings"], *said["ignored"]]
    rules = {one["id"]: _rule(one) for one in findings}
    driver = {"name": "pointsman", "version": __version__, "rules": [rules[key] for key in sorted(rules)]}
    notices = [_notice(one["id"], one["error"], "error") for one in said["broken"]]
    notices += [_notice(one["id"], one["why"], "warning") for one in said["notChecked"]]
    unread = [one for one in said["notRead"] if one.get("unread")]
    notices += [_unread(one) for one in unread]
    run = {
        "tool": {"driver": driver},
        "results": [_result(one) for one in findings],
        "invocations": [
            {"executionSuccessful": not said["broken"] and not unread, "toolExecutionNotifications": notices}
        ],
        "columnKind": "unicodeCodePoints",
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": one["id"],
        "name": one["name"],
        "shortDescription": {"text": one["cause"]},
        "help": {"text": one["next"]},
        "defaultConfiguration": {"level": _LEVELS[one["level"]]},
    }


def _result(one: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": one["id"],
        "level": _LEVELS[one["level"]],
        "message": {"text": f"{one['what']}; {one['next']}"},
    }
    if one["where"]:
        made["locations"] = [_location(one["where"])]
    if one["ignored"]:
        made["suppressions"] = [{"kind": "inSource", "justification": one["ignored"]}]
    return made


def _location(where: str) -> dict[str, Any]:
    """A line of a file, or a file; an object of a cluster, which has a space in its name, is none."""
    path, _, line = where.rpartition(":")
    if path and line.isdigit():
        region = {"startLine": max(int(line), 1)}
        return {"physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": region}}
    if " " in where:
        return {"logicalLocations": [{"fullyQualifiedName": where}]}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(where)}}}


def _uri(path: str) -> str:
    """A reference relative to the repository; other letters and signs in it are encoded (RFC 3986)."""
    return quote(path, safe="/!$&'()*+,;=@")


def _unread(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": {"text": f"not read: {one['why']}"}, "level": "error", "locations": [_location(one["where"])]}


def _notice(check: str, text: str, level: str) -> dict[str, Any]:
    return {"descriptor": {"id": check}, "message": {"text": text}, "level": level}
