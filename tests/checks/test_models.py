"""Models among the files: what would be rendered for them is looked at, and told at the field that says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.checks.catalogue import CHECKS
from pointsman.checks.finding import Finding
from pointsman.checks.model_remedies import OWN
from pointsman.checks.repository import lint
from tests.adopt import by_hand

MODEL = """\
apiVersion: pointsman.dev/v1alpha1
kind: Model
metadata: {name: qwen}
spec:
  layer: raw-vllm
  servedModelName: qwen
  weights:
    huggingFace:
      repo: Qwen/Qwen2.5-7B-Instruct
  engine:
    image: vllm/vllm-openai:latest
    args:
      - --gpu-memory-utilization=0.9
      - --enable-lora
    env:
      AWS_SECRET_ACCESS_KEY: not-a-real-one
  accelerator: {gpusPerReplica: 1}
  resources: {requests: {cpu: "4", memory: 24Gi}, limits: {cpu: "8", memory: 48Gi}}
  contract: {maxModelLen: 8192}
  tenant: {alias: chat}
"""


def found(root: Path, **texts: str) -> list[Finding]:
    """What is said of these files of ``models``."""
    (root / "models").mkdir(exist_ok=True)
    for name, text in texts.items():
        (root / "models" / f"{name}.yaml").write_text(text, "utf-8")
    made = lint(root)[1]
    assert made.broken == []
    return made.counted


def said(findings: list[Finding]) -> set[tuple[str, str]]:
    """Id and line of each."""
    return {(one.check.id, one.where) for one in findings}


def test_a_finding_of_what_is_rendered_stands_at_the_field_of_the_model(tmp_path: Path) -> None:
    made = found(tmp_path, qwen=MODEL)
    assert said(made) == {("PM122", "models/qwen.yaml:11"), ("PM802", "models/qwen.yaml:16")}
    moving = next(one for one in made if one.check.id == "PM122")
    assert moving.what.startswith("Model qwen: rendered for raw-vllm: its image is vllm/vllm-openai:latest")
    assert not moving.told.fixes


def test_layers_that_have_the_same_are_told_once_and_only_those_that_the_file_speaks_of(tmp_path: Path) -> None:
    made = found(tmp_path, qwen=MODEL + "  layers: {kserve: {}}\n")
    assert len(made) == 2
    assert {one.told.what.partition(":")[0] for one in made} == {"rendered for raw-vllm and kserve"}


def test_what_one_layer_says_for_itself_is_told_there(tmp_path: Path) -> None:
    good = MODEL.replace(":latest", ":v0.23.0").replace("      AWS_SECRET_ACCESS_KEY: not-a-real-one\n", "      A: b\n")
    own = "  layers:\n    kserve:\n      image: vllm/vllm-openai:nightly\n"
    (one,) = found(tmp_path, qwen=good + own)
    assert (one.check.id, one.where) == ("PM122", "models/qwen.yaml:23")
    assert one.told.what.startswith("rendered for kserve: ")


def test_a_comment_in_the_model_ignores_what_is_rendered_of_that_line(tmp_path: Path) -> None:
    text = MODEL.replace(":latest", ":latest # pointsman:ignore PM122 we build it ourselves, each night")
    assert said(found(tmp_path, qwen=text)) == {("PM802", "models/qwen.yaml:16")}


def test_every_problem_of_a_model_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    text = MODEL.replace("maxModelLen: 8192", "maxModelLen: 0").replace("  layer: raw-vllm", "  layer: kubeflow")
    made = found(tmp_path, broken=text, list="- apiVersion: pointsman.dev/v1alpha1\n  kind: Model\n", good=MODEL)
    invalid = {one.where for one in made if one.check.id == "PM801"}
    assert {"models/broken.yaml:5", "models/broken.yaml:19"} <= invalid
    assert {one.where.partition(":")[0] for one in made if one.check.id != "PM801"} == {"models/good.yaml"}


@pytest.mark.parametrize(
    "text", ["", "{", MODEL + "---\n" + MODEL, "kind: Model\napiVersion: pointsman.dev/v9\n", "a: &a [*a]\n"]
)
def test_whatever_a_file_holds_it_is_a_finding_or_none_of_ours(text: str, tmp_path: Path) -> None:
    made = found(tmp_path, odd=text)
    assert {one.check.id for one in made} <= {"PM801"}
    assert bool(made) is ("pointsman.dev" in text)


def test_other_kinds_of_ours_and_models_of_others_are_left_alone(tmp_path: Path) -> None:
    other = "apiVersion: kubeai.org/v1\nkind: Model\nmetadata: {name: m}\nspec: {url: 'hf://a/b'}\n"
    assert found(tmp_path, other=other) == []


def test_written_layers_are_looked_at_where_they_lie_and_not_rendered(tmp_path: Path) -> None:
    by_hand.platform(tmp_path)
    made = lint(tmp_path)[1]
    assert made.broken == []
    assert {one.where.partition("/")[0] for one in made.counted} == {"serving"}
    (tmp_path / "serving/kserve/isvc.yaml").unlink()
    gone = [one for one in lint(tmp_path)[1].counted if one.check.id == "PM801"]
    assert [one.where for one in gone] == ["models/qwen.yaml:1"]
    assert "serving/kserve" in gone[0].what


def test_of_a_single_model_its_own_findings_are_told(tmp_path: Path) -> None:
    found(tmp_path, qwen=MODEL, other=MODEL.replace("name: qwen}", "name: other}"))
    made = lint(tmp_path / "models" / "qwen.yaml")[1]
    assert said(made.counted) == {("PM122", "qwen.yaml:11"), ("PM802", "qwen.yaml:16")}


PLAIN = MODEL.replace(":latest", ":v0.23.0").replace("      AWS_SECRET_ACCESS_KEY: not-a-real-one\n", "      A: b\n")
ASKED = {
    "an old engine": (("v0.23.0", "v0.10.1"), "PM127", "set spec.engine.image to vLLM 0.18 or later"),
    "a flag of later": (
        ("v0.23.0", "v0.10.1", "--enable-lora", "--disable-access-log-for-endpoints=/health"),
        "PM127",
        "take the flag out of spec.engine.args",
    ),
    "a tag that moves": (("v0.23.0", "latest"), "PM122", "in spec.engine.image"),
    "no accelerator": (("gpusPerReplica: 1", "gpusPerReplica: 0"), "PM114", "spec.accelerator.gpusPerReplica"),
    "a short start": (("    env:", "    startupSeconds: 30\n    env:"), "PM118", "raise spec.engine.startupSeconds"),
    "weights that each pod downloads": (
        ("  tenant:", "  layers: {llm-d: {prefill: {replicas: 1}}}\n  tenant:"),
        "PM307",
        "spec.layers.llm-d.weights.pvc.claim",
    ),
    "a secret": (("A: b", "AWS_SECRET_ACCESS_KEY: not-a-real-one"), "PM802", "take it out of spec.engine.env"),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_to_do_is_said_of_the_model_s_own_fields(name: str, tmp_path: Path) -> None:
    words, check, action = ASKED[name]
    text = PLAIN
    for before, after in zip(words[::2], words[1::2], strict=True):
        assert before in text
        text = text.replace(before, after)
    said = [one for one in found(tmp_path, model=text) if one.object.startswith("Model ")]
    assert any(one.check.id == check and action in one.next_action for one in said), said
    assert [one.next_action for one in said if "spec." not in one.next_action] == []


def test_remedies_of_models_are_of_checks_that_there_are() -> None:
    assert OWN.keys() <= {one.id for one in CHECKS}
    assert [text for text in OWN.values() if "spec." not in text] == []
