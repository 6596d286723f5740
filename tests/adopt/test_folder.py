"""The objects of a folder, as Argo CD would deploy them; and what is listed instead."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.adopt.folder import objects_in
from pointsman.adopt.kustomize_program import PROGRAM
from pointsman.adopt.objects import key_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "platform"

ENGINE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: engine, labels: {app: engine}}
spec:
  replicas: 1
  selector: {matchLabels: {app: engine}}
  template:
    metadata: {labels: {app: engine}}
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.23.0
          args: [--served-model-name=qwen, --max-model-len=4096]
          env:
            - {name: A, value: "1"}
            - {name: B, value: "2"}
          volumeMounts: [{name: cache, mountPath: /cache}]
        - {name: side, image: "busybox:1"}
      volumes: [{name: cache, emptyDir: {}}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: engine}
spec: {selector: {app: engine}, ports: [{port: 80, targetPort: 8000}]}
"""
ISVC = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: qwen}
spec:
  predictor:
    containers:
      - {name: kserve-container, image: "vllm/vllm-openai:v0.23.0", args: [--max-model-len=4096]}
"""
BASE = {
    "base/kustomization.yaml": "resources: [engine.yaml, service.yaml, isvc.yaml]\n",
    "base/engine.yaml": ENGINE,
    "base/service.yaml": SERVICE,
    "base/isvc.yaml": ISVC,
}


def written(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: engine}
spec:
  template:
    spec:
      containers:
        - name: vllm
          args: [--served-model-name=qwen, --max-model-len=8192]
          env: [{name: B, value: "3"}, {name: C, value: "4"}]
"""

OVERLAYS: dict[str, dict[str, str]] = {
    "namespace": {"kustomization.yaml": "resources: [../base]\nnamespace: serving\n"},
    "labels": {"kustomization.yaml": "resources: [../base]\nlabels: [{pairs: {team: a}}]\n"},
    "labels-selectors": {
        "kustomization.yaml": "resources: [../base]\nlabels: [{pairs: {team: a}, includeSelectors: true}]\n"
    },
    "labels-templates": {
        "kustomization.yaml": "resources: [../base]\nlabels: [{pairs: {team: a}, includeTemplates: true}]\n"
    },
    "common-labels": {"kustomization.yaml": "resources: [../base]\ncommonLabels: {team: a}\n"},
    "annotations": {"kustomization.yaml": "resources: [../base]\ncommonAnnotations: {note: b}\n"},
    "replicas": {"kustomization.yaml": "resources: [../base]\nreplicas: [{name: engine, count: 0}]\n"},
    "image-tag": {"kustomization.yaml": "resources: [../base]\nimages: [{name: vllm/vllm-openai, newTag: v0.24.0}]\n"},
    "image-name": {
        "kustomization.yaml": "resources: [../base]\nimages: [{name: vllm/vllm-openai, newName: r.example:5000/v}]\n"
    },
    "image-digest": {
        "kustomization.yaml": f"resources: [../base]\nimages: [{{name: busybox, digest: 'sha256:{'a' * 64}'}}]\n"
    },
    "patch-file": {"kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n", "p.yaml": PATCH},
    "patch-old-field": {
        "kustomization.yaml": "resources: [../base]\npatchesStrategicMerge: [p.yaml]\n",
        "p.yaml": PATCH,
    },
    "patch-target": {
        "kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml, target: {kind: Deployment}}]\n",
        "p.yaml": PATCH.replace("name: engine", "name: whatever"),
    },
    "patch-operations": {
        "kustomization.yaml": "resources: [../base]\npatches:\n  - target: {kind: Deployment, name: eng.*}\n"
        "    patch: |-\n      - op: replace\n        path: /spec/template/spec/containers/0/args/1\n"
        "        value: --max-model-len=8192\n      - {op: add, path: /spec/template/spec/containers/0/args/-, "
        "value: --x}\n      - {op: remove, path: /metadata/labels/app}\n"
    },
    "patch-null": {
        "kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
        "p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: engine}\nspec: {replicas: null}\n",
    },
    "patch-custom-resource": {
        "kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
        "p.yaml": ISVC.replace("4096", "8192"),
    },
    "component": {
        "kustomization.yaml": "resources: [../base]\ncomponents: [../more]\nnamespace: ns\n",
        "../more/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "patches: [{path: p.yaml}]\n",
        "../more/p.yaml": PATCH,
    },
    "all-at-once": {
        "kustomization.yaml": "resources: [../base]\nnamespace: ns\ncommonLabels: {team: a}\n"
        "patches: [{path: p.yaml}]\nreplicas: [{name: engine, count: 2}]\n"
        "images: [{name: vllm/vllm-openai, newTag: v0.24.0}]\n",
        "p.yaml": PATCH,
    },
}
"""What is understood without the program."""

NEEDS = {
    "prefix": {"kustomization.yaml": "resources: [../base]\nnamePrefix: a-\n"},
    "generator": {
        "kustomization.yaml": "resources: [../base]\nconfigMapGenerator: [{name: c, files: [config.yaml]}]\n",
        "config.yaml": "model_list: []\n",
    },
    "directive": {
        "kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
        "p.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: engine}\n$patch: delete\n",
    },
    "ports": {
        "kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
        "p.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: engine}\nspec: {ports: [{port: 81}]}\n",
    },
}
"""What only Kustomize knows."""

KUSTOMIZE = ["kubectl", "kustomize"] if shutil.which("kubectl") else ["kustomize", "build"]
real = pytest.mark.skipif(not (shutil.which("kubectl") or shutil.which("kustomize")), reason="there is no kustomize")


def overlaid(root: Path, files: Mapping[str, str]) -> Path:
    return written(root, BASE | {f"overlay/{name}": text for name, text in files.items()})


def by_key(objects: list[Mapping[str, Any]]) -> dict[Any, Any]:
    return {key_of(one): one for one in objects}


@real
@pytest.mark.parametrize("name", OVERLAYS)
def test_what_is_understood_without_kustomize_is_what_kustomize_makes(name: str, tmp_path: Path) -> None:
    root = overlaid(tmp_path, OVERLAYS[name])
    made = subprocess.run([*KUSTOMIZE, str(root / "overlay")], capture_output=True, check=True, timeout=60).stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PROGRAM, "/nowhere")
        found = objects_in(root, "overlay")
    assert not found.left_out
    assert by_key(found.data) == by_key(list(yaml.safe_load_all(made)))


@pytest.mark.parametrize("name", NEEDS)
def test_what_only_kustomize_knows_is_refused_without_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROGRAM, "/nowhere")
    found = objects_in(overlaid(tmp_path, NEEDS[name]), "overlay")
    assert not found.objects
    (why,) = found.left_out
    assert why.where.startswith("overlay/")
    assert PROGRAM in why.next_action


@real
@pytest.mark.parametrize("name", NEEDS)
def test_kustomize_itself_builds_the_rest(name: str, tmp_path: Path) -> None:
    root = overlaid(tmp_path, NEEDS[name])
    made = subprocess.run([*KUSTOMIZE, str(root / "overlay")], capture_output=True, check=True, timeout=60).stdout
    found = objects_in(root, "overlay")
    assert not found.left_out
    assert by_key(found.data) == by_key(list(yaml.safe_load_all(made)))


COUNTED = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: engine}\nspec: {replicas: 7}\n"
SPACED = {"base/engine.yaml": ENGINE.replace("{name: engine,", "{name: engine, namespace: s,")}
PLACED = {"base/kustomization.yaml": BASE["base/kustomization.yaml"] + "namespace: s\n"}
OVER = "resources: [../base]\npatches: [{path: p.yaml}]\n"
JSON = '[{"op": "replace", "path": "/spec/replicas", "value": 7}]'


def _aimed(target: str, patch: str = COUNTED) -> dict[str, str]:
    text = f"resources: [../base]\npatches: [{{path: p.yaml, target: {{{target}}}}}]\n"
    return {"overlay/kustomization.yaml": text, "overlay/p.yaml": patch}


def _named(old: str = "", new: str = "") -> dict[str, str]:
    return {"overlay/kustomization.yaml": OVER, "overlay/p.yaml": COUNTED.replace(old, new)}


def _old(target: str) -> dict[str, str]:
    text = f"resources: [../base]\npatchesJson6902: [{{path: p.yaml, target: {{{target}}}}}]\n"
    return {"overlay/kustomization.yaml": text, "overlay/p.yaml": JSON}


IDS: dict[str, dict[str, str]] = {
    "no namespace, and the object has one": SPACED | _named(),
    "its namespace": SPACED | _named("{name: engine", "{name: engine, namespace: s"),
    "another namespace": SPACED | _named("{name: engine", "{name: engine, namespace: t"),
    "default, where none is written": _named("{name: engine", "{name: engine, namespace: default"),
    "no namespace, where a transformer gave one": PLACED | _named(),
    "the namespace that a transformer gave": PLACED | _named("{name: engine", "{name: engine, namespace: s"),
    "default, where a transformer gave one": PLACED | _named("{name: engine", "{name: engine, namespace: default"),
    "a namespace that it never had": PLACED | _named("{name: engine", "{name: engine, namespace: t"),
    "another version": _named("apps/v1", "apps/v1beta1"),
    "another name": _named("engine", "motor"),
    "a target, whatever the patch is called": SPACED | _aimed("kind: Deployment"),
    "a target in its namespace": SPACED | _aimed("kind: Deployment, namespace: s"),
    "a target in default, where none is written": _aimed("kind: Deployment, namespace: default"),
    "a target in the namespace that it had": PLACED | _aimed("kind: Deployment, namespace: default"),
    "a target in a namespace that it never had": PLACED | _aimed("kind: Deployment, namespace: t"),
    "a target that fits nothing": _aimed("kind: StatefulSet"),
    "a target for several patches": _aimed("kind: Deployment", f"{COUNTED}---\n{COUNTED}"),
    "operations at a target": SPACED | _aimed("kind: Deployment, name: eng.*", JSON),
    "operations between brackets that are no JSON": _aimed("kind: Deployment", JSON.replace('"', "")),
    "operations without a target": {"overlay/kustomization.yaml": OVER, "overlay/p.yaml": JSON},
    "old operations": _old("group: apps, version: v1, kind: Deployment, name: engine"),
    "old operations without a version": _old("group: apps, kind: Deployment, name: engine"),
    "old operations by a pattern": _old("group: apps, version: v1, kind: Deployment, name: eng.*"),
    "old operations, and the object has a namespace": SPACED
    | _old("group: apps, version: v1, kind: Deployment, name: engine"),
}


@real
@pytest.mark.parametrize("program", [True, False], ids=["with the program", "alone"])
@pytest.mark.parametrize("name", IDS)
def test_a_patch_is_for_what_kustomize_takes_it_for_or_the_build_fails(
    name: str, program: bool, tmp_path: Path
) -> None:
    root = written(tmp_path, BASE | IDS[name])
    made = subprocess.run([*KUSTOMIZE, str(root / "overlay")], capture_output=True, check=False, timeout=60)
    with pytest.MonkeyPatch.context() as patch:
        if not program:
            patch.setenv(PROGRAM, "/nowhere")
        found = objects_in(root, "overlay")
    if made.returncode:
        assert found.objects == ()
        assert [one.where.partition("/")[0] for one in found.left_out] == ["overlay"]
        assert found.left_out[0].fails or not program
        return
    if found.left_out:  # without the program some are not known
        assert not program
        return
    assert by_key(found.data) == by_key(list(yaml.safe_load_all(made.stdout)))


def test_an_object_knows_its_line_and_its_patches(tmp_path: Path) -> None:
    found = objects_in(overlaid(tmp_path, OVERLAYS["patch-file"]), "overlay")
    engine = next(one for one in found.objects if one.kind == "Deployment")
    assert engine.where == "base/engine.yaml:1"
    assert engine.at("spec", "template", "spec", "containers", 0, "args") == "overlay/p.yaml:9"
    assert engine.at("spec", "replicas") == "base/engine.yaml:5"


def test_the_example_is_read_without_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRAM, "/nowhere")
    found = objects_in(EXAMPLE, "serving/raw-vllm")
    assert [(one.kind, one.name) for one in found.objects] == [
        ("PersistentVolumeClaim", "raw-vllm-cache"),
        ("Service", "raw-vllm"),
        ("Deployment", "raw-vllm"),
    ]
    assert found.objects[2].data["spec"]["replicas"] == 0
    assert not found.left_out


def test_plain_manifests_are_read_as_argo_reads_them(tmp_path: Path) -> None:
    files = {
        "a.yaml": SERVICE + "---\n" + ENGINE,
        "b.json": '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}',
        "deep/c.yaml": ISVC,
        "d.txt": "no",
        "skip.yaml": "# +argocd:skip-file-rendering\n" + ISVC,
    }
    root = written(tmp_path, files)
    assert [one.kind for one in objects_in(root, "").objects] == ["Service", "Deployment", "Secret"]
    assert len(objects_in(root, "", recurse=True).objects) == 4
    assert objects_in(root, "").objects[1].where == "a.yaml:6"


HOSTILE: dict[str, tuple[dict[str, str], str]] = {
    "broken": ({"f/a.yaml": "a: [\n", "f/b.yaml": SERVICE}, "f/a.yaml:1"),
    "template": ({"f/a.yaml": "kind: {{ .Values.kind }}\n", "f/b.yaml": SERVICE}, "f/a.yaml:1"),
    "no manifest": ({"f/a.yaml": "a: 1\n", "f/b.yaml": SERVICE}, "f/a.yaml:1"),
    "duplicate": ({"f/a.yaml": "kind: A\nkind: B\n", "f/b.yaml": SERVICE}, "f/a.yaml:2"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_broken_is_listed_and_the_rest_is_read(name: str, tmp_path: Path) -> None:
    files, where = HOSTILE[name]
    found = objects_in(written(tmp_path, files), "f")
    assert [one.kind for one in found.objects] == ["Service"]
    assert [one.where for one in found.left_out] == [where]


REFUSED = {
    "remote": ("resources: ['https://example.com/x.yaml']\n", "fetched"),
    "remote git": ("resources: ['github.com/a/b//c?ref=v1']\n", "fetched"),
    "remote scp": ("resources: ['git@github.com:a/b']\n", "fetched"),
    "climbs out": ("resources: [../../../etc]\n", "out of the repository"),
    "absolute": ("resources: [/etc/passwd]\n", "out of the repository"),
    "helm": ("helmCharts: [{name: x}]\n", "Helm"),
    "plugin": ("generators: [x.yaml]\n", "plugins"),
    "unknown": ("somethingNew: 1\n", "not known"),
    "itself": ("resources: [../f]\n", "back to itself"),
    "outside its folder": ("resources: [../b.yaml]\n", "outside its own folder"),
    "missing": ("resources: [gone.yaml]\n", "no 'gone.yaml'"),
    "broken": ("resources: [\n", "not valid YAML"),
    "twice": ("resources: []\nresources: []\n", "already set"),
    "generator file": ("configMapGenerator: [{name: a, files: ['k=/etc/passwd']}]\n", "out of the repository"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_kustomization_that_leads_elsewhere_is_listed_with_its_line(name: str, tmp_path: Path) -> None:
    text, why = REFUSED[name]
    found = objects_in(written(tmp_path, {"f/kustomization.yaml": text, "b.yaml": SERVICE}), "f")
    assert not found.objects
    assert any(why in one.why and one.where.startswith("f/kustomization.yaml:") for one in found.left_out), found


def test_links_out_of_the_repository_are_not_followed(tmp_path: Path) -> None:
    outside = written(tmp_path / "outside", {"s.yaml": SERVICE, "kustomization.yaml": "resources: [s.yaml]\n"})
    root = written(tmp_path / "root", {"f/kustomization.yaml": "resources: [s.yaml, deep]\n", "g/a.yaml": ISVC})
    (root / "f" / "s.yaml").symlink_to(outside / "s.yaml")
    (root / "f" / "deep").symlink_to(outside)
    (root / "g" / "s.yaml").symlink_to(outside / "s.yaml")
    (root / "h").symlink_to(outside)
    assert [one.where for one in objects_in(root, "f").left_out] == ["f/kustomization.yaml:1"] * 2
    plain = objects_in(root, "g")
    assert [one.kind for one in plain.objects] == ["InferenceService"]
    assert [one.where for one in plain.left_out] == ["g/s.yaml"]
    assert [one.where for one in objects_in(root, "h").left_out] == ["h"]


@real
def test_kustomize_sees_only_the_files_it_may_read(tmp_path: Path) -> None:
    files = {"overlay/kustomization.yaml": "namePrefix: a-\nresources: [s.yaml]\n", "overlay/s.yaml": SERVICE}
    found = objects_in(written(tmp_path, files), "overlay")
    assert [one.name for one in found.objects] == ["a-engine"]
    assert found.objects[0].where == "overlay/s.yaml:1"
