"""Findings as JUnit XML, which continuous integration shows as failed tests; a clean run is one that passed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

__all__ = ["junit_of"]


def junit_of(said: Mapping[str, Any]) -> str:
    """One suite; what could not be checked is skipped, what broke is an error."""
    counts = {"failures": len(said["findings"]), "errors": len(said["broken"]), "skipped": len(said["notChecked"])}
    suite = ElementTree.Element("testsuite", name="pointsman", tests=str(max(sum(counts.values()), 1)))
    for key, count in counts.items():
        suite.set(key, str(count))
    for one in said["findings"]:
        _case(suite, one, "failure", one["what"], f"{one['where']}\n{one['what']}\nnext: {one['next']}", one["where"])
    for one in said["broken"]:
        _case(suite, one, "error", one["error"], one["error"])
    for one in said["notChecked"]:
        _case(suite, one, "skipped", one["why"])
    if not sum(counts.values()):
        ElementTree.SubElement(suite, "testcase", classname="pointsman", name="no problems found")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _case(suite: Any, one: Mapping[str, Any], kind: str, message: str, text: str = "", where: str = "") -> None:
    name = f"{one['name']} at {where}" if where else one["name"]
    case = ElementTree.SubElement(suite, "testcase", classname=one["id"], name=name)
    said = ElementTree.SubElement(case, kind, message=message)
    said.text = text or None
