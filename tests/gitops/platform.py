"""A platform repository of the usual shape in the lab's git, as an environment of the test's own name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pointsman.cli.words import Output
from tests.conftest import Pointsman
from tests.docs.schemas.holding import held
from tests.docs.schemas.published import schema_of
from tests.gitops.ground import ARGO, HERE, Ground, Object
from tests.gitops.manifests import claim, config, deployment
from tests.gitops.sets import FINALIZER

__all__ = ["Platform"]

LAYERS = ("platform", "serving")
FEATURES = {"kserve": True, "embeddings": False, "autoscaling": False}
AUTOMATED = {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}
GPU = {"limits": {"nvidia.com/gpu": "1"}}


@dataclass(frozen=True, slots=True)
class Platform:
    """One environment: three groups that are on, each with one Application."""

    ground: Ground

    @property
    def env(self) -> str:
        """Its name."""
        return self.ground.name

    def named(self, name: str) -> str:
        """A name that no other test has."""
        return f"{self.env}-{name}"

    def files(self) -> dict[str, str]:
        """All of it but the groups file."""
        clusters = f"clusters/{self.env}"
        switches = "".join(f"  {name}: {str(on).lower()}\n" for name, on in FEATURES.items())
        found = {
            f"environments/{self.env}/config.yaml": f"repoURL: {self.ground.remote}\ndomain: llm.example.com\n"
            f"features:\n{switches}",
            f"{clusters}/projects/platform.yaml": json.dumps(self._project()),
        }
        found |= {f"{clusters}/appsets/{layer}.yaml": json.dumps(self._set(layer)) for layer in LAYERS}
        for group, policy in (("platform-core", AUTOMATED), ("serving-core", {}), ("kserve", AUTOMATED)):
            path = f"{self.env}/{group}"
            app = self.ground.application(
                self.named(group), path, project=self.env, syncPolicy=policy, metadata={"finalizers": [FINALIZER]}
            )
            found[f"{clusters}/catalog/{group}/{group}.yaml"] = json.dumps(app)
            found[f"{path}/one.yaml"] = config(group)
        engine = json.loads(deployment())
        engine["spec"]["template"]["spec"]["containers"][0]["resources"] = GPU
        return found | {
            f"{self.env}/kserve/engine.yaml": json.dumps(engine),
            f"{self.env}/kserve/claim.yaml": claim(size="50Gi"),
        }

    def pushed(self) -> None:
        """Commit all of it, and then the groups file that follows of it."""
        self.ground.here.push(self.files(), "A platform")
        assert self.run("resolve", output=None)[0] == 0
        self.ground.here.push({}, "Resolve")

    def applied(self) -> dict[str, Any]:
        """Give its sets to Argo CD; what was told beforehand."""
        code, told, said = self.run("root", "--profile", "serving", "--yes")
        assert code == 0, said
        return told

    def run(self, *words: str, output: Output | None = Output.json) -> tuple[int, Object, str]:
        """The program in the clone: exit code, what it printed as JSON, and what it told."""
        where = ("--repo", str(self.ground.here.path), "--env", self.env)
        shown = ("--output", output.value) if output else ()
        cluster = ("--kubeconfig", str(self.ground.lab.kubeconfig)) if words[0] == "root" else ()
        done = Pointsman(self.ground.state)(*words, *where, *shown, *cluster)
        assert "Traceback" not in done.stderr
        found = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        if found:
            held(schema_of(words), found)
        return done.returncode, found, done.stderr

    def _project(self) -> Object:
        anything = [{"group": "*", "kind": "*"}]
        spec = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
        return self._object("AppProject", self.env, spec | {"clusterResourceWhitelist": anything})

    def _set(self, layer: str) -> Object:
        files = [{"path": f"clusters/{self.env}/groups.generated.yaml"}]
        source = {"repoURL": self.ground.remote, "targetRevision": self.ground.here.branch, "path": "{{.catalogPath}}"}
        name = f"{self.env}-group-{{{{.name}}}}"
        template = {
            "metadata": {"name": name, "labels": {"of": self.env}, "finalizers": [FINALIZER]},
            "spec": {
                "project": self.env,
                "source": source | {"directory": {"recurse": True}},
                "destination": {"server": HERE, "namespace": ARGO},
                "syncPolicy": {**AUTOMATED, "syncOptions": ["ServerSideApply=true"]},
            },
        }
        generator = {
            "git": {"repoURL": self.ground.remote, "revision": self.ground.here.branch, "files": files},
            "selector": {"matchLabels": {"enabled": "true", "layer": layer}},
        }
        options = {"goTemplate": True, "goTemplateOptions": ["missingkey=error"]}
        return self._object(
            "ApplicationSet", self.named(layer), {**options, "generators": [generator], "template": template}
        )

    def _object(self, kind: str, name: str, spec: dict[str, Any]) -> Object:
        metadata = {"name": name, "namespace": ARGO, "labels": {"of": self.env}}
        return {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
