"""What an InferenceService keeps that cannot go to 0: a GPU where it asks for one, else a pod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import run

GPU = {"limits": {"nvidia.com/gpu": "1"}}


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ({"predictor": {"minReplicas": 0, "model": {"modelFormat": {"name": "sklearn"}}}}, "one pod always runs"),
        ({"predictor": {"minReplicas": 0, "model": {"resources": GPU}}}, "its GPU is never released"),
        ({"predictor": {"minReplicas": 0, "containers": [{"resources": GPU}]}}, "its GPU is never released"),
        ({"predictor": {"minReplicas": 1}, "transformer": {"minReplicas": 0}}, "one pod always runs"),
    ],
)
def test_it_says_what_is_kept(parts: dict[str, Any], kept: str, tmp_path: Path) -> None:
    mode = {"serving.kserve.io/deploymentMode": "Standard"}
    head = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    made = {**head, "metadata": {"name": "iris", "namespace": "k", "annotations": mode}, "spec": parts}
    (tmp_path / "i.yaml").write_text(json.dumps(made), "utf-8")
    found = json.loads(run("lint", str(tmp_path), "--check", "PM201", "-o", "json").stdout)["findings"]
    assert [one["what"].rpartition(": ")[2] for one in found] == [kept]
