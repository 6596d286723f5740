"""The ground of one test: a name of its own in the lab, a clone, Applications of it, and the program run on them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import Pointsman, RunningLab
from tests.docs.schemas.holding import held
from tests.gitops.repository import Clone
from tests.reading import read

__all__ = ["ARGO", "Done", "Ground", "Object", "until"]

Object = dict[str, Any]
ARGO = "argocd"
API = "argoproj.io/v1alpha1"
HERE = "https://kubernetes.default.svc"
REFRESH = "argocd.argoproj.io/refresh"
SETS = "argocd.argoproj.io/application-set-refresh"


@dataclass(frozen=True, slots=True)
class Done:
    """One command of ours at its end."""

    exit: int
    applications: list[Object]
    words: str
    """Standard error."""

    @property
    def error(self) -> Object:
        """Of the Application that is not well; empty when all are."""
        return next((dict(one["error"]) for one in self.applications if "error" in one), {})

    @property
    def code(self) -> str:
        """Its code."""
        return str(self.error.get("code", ""))

    @property
    def notes(self) -> list[str]:
        """Codes of all notes."""
        return [note["code"] for one in self.applications for note in one["notes"]]

    @property
    def revision(self) -> str:
        """What is applied, of the only Application."""
        (only,) = self.applications
        return str(only["revisions"][0])


@dataclass
class Ground:
    """A test's own part of the lab."""

    lab: RunningLab
    here: Clone
    name: str
    state: Path
    said: list[Done] = field(default_factory=list)
    happened: str = ""
    """What Argo CD did, for the table."""

    @property
    def remote(self) -> str:
        """The repository, as Argo CD is told of it."""
        return self.lab.config.remote.as_uri()

    def push(self, files: Mapping[str, str], message: str = "Change it", folder: str = "") -> str:
        """Commit these files of our folder; the commit."""
        return self.here.push({f"{folder or self.name}/{name}": text for name, text in files.items()}, message)

    def application(self, name: str = "", path: str = "", **more: Any) -> Object:
        """A manual one of our folder; ``syncPolicy``, ``project`` and the like in ``more``, ``metadata`` too."""
        name = name or self.name
        metadata = {"name": name, "namespace": ARGO, "labels": {"of": self.name}, **more.pop("metadata", {})}
        spec = {
            "project": "default",
            "source": {"repoURL": self.remote, "path": path or self.name, "targetRevision": self.here.branch},
            "destination": {"server": HERE, "namespace": self.name},
            "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
        }
        return {"apiVersion": API, "kind": "Application", "metadata": metadata, "spec": spec | more}

    def applied(self, *manifests: Object) -> None:
        """Server-side apply them."""
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self.lab.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", given=given)

    def live(self, kind: str = "application", name: str = "", namespace: str = "") -> Object:
        """The object, or nothing; of other kinds in our namespace."""
        home = namespace or (ARGO if kind in ("application", "applicationset", "appproject") else self.name)
        return read(self.lab.kubeconfig, kind, name or self.name, home)

    def status(self, name: str = "") -> Object:
        """Of an Application."""
        return dict(self.live(name=name).get("status") or {})

    def phase(self, name: str = "") -> str:
        """Of its last operation."""
        return str((self.status(name).get("operationState") or {}).get("phase") or "")

    def patch(self, body: Object, kind: str = "application", name: str = "", namespace: str = "") -> None:
        """As somebody else does it."""
        home = namespace or (ARGO if kind in ("application", "applicationset", "appproject") else self.name)
        self.lab.kubectl(
            *("patch", kind, name or self.name, f"--namespace={home}", "--type=merge", f"--patch={json.dumps(body)}")
        )

    def refresh(self, name: str = "", kind: str = "normal") -> None:
        """Ask Argo CD to compare, and wait until it has, or until it is gone by that."""
        self.patch({"metadata": {"annotations": {REFRESH: kind}}}, name=name)
        until(lambda: REFRESH not in ((self.live(name=name).get("metadata") or {}).get("annotations") or {}))

    def regenerate(self, name: str = "", *, fails: bool = False) -> None:
        """Ask an ApplicationSet to read git anew, and wait until it has.

        Where that ``fails`` the question stays, and asked again in the same words nobody hears it.
        """
        self.patch({"metadata": {"annotations": {SETS: None}}}, "applicationset", name)
        self.patch({"metadata": {"annotations": {SETS: "true"}}}, "applicationset", name)
        if not fails:
            until(lambda: SETS not in (self.live("applicationset", name)["metadata"].get("annotations") or {}))

    def sync(self, *words: str, timeout: float = 60) -> Done:
        """``pointsman sync`` of our Application, or of those named first."""
        names = words if words and not words[0].startswith("-") else (self.name, *words)
        return self.run("sync", *names, "--yes", timeout=timeout)

    def wait(self, *words: str, timeout: float = 60) -> Done:
        """``pointsman wait``."""
        return self.run("wait", *(words or (self.name,)), timeout=timeout)

    def run(self, command: str, *words: str, timeout: float = 60) -> Done:
        """One of our commands on Applications, to its end."""
        asked = (command, *words, "--output", "json", "--kubeconfig", str(self.lab.kubeconfig))
        limit = () if "--timeout" in words else ("--timeout", f"{timeout:g}")
        done = Pointsman(self.state)(*asked, *limit, timeout=timeout + 90)
        data = json.loads(done.stdout) if done.stdout.startswith("{") else {"applications": []}
        held("applications", data)
        found = data["applications"]
        self.said.append(Done(done.returncode, found, done.stderr))
        return self.said[-1]

    def synced(self) -> None:
        """Synced once by somebody else, and compared since: where a test begins."""
        seen = until(lambda: (found := self.live()).get("status", {}).get("sync", {}).get("revision") and found)
        options = seen["spec"].get("syncPolicy", {}).get("syncOptions", [])
        self.patch({"operation": {"sync": {"syncOptions": options}}})
        until(lambda: self.phase() == "Succeeded" and "operation" not in self.live())

    def leave(self) -> None:
        """Take away what was made under our name; nothing waits for it to be gone."""

        def away(verb: str, *words: str) -> str:
            return self.lab.kubectl(verb, *words, f"--namespace={ARGO}", check=False).stdout

        own = f"--selector=of={self.name}"
        away("delete", "applicationsets", own, "--cascade=orphan")

        def gone() -> bool:
            """A group puts its children, and their finalizers, back until it is gone itself."""
            left = away("get", "applications", own, "--output=name").split()
            for one in left:
                away("delete", one, "--wait=false")
                away("patch", one, "--type=merge", '--patch={"metadata": {"finalizers": null}, "operation": null}')
            return not left

        until(gone)
        away("delete", "appprojects", own, "--wait=false")
        away("delete", "namespace", self.name, "--wait=false", "--ignore-not-found")
        self.here.git("push", "--quiet", "--delete", "origin", self.here.branch)


def until(look: Callable[[], Any], seconds: float = 60) -> Any:
    """What ``look`` finds at last."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return seen
