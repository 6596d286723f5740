"""The world in memory on a platform that Argo CD keeps as git has it: a real repository, and a small Argo CD before it.

Whatever is written to the edge's ConfigMap is put back as soon as Argo CD looks; a new commit arrives when somebody
asks for a refresh, some looks later. Only what the chart makes of its values is played: the ConfigMap, and a checksum.
"""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from pointsman.delivery.edge import EdgeInGit, Surroundings
from pointsman.edge.contract import Edge
from pointsman.edge.in_git import InGit
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Clock, Cluster
from pointsman.move.conductor import Conductor
from pointsman.move.means import Means
from pointsman.spec.model import Model
from tests.world.cluster import Write
from tests.world.edge_of_others import CONFIG, DEPLOYMENT, ProxyWorld
from tests.world.engine import MemoryWire
from tests.world.layers import LAYERS
from tests.world.virtual import Clock as LoopClock

__all__ = ["APPLICATION", "PATH", "PLACE", "GitWorld"]

APPLICATION = Ref(kind_of("Application"), "litellm", "argocd")
PATH = "platform/litellm/values.yaml"
PLACE = InGit(PATH, ("proxy_config",), "litellm")
REFRESH = "argocd.argoproj.io/refresh"
SKIP = "argocd.argoproj.io/skip-reconcile"
NAMED = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
HEAD = "# values of the chart\nreplicas: 2\nproxy_config:\n"


class GitWorld(ProxyWorld):
    """Its edge's configuration is in a repository below ``folder``; ``looks`` refreshes pass until a commit arrives."""

    def __init__(self, folder: Path, *, looks: int = 1, **more: Any) -> None:
        super().__init__(**more)
        self.folder, self.looks, self.passed = folder, looks, 0
        self.heals = False
        """Does Argo CD put back at once what others write into the edge's ConfigMap?"""
        self.asleep = False
        """Is Argo CD down?"""
        self.bare, self.clone = folder / "platform.git", folder / "clone"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), at=folder)
        self.git("clone", "--quiet", str(self.bare), str(self.clone), at=folder)
        for name, value in (("user.name", "An Operator"), ("user.email", "operator@example.com")):
            self.git("config", name, value)
        body = "".join(f"  {line}" if line.strip() else line for line in self.text.splitlines(keepends=True))
        self.push(HEAD + body, "The platform")
        self.seconds = 0
        self.put(self._application())
        self.cluster.after = self.argo

    def git(self, *words: str, at: Path | None = None) -> str:
        """Run git in the clone."""
        done = subprocess.run(["git", *NAMED, *words], cwd=at or self.clone, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def push(self, text: str, message: str) -> None:
        """Somebody commits the edge's file, and pushes."""
        target = self.clone / PATH
        target.parent.mkdir(parents=True, exist_ok=True)
        if (self.clone / ".git" / "refs" / "remotes").exists():
            self.git("pull", "--quiet", "origin", "main")
        target.write_text(text, "utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        self.git("push", "--quiet", "origin", "HEAD:main")

    def values(self, revision: str = "main") -> str:
        """The edge's file in a commit, the newest by itself."""
        return self.git("--git-dir", str(self.bare), "show", f"{revision}:{PATH}") + "\n"

    def marks(self) -> list[str]:
        """What commits say they were made for, the oldest first."""
        told = self.git("--git-dir", str(self.bare), "log", "--reverse", "--format=%B", "main")
        return [line.partition(": ")[2] for line in told.splitlines() if line.startswith("Pointsman-Move: ")]

    def log(self, branch: str = "main") -> list[tuple[str, str]]:
        """Subjects and bodies of commits that a move made, the oldest first; the mark is left out."""
        told = self.git("--git-dir", str(self.bare), "log", "--reverse", "--format=%s%x00%b%x01", branch)
        parts = [one.strip("\n").split("\0") for one in told.split("\x01") if "Pointsman-Move: " in one]
        return [(subject, body.partition("Pointsman-Move: ")[0].strip()) for subject, body in parts]

    def held(self) -> bool:
        """Is Argo CD told to leave the Application alone?"""
        return SKIP in (self.cluster.objects[APPLICATION]["metadata"].get("annotations") or {})

    def in_git(self) -> dict[str, float]:
        """Weights by address, as the newest commit declares them."""
        listed = yaml.safe_load(self.values())["proxy_config"]["model_list"]
        rows = [one["litellm_params"] for one in listed if one["model_name"] == "qwen-local"]
        return {row["api_base"]: row.get("weight", 100) for row in rows}

    def conductor(
        self, holder: str = "first@test/1", clock: Clock | None = None, cluster: Cluster | None = None
    ) -> Conductor:
        def edge_for(model: Model, place: InGit | None) -> Edge:
            values = self.edge_for(model, cluster)
            given = Surroundings(cluster or self.cluster, clock or LoopClock(), self.clone, timeout=60.0)
            return values if place is None else EdgeInGit(values, place, given)

        wire = MemoryWire(self.cluster, self.clock.spend)
        return Conductor(
            Means(cluster or self.cluster, wire, clock or LoopClock(), edge_for, self.seen, holder, layers=LAYERS)
        )

    def argo(self, write: Write) -> None:
        """Argo CD hears of a write: it looks where it was asked to, and heals what it keeps."""
        live = self.cluster.objects[APPLICATION]
        notes = live["metadata"].get("annotations") or {}
        if notes.get(SKIP) == "true" or self.asleep:
            return
        if REFRESH in notes:
            self._look(live)
        elif write.ref == CONFIG and self.heals:
            self._apply(live["status"]["sync"]["revision"])

    def away(self, *, gone: bool = True) -> None:
        """The remote cannot be reached from the clone; Argo CD reaches it."""
        nowhere = "http://127.0.0.1:9/platform.git"
        self.git("remote", "set-url", "origin", nowhere if gone else str(self.bare))

    def _look(self, live: dict[str, Any]) -> None:
        self.seconds += 2
        head = self.git("--git-dir", str(self.bare), "rev-parse", "main")
        new = head != live["status"]["sync"]["revision"]
        self.passed = self.passed + 1 if new else 0
        if not new or self.passed > self.looks:
            self._apply("main")
            live["status"]["sync"]["revision"], self.passed = head, 0
        live["metadata"]["annotations"].pop(REFRESH)
        live["status"]["reconciledAt"] = self._now()

    def _apply(self, revision: str) -> None:
        """What the chart makes of its values; selfHeal is the same."""
        config = yaml.safe_load(self.values(revision))["proxy_config"]
        text = yaml.safe_dump(config, sort_keys=False)
        if yaml.safe_load(self.declared()) == config:
            return
        checksum = {"checksum/config": hashlib.sha256(text.encode()).hexdigest()}
        self.change(CONFIG, {"data": {"config.yaml": text}})
        self.change(DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": checksum}}}})

    def _now(self) -> str:
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _application(self) -> dict[str, Any]:
        head = self.git("--git-dir", str(self.bare), "rev-parse", "main")
        tracked = [
            {
                "group": ref.kind.group,
                "kind": ref.kind.name,
                "namespace": ref.namespace,
                "name": ref.name,
                "version": "v1",
            }
            for ref in (CONFIG, DEPLOYMENT)
        ]
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": APPLICATION.name, "namespace": APPLICATION.namespace, "uid": "u", "annotations": {}},
            "spec": {
                "project": "platform",
                "source": {"repoURL": self.bare.as_uri(), "path": "charts/litellm", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": CONFIG.namespace},
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
            },
            "status": {
                "sync": {"status": "Synced", "revision": head},
                "health": {"status": "Healthy"},
                "reconciledAt": self._now(),
                "resources": [{**one, "status": "Synced"} for one in tracked],
            },
        }
