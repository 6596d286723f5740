"""Sizes against public figures: what the authors publish, and what vLLM's own formula gives by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pointsman.advice.cache import per_token, request_bytes
from pointsman.advice.known import Known
from pointsman.advice.parameters import parameters_of
from pointsman.advice.settings import Settings
from pointsman.advice.shape import Shape, shape_of
from pointsman.advice.weights import weights_of
from pointsman.errors import SpecError
from tests.advice.configs import CONFIGS, PUBLISHED

KIB, GIB = 1 << 10, 1 << 30
PLAIN = Settings(
    gpus=1,
    tensor=1,
    pipeline=1,
    copies=1,
    utilisation=0.9,
    said_utilisation=False,
    step=8192,
    said_step=False,
    dtype="auto",
    quantisation="",
    cache_dtype="auto",
    length=8192,
    nodes=1,
    memory=16 * GIB,
    cpu_cache=4,
    lora=False,
    offload=False,
)


def shape(repo: str, **changes: Any) -> Shape:
    return shape_of({**CONFIGS[repo], **changes}, "config.json")


def gigabytes(repo: str, settings: Settings = PLAIN, **changes: Any) -> float:
    found = weights_of(Known("config.json", shape(repo, **changes)), settings)
    assert found is not None
    return found.bytes / 1e9


@pytest.mark.parametrize("repo", PUBLISHED)
def test_parameters_are_what_the_authors_publish(repo: str) -> None:
    published, far = PUBLISHED[repo]
    assert parameters_of(shape(repo)).total == pytest.approx(published, rel=far)


@pytest.mark.parametrize(
    ("repo", "active"),
    [
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 12.9e9),
        ("deepseek-ai/DeepSeek-V3", 37e9),
        ("Qwen/Qwen3-30B-A3B", 3.3e9),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct", 35e9),
    ],
)
def test_what_computes_for_a_token_is_what_the_authors_publish_and_not_what_lies_in_memory(
    repo: str, active: float
) -> None:
    found = parameters_of(shape(repo))
    assert found.active == pytest.approx(active, rel=0.02)
    assert found.active < found.total / 3


@pytest.mark.parametrize(
    ("repo", "published"),
    [
        ("meta-llama/Llama-3.1-70B-Instruct", 141.1),  # the sum of its safetensors files
        ("meta-llama/Llama-3.1-8B-Instruct", 16.06),
        ("Qwen/Qwen2.5-0.5B-Instruct", 0.988),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", 5.57),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 93.4),
    ],
)
def test_weights_take_what_their_files_take(repo: str, published: float) -> None:
    assert gigabytes(repo) == pytest.approx(published, rel=0.005)


def test_quantisation_leaves_embeddings_alone() -> None:
    """7.6 billion parameters of 4 bits would be 3.8 GB: both embeddings are 1.1 billion of 16."""
    assert gigabytes("Qwen/Qwen2.5-7B-Instruct-AWQ") > 5.5


def test_eight_bits_by_a_flag_halve_the_layers_and_nothing_else() -> None:
    plain, small = (
        gigabytes("meta-llama/Llama-3.1-8B-Instruct", replace(PLAIN, quantisation=flag)) for flag in ("", "fp8")
    )
    embeddings = 2 * 128256 * 4096 * 2 / 1e9
    assert small == pytest.approx((plain - embeddings) / 2 + embeddings, rel=0.001)


def test_float32_is_loaded_as_16_bits_unless_the_engine_is_told() -> None:
    assert gigabytes("BAAI/bge-m3") == pytest.approx(1.135, rel=0.01)
    assert gigabytes("BAAI/bge-m3", replace(PLAIN, dtype="float32")) == pytest.approx(2.27, rel=0.01)


def test_an_unknown_quantisation_is_said_and_counted_as_none() -> None:
    config = {"quantization_config": {"quant_method": "magic"}}
    found = weights_of(Known("x", shape("Qwen/Qwen2.5-7B-Instruct", **config)), PLAIN)
    assert found is not None
    assert found.bytes / 1e9 == pytest.approx(15.23, rel=0.001)
    assert any("magic" in one for one in found.unknown)


def test_the_bytes_of_the_index_beside_are_taken_as_they_are() -> None:
    known = Known("config.json", shape("Qwen/Qwen2.5-7B-Instruct-AWQ"), bytes=5_570_000_001)
    found = weights_of(known, PLAIN)
    assert found is not None
    assert (found.bytes, "index" in found.how) == (5_570_000_001, True)


@pytest.mark.parametrize(
    ("repo", "kib"),
    [
        ("meta-llama/Llama-3.1-70B-Instruct", 320),  # 2 × 80 layers × 8 heads × 128 × 2 bytes
        ("meta-llama/Llama-3.1-8B-Instruct", 128),
        ("Qwen/Qwen2.5-0.5B-Instruct", 12),
        ("Qwen/Qwen2.5-7B-Instruct", 56),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 128),
        ("deepseek-ai/DeepSeek-V3", 68.625),  # 61 layers × (512 + 64) × 2 bytes, and not 128 heads
        ("BAAI/bge-m3", 0),
    ],
)
def test_a_token_caches_what_vllm_counts(repo: str, kib: float) -> None:
    assert per_token(shape(repo), 2) == kib * KIB


def test_heads_are_divided_over_gpus_until_one_is_left_and_a_latent_vector_never_is() -> None:
    qwen, deepseek = shape("Qwen/Qwen2.5-7B-Instruct"), shape("deepseek-ai/DeepSeek-V3")
    assert [per_token(qwen, 2, gpus) / KIB for gpus in (1, 2, 4, 8)] == [56, 28, 14, 14]
    assert per_token(deepseek, 2, 8) == per_token(deepseek, 2, 1)


def test_a_request_takes_whole_blocks() -> None:
    llama = shape("meta-llama/Llama-3.1-8B-Instruct")
    assert request_bytes(llama, 1, 2) == 16 * 128 * KIB
    assert request_bytes(llama, 131072, 2) == 16 * GIB
    assert request_bytes(llama, 131072, 1) == 8 * GIB


def test_a_sliding_window_keeps_its_window_and_one_step() -> None:
    """Gemma 3 1B: 4 of 26 layers keep all tokens (every sixth), the others 512 and those of one step."""
    gemma = shape("google/gemma-3-1b-it")
    assert sum(one is None for one in gemma.windows) == 4
    layer = 2 * 1 * 256 * 2
    windowed = (-(-(511 + 2048) // 16) + 1) * 16
    assert request_bytes(gemma, 32768, 2, step=2048) == layer * (4 * 32768 + 22 * windowed)


def test_a_window_that_is_switched_off_keeps_all() -> None:
    assert set(shape("Qwen/Qwen2.5-7B-Instruct").windows) == {None}
    assert set(shape("Qwen/Qwen2.5-7B-Instruct", use_sliding_window=True, sliding_window=4096).windows) == {4096}


def test_layers_with_linear_attention_keep_nothing_and_that_is_said() -> None:
    kinds = ["linear_attention", "linear_attention", "linear_attention", "full_attention"] * 7
    found = shape("Qwen/Qwen2.5-7B-Instruct", layer_types=kinds, model_type="qwen3_next")
    assert per_token(found, 2) == 14 * KIB
    assert any("linear attention" in one for one in found.unknown)
    assert any("qwen3_next" in one for one in found.unknown)


def test_the_text_of_a_model_with_pictures_is_read_where_it_stands() -> None:
    text = dict(CONFIGS["Qwen/Qwen2.5-7B-Instruct"])
    dtype = text.pop("torch_dtype")
    vision = CONFIGS["Qwen/Qwen2.5-VL-7B-Instruct"]["vision_config"]
    nested = shape_of({"text_config": text, "vision_config": vision, "torch_dtype": dtype}, "config.json")
    assert nested.dtype == "bfloat16"
    assert nested.vision == pytest.approx(0.63e9, rel=0.01)
    assert any("projector" in one for one in nested.unknown)


@pytest.mark.parametrize(
    "change", [{"hidden_size": None}, {"num_hidden_layers": "28"}, {"vocab_size": -1}, {"num_attention_heads": 0}]
)
def test_a_size_that_is_none_is_refused_with_its_name(change: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as refused:
        shape("Qwen/Qwen2.5-7B-Instruct", **change)
    assert refused.value.code == "model-config"
    assert next(iter(change)) in refused.value.what
