"""Pods for the tests: written short, looked at through kubectl, waited for with a deadline."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.conftest import RunningLab
from tests.reading import read

__all__ = ["Space", "pod"]

Object = dict[str, Any]


def pod(name: str, *containers: Object, **spec: Any) -> Object:
    """A pod of busybox containers (where nothing else is said) that ends quickly when told to."""
    made = [{"name": f"c{index}", "image": "busybox:1.36", **given} for index, given in enumerate(containers)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"test": "node"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": made, **spec},
    }


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace of its own."""

    lab: RunningLab
    name: str

    def apply(self, *manifests: Object) -> None:
        listed = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", given=json.dumps(listed))

    def kubectl(self, *words: str, given: str = "", check: bool = True, timeout: float = 60) -> str:
        return self.lab.kubectl("-n", self.name, *words, given=given, check=check, timeout=timeout).stdout

    def get(self, what: str, name: str) -> Object | None:
        return read(self.lab.kubeconfig, what, name, self.name) or None

    def until(self, name: str, holds: Callable[[Object], bool], *, what: str = "pod", seconds: float = 30) -> Object:
        """The object, as soon as ``holds``."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(what, name)
            if found is not None and holds(found):
                return found
            assert time.monotonic() < deadline, json.dumps((found or {}).get("status"), indent=1)
            time.sleep(0.1)

    def until_ready(self, name: str, seconds: float = 30) -> Object:
        return self.until(name, is_ready, seconds=seconds)

    def until_logged(self, name: str, text: str, *words: str, seconds: float = 30) -> str:
        deadline = time.monotonic() + seconds
        while True:
            logged = self.kubectl("logs", name, *words, check=False)
            if text in logged:
                return logged
            assert time.monotonic() < deadline, logged
            time.sleep(0.1)

    def reasons(self, name: str) -> set[str]:
        """The reasons of all events about a pod."""
        field = f"involvedObject.name={name}"
        found = json.loads(self.kubectl("get", "events", "--field-selector", field, "-o", "json"))
        return {item["reason"] for item in found["items"]}


def is_ready(found: Object) -> bool:
    conditions = found.get("status", {}).get("conditions") or []
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


def first(found: Object, key: str = "containerStatuses") -> Object:
    """The status of a pod's first container."""
    entries = found.get("status", {}).get(key) or [{}]
    status: Object = entries[0]
    return status


def waiting(found: Object, key: str = "containerStatuses") -> str:
    reason: str = first(found, key).get("state", {}).get("waiting", {}).get("reason", "")
    return reason
