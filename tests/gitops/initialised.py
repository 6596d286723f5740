"""A platform as ``pointsman init`` writes it: a clone with a bare repository of its own, and its end."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pointsman.lab.toolchain import ensure_toolchain
from tests.adopt.by_hand import FOLDERS
from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.gitops.looking import found
from tests.gitops.repository import NAMED

__all__ = ["MANUAL", "Platform", "applications", "in_the_lab", "keys", "serving"]

SETS = ("demos", "experience", "llm-gateway", "routing", "serving", "platform")
MANUAL = ("raw-vllm", "kserve-demo", "llm-d")
PLACES = ("serving", "kserve", "llm-d", "llm-gateway")
SURE = "  move: {evidence: {falseAlarm: 0.2, miss: 0.2, errors: 0.4, noise: 100, slack: 10"
SURE += "".join(f", {one}: 100" for one in ("ttftP50", "ttftP95", "itlP50", "itlP95")) + "}}\n"
EDGE = "http://litellm.llm-gateway.svc.cluster.local:4000/v1/chat/completions"


class Platform:
    """The clone of whoever starts a platform, and what is typed in it."""

    def __init__(self, lab: RunningLab, folder: Path) -> None:
        self.lab = lab
        self.said: list[str] = []
        """Everything that was printed by what was typed."""
        self.remote, self.path = folder / "ours.git", folder / "clone"
        self._ran("git", "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), at=folder)
        self._ran("git", "clone", "--quiet", str(self.remote), str(self.path), at=folder)
        (folder / "bin").mkdir()
        tools = {
            "kubectl": ensure_toolchain().tool("kubectl"),
            "pointsman": str(Path(sys.executable).with_name("pointsman")),
        }
        for name, tool in tools.items():
            (folder / "bin" / name).symlink_to(tool)
        self.env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "KUBECONFIG": str(lab.kubeconfig)}
        self.env["KUBECACHEDIR"] = str(folder / "kubectl")

    def environment(self) -> dict[str, str]:
        """What a program of theirs runs in."""
        return os.environ | self.env

    def __call__(self, *words: str) -> str:
        """Run a command line in it, to its good end; what it said."""
        return self._ran(*words, at=self.path, **self.env)

    def _ran(self, *words: str, at: Path, **env: str) -> str:
        done = subprocess.run(
            words,
            cwd=at,
            env=os.environ | env,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=400,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def push(self, message: str) -> None:
        self("git", "add", "--all")
        self("git", *NAMED, "commit", "--quiet", f"--message={message}")
        self("git", "push", "--quiet", "origin", "HEAD:main")

    def status(self, name: str) -> dict[str, Any]:
        return dict(found(self.lab, "application", name).get("status") or {})

    def replicas(self) -> int:
        return int(found(self.lab, "deployment", "raw-vllm", "serving")["spec"]["replicas"])

    def answered(self) -> str:
        """What a tenant is told, through the edge."""
        secret = found(self.lab, "secret", "litellm", "llm-gateway")["data"]["master-key"]
        said = {"model": "qwen-local", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}
        request = urllib.request.Request(EDGE, json.dumps(said).encode(), {"content-type": "application/json"})
        request.add_header("authorization", f"Bearer {base64.b64decode(secret).decode()}")
        proxy = urllib.request.ProxyHandler({"http": self.lab.config.proxy_url})
        with urllib.request.build_opener(proxy).open(request, timeout=60) as answer:
            return str(json.load(answer)["choices"][0]["message"]["content"])


@contextmanager
def in_the_lab(lab: RunningLab, folder: Path) -> Iterator[Platform]:
    """A clone in which nothing is written yet; at the end the platform's namespaces, the lab's, are as before."""
    before = {name: found(lab, "namespace", name)["metadata"] for name in PLACES}
    assert not found(lab, "appproject", "platform"), "somebody else's platform is in this lab"
    made = Platform(lab, folder)
    try:
        yield made
    finally:
        _taken_down(lab, before)


@contextmanager
def serving(lab: RunningLab, folder: Path, *, written: bool = False) -> Iterator[Platform]:
    """A platform as ``init`` writes it, brought up; its model is served on raw vLLM, and its shifts are judged quickly.

    It says ``delivery: git``. With ``written`` people wrote its layers' manifests, and the model is adopted from them.
    """
    try:
        with in_the_lab(lab, folder) as made:
            made("pointsman", "init", ".")
            model = _adopted(made) if written else made.path / "models" / "qwen.yaml"
            model.write_text(model.read_text("utf-8").replace("  layers:\n", f"{SURE}  layers:\n"), "utf-8")
            made.push("A platform")
            made("git", "config", "user.name", "An Operator")
            made("git", "config", "user.email", "operator@example.com")
            made("pointsman", "root", "--profile", "full", "--yes")
            made("make", "secrets")
            made("pointsman", "wait", "--profile", "full", "--timeout", "4m")
            made("pointsman", "sync", "raw-vllm", "--yes")
            made("make", "vllm-up")
            made("pointsman", "wait", "raw-vllm")
            yield made
    finally:
        for kind, place in (("inferenceservice", "kserve"), ("persistentvolumeclaim", "kserve")):
            lab.kubectl("delete", kind, "--all", "-n", place, "--wait", "--timeout=60s", timeout=90, check=False)


def _adopted(made: Platform) -> Path:
    """The layers' folders as people write them, and the model that ``adopt`` finds in them; returns its file."""
    for file in (*made.path.glob("serving/*/*.yaml"), *made.path.glob("models/*.yaml")):
        file.unlink()
    for place, text in FOLDERS.items():
        (made.path / place).write_text(text, "utf-8")
    values = made.path / "platform" / "litellm" / "values.yaml"
    values.write_text(values.read_text("utf-8").replace(".svc.cluster.local:8000/v1", ".svc.cluster.local/v1"), "utf-8")
    said = made("pointsman", "adopt", ".", "--write")
    assert "1 model, nothing to correct" in said
    found, model = (made.path / "models" / f"{name}.yaml" for name in ("qwen-local", "qwen"))
    model.write_text(
        found.read_text("utf-8").replace("metadata: {name: qwen-local}", "metadata: {name: qwen}"), "utf-8"
    )
    found.unlink()
    return model


def _taken_down(lab: RunningLab, before: dict[str, dict[str, Any]]) -> None:
    """As the README of the platform says it; then the namespaces as they were."""
    gone = ("--ignore-not-found", "--wait", "--timeout=120s")
    lab.kubectl("delete", "applicationset", *SETS, "-n", "argocd", *gone, timeout=150)
    until(lambda: not applications(lab))  # one that is deleted alone is made again by its group
    lab.kubectl("delete", "appproject", "platform", "-n", "argocd", *gone)
    for name in PLACES:
        lab.kubectl("delete", "secret", "vllm-api-key", "litellm", "-n", name, *gone)
        now = found(lab, "namespace", name)["metadata"]
        old = {kind: before[name].get(kind) or {} for kind in ("labels", "annotations")}
        patch = {kind: dict.fromkeys(now.get(kind) or {}, None) | was for kind, was in old.items()}
        lab.kubectl("patch", "namespace", name, "--type=merge", f"--patch={json.dumps({'metadata': patch})}")


def applications(lab: RunningLab) -> list[str]:
    listed = json.loads(lab.kubectl("get", "applications", "-n", "argocd", "-o", "json").stdout)["items"]
    return [one["metadata"]["name"] for one in listed if one["spec"]["project"] == "platform"]


def keys(lab: RunningLab) -> dict[str, str]:
    """The engines' key in each namespace."""
    return {name: found(lab, "secret", "vllm-api-key", name)["data"]["api-key"] for name in PLACES}
