"""People and programs that write to the platform while a model moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pointsman.kube.resources import Ref
from tests.conftest import RunningLab
from tests.move.edits_by_others import Edit, Place
from tests.move.others import scene
from tests.move.others.scene import EDGE

__all__ = ["PROXY", "PuttingBack", "make", "two_replicas"]

PROXY = ("deployment/proxy", "-n", EDGE)
TRIES = 5


def make(lab: RunningLab, edits: Sequence[Edit], place: Place) -> None:
    """Make these edits, one after the other, as people do: read the object, change it, write it; again on conflict."""
    for edit in edits:
        ref = edit.ref(place)
        for _ in range(TRIES):
            found = _find(lab, ref)
            if found is None or _written(lab, ref, edit.change(found, place)):
                break


def _find(lab: RunningLab, ref: Ref) -> dict[str, Any] | None:
    found = lab.kubectl("get", "--raw", ref.path(), check=False)
    return json.loads(found.stdout) if found.returncode == 0 else None


def _written(lab: RunningLab, ref: Ref, changed: dict[str, Any] | None) -> bool:
    if changed is None:
        kind = f"{ref.kind.plural}.{ref.kind.group}".rstrip(".")
        words = ("delete", kind, ref.name, "-n", ref.namespace or "", "--wait=false", "--ignore-not-found")
        lab.kubectl(*words)
        return True
    return lab.kubectl("replace", "-f", "-", given=json.dumps(changed), check=False).returncode == 0


@contextmanager
def two_replicas(lab: RunningLab) -> Iterator[None]:
    """While the block runs, the proxy has two replicas, replaced one after the other."""
    try:
        _shape(lab, 2, {"maxSurge": 0, "maxUnavailable": 1})
        yield
    finally:
        lab.kubectl("rollout", "resume", *PROXY, check=False)
        _shape(lab, 1, {"maxSurge": 1, "maxUnavailable": 0})


def _shape(lab: RunningLab, replicas: int, rolling: dict[str, int]) -> None:
    body = {"spec": {"replicas": replicas, "strategy": {"rollingUpdate": rolling}}}
    lab.kubectl("patch", *PROXY, "-p", json.dumps(body))
    scene.rolled(lab)


class PuttingBack:
    """A loop: every three seconds the ConfigMap says what git says, whatever it said; nobody rolls anything."""

    def __init__(self, lab: RunningLab, text: str) -> None:
        self.times = 0
        self._lab, self._text = lab, text
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, when it is not in the middle of it."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(3.0):
            if scene.declared(self._lab) != self._text:
                scene.edit(self._lab, self._text)
                self.times += 1
