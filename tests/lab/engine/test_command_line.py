"""The command line of ``vllm``, and which weights it leads to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lab.engine.process import MODEL, chat, engine, program, said

_PRESET = (
    *("--served-model-name", "qwen", "publishers/llm-d/models/qwen"),
    *("--disable-access-log-for-endpoints", "/health,/metrics,/ping", "--shutdown-timeout", "40"),
    *("--tensor-parallel-size", "1", "--kv-transfer-config", '{"kv_connector":"NixlConnector","kv_role":"kv_both"}'),
)


@pytest.mark.parametrize(
    "words",
    [
        _PRESET,
        ("--max_model_len=4k", "--gpu-memory-utilization", "0.6", "--no-enable-prefix-caching", "-tp", "2"),
        ("--compilation-config.mode", "3", "--compilation-config.pass_config.fuse_norm_quant=true", "-O3"),
        ("--limit-mm-per-prompt", '{"image": 2}', "--middleware", "a.b", "--middleware=c.d", "--hf-token"),
        ("--dtype=float32", "--enforce-eager", "--api-key", "one", "two", "--max-num-seqs=64", "--block-size", "128"),
    ],
)
async def test_flags_that_vllm_has_are_accepted(tmp_path: Path, words: tuple[str, ...]) -> None:
    async with engine(tmp_path, *words):
        pass


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--disable-log-requests",), "unrecognized arguments: --disable-log-requests"),
        (("--max-modle-len", "10"), "unrecognized arguments: --max-modle-len"),
        (("--dtype", "float7"), "argument --dtype: invalid choice: 'float7'"),
        (("--port", "http"), "argument --port: invalid int value: 'http'"),
        (("--kv-transfer-config", "{kv_connector:NixlConnector}"), "cannot be converted to valid JSON"),
        (("--served-model-name",), "expected at least one argument"),
    ],
)
async def test_flags_that_vllm_has_not_are_refused_as_argparse_does(
    tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    async with program(tmp_path, "serve", MODEL, *words) as running:
        assert await running.ended() == 2
        assert complaint in running.log


async def test_the_version_is_a_plain_number_that_presets_can_compare(tmp_path: Path) -> None:
    async with program(tmp_path, "--version") as running:
        assert await running.ended() == 0
        assert tuple(map(int, running.log.strip().split("."))) >= (0, 22, 0)


async def test_a_config_file_gives_flags_and_the_command_line_wins(tmp_path: Path) -> None:
    config = tmp_path / "serve.yaml"
    config.write_text("served-model-name: [from-file]\nmax-model-len: 512\nenforce-eager: true\n")
    async with engine(tmp_path, "--config", str(config), "--max-model-len", "1024") as running:
        (card,) = (await running.get("/v1/models"))[1]["data"]
        assert (card["id"], card["max_model_len"]) == ("from-file", 1024)


async def test_the_key_flag_wins_over_the_environment(tmp_path: Path) -> None:
    async with engine(tmp_path, "--api-key", "flag", env={"VLLM_API_KEY": "env"}) as running:
        assert (await running.get("/v1/models", {"Authorization": "Bearer env"}))[0] == 401
        assert (await running.get("/v1/models", {"Authorization": "Bearer flag"}))[0] == 200


async def test_the_pod_address_wins_over_the_host(tmp_path: Path) -> None:
    async with engine(tmp_path, "--host", "127.0.0.9", env={"POINTSMAN_POD_ADDRESS": "127.0.0.1"}) as running:
        assert await running.status("/health") == 200


async def test_a_folder_and_a_repository_with_the_same_weights_say_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    async with program(tmp_path, f"hf://{MODEL}", str(folder), module="pointsman.lab.engine.storage") as fetch:
        assert await fetch.ended() == 0
    assert json.loads((folder / "pointsman-weights.json").read_text()) == {"repo": MODEL, "revision": "main"}
    mounts = {"POINTSMAN_MOUNTS": json.dumps({"/mnt/models": str(folder)})}
    async with (
        engine(tmp_path, "--served-model-name", "a") as remote,
        engine(tmp_path, model=str(folder), env=mounts) as local,
        engine(tmp_path, model="Qwen/Qwen2.5-1.5B-Instruct") as other,
        engine(tmp_path, "--revision", "refs/pr/1") as revised,
    ):
        texts = [said((await one.post("/v1/chat/completions", chat()))[1]) for one in (remote, local, other, revised)]
        assert texts[0] == texts[1]
        assert len(set(texts)) == 3
        assert (await local.get("/v1/models"))[1]["data"][0]["id"] == "/mnt/models"


async def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    async with program(tmp_path, "serve", str(tmp_path / "empty")) as running:
        assert await running.ended() == 1
        assert "ensure the presence of a 'config.json'" in running.log


async def test_offline_without_a_cache_there_are_no_weights(tmp_path: Path) -> None:
    async with program(tmp_path, "serve", MODEL, env={"HF_HUB_OFFLINE": "1"}) as running:
        assert await running.ended() == 1
        assert "couldn't find them in the cached files" in running.log


@pytest.mark.parametrize("words", [("serve", MODEL), (f"hf://{MODEL}", "models")])
async def test_hugging_face_can_say_429(tmp_path: Path, words: tuple[str, ...]) -> None:
    module = "pointsman.lab.engine" if words[0] == "serve" else "pointsman.lab.engine.storage"
    async with program(tmp_path, *words, module=module, settings={"faults": {"hf_rate_limited": True}}) as running:
        assert await running.ended() == 1
        assert "429 Client Error" in running.log


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("hf://just-a-name", "Expected 'hf://owner/model[:revision]'"),
        ("/not/there", "does not exist"),
        ("s3://bucket/model", "Cannot recognize storage type"),
    ],
)
async def test_the_storage_initializer_refuses_what_it_cannot_fetch(
    tmp_path: Path, source: str, complaint: str
) -> None:
    async with program(tmp_path, source, str(tmp_path / "to"), module="pointsman.lab.engine.storage") as running:
        assert await running.ended() == 1
        assert complaint in running.log
