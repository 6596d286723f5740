"""A platform's configuration that asks for what is not there, or reads another branch: on the real Argo CD."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.gitops.ground import Ground, Object, until
from tests.gitops.manifests import config
from tests.gitops.platform import AUTOMATED, Platform
from tests.gitops.sets import FINALIZER
from tests.traps.delivered import HEALING, committed, engine, synced
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


def configured(ground: Ground, platform: Platform, **features: bool) -> None:
    """Commit a configuration, and the groups file that follows of it."""
    switches = "".join(f"  {name}: {str(on).lower()}\n" for name, on in features.items())
    said = f"repoURL: {ground.remote}\nrepoBranch: {ground.here.branch}\nfeatures:\n{switches}"
    ground.here.push({f"environments/{platform.env}/config.yaml": said}, "Configure")
    assert platform.run("resolve", output=None)[0] == 0
    if ground.here.git("status", "--porcelain"):
        ground.here.push({}, "Resolve")


def begun(ground: Ground, files: Mapping[str, str], *, group: str, **features: bool) -> Platform:
    """A platform in which one more group has an Application of these files."""
    platform = Platform(ground)
    path = f"{platform.env}/{group}"
    app = ground.application(
        platform.named(group), path, project=platform.env, syncPolicy=AUTOMATED, metadata={"finalizers": [FINALIZER]}
    )
    ground.here.push(
        {
            **platform.files(),
            f"clusters/{platform.env}/catalog/{group}/{group}.yaml": json.dumps(app),
            **{f"{path}/{name}": text for name, text in files.items()},
        },
        "A platform",
    )
    configured(ground, platform, **features)
    return platform


def up(ground: Ground, platform: Platform) -> None:
    platform.applied()
    reread(ground, platform)


def reread(ground: Ground, platform: Platform) -> None:
    """Its sets look at what was pushed."""
    for layer in ("platform", "serving"):
        ground.regenerate(platform.named(layer))


@pytest.mark.bites("a group is on that needs the CRD of one that is off: its sync fails", "PM416")
def test_a_group_without_the_one_it_needs_does_not_sync(trap: Trap, ground: Ground) -> None:
    """A CRD of the test's own stands for LLMInferenceService, which the lab has."""
    group = f"{ground.name}.example.com"
    thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "one"}}
    features = {"llm-d": True, "embeddings": False, "autoscaling": False}
    platform = begun(ground, {"thing.yaml": json.dumps(thing)}, group="llm-d", kserve=False, **features)
    ground.here.push({f"{platform.env}/kserve/engine.yaml": json.dumps(definition(group))}, "What the group brings")
    (told,) = trap.lint(ground.here.path)
    assert "the group kserve is off" in told["what"]
    try:
        up(ground, platform)
        name = platform.named("llm-d")
        state = until(lambda: (found := ground.status(name).get("operationState") or {}).get("message") and found)
        said = json.dumps(state)
        assert "Make sure the" in said or "could not find" in said, said
        assert not ground.live("configmap", "kserve")
        trap.bit(f"the sync of llm-d reads {state['phase']}: {state['message'][:200]}")

        configured(ground, platform, **features)  # kserve is on unless it is switched off
        trap.sound(ground.here.path)
        reread(ground, platform)
        until(lambda: there(ground, f"crd/things.{group}"))
        ground.patch({"status": {"operationState": None}}, name=name)
        ground.refresh(name, "hard")
        until(lambda: there(ground, f"things.{group}/one"))
    finally:
        ground.lab.kubectl("delete", "crd", f"things.{group}", "--ignore-not-found", "--wait=false")


def there(ground: Ground, what: str) -> bool:
    return bool(ground.lab.kubectl("get", what, f"--namespace={ground.name}", "-o", "name", check=False).stdout)


def definition(group: str) -> Object:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    names = {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


@pytest.mark.bites("a group is on that needs more GPUs than there are: half of it is paid, and waits", "PM417")
def test_a_group_that_needs_more_gpus_waits(trap: Trap, ground: Ground) -> None:
    many: dict[str, Any] = {"resources": {"limits": {"nvidia.com/gpu": "5", "cpu": "100m", "memory": "64Mi"}}}
    files = {"decode.yaml": engine(name="decode", **many), "prefill.yaml": engine(name="prefill")}
    features = {"kserve": True, "embeddings": False, "autoscaling": False}
    platform = begun(ground, files, group="llm-d", **{"llm-d": True}, **features)
    (told,) = trap.lint(ground.here.path)
    assert "needs at least 2 GPUs" in told["what"]
    up(ground, platform)
    said = until(lambda: waiting(ground, "decode"))
    assert "nvidia.com/gpu" in said
    assert ground.live("deployment", "prefill")["spec"]["replicas"] == 1
    trap.bit(f"its decode asks for 5 GPUs of a cluster with 4, and waits ({said[:120]}); its prefill asks for 1 more")
    configured(ground, platform, **{"llm-d": False}, **features)
    trap.sound(ground.here.path)
    reread(ground, platform)
    until(lambda: not ground.live("deployment", "decode"))


def waiting(ground: Ground, app: str) -> str:
    """What the scheduler says of its pod."""
    asked = ground.lab.kubectl("get", "pods", f"--namespace={ground.name}", f"--selector=app={app}", "-o", "json")
    for pod in json.loads(asked.stdout)["items"]:
        for one in pod["status"].get("conditions") or []:
            if (one["type"], one["status"]) == ("PodScheduled", "False"):
                return str(one.get("message"))
    return ""


@pytest.mark.bites("an Application reads HEAD and not the platform's branch: its commits never arrive", "PM418")
def test_an_application_on_another_branch_does_not_get_the_platforms_commits(trap: Trap, ground: Ground) -> None:
    features = {"kserve": True, "embeddings": False, "autoscaling": False}
    platform = begun(ground, {"one.yaml": config("llm")}, group="llm-d", **{"llm-d": True}, **features)
    trap.sound(ground.here.path)
    place = f"/clusters/{platform.env}/catalog/llm-d/llm-d.yaml"
    app = json.loads((ground.here.path / place[1:]).read_text("utf-8"))
    committed(ground, {place: json.dumps(head(app))}, message="HEAD")
    (told,) = trap.lint(ground.here.path)
    assert "it reads HEAD" in told["what"]
    up(ground, platform)
    name = platform.named("llm-d")
    condition = until(lambda: next(iter(ground.status(name).get("conditions") or []), None))
    assert condition["type"] == "ComparisonError"
    assert not ground.live("configmap", "llm")
    trap.bit(f"it looked at the remote's default branch: {condition['message'][:160]}")
    committed(ground, {place: json.dumps(app)}, message="The branch")
    trap.sound(ground.here.path)
    ground.refresh(f"{platform.env}-group-llm-d")
    until(lambda: ground.live("configmap", "llm"))


def head(app: Object) -> Object:
    return app | {"spec": app["spec"] | {"source": app["spec"]["source"] | {"targetRevision": "HEAD"}}}


@pytest.mark.bites(
    "delivery: direct, and the edge's Application heals itself: a shift is undone within seconds", "PM419"
)
def test_a_shift_in_the_cluster_is_healed_away(trap: Trap, ground: Ground) -> None:
    platform = begun(ground, {"one.yaml": config("llm")}, group="llm-d", kserve=True, embeddings=False)
    said = {"apiVersion": "pointsman.dev/v1alpha1", "kind": "Platform", "metadata": {"name": "ours"}}
    place = f"/clusters/{platform.env}/catalog/serving-core/litellm.yaml"

    def written(policy: Object, delivery: str) -> Object:
        app = ground.application(platform.named("litellm"), f"{ground.name}/litellm", syncPolicy=policy)
        edge = {"/platform.yaml": json.dumps({**said, "spec": {"delivery": delivery}})}
        committed(ground, {place: json.dumps(app), "litellm/config.yaml": shares(50), **edge}, message=delivery)
        return app

    app = written(HEALING, "direct")
    (told,) = trap.lint(ground.here.path)
    assert "selfHeal puts back" in told["what"]
    ground.applied(app)
    name = platform.named("litellm")
    synced(ground, name)
    shifted = json.loads(shares(90))["data"]
    ground.patch({"data": shifted}, "configmap", "litellm")
    until(lambda: ground.live("configmap", "litellm")["data"] != shifted, 30)
    trap.bit("weights that were shifted from 50 to 90 in the cluster were 50 again within seconds")

    manual = written({key: one for key, one in HEALING.items() if key != "automated"}, "direct")
    trap.sound(ground.here.path)
    ground.applied(manual)
    ground.patch({"spec": {"syncPolicy": {"automated": None}}}, name=name)
    ground.patch({"data": shifted}, "configmap", "litellm")
    ground.refresh(name, "hard")
    assert ground.live("configmap", "litellm")["data"] == shifted


def shares(weight: int) -> str:
    params = {"model": "openai/qwen", "api_base": "http://raw.serving:8000/v1", "weight": weight}
    text = json.dumps({"model_list": [{"model_name": "qwen-local", "litellm_params": params}]})
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "litellm"}}
    return json.dumps({**made, "data": {"config.yaml": text}})
