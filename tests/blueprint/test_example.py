"""The example platform: it is what ``pointsman init`` writes, and everything in it says what it is meant to say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.demo.platform import example_model, plain_manifests
from pointsman.edge.config_text import ConfigText
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.layers.registry import LAYERS
from pointsman.layers.stream import yaml_stream
from tests.blueprint.renderers import charted, kustomized
from tests.catalog.repository import LAYERS as SETS
from tests.catalog.repository import groups, pointsman

EXAMPLE = Path(__file__).parents[2] / "examples" / "platform"
RENDERED = {
    "raw-vllm": "serving/raw-vllm/deployment.yaml",
    "kserve": "serving/kserve/inferenceservice.yaml",
    "llm-d": "serving/llm-d/llminferenceservice.yaml",
}
FILES = {path.relative_to(EXAMPLE).as_posix(): path for path in EXAMPLE.rglob("*") if path.is_file()}
CATALOG = "clusters/ai-dev/catalog"
LIVE = ["CreateNamespace=true", "RespectIgnoreDifferences=true"]


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILES[name].read_text("utf-8"))
    return found


def test_it_is_what_init_writes_byte_for_byte(tmp_path: Path) -> None:
    done = pointsman(tmp_path, "init", "new")
    assert done.returncode == 0, done.stderr
    new = tmp_path / "new"
    written = {path.relative_to(new).as_posix(): path.read_bytes() for path in new.rglob("*") if path.is_file()}
    assert written.keys() == FILES.keys()
    assert {name for name, data in written.items() if data != FILES[name].read_bytes()} == set()


def test_its_yaml_is_yaml_and_no_word_is_left_to_fill_in() -> None:
    for name, path in FILES.items():
        text = path.read_text("utf-8")
        assert not re.search(r"@[A-Z_]+@", text), name
        if path.suffix == ".yaml" and "/templates/" not in name:
            assert list(yaml.safe_load_all(text)), name
            assert all(len(line) <= 132 for line in text.splitlines()), name


def test_nothing_in_it_is_a_secret() -> None:
    kinds = {
        one.get("kind") for name, path in FILES.items() if path.suffix == ".yaml" and "/templates/" not in name
        for one in yaml.safe_load_all(path.read_text("utf-8")) if isinstance(one, dict)
    }  # fmt: skip
    assert "Application" in kinds
    assert "Secret" not in kinds
    assert not [name for name, path in FILES.items() if "lab-only" in path.read_text("utf-8")]


def test_its_groups_file_is_up_to_date_and_there_is_nothing_to_warn_of() -> None:
    done = pointsman(EXAMPLE, "resolve", "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_every_group_has_a_folder_so_that_any_can_be_turned_on(tmp_path: Path) -> None:
    assert {name.split("/")[3] for name in FILES if name.startswith(CATALOG)} == set(groups())
    assert pointsman(tmp_path, "init", ".").returncode == 0
    config = tmp_path / "environments/ai-dev/config.yaml"
    config.write_text(config.read_text().replace(": false", ": true").replace("stack: none", "stack: operator"))
    assert pointsman(tmp_path, "resolve").returncode == 0
    done = pointsman(tmp_path, "root", "--profile", "full", "--dry-run", "--kubeconfig", "/nonexistent")
    assert done.returncode == 0, done.stderr
    assert all(f"group-{name}" in done.stdout for name in groups())


@pytest.mark.parametrize("layer", SETS)
def test_a_set_makes_the_groups_of_its_layer_as_the_contract_says(layer: str) -> None:
    found = manifest(f"clusters/ai-dev/appsets/{layer}.yaml")
    spec = found["spec"]
    assert (found["metadata"], spec["goTemplateOptions"]) == (
        {"name": layer, "namespace": "argocd"},
        ["missingkey=error"],
    )
    assert spec["generators"][0]["selector"]["matchLabels"] == {"enabled": "true", "layer": layer}
    template = spec["template"]
    assert template["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    assert template["spec"]["syncPolicy"] == {
        "automated": {"prune": True, "selfHeal": True},
        "syncOptions": ["ServerSideApply=true"],
    }


@pytest.mark.parametrize(
    ("where", "path", "namespace", "options"),
    [
        ("serving-core/raw-vllm", "serving/raw-vllm", "serving", LIVE),
        ("demos/kserve-demo", "serving/kserve", "kserve", None),
        ("llm-d/llm-d", "serving/llm-d", "llm-d", ["ServerSideApply=true"]),
    ],
)  # fmt: skip
def test_what_costs_money_is_synced_by_hand(where: str, path: str, namespace: str, options: list[str] | None) -> None:
    spec = manifest(f"{CATALOG}/{where}.yaml")["spec"]
    assert (spec["source"]["path"], spec["destination"]["namespace"]) == (path, namespace)
    assert spec.get("syncPolicy") == ({"syncOptions": options} if options else None)
    ignored = [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]
    assert spec.get("ignoreDifferences") == (ignored if path == "serving/raw-vllm" else None)


def test_every_application_keeps_to_the_project() -> None:
    project = manifest("clusters/ai-dev/projects/platform.yaml")["spec"]
    allowed = {(one["server"], one["namespace"]) for one in project["destinations"]}
    for name in FILES:
        if name.startswith(CATALOG) and name.endswith(".yaml"):
            spec = manifest(name)["spec"]
            sources = spec.get("sources") or [spec["source"]]
            assert {one["repoURL"] for one in sources} == set(project["sourceRepos"])
            assert (spec["destination"]["server"], spec["destination"]["namespace"]) in allowed


@pytest.mark.parametrize("layer", LAYERS, ids=lambda one: one.id)
def test_a_serving_folder_is_what_render_gives_and_raw_is_parked(layer: Any) -> None:
    rendered = yaml_stream(layer.render(example_model()))
    assert FILES[RENDERED[layer.id]].read_text("utf-8") == rendered
    wanted = {one["kind"]: one for one in yaml.safe_load_all(rendered)}
    if layer.id == "raw-vllm":
        wanted["Deployment"]["spec"]["replicas"] = 0
    built = {one["kind"]: one for one in kustomized(EXAMPLE / Path(RENDERED[layer.id]).parent)}
    assert built == wanted


def test_namespaces_are_the_demonstrations_and_outlive_their_application() -> None:
    built = {one["metadata"]["name"]: one["metadata"] for one in kustomized(EXAMPLE / "platform/namespaces")}
    plain = [one for one in yaml.safe_load_all((plain_manifests() / "namespaces.yaml").read_text("utf-8")) if one]
    assert {name: one["labels"] for name, one in built.items()} == {
        one["metadata"]["name"]: one["metadata"]["labels"] for one in plain
    }
    kept = {"argocd.argoproj.io/sync-options": "Delete=false,Prune=false"}
    assert all(one["annotations"] == kept for one in built.values())


def test_the_chart_gives_the_edge_that_the_demonstration_has() -> None:
    """But for the alias, which the demonstration points itself, and the checksum, since helm does not roll it there."""
    drawn = charted(EXAMPLE, "llm-gateway", "--set-json", "proxy_config.model_list=[]")
    plain = [
        one
        for path in sorted((plain_manifests() / "litellm").glob("*.yaml"))
        for one in yaml.safe_load_all(path.read_text("utf-8"))
        if one
    ]
    found = {one["kind"]: one for one in drawn}
    annotations = found["Deployment"]["spec"]["template"]["metadata"].pop("annotations")
    assert re.fullmatch("[0-9a-f]{64}", annotations["checksum/config"])
    wanted = {one["kind"]: one for one in plain}
    for edge in (found, wanted):
        edge["ConfigMap"]["data"] = {key: yaml.safe_load(text) for key, text in edge["ConfigMap"]["data"].items()}
    assert found == wanted


def terms() -> Terms:
    model = example_model()
    price = model.spec.tenant.price
    assert price is not None
    endpoints = {layer.id: layer.endpoint(model).base_url for layer in LAYERS}
    return Terms("qwen-local", "qwen", endpoints, price=(price.input_per_token, price.output_per_token))


def test_the_alias_in_git_is_the_one_that_up_would_point() -> None:
    values = ConfigText(FILES["platform/litellm/values.yaml"].read_text("utf-8"), "values.yaml", ["proxy_config"])
    aliases = Aliases(values, terms())
    (member,) = aliases.members()
    assert (member.id, member.layer, member.weight, member.ours) == ("qwen-raw-vllm", "raw-vllm", 100, True)
    assert aliases.write([member]) == values.text
    fresh = Aliases(ConfigText("model_list: []\n", "config.yaml"), terms())
    said = yaml.safe_load(fresh.write([member]))["model_list"]
    assert manifest("platform/litellm/values.yaml")["proxy_config"]["model_list"] == said


def test_the_chart_hands_the_alias_on_as_it_is_and_a_small_price_stays_a_number() -> None:
    (text,) = (one["data"]["config.yaml"] for one in charted(EXAMPLE, "llm-gateway") if one["kind"] == "ConfigMap")
    assert yaml.safe_load(text) == manifest("platform/litellm/values.yaml")["proxy_config"]
    assert len(Aliases(ConfigText(text, "config.yaml"), terms()).members()) == 1


def test_a_change_of_the_configuration_rolls_the_edge() -> None:
    def checksum(*more: str) -> str:
        (found,) = (one for one in charted(EXAMPLE, "llm-gateway", *more) if one["kind"] == "Deployment")
        return str(found["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum() != checksum("--set", "proxy_config.router_settings.num_retries=3")


def test_a_change_of_the_model_is_noticed_until_it_is_rendered(tmp_path: Path) -> None:
    def make(target: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path}
        return subprocess.run(
            ["make", target], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
        )

    assert pointsman(tmp_path, "init", ".").returncode == 0
    model = tmp_path / "models/qwen.yaml"
    model.write_text(model.read_text().replace("maxModelLen: 8192", "maxModelLen: 4096"))
    checked = make("check")
    assert (checked.returncode, "+            - --max-model-len=4096" in checked.stdout) == (2, True), checked.stderr
    assert make("render").returncode == 0
    assert make("check").returncode == 0
    changed = [name for name, path in FILES.items() if (tmp_path / name).read_bytes() != path.read_bytes()]
    assert sorted(changed) == sorted(["models/qwen.yaml", *RENDERED.values()])


def test_its_makefile_names_what_it_does() -> None:
    done = subprocess.run(["make"], cwd=EXAMPLE, capture_output=True, text=True, timeout=30, check=True)
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert {"resolve-groups", "check", "root", "wait", "sync", "vllm-up", "vllm-down"} < set(listed)
