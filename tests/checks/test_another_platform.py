"""On a repository that somebody else wrote the findings are those that a person would list, and no other."""

from __future__ import annotations

import json
from pathlib import Path

from tests.adopt.other_platform import line_of, write_other_platform
from tests.cli.program import run

MODELS = "proxy/values/models.yaml"
ISVC = "workloads/chat-kserve/base/isvc.yaml"
OVERLAY = "workloads/chat-kserve/overlays/production/kustomization.yaml"
SECOND = "# the one on KServe"


def listed(root: Path) -> list[tuple[str, str, bool]]:
    """Id, line, and whether it can be mended, of what a person would list."""
    places = [
        ("PM401", "argocd/apps/chat-engine.yaml", "metadata:", False),  # its GPUs would stay
        ("PM401", "argocd/apps/chat-kserve.yaml", "metadata:", False),
        ("PM507", MODELS, "# ours, on the cluster", True),
        ("PM510", MODELS, SECOND, True),  # no /v1
        ("PM519", MODELS, "store_model_in_db: true", False),
        ("PM601", ISVC, "--served-model-name=qwen-chat", True),
        ("PM602", OVERLAY, "value: --max-model-len=4096", True),  # the overlay's line, not the base's
        ("PM603", ISVC, "- name: kserve-container", True),
        ("PM606", MODELS, SECOND, True),
        ("PM608", MODELS, SECOND, True),
        ("PM609", MODELS, SECOND, True),
    ]
    return [(check, line_of(root, path, text), mended) for check, path, text, mended in places]


def test_what_is_found_is_what_a_person_would_list(tmp_path: Path) -> None:
    """Of 1xx, 2xx and 3xx, which are about engines by themselves, others' tests tell."""
    write_other_platform(tmp_path)
    told = run("lint", str(tmp_path), "-o", "json")
    assert told.returncode == 1, told.stderr
    findings = json.loads(told.stdout)["findings"]
    found = sorted((one["id"], one["where"], one["fixable"]) for one in findings if one["id"][2] in "4568")
    assert found == listed(tmp_path)


def test_what_was_mended_is_found_no_more(tmp_path: Path) -> None:
    """With the second member gone and the layers agreeing, what is left is for people to decide."""
    write_other_platform(tmp_path)
    assert run("adopt", str(tmp_path), "--fix", "--yes").returncode in (0, 1)
    findings = json.loads(run("lint", str(tmp_path), "-o", "json").stdout)["findings"]
    assert {one["id"] for one in findings if one["id"][2] in "468"} == {"PM401"}


def test_lines_of_a_values_file_with_several_documents_are_the_files_own(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(
        "replicas: 2\n---\nproxy_config:\n  model_list:\n    - model_name: qwen\n"
        '      litellm_params:\n        model: openai/qwen\n        weight: "5"\n',
        "utf-8",
    )
    findings = json.loads(run("lint", str(tmp_path), "-o", "json").stdout)["findings"]
    assert [(one["id"], one["where"]) for one in findings] == [("PM502", "values.yaml:8")]
