"""Argo CD's Applications as checks look at them: those that are written, and the template that a set makes them of.

What one deploys is known from its folder, where files are read, and from its status in a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place
from pointsman.checks.check import Source
from pointsman.checks.view import View, get, listed

__all__ = ["APPLICATIONS", "App", "applications"]

APPLICATIONS = frozenset({"Application", "ApplicationSet"})
_API = "argoproj.io/"


@dataclass(frozen=True, slots=True)
class App:
    """One Application, or the template of a set."""

    standing: Standing
    at: Place
    """Where in the object it stands: nowhere, or ``spec.template``."""

    @property
    def data(self) -> Mapping[str, Any]:
        """``metadata`` and ``spec``."""
        found = get(self.standing.data, *self.at)
        return found if isinstance(found, Mapping) else {}

    def get(self, *place: str | int) -> Any:
        """What stands there."""
        return get(self.data, *place)

    def place(self, *place: str | int) -> Place:
        """The same place, in the object."""
        return (*self.at, *place)

    @property
    def options(self) -> set[str]:
        """Its ``syncOptions``."""
        found = self.get("spec", "syncPolicy", "syncOptions")
        return {str(one).replace(" ", "") for one in found} if isinstance(found, list) else set()

    @property
    def automated(self) -> bool:
        """Does Argo CD sync it by itself?"""
        found = self.get("spec", "syncPolicy", "automated")
        return isinstance(found, Mapping) and found.get("enabled") is not False

    def sources(self) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        """Each source with its place in the object."""
        several = listed(self.data, "spec", "sources")
        for number, one in enumerate(several):
            yield self.place("spec", "sources", number), one
        source = self.get("spec", "source")
        if not several and isinstance(source, Mapping):
            yield self.place("spec", "source"), source

    def deploys(self, standing: Standing) -> bool:
        """Does it bring this object?"""
        origin = standing.origin.application
        if origin is not None:
            return origin.where == self.standing.where
        return any(
            (one.get("kind"), str(one.get("namespace") or ""), one.get("name"))
            == (standing.kind, standing.namespace, standing.name)
            for one in listed(self.standing.data, "status", "resources")
        )


def applications(view: View) -> Iterator[App]:
    """Every one; templates of sets in files alone, since in a cluster their Applications are there."""
    for one in view.of(*APPLICATIONS):
        if not str(one.data.get("apiVersion") or "").startswith(_API):
            continue
        if one.kind == "Application":
            yield App(one, ())
        elif view.source is Source.files:
            yield App(one, ("spec", "template"))
