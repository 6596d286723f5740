"""Does it fit: on which GPU, how often, and when nobody can say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.advice.cache import per_token
from pointsman.advice.cluster import read_surroundings
from pointsman.advice.fit import fit_of
from pointsman.advice.gpus import GPUS, gpu_in, gpu_of_labels
from pointsman.advice.known import Known
from pointsman.advice.shape import shape_of
from pointsman.errors import PermanentError, SpecError
from pointsman.kube.resources import Kind
from tests.adopt.by_hand import RAW, platform
from tests.advice.asked import asked, case, run_in, said
from tests.advice.cases import Case
from tests.advice.configs import CONFIGS
from tests.advice.test_sizes import PLAIN
from tests.cli.cluster import ReadOnlyCluster, serving

GIB = 1 << 30


def fit(folder: Path, about: Case, *words: str) -> Any:
    return said(folder, about, *words)["fit"]


def on(name: str, gpu: str, gpus: int = 1, **changes: Any) -> Case:
    return replace(case(name), words=("--gpu", gpu), gpus=gpus, **changes)


def test_seventy_billion_fit_four_h100_and_not_two(tmp_path: Path) -> None:
    four, two = fit(tmp_path, on("seventy", "H100-80GB", 4)), fit(tmp_path, on("seventy", "H100-80GB", 2))
    assert (four["fits"], two["fits"], four["fewestGpus"], two["fewestGpus"]) == ("fits", "does not fit", 4, 4)
    gpu = four["perGpuBytes"]
    assert gpu["weights"] == 141_107_412_992 // 4
    assert gpu["usable"] == int((81559 << 20) * 0.9)
    assert gpu["oneRequest"] == 32768 * 80 * 1024
    assert gpu["cache"] == gpu["usable"] - gpu["weights"] - gpu["setAside"]
    assert four["fullRequests"] == round(gpu["cache"] / gpu["oneRequest"], 1)


def test_what_a_real_vllm_said_of_seventy_billion_on_one_h100(tmp_path: Path) -> None:
    """Its log in PR 12569 of vLLM: weights 67.7229 GiB; 1381 blocks; 10.79 requests of 2048 tokens at 0.98 of it."""
    about = Case(
        "real",
        "",
        "",
        "RedHatAI/Meta-Llama-3.1-70B-Instruct-quantized.w8a8",
        ("--gpu", "H100-80GB"),
        length=2048,
        args=("--gpu-memory-utilization=0.98",),
    )
    told = fit(tmp_path, about)
    assert told["weightsBytes"] / GIB == pytest.approx(67.7229, rel=0.002)
    assert told["perGpuBytes"]["oneRequest"] * 10.79 == pytest.approx(1381 * 16 * 320 * 1024, rel=0.001)
    assert told["fullRequests"] == pytest.approx(10.79, rel=0.1)


def test_what_a_real_vllm_said_of_a_mixtures_cache() -> None:
    """Its log in vLLM's issue 21348, four H100: 8.11 GiB of KV cache are 178,880 tokens."""
    mixture = shape_of(CONFIGS["Qwen/Qwen3-235B-A22B-FP8"], "config.json")
    assert 8.11 * GIB / per_token(mixture, 2, 4) == pytest.approx(178_880, rel=0.015)


def test_a_context_half_as_long_is_served_twice_as_often(tmp_path: Path) -> None:
    long, short = (fit(tmp_path, on("vision", "L40S", length=one))["fullRequests"] for one in (32768, 16384))
    assert short == pytest.approx(2 * long, rel=0.02)


def test_an_eight_bit_cache_holds_twice_as_much(tmp_path: Path) -> None:
    plain = fit(tmp_path, on("adapters", "L40S", args=()))
    small = fit(tmp_path, on("adapters", "L40S", args=("--kv-cache-dtype=fp8",)))
    assert small["cachePerTokenBytes"] * 2 == plain["cachePerTokenBytes"]
    assert small["fullRequests"] == pytest.approx(2 * plain["fullRequests"], rel=0.01)
    odd = fit(tmp_path, on("adapters", "L40S", args=("--kv-cache-dtype=turboquant_k8v4",)))
    assert (odd["fits"], odd["fullRequests"]) == ("not known", None)


def test_the_share_that_vllm_may_use_is_the_engines_own(tmp_path: Path) -> None:
    assert fit(tmp_path, case("small"))["perGpuBytes"]["usable"] == int((23034 << 20) * 0.6)
    usual = fit(tmp_path, on("small", "L4", args=()))
    assert usual["perGpuBytes"]["usable"] == int((23034 << 20) * 0.9)
    assert any("vLLM's default" in one["from"] for one in usual["assumptions"])


def test_what_the_guess_of_a_step_decides_is_too_close_to_tell(tmp_path: Path) -> None:
    """Memory is lowered step by step: between the sizes that fit and those that do not, nobody knows."""
    seen: list[str] = []
    for size in (24, 22, 20, 19, 18.5, 18, 17.5, 17, 16):
        told = fit(tmp_path, replace(case("adapters"), words=("--gpu-memory", str(size))))["fits"]
        seen += [told] if told not in seen else []
    assert seen == ["fits", "too close to tell", "does not fit"]
    close = replace(case("adapters"), words=("--gpu-memory", "18.7"))
    assert (fit(tmp_path, close)["fits"], asked(tmp_path, close)[0]) == ("too close to tell", 0)


def test_heads_that_cannot_be_divided_are_no_fit(tmp_path: Path) -> None:
    told = fit(tmp_path, on("small", "L4", 4))
    assert (told["fits"], "14 heads" in told["why"], told["fewestGpus"]) == ("does not fit", True, 1)


def test_a_longer_context_than_the_model_was_made_for_is_no_fit(tmp_path: Path) -> None:
    told = fit(tmp_path, on("small", "L4", length=65536))
    assert (told["fits"], "made for 32768" in told["why"], told["longestContext"]) == ("does not fit", True, 32768)
    assert fit(tmp_path, on("long", "H200", length=131072))["fits"] == "fits"


def test_a_cpu_has_the_containers_limit(tmp_path: Path) -> None:
    toy = case("toy")
    assert fit(tmp_path, toy)["fits"] == "fits"
    assert fit(tmp_path, toy)["fullRequests"] == pytest.approx(GIB / (2048 * 46080), abs=0.1)
    assert fit(tmp_path, replace(toy, memory="3Gi"))["fits"] == "does not fit"
    assert fit(tmp_path, replace(toy, env=""))["fits"] == "does not fit", (
        "vLLM's default of 4 GiB is more than the limit"
    )


def test_a_name_gives_an_estimate_and_never_says_that_it_fits(tmp_path: Path) -> None:
    told = fit(tmp_path, case("private"))
    assert (told["estimate"], told["fits"], told["fullRequests"]) == (True, "not known", None)
    assert told["weightsBytes"] == 16_000_000_000
    assert any("estimate by the name" in one["value"] for one in told["assumptions"])
    large = fit(tmp_path, replace(case("private"), repo="acme/support-70b"))
    assert (large["fits"], large["fewestGpus"], large["estimate"]) == ("does not fit", 8, True)
    text = run_in(tmp_path, *replace(case("private"), repo="acme/support-70b").write(tmp_path)).stdout
    assert "an estimate by name" in text
    assert "at least 8" in text


@pytest.mark.parametrize(
    ("repo", "parameters", "gigabytes"),
    [
        ("a/Mixtral-8x7B-v0.1", 56_000_000_000, 112),
        ("a/Qwen3-30B-A3B", 30_000_000_000, 60),
        ("a/Llama-3.1-8B-Instruct-AWQ", 8_000_000_000, 4.5),
        ("a/Llama-3.3-70B-FP8", 70_000_000_000, 70),
        ("a/SmolLM2-135M", 135_000_000, 0.27),
        ("a/phi-4", None, None),
        ("a/Qwen2.5-7B-Instruct-1M", 7_000_000_000, 14),
    ],
)
def test_what_names_say(repo: str, parameters: int | None, gigabytes: float | None, tmp_path: Path) -> None:
    told = fit(tmp_path, replace(case("private"), repo=repo))
    assert told["parameters"] == parameters
    assert told["weightsBytes"] == (None if gigabytes is None else pytest.approx(gigabytes * 1e9))


def test_without_a_gpu_each_kind_is_tried(tmp_path: Path) -> None:
    told = fit(tmp_path, replace(case("seventy"), words=()))
    assert (told["fits"], told["gpu"]) == ("not known", None)
    assert told["fewestByGpu"] == {
        "A100-40GB": 8,
        "L40S": 4,
        "H100-80GB": 4,
        "A100-80GB": 4,
        "H200": 2,
        "B200": 1,
    } | {name: told["fewestByGpu"][name] for name in ("T4", "A10", "L4", "RTX-4090") if name in told["fewestByGpu"]}


def test_the_cache_of_this_machine_is_read(tmp_path: Path) -> None:
    about = replace(case("adapters"), args=())
    folder = tmp_path / "hub/hub/models--Qwen--Qwen2.5-7B-Instruct"
    (folder / "snapshots/abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text("abc")
    (folder / "snapshots/abc/config.json").write_text(json.dumps(CONFIGS["Qwen/Qwen2.5-7B-Instruct"]))
    (folder / "snapshots/abc/model.safetensors.index.json").write_text('{"metadata": {"total_size": 15231233024}}')
    about.write(tmp_path)
    told = json.loads(run_in(tmp_path, "pick", "adapters.yaml", "--gpu", "L40S", "-o", "json").stdout)["fit"]
    assert (told["estimate"], told["weightsBytes"], told["parameters"]) == (False, 15_231_233_024, 7_615_616_512)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "{}", '{"hidden_size": 1e999}', "\x00"])
def test_a_configuration_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    command = case("private").write(tmp_path)
    (tmp_path / "config.json").write_text(text, "utf-8")
    done = run_in(tmp_path, *command, "--model-config", "config.json")
    assert (done.returncode, "[model-config]" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("NVIDIA-A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA-A100-PCIE-40GB", "A100-40GB"),
        ("NVIDIA-H100-80GB-HBM3", "H100-80GB"),
        ("NVIDIA-H200", "H200"),
        ("Tesla-T4", "T4"),
        ("nvidia-l4", "L4"),
        ("NVIDIA-L40S", "L40S"),
        ("NVIDIA-GeForce-RTX-4090", "RTX-4090"),
        ("H100", "H100-80GB"),
        ("A100", None),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", None),
        ("NVIDIA-L40", None),
        ("NVIDIA-RTX-6000", None),
        ("", None),
    ],
)
def test_products_are_known_by_their_labels(product: str, name: str | None) -> None:
    found = gpu_in(product)
    assert (found.name if found else None) == name


def test_the_nodes_own_word_of_its_memory_counts() -> None:
    found = gpu_of_labels({"nvidia.com/gpu.product": "NVIDIA-L4", "nvidia.com/gpu.memory": "22000"})
    assert found is not None
    assert (found[0].name, found[0].mib) == ("L4", 22000)


def test_the_table_is_in_order_and_says_where_it_is_from() -> None:
    assert [one.mib for one in GPUS] == sorted(one.mib for one in GPUS)
    assert all(one.source and one.mib > 10_000 for one in GPUS)


def _node(name: str, gpus: int, product: str) -> dict[str, Any]:
    labels = {"nvidia.com/gpu.product": product}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": str(gpus)}},
    }


def _crd(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
    }


def test_a_cluster_says_what_it_has(tmp_path: Path) -> None:
    about = replace(case("small"), words=())
    cluster = ReadOnlyCluster.of([_node("a", 2, "NVIDIA-L4"), _crd("inferenceservices.serving.kserve.io")])
    with serving(cluster, tmp_path) as config:
        told = said(tmp_path, about, "--kubeconfig", str(config))
        large = said(tmp_path, replace(about, gpus=4), "--kubeconfig", str(config))
    layers = {one["layer"]: one for one in told["layers"]}
    assert (told["fit"]["gpu"], told["fit"]["fits"]) == ("L4", "fits")
    assert any(one["what"] == "its controller is there already" for one in layers["kserve"]["reasons"])
    assert any("the cluster has not its kinds" in one["what"] for one in layers["llm-d"]["first"])
    assert not any("--kubeconfig" in one for one in told["unknown"])
    assert any("the cluster has 2" in each["what"] for one in large["layers"] for each in one["obstacles"])
    assert any("one node has 2" in each["what"] for one in large["layers"] for each in one["obstacles"])


def test_manifests_that_people_wrote_say_what_the_engine_may_use(tmp_path: Path) -> None:
    platform(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS["Qwen/Qwen2.5-0.5B-Instruct"]))
    words = ("pick", "models/qwen.yaml", "--gpu", "L4", "--model-config", "config.json", "-o", "json")
    told = json.loads(run_in(tmp_path, *words).stdout)["fit"]
    assert told["perGpuBytes"]["usable"] == int((23034 << 20) * 0.85)


def test_a_flag_that_is_filled_in_later_is_not_called_a_default(tmp_path: Path) -> None:
    raw = RAW.replace("--gpu-memory-utilization 0.85", "--gpu-memory-utilization $SHARE")
    platform(tmp_path, raw=raw)
    told = json.loads(run_in(tmp_path, "pick", "models/qwen.yaml", "--gpu", "L4", "-o", "json").stdout)
    assert any("--gpu-memory-utilization is filled in when it starts" in one for one in told["unknown"])


def test_a_cluster_without_the_kinds_is_said_to_be(tmp_path: Path) -> None:
    only_pools = ReadOnlyCluster.of([_crd("inferencepools.inference.networking.k8s.io")])
    no_pools = ReadOnlyCluster.of([_crd("llminferenceservices.serving.kserve.io")])
    for cluster in (only_pools, no_pools):
        with serving(cluster, tmp_path) as config:
            told = said(tmp_path, case("toy"), "--kubeconfig", str(config))
        lacking = [
            one["layer"] for one in told["layers"] if any("has not its kinds" in each["what"] for each in one["first"])
        ]
        assert sorted(lacking) == ["kserve", "llm-d"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(CONFIGS)), st.data())
def test_whatever_a_configuration_says_is_read_or_refused(repo: str, data: st.DataObject) -> None:
    config = dict(CONFIGS[repo])
    for name in data.draw(st.lists(st.sampled_from([*sorted(config), *_MORE]), max_size=3)):
        config[name] = data.draw(_JSON)
    with suppress(SpecError):
        fit_of(Known("config.json", shape_of(config, "config.json")), PLAIN, GPUS[3], GPUS, 8)


_MORE = (
    *("layer_types", "mlp_only_layers", "text_config", "vision_config", "quantization_config", "rope_scaling"),
    *("sliding_window_pattern", "n_shared_experts", "num_experts", "kv_lora_rank", "head_dim", "decoder_sparse_step"),
)


class _Closed:
    """A cluster that lets nobody list nodes or custom resources."""

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None, fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        raise PermanentError(f"you may not list {kind.plural}", code="cluster-forbidden")


async def test_what_may_not_be_listed_is_not_called_absent() -> None:
    found = await read_surroundings(_Closed())
    assert (found.gpus, found.crds, found.has("llm-d"), found.has("raw-vllm")) == (None, None, None, True)
    assert found.unknown == ("you may not list nodes", "you may not list custom resources")
