"""Secrets in plain text are found by their names and marks; what stands for one is none; no value is ever told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.checks.repository import lint
from pointsman.checks.secrets import is_plain_secret
from pointsman.checks.telling import as_dict

KEY = "7f3e1c9a5b2d4e60"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VLLM_API_KEY", KEY),
        ("api_key", KEY),
        ("HF_TOKEN", "hf_" + "a1B2" * 8),
        ("ANYTHING", "sk-" + "a1B2c3D4" * 4),
        ("DATABASE_URL", f"postgresql://litellm:{KEY}@db:5432/litellm"),
        ("DATABASE_URL", "postgresql://litellm:hunter2@db:5432/litellm"),
        ("redis_url", "redis://:pw1@cache:6379/0"),
        ("aws_secret_access_key", KEY * 2),
        ("certificate", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"),
    ],
)
def test_a_secret_is_one(name: str, value: str) -> None:
    assert is_plain_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENIZERS_PARALLELISM", "false"),
        ("MAX_TOKENS", "8192"),
        ("VLLM_API_KEY", "$(KEY_FROM_SECRET)"),
        ("api_key", "os.environ/UPSTREAM_API_KEY"),
        ("api_key", "dummy"),
        ("api_key", "none"),
        ("api_key", "not-needed"),
        ("api_key", "{{ .Values.key }}"),
        ("HF_TOKEN_PATH", "/run/secrets/hub/token"),
        ("api_key", "change-me-please"),
        ("api_key", None),
        ("api_key", 12345678),
        ("PASSWORD_FILE", "/run/secrets/password"),
        ("DATABASE_URL", "postgresql://litellm:$(PASSWORD)@db:5432/litellm"),
        ("DATABASE_URL", "postgresql://litellm:$PASSWORD@db:5432/litellm"),
        ("DATABASE_URL", "postgresql://litellm:<password>@db:5432/litellm"),
        ("DATABASE_URL", "postgresql://litellm@db:5432/litellm"),
        ("api_base", "http://raw.serving.svc.cluster.local:8000/v1"),
        ("SOME_KEY", "ordinary-setting"),
    ],
)
def test_what_stands_for_a_secret_or_is_none_is_left_alone(name: str, value: object) -> None:
    assert not is_plain_secret(name, value)


def test_no_output_holds_a_value_that_was_found(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(
        f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: raw, namespace: serving}}
spec:
  template:
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.23.0
          args: [Qwen/Qwen2.5-0.5B-Instruct, --api-key={KEY}]
          env: [{{name: HF_TOKEN, value: {KEY}}}]
---
apiVersion: v1
kind: Secret
metadata: {{name: keys, namespace: serving}}
stringData: {{api-key: {KEY}, username: somebody-else}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings, namespace: serving}}
data: {{api-token: {KEY}}}
""",
        "utf-8",
    )
    (tmp_path / "edge.yaml").write_text(
        f"""\
model_list:
  - model_name: qwen
    litellm_params: {{model: openai/qwen, api_key: {KEY}}}
credential_list:
  - credential_name: shared
    credential_values: {{api_key: {KEY}}}
general_settings: {{master_key: {KEY}, database_url: "postgresql://litellm:{KEY}@db/litellm"}}
""",
        "utf-8",
    )
    found, made = lint(tmp_path)
    told = json.dumps(as_dict(made, found))
    assert sorted(one.check.id for one in made.findings if one.check.id in ("PM506", "PM802", "PM803")) == [
        *["PM506"] * 4,
        *["PM802"] * 3,
        "PM803",
    ]
    assert KEY not in told
