"""The same checks on a cluster's objects: there an Application's status says what it deploys."""

from __future__ import annotations

from typing import Any

from pointsman.adopt.adopted import Adopted, understood
from pointsman.adopt.edges import edges_in_cluster
from pointsman.adopt.objects import Deployed
from pointsman.adopt.standing import Origin, Standing, World
from pointsman.checks.catalogue import chosen
from pointsman.checks.check import Source
from pointsman.checks.running import run
from pointsman.checks.view import View

ENGINE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "raw", "namespace": "serving"},
    "spec": {
        "replicas": 1,
        "template": {
            "metadata": {"labels": {"app": "raw"}},
            "spec": {
                "containers": [
                    {
                        "name": "vllm",
                        "image": "vllm/vllm-openai:v0.23.0",
                        "args": ["Qwen/Qwen2.5-0.5B-Instruct", "--served-model-name=qwen"],
                        "resources": {"limits": {"nvidia.com/gpu": "1"}},
                    }
                ]
            },
        },
    },
}


def _application(*resources: dict[str, str], finalizers: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "raw", "namespace": "argocd", "finalizers": list(finalizers)},
        "spec": {"project": "default", "syncPolicy": {"automated": {}}},
        "status": {"resources": list(resources)},
    }


def _cluster(*objects: dict[str, Any]) -> Adopted:
    world = World()
    for one in objects:
        world.objects.append(Standing(Deployed(one), one["metadata"]["namespace"], Origin("")))
    return understood(world, edges_in_cluster(world))


def _told(found: Adopted, *ids: str) -> list[tuple[str, str]]:
    made = run(View(found, Source.cluster), chosen(ids))
    assert not made.broken
    return [(one.check.id, one.where) for one in made.findings]


def test_what_an_application_deploys_is_known_from_its_status() -> None:
    own = {"kind": "Deployment", "namespace": "serving", "name": "raw"}
    assert _told(_cluster(_application(own), ENGINE), "PM401", "PM403") == [
        ("PM401", "Application argocd/raw"),
        ("PM403", "Application argocd/raw"),
    ]
    assert _told(_cluster(_application({**own, "name": "other"}), ENGINE), "PM401", "PM403") == []
    held = _application(own, finalizers=("resources-finalizer.argocd.argoproj.io/background",))
    assert _told(_cluster(held, ENGINE), "PM401") == []


def test_namespaces_that_were_not_listed_are_not_called_missing() -> None:
    app = _application()
    app["spec"]["destination"] = {"namespace": "serving"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other", "namespace": ""}}
    assert _told(_cluster(app), "PM407") == []
    assert _told(_cluster(app, space), "PM407") == [("PM407", "Application argocd/raw")]
