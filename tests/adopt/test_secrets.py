"""Secrets in the lines that a diff shows: keys, tokens and passwords are hidden, and nothing else is."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from pointsman.adopt.hiding import hidden
from tests.adopt.test_adopt import adopted
from tests.adopt.test_folder import written
from tests.adopt.test_roads import RAW, SERVICE

SAID: dict[str, str] = {
    "a member's key": "litellm_params:\n  api_key: VERYSECRET # ours\n",
    "in a flow": "litellm_params: {model: a/b, api_key: VERYSECRET, rpm: 6}\n",
    "in JSON": '{"model": "a/b", "api_key": "VERYSECRET", "rpm": 6}\n',
    "a chart's": "masterkey: 'VERYSECRET'\n",
    "in other letters": "env:\n  AZURE_API_KEY: VERYSECRET\n  hfToken: VERYSECRET\n",
    "a variable": "env:\n  - name: VLLM_API_KEY\n    value: VERYSECRET\n",
    "a variable in a flow": "env: [{name: HF_TOKEN, value: VERYSECRET}]\n",
    "a variable in JSON": '{"name": "HF_TOKEN", "value": "VERYSECRET"}\n',
    "a variable's value first": "env:\n  - value: VERYSECRET\n    name: DB_PASSWORD\n",
    "a flag": "args: [--api-key, VERYSECRET, --port, '8']\n",
    "a flag in one word": "args:\n  - --api-key=VERYSECRET\n",
    "a flag in two lines": "args:\n  - --api-key\n  - VERYSECRET\n  - --port=8\n",
    "a flag of a script": "args:\n  - |\n    vllm serve a/b --api-key VERYSECRET --port 8\n",
    "with line ends of Windows": "env:\r\n  - name: VLLM_API_KEY\r\n    value: VERYSECRET\r\n",
    "lines of a key": "private_key: |\n  VERYSECRET\n  VERYSECRET\nnext: 1\n",
    "a Secret's": "kind: Secret\nstringData:\n  anything: VERYSECRET\n  more: |\n    VERYSECRET\n",
    "an address's": "database_url: postgresql://me:VERYSECRET@db/litellm\n",
    "a query's": "api_base: http://engine/v1?access_token=VERYSECRET\n",
    "a shape that is known": "note: sk-VERYSECRET-and-more\n",
}
KEPT = """\
api_key: os.environ/CHAT_KEY
env:
  - {name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: chat-key, key: token}}}
  - {name: KEYS, value: $(OTHER)}
  - name: MODEL
    value: Qwen/Qwen2.5-0.5B-Instruct
input_cost_per_token: 0.0000002
max_tokens: 4096
tokenizer: Qwen/Qwen2.5-0.5B-Instruct
masterKey: {secret: keys, key: masterkey}
secretName: keys
existingSecret: keys
args: [--api-key, $(KEY), --served-model-name, qwen]
master_key: null
"""


@pytest.mark.parametrize("how", SAID)
def test_a_secret_is_hidden_and_its_line_stays(how: str) -> None:
    text = SAID[how]
    shown = hidden(text)
    assert "VERYSECRET" in text
    assert "VERYSECRET" not in shown
    assert shown.count("\n") == text.count("\n")
    words = re.findall(r"[\w/-]+", re.sub(r"\S*VERYSECRET\S*", " ", text))
    assert all(word in shown for word in words), shown


def test_what_only_names_a_secret_stays() -> None:
    assert hidden(KEPT) == KEPT


def test_long_lines_take_no_long_time() -> None:
    begun = time.process_time()
    for text in (
        "a.key-" * 100_000,
        "key" * 200_000,
        "--api-key " * 60_000,
        'name: a\n"' * 60_000,
        "kind: Secret\n" * 50_000,
    ):
        hidden(text)
    assert time.process_time() - begun < 5


def test_neither_what_is_printed_nor_what_is_asked_shows_a_key_beside_an_edit(tmp_path: Path) -> None:
    config = """\
model_list:
  - model_name: chat
    litellm_params:
      model: openai/qwen
      api_base: http://qwen.serving:8000
      api_key: VERYSECRET
  - {model_name: cloud, litellm_params: {model: openai/gpt, api_key: VERYSECRET}}
"""
    root = written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "edge.yaml": config})
    for words in ((), ("--output", "json"), ("--fix",)):
        done = adopted(root, *words)
        assert "api_base: http://qwen.serving:8000/v1" in done.stdout + done.stderr
        assert "VERYSECRET" not in done.stdout + done.stderr
    assert adopted(root, "--fix", "--yes").returncode == 0
    text = (root / "edge.yaml").read_text()
    assert text == config.replace(":8000\n", ":8000/v1\n")
