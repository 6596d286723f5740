"""Findings as JUnit XML, which continuous integration shows as failed tests; a clean run is one that passed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

__all__ = ["junit_of"]

_RANK = {"info": 0, "warning": 1, "error": 2, "never": 3}


def junit_of(said: Mapping[str, Any]) -> str:
    """One suite; what could not be checked is skipped, what broke is an error.

    A finding below the level that fails (``said["fail"]``) is a test that passed and says something.
    """
    failing = [one for one in said["findings"] if _RANK[one["level"]] >= _RANK[said["fail"]]]
    told = [one for one in said["findings"] if one not in failing]
    unread = [one for one in said["notRead"] if one.get("unread")]
    errors = len(said["broken"]) + len(unread)
    counts = {"failures": len(failing), "errors": errors, "skipped": len(said["notChecked"])}
    suite = ElementTree.Element("testsuite", name="pointsman", tests=str(max(sum(counts.values()) + len(told), 1)))
    for key, count in counts.items():
        suite.set(key, str(count))
    for one in failing:
        _case(suite, one, "failure", one["what"], _text(one), one["where"])
    for one in told:
        _case(suite, one, "system-out", "", _text(one), one["where"])
    for one in said["broken"]:
        _case(suite, one, "error", one["error"], one["error"])
    for one in unread:
        _case(suite, {"id": "pointsman", "name": "not read"}, "error", one["why"], one["why"], one["where"])
    for one in said["notChecked"]:
        _case(suite, one, "skipped", one["why"])
    if not (sum(counts.values()) or told):
        ElementTree.SubElement(suite, "testcase", classname="pointsman", name="no problems found")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _text(one: Mapping[str, Any]) -> str:
    return f"{one['where']}\n{one['what']}\nnext: {one['next']}"


def _case(suite: Any, one: Mapping[str, Any], kind: str, message: str, text: str = "", where: str = "") -> None:
    name = f"{one['name']} at {where}" if where else one["name"]
    case = ElementTree.SubElement(suite, "testcase", classname=one["id"], name=name)
    said = ElementTree.SubElement(case, kind, {"message": message} if message else {})
    said.text = text or None
