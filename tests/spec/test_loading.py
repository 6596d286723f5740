from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.errors import SpecError, UsageError
from pointsman.spec.loading import file_named, load_model, set_layer
from pointsman.spec.problems import InvalidSpecError
from tests.cli.program import run
from tests.spec.text import EXAMPLE, TEXT, edited, line_of, loaded, problems


def test_the_example_loads_with_what_it_says() -> None:
    model = load_model(EXAMPLE)
    assert model.name == "qwen"
    assert model.spec.layer == "raw-vllm"
    assert model.spec.contract.max_model_len == 8192
    assert model.spec.tenant.price is not None
    assert model.spec.tenant.price.input_per_token == 5e-7
    assert model.spec.layers.raw_vllm.name == "raw-vllm"
    assert model.spec.tenant.edge.config_map == "litellm-config"


@pytest.mark.parametrize(
    ("old", "new", "meant"),
    [
        ("servedModelName:", "servedModelNam:", "servedModelName"),
        ("servedModelName:", "served_model_name:", "servedModelName"),
        ("gpusPerReplica: 1", "gpuPerReplica: 1", "gpusPerReplica"),
        ("maxModelLen: 8192", "maxModelLength: 8192", "maxModelLen"),
        ("    raw-vllm:\n", "    rawVllm:\n", "raw-vllm"),
        ("      name: qwen-llmd", "      nam: qwen-llmd", "name"),
        ("price: {inputPerToken", "price: {inputPerTokens", "inputPerToken"),
    ],
)
def test_an_unknown_field_is_refused_with_its_line_and_the_nearest_name(
    tmp_path: Path, old: str, new: str, meant: str
) -> None:
    text = edited(old, new)
    found = [each for each in problems(tmp_path, text) if each.code == "spec-unknown-field"]
    assert [each.line for each in found] == [line_of(text, new.strip())]
    assert f"did you mean '{meant}'" in found[0].next_action


def test_an_unknown_field_near_nothing_lists_what_there_is(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, edited("  replicas: 1\n", "  replicas: 1\n  zzz: 1\n"))
    assert "servedModelName" in found.next_action
    assert "tenant" in found.next_action


def test_every_problem_is_listed_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = TEXT.replace("layer: raw-vllm", "layer: rawvllm", 1).replace("replicas: 1", "replicas: 0")
    text = text.replace("repo: Qwen/", "repo: ").replace('cpu: "4"', "cpu: four")
    found = problems(tmp_path, text)
    assert [each.line for each in found] == sorted(
        line_of(text, part) for part in ("layer: rawvllm", "replicas: 0", "repo: ", "cpu: four")
    )
    path = tmp_path / "model.yaml"
    with pytest.raises(InvalidSpecError) as caught:
        load_model(path)
    assert caught.value.what.startswith("4 problems")
    assert caught.value.exit_code == 2
    assert all(f"{path}:{each.line}: " in caught.value.what for each in found)


@pytest.mark.parametrize(
    ("old", "new", "what", "allowed"),
    [
        ("  layer: raw-vllm", "  layer: kserv", "'kserv'", "use one of: raw-vllm, kserve, llm-d"),
        ("  replicas: 1", "  replicas: one", "'one'", "a whole number"),
        ("  replicas: 1", "  replicas: '1'", "'1'", "a whole number"),
        ("  replicas: 1", "  replicas: 0", "replicas is 0", "at least 1"),
        ("  replicas: 1", "  replicas: -3", "replicas is -3", "at least 1"),
        ("gpusPerReplica: 1", "gpusPerReplica: -1", "-1", "at least 0"),
        ("streaming: true", "streaming: yes", "'yes'", "true or false"),
        ("memory: 4Gi", "memory: 4GB", "'4GB' is not a quantity", "4Gi"),
        ("memory: 4Gi", "memory: 0", "'0' is not a quantity", "above 0"),
        ("vllm-openai:v0.23.0", "vllm-openai", "neither a tag nor a digest", "digest"),
        ("vllm-openai:v0.23.0", "vllm openai:v1", "is not an image reference", "registry/name"),
        ("  name: qwen\n", "  name: Qwen\n", "'Qwen' is not a name", "lowercase"),
        ("  name: qwen\n", "  name: 0qwen\n", "'0qwen' is not a name", "starting with a letter"),
        ("      name: raw-vllm", "      name: raw.vllm", "'raw.vllm' is not a name", "lowercase"),
        ("repo: Qwen/Qwen2.5-0.5B-Instruct", "repo: Qwen2.5", "is not a Hugging Face repository", "owner/name"),
        ("    args:\n      - --gpu-memory-utilization=0.6", "    args: --x", "args is '--x'", "a list"),
        ("inputPerToken: 5e-7", "inputPerToken: -1", "-1", "at least 0"),
        ("inputPerToken: 5e-7", "inputPerToken: .nan", "nan", "finite"),
        ("kind: Model\n", "kind: Deployment\n", "'Deployment'", "use one of: Model"),
        ("  accelerator:\n    gpusPerReplica: 1", "  accelerator: gpu", "'gpu'", "a mapping"),
        ("  accelerator:\n    gpusPerReplica: 1", "  accelerator:", "accelerator is empty", "a mapping"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    tmp_path: Path, old: str, new: str, what: str, allowed: str
) -> None:
    text = edited(old, new)
    (found,) = problems(tmp_path, text)
    assert what in found.what
    assert allowed in found.next_action
    last = new.strip().splitlines()[-1 if "args" not in new else 0]
    assert found.line == line_of(text, last)


def test_a_missing_field_points_at_the_mapping_that_lacks_it(tmp_path: Path) -> None:
    text = edited("    maxModelLen: 8192 # rendered as --max-model-len on every layer\n", "")
    (found,) = problems(tmp_path, text)
    assert found.line == line_of(text, "  contract:")
    assert "spec.contract.maxModelLen is required" in found.what


@pytest.mark.parametrize(
    ("arg", "what"),
    [
        ("--max-model-len=4096", "contract.maxModelLen"),
        ("--max_model_len=4096", "contract.maxModelLen"),
        ("--served-model-name=other", "spec.servedModelName"),
        ("--port=9000", "nothing"),
        ("--api-key=secret", "spec.contract.auth"),
        ("--model=x/y", "spec.weights"),
        ("--shutdown-timeout=1", "spec.engine.shutdown"),
        ('--kv-transfer-config={"kv_connector":"X"}', "prefill"),
    ],
)
def test_an_argument_that_the_spec_renders_is_refused_in_args(tmp_path: Path, arg: str, what: str) -> None:
    text = edited("      - --gpu-memory-utilization=0.6\n", f"      - --gpu-memory-utilization=0.6\n      - '{arg}'\n")
    (found,) = problems(tmp_path, text)
    assert what in found.what
    assert found.line == line_of(text, f"- '{arg}'")
    assert found.code == "spec-owned-argument"


def test_the_two_word_form_of_an_argument_is_refused_too(tmp_path: Path) -> None:
    text = edited("- --gpu-memory-utilization=0.6\n", "- --max-model-len\n      - '4096'\n")
    (found,) = problems(tmp_path, text)
    assert found.line == line_of(text, "- --max-model-len")


def test_saying_the_promised_length_again_is_not_a_contradiction(tmp_path: Path) -> None:
    model = loaded(tmp_path, edited("- --gpu-memory-utilization=0.6\n", "- --max-model-len=8192\n"))
    assert model.spec.contract.max_model_len == 8192


def test_a_stray_word_in_args_is_refused_because_the_engine_would_take_it_for_the_model(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, edited("- --gpu-memory-utilization=0.6\n", "- other/model\n"))
    assert found.code == "spec-stray-argument"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('requests: {cpu: "1"', "requests: {cpu: 4500m", "spec-request-above-limit"),
        ("toolCalls: false", "toolCalls: true", "spec-tool-parser"),
        ("- --gpu-memory-utilization=0.6", "- --runner=pooling", "spec-api"),
        ("- --gpu-memory-utilization=0.6", "- --convert=embed", "spec-api"),
        ("  accelerator:\n", "    env: {PYTHONPATH: /x}\n  accelerator:\n", "spec-owned-variable"),
        ("  accelerator:\n", "    env: {VLLM_API_KEY: x}\n  accelerator:\n", "spec-owned-variable"),
        ("      name: qwen-llmd", "      name: " + "q" * 39, "spec-name-too-long"),
        ("      name: raw-vllm", "      name: qwen\n      namespace: kserve", "spec-same-place"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    text = edited(old, new)
    (found,) = problems(tmp_path, text)
    assert found.code == code
    assert 1 < found.line <= len(text.splitlines())


def test_tools_are_called_in_conversations_only(tmp_path: Path) -> None:
    text = edited("toolCalls: false", "toolCalls: true\n    api: completions")
    text = text.replace("- --gpu-memory-utilization=0.6\n", "- --tool-call-parser=hermes\n")
    with pytest.raises(SpecError, match="tools are called in conversations, and tenants ask for completions"):
        loaded(tmp_path, text)


def test_a_promise_of_tool_calls_with_a_parser_is_accepted(tmp_path: Path) -> None:
    text = edited("toolCalls: false", "toolCalls: true")
    text = text.replace("- --gpu-memory-utilization=0.6\n", "- --tool-call-parser=hermes\n")
    assert loaded(tmp_path, text).spec.contract.tool_calls


def test_duplicate_keys_are_refused_each_with_its_line(tmp_path: Path) -> None:
    text = edited("  replicas: 1\n", "  replicas: 1\n  replicas: 2\n  layer: kserve\n")
    found = problems(tmp_path, text)
    assert [each.code for each in found] == ["spec-duplicate-key", "spec-duplicate-key"]
    assert [each.line for each in found] == [line_of(text, "replicas: 2"), line_of(text, "  layer: kserve")]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        (TEXT + "---\n" + TEXT, len(TEXT.splitlines()) + 1, "second document"),
        ("spec:\n\tlayer: raw-vllm\n", 2, "tab"),
        ("a: [1, 2\n", 1, "not valid YAML"),
        ("a: &a\n  b: *a\n", 1, "nests deeper"),
        ("<<: {a: 1}\n", 1, "merge key"),
        ("? [a, b]\n: 1\n", 1, "plain word"),
        ("a: *nowhere\n", 1, "not valid YAML"),
        ("a: " + "[" * 200 + "]" * 200 + "\n", 1, "nests deeper"),
        ("a: !!python/object:os.system x\n", 1, ""),
    ],
)
def test_what_is_not_one_yaml_mapping_is_refused_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    (found, *_) = problems(tmp_path, text)
    assert what in found.what
    assert found.line == line
    assert found.next_action


@pytest.mark.parametrize(
    "end", ["---\n", "---", "...\n", "---\n# nothing more\n\n", "---\n---  # the end\n...\n", "---\r\n"]
)
def test_a_mark_at_the_end_begins_no_second_document(tmp_path: Path, end: str) -> None:
    (tmp_path / "plain.yaml").write_text(TEXT, "utf-8")
    (tmp_path / "marked.yaml").write_text(TEXT + end, "utf-8", newline="")
    plain, marked = (run("pick", str(tmp_path / name), "-o", "json") for name in ("plain.yaml", "marked.yaml"))
    assert (marked.returncode, marked.stdout) == (0, plain.stdout), marked.stderr


def test_anchors_that_multiply_are_refused_quickly(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert problems(tmp_path, "\n".join(lines))[0].code == "spec-too-deep"


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "42\n"])
def test_a_file_that_is_not_a_mapping_says_how_a_spec_starts(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match="a spec is a mapping") as caught:
        loaded(tmp_path, text)
    assert "apiVersion" in caught.value.next_action


@pytest.mark.parametrize("data", [b"\xff\xfe\x00binary", b"spec:\n  a: \x00\n", b"\x89PNG\r\n\x1a\n"])
def test_a_binary_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(data)
    with pytest.raises(SpecError, match="not UTF-8 text"):
        load_model(path)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file") as caught:
        load_model(tmp_path / "nowhere.yaml")
    assert caught.value.where == str(tmp_path / "nowhere.yaml")
    with pytest.raises(SpecError, match="cannot be read"):
        load_model(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert load_model(path) == load_model(EXAMPLE)


def test_a_model_is_found_by_name_in_the_known_folders(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "qwen.yaml").write_text(TEXT, encoding="utf-8")
    assert file_named("qwen", tmp_path) == models / "qwen.yaml"
    assert file_named("models/qwen.yaml", tmp_path) == models / "qwen.yaml"
    assert file_named("qwem", tmp_path) is None


def test_writing_the_layer_changes_that_word_and_no_other_byte(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    set_layer(path, "llm-d")
    assert path.read_bytes() == TEXT.replace("layer: raw-vllm", "layer: llm-d").replace("\n", "\r\n").encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["model.yaml"]
    with pytest.raises(UsageError, match="no layer 'swarm'"):
        set_layer(path, "swarm")
    path.chmod(0o444)
    with pytest.raises(SpecError, match="cannot be written: it is read-only") as caught:
        set_layer(path, "kserve")
    assert caught.value.code == "spec-unwritable"
    assert load_model(path).spec.layer == "llm-d"
