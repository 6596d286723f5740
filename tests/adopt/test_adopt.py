"""``pointsman adopt``: what is found in repositories of two shapes, what does not agree, and what mends it."""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pointsman.adopt.kustomize_program import PROGRAM
from pointsman.adopt.taking import taken
from pointsman.spec.loading import load_model
from tests.adopt.other_platform import ALIAS, NAME, line_of, write_other_platform
from tests.cli.program import run
from tests.docs.schemas.holding import held

EXAMPLE = Path(__file__).parents[2] / "examples" / "platform"
Done = subprocess.CompletedProcess[str]


def adopted(root: Path, *words: str) -> Done:
    done = run("adopt", str(root), *words)
    assert "Traceback" not in done.stderr
    return done


def data(root: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(adopted(root, "--output", "json", *words).stdout)
    held("adopt", found)
    return found


def texts(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Our own platform without its Models."""
    root = tmp_path / "platform"
    shutil.copytree(EXAMPLE, root)
    shutil.rmtree(root / "models")
    return root


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another team's; without a kustomize on the machine."""
    monkeypatch.setenv(PROGRAM, "/nowhere")
    root = tmp_path / "other"
    write_other_platform(root)
    return root


def test_our_own_platform_has_nothing_to_correct(example: Path) -> None:
    before = texts(example)
    found = data(example)
    (model,) = found["models"]
    assert (model["name"], model["layer"], model["aliases"]) == ("qwen", "raw-vllm", ["qwen-local"])
    assert {layer: one["application"] for layer, one in model["layers"].items()} == {
        "raw-vllm": "raw-vllm",
        "kserve": "kserve-demo",
        "llm-d": "llm-d",
    }
    assert {one["maxModelLen"] for one in model["layers"].values()} == {8192}
    assert {one["auth"] for one in model["layers"].values()} == {"vllm-api-key/api-key"}
    assert [hop["what"] for hop in model["members"][0]["road"]] == ["Service serving/raw-vllm:8000"]
    assert (found["findings"], found["diff"], adopted(example).returncode) == ([], [], 0)
    assert texts(example) == before


def test_its_model_is_written_as_it_was_but_for_where_its_layers_come_from(example: Path) -> None:
    assert adopted(example, "--write").returncode == 0
    file = example / "models" / "qwen.yaml"
    was, now = load_model(EXAMPLE / "models" / "qwen.yaml"), taken(load_model(file), file)
    spec = now.spec
    for field in ("layer", "served_model_name", "weights", "engine", "accelerator", "resources", "contract"):
        assert getattr(spec, field) == getattr(was.spec, field), field
    assert (spec.tenant.alias, spec.tenant.price, spec.tenant.edge) == (
        was.spec.tenant.alias,
        was.spec.tenant.price,
        was.spec.tenant.edge,
    )
    for layer, path, application in (
        ("raw-vllm", "serving/raw-vllm", "raw-vllm"),
        ("kserve", "serving/kserve", "kserve-demo"),
        ("llm-d", "serving/llm-d", "llm-d"),
    ):
        written = spec.layers.block(layer).written
        assert written is not None
        assert (written.path, written.application) == (path, application)
        assert written.objects


def test_an_alias_is_followed_through_a_shared_gateway(other: Path) -> None:
    (model,) = data(other)["models"]
    first = model["members"][0]
    assert [hop["what"] for hop in first["road"]] == [
        "Service networking/shared-gateway:80",
        "Gateway networking/shared-gateway",
        "HTTPRoute chat/chat",
        "InferencePool chat/chat-pool",
    ]
    assert first["engines"] == ["Deployment chat/chat-engine"]
    assert (model["layer"], model["aliases"], model["otherNames"]) == ("raw-vllm", [ALIAS], {"chat": ALIAS})
    assert [(one["provider"], one["end"]) for one in model["others"]] == [("bedrock", "cloud"), ("azure", "cloud")]


def test_overlays_are_read_as_they_are_deployed(other: Path) -> None:
    found = data(other)
    layers = found["models"][0]["layers"]
    assert {layer: one["maxModelLen"] for layer, one in layers.items()} == {"raw-vllm": 8192, "kserve": 4096}
    assert any("staging" in one["where"] and "no Application" in one["why"] for one in found["notRead"])


def test_what_a_database_may_hold_is_said(other: Path) -> None:
    found = data(other)
    place = line_of(other, "proxy/values/models.yaml", "store_model_in_db")
    assert [one["where"] for one in found["notRead"] if "database" in one["why"]] == [place]
    assert found["edges"][0]["database"] is True


def test_every_mismatch_is_found_where_it_stands(other: Path) -> None:
    member = line_of(other, "proxy/values/models.yaml", "openai/qwen-chat", above=1)
    expected = {
        "adopt-served-name": line_of(other, "workloads/chat-kserve/base/isvc.yaml", "qwen-chat"),
        "adopt-context": line_of(other, "workloads/chat-kserve/overlays/production/kustomization.yaml", "4096"),
        "adopt-auth": line_of(other, "workloads/chat-kserve/base/isvc.yaml", "kserve-container"),
        "adopt-model-name": member,
        "adopt-base-url": member,
        "adopt-price": member,
        "adopt-two-layers": member,
    }
    done = adopted(other, "--output", "json")
    assert {one["code"]: one["where"] for one in json.loads(done.stdout)["findings"]} == expected
    assert done.returncode == 1


def test_without_fix_the_edits_are_shown_and_nothing_is_changed(other: Path) -> None:
    before = texts(other)
    done = adopted(other)
    assert "+          - --served-model-name=" + NAME in done.stdout
    assert texts(other) == before


def test_fix_needs_somebody_who_agrees(other: Path) -> None:
    before = texts(other)
    done = adopted(other, "--fix")
    assert (done.returncode, "not-asked" in done.stderr) == (2, True)
    assert texts(other) == before


def test_fix_mends_all_of_it_and_touches_no_other_line(other: Path) -> None:
    before = texts(other)
    done = adopted(other, "--fix", "--yes")
    assert done.returncode == 0, done.stdout
    after = texts(other)
    assert before.keys() == after.keys()
    changed = {path: changes(before[path], after[path]) for path in before if before[path] != after[path]}
    assert changed == {
        "proxy/values/models.yaml": (2, 0),
        "workloads/chat-kserve/base/isvc.yaml": (1, 3),
        "workloads/chat-kserve/overlays/production/kustomization.yaml": (1, 1),
    }
    assert data(other)["findings"] == []
    assert adopted(other, "--fix", "--yes").returncode == 0
    assert texts(other) == after


def changes(before: bytes, after: bytes) -> tuple[int, int]:
    """Lines that went, and lines that came."""
    lines = list(difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), n=0))[2:]
    return sum(line.startswith("-") for line in lines), sum(line.startswith("+") for line in lines)


def test_the_model_that_is_written_refers_to_the_overlays(other: Path) -> None:
    done = adopted(other, "--fix", "--yes", "--write")
    assert done.returncode == 0, done.stdout
    file = other / "models" / "chat-large.yaml"
    model = taken(load_model(file), file)
    raw, kserve = model.spec.layers.raw_vllm, model.spec.layers.kserve
    assert raw.written is not None
    assert kserve.written is not None
    assert (raw.written.path, kserve.written.path) == (
        "workloads/chat/overlays/production",
        "workloads/chat-kserve/overlays/production",
    )
    assert raw.address == "http://shared-gateway.networking.svc.cluster.local/v1"
    assert (model.spec.served_model_name, model.spec.contract.max_model_len) == (NAME, 8192)
    assert model.spec.tenant.edge.deployment == "llm-proxy"
    again = texts(other)
    assert "same: models/chat-large.yaml" in adopted(other, "--write").stderr
    assert texts(other) == again


def test_nothing_is_written_over_what_somebody_wrote(other: Path) -> None:
    (other / "models").mkdir()
    (other / "models" / "chat-large.yaml").write_text("# mine\n")
    before = texts(other)
    done = adopted(other, "--write")
    assert (done.returncode, "adopt-exists" in done.stderr) == (1, True)
    assert texts(other) == before
    assert "replaced: models/chat-large.yaml" in adopted(other, "--write", "--overwrite").stderr


def test_what_nobody_wrote_is_asked_for(other: Path) -> None:
    engine = other / "workloads/chat/base/engine.yaml"
    text = engine.read_text().replace("- Qwen/Qwen2.5-0.5B-Instruct", "- /cache/qwen").replace('cpu: "4", ', "")
    engine.write_text(text)
    done = adopted(other, "--write")
    assert done.returncode == 1
    assert "--set chat-large.weights=… --set chat-large.limits.cpu=…" in done.stdout
    assert not (other / "models").exists()
    given = ("--set", "chat-large.weights=Qwen/Qwen2.5-0.5B-Instruct", "--set", "chat-large.limits.cpu=4")
    adopted(other, "--write", *given)
    assert load_model(other / "models" / "chat-large.yaml").spec.resources.limits.cpu == "4"


def test_an_environment_has_to_be_named_where_there_are_several(other: Path) -> None:
    for env in ("one", "two"):
        folder = other / "clusters" / env
        folder.mkdir(parents=True)
        shutil.copy(other / "argocd/apps/chat-engine.yaml", folder)
    done = adopted(other)
    assert (done.returncode, "env-not-named" in done.stderr) == (2, True)
    assert data(other, "--env", "one")["environment"] == "one"
