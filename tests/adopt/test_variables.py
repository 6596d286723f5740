"""Values that are filled in when an engine starts: what can be known of them is, and nothing is made of the rest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.adopt.test_adopt import adopted, data
from tests.adopt.test_folder import written
from tests.adopt.test_roads import KSERVE, RAW, SERVICE, entry

SCRIPT = """\
          command: [sh, -c]
          args: ["SETS exec vllm serve ${MODEL} --served-model-name WORD --max-model-len $LENGTH --port ${PORT:-8000}"]
          ENV
"""
ENV = "env: [{name: MODEL, value: a/b}, {name: LENGTH, value: '4096'}NAME]"
SAME = KSERVE.replace("a/b", "Qwen/Qwen2.5-0.5B-Instruct").replace("other", "qwen, --max-model-len=4096")
START = RAW.index("          args:")
END = RAW.index("          ports:")


def platform(root: Path, word: str, name: str = "", sets: str = "") -> Path:
    env = ENV.replace("NAME", name)
    script = SCRIPT.replace("SETS", sets).replace("WORD", word).replace("ENV", env)
    kserve = KSERVE.replace("other", "qwen, --max-model-len=4096")
    raw = RAW[:START] + script + RAW[END:]
    edge = entry("http://qwen.serving:8000/v1")
    return written(root, {"raw.yaml": raw, "service.yaml": SERVICE, "kserve.yaml": kserve, "edge.yaml": edge})


def names(found: dict[str, Any]) -> list[list[str]]:
    return [one["names"] for model in found["models"] for layer, one in model["layers"].items() if layer == "raw-vllm"]


KNOWN = {
    "default": ("${NAME:-qwen}", "", ""),
    "default of what is not set": ("${NAME-qwen}", "", ""),
    "value before the default": ("${NAME:-other}", ", {name: NAME, value: qwen}", ""),
    "empty": ("${NAME:-qwen}", ", {name: NAME, value: ''}", ""),
}
HIDDEN = {
    "from a Secret": ("$NAME", ", {name: NAME, valueFrom: {secretKeyRef: {name: s, key: k}}}", ""),
    "a default beside a Secret": ("${NAME:-qwen}", ", {name: NAME, valueFrom: {secretKeyRef: {name: s, key: k}}}", ""),
    "from anywhere": ("${NAME:-qwen}", "]\n          envFrom: [{configMapRef: {name: c}}", ""),
    "set by the script": ("$NAME", ", {name: NAME, value: qwen}", "NAME=$(cat /etc/name);"),
    "asked for": ("$(cat /etc/name)", "", ""),
}


@pytest.mark.parametrize("how", KNOWN)
def test_what_stands_there_is_known(how: str, tmp_path: Path) -> None:
    found = data(platform(tmp_path, *KNOWN[how]))
    assert names(found) == [["qwen"]]
    assert (found["findings"], found["diff"]) == ([], [])


@pytest.mark.parametrize("how", HIDDEN)
def test_of_a_name_that_nobody_can_tell_nothing_is_made(how: str, tmp_path: Path) -> None:
    root = platform(tmp_path, *HIDDEN[how])
    found = data(root)
    assert names(found) == [[]]
    assert (found["findings"], found["diff"]) == ([], [])
    assert any("is filled in when it starts" in one["why"] for one in found["notRead"])
    done = adopted(root, "--write")
    assert "--set chat.servedModelName=" in done.stdout


@pytest.mark.parametrize("flag", ["max-model-len", "port", "tool-call-parser"])
def test_of_a_flag_that_nobody_can_tell_nothing_is_made(flag: str, tmp_path: Path) -> None:
    known = {"max-model-len": "4096", "port": "8000", "tool-call-parser": "hermes"}
    raw = RAW.replace("--max-model-len=4096", ", ".join(f"--{name}={value}" for name, value in known.items()))
    raw = raw.replace(f"--{flag}={known[flag]}", f"--{flag}=$(HIDDEN)")
    edge = entry("http://qwen.serving:8000/v1")
    kserve = SAME.replace("=4096", "=4096, --tool-call-parser=hermes")
    service = SERVICE.replace("http}", "8123}" if flag == "port" else "http}")
    files = {"raw.yaml": raw, "service.yaml": service, "kserve.yaml": kserve, "edge.yaml": edge}
    found = data(written(tmp_path, files))
    assert (found["findings"], found["diff"]) == ([], [])


def test_an_engine_whose_key_comes_from_nowhere_is_not_taken_for_one_without(tmp_path: Path) -> None:
    raw = RAW.replace("--max-model-len=4096", "--max-model-len=4096, --api-key=$(KEY)")
    edge = entry("http://qwen.serving:8000/v1", more=", api_key: os.environ/K")
    root = written(tmp_path, {"raw.yaml": raw, "service.yaml": SERVICE, "edge.yaml": edge})
    (model,) = data(root)["models"]
    assert model["layers"]["raw-vllm"]["auth"] == "a key of no Secret"
    assert "--set chat.auth=" in adopted(root, "--write").stdout


def test_a_flag_is_not_put_behind_a_script_which_would_not_read_it(tmp_path: Path) -> None:
    script = "          command: [sh, -c]\n          args: [vllm serve a/b --served-model-name qwen]\n"
    raw = RAW[:START] + script + RAW[END:]
    edge = entry("http://q-predictor.ks/v1")
    kserve = KSERVE.replace("other", "qwen, --max-model-len=4096")
    found = data(
        written(tmp_path, {"raw.yaml": raw, "service.yaml": SERVICE, "kserve.yaml": kserve, "edge.yaml": edge})
    )
    assert [(one["code"], one["fixable"]) for one in found["findings"]][:1] == [("adopt-context", False)]
    assert found["diff"] == []


def test_words_of_the_presets_variable_are_mended_where_they_stand(tmp_path: Path) -> None:
    llmd = """\
apiVersion: serving.kserve.io/v1alpha1
kind: LLMInferenceService
metadata: {name: l, namespace: ld}
spec:
  model: {uri: "hf://Qwen/Qwen2.5-0.5B-Instruct", name: qwen}
  template:
    containers:
      - name: main
        env:
          - name: VLLM_ADDITIONAL_ARGS
            value: "--max-model-len 2048 --seed 1" # ours
"""
    edge = entry("http://qwen.serving:8000/v1")
    root = written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "llmd.yaml": llmd, "edge.yaml": edge})
    assert adopted(root, "--fix", "--yes").returncode == 0
    assert (root / "llmd.yaml").read_text() == llmd.replace("2048", "4096")


FILED = {
    "of the engine": ("raw", "--config=/etc/vllm.yaml"),
    "of the other one": ("kserve", "--config, /etc/vllm.yaml"),
}


@pytest.mark.parametrize("which", FILED)
def test_of_what_may_stand_in_a_file_of_settings_nothing_is_made(which: str, tmp_path: Path) -> None:
    """vLLM reads names, lengths and keys from it, too."""
    side, said = FILED[which]
    raw, kserve = RAW.replace("=4096", "=4096, --tool-call-parser=hermes"), SAME
    bare = f"--model=Qwen/Qwen2.5-0.5B-Instruct, {said}"
    if side == "raw":
        raw = RAW.replace("--model=Qwen/Qwen2.5-0.5B-Instruct, --served-model-name=qwen, --max-model-len=4096", bare)
    else:
        kserve = KSERVE.replace("--model=a/b, --served-model-name=other", bare)
    edge = entry("http://qwen.serving:8000/v1")
    root = written(tmp_path, {"raw.yaml": raw, "service.yaml": SERVICE, "kserve.yaml": kserve, "edge.yaml": edge})
    found = data(root)
    assert (found["findings"], found["diff"]) == ([], [])
    assert any("--config names" in one["why"] for one in found["notRead"])


def test_a_key_that_a_secret_of_variables_may_hold_is_not_said_to_be_none(tmp_path: Path) -> None:
    raw = RAW.replace("          ports:", "          envFrom: [{secretRef: {name: all}}]\n          ports:")
    keyed = SAME.replace("]}", "], env: [{name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}]}")
    edge = entry("http://qwen.serving:8000/v1")
    root = written(tmp_path, {"raw.yaml": raw, "service.yaml": SERVICE, "kserve.yaml": keyed, "edge.yaml": edge})
    found = data(root)
    assert found["findings"] == []
    assert found["models"][0]["layers"]["raw-vllm"]["auth"] == "?"
    assert "--set chat.auth=" in adopted(root, "--write").stdout


@pytest.mark.parametrize(("other", "codes"), [("abcdef", []), ("another", ["adopt-auth"]), ("$(KEY)", [])])
def test_keys_in_the_clear_are_compared_and_not_shown(other: str, codes: list[str], tmp_path: Path) -> None:
    raw = RAW.replace("=4096", "=4096, --api-key, abcdef")
    kserve = SAME.replace("=4096]", "=4096], env: [{name: VLLM_API_KEY, value: OTHER}]").replace("OTHER", other)
    edge = entry("http://qwen.serving:8000/v1", more=", api_key: os.environ/K")
    root = written(tmp_path, {"raw.yaml": raw, "service.yaml": SERVICE, "kserve.yaml": kserve, "edge.yaml": edge})
    done = adopted(root, "--output", "json")
    assert [one["code"] for one in json.loads(done.stdout)["findings"]] == codes
    assert not {"abcdef", "another"} & set(re.findall(r"abcdef|another(?! key)", done.stdout))
