"""The shape of a model, read from its own ``config.json`` as Hugging Face writes it.

Only what weights and KV cache depend on. Field names differ by family (``num_local_experts``, ``num_experts``,
``n_routed_experts`` all count experts), and a missing one has a meaning (no ``num_key_value_heads``: as many as heads).
What is not understood is said in ``unknown`` and never guessed in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.advice.quantisation import Quantisation, quantisation_of
from pointsman.errors import SpecError

__all__ = ["Experts", "Latent", "Shape", "shape_of"]


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts. All of them lie in memory; ``active`` is what computes for one token, and costs time."""

    count: int
    width: int
    """Of one expert."""
    shared: int
    """Width of the experts that every token passes, together."""
    active: int
    dense: int
    """Layers without experts."""


@dataclass(frozen=True, slots=True)
class Latent:
    """Multi-head latent attention (DeepSeek): one compressed vector a token and layer instead of keys and values."""

    kv_rank: int
    rope: int
    nope: int
    value: int
    q_rank: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What memory depends on."""

    family: str
    """``model_type``."""
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    """Length of a head's vector."""
    width: int
    """Of the feed-forward part."""
    vocabulary: int
    positions: int
    """``max_position_embeddings``: what the model was made for; 0 when not said."""
    scaled: bool
    """Is that stretched (``rope_scaling``), so that it is no bound by itself?"""
    tied: bool
    """Are the first and the last embedding one matrix?"""
    dtype: str
    """``bfloat16`` and the like; empty when not said."""
    quantisation: Quantisation | None
    experts: Experts | None
    latent: Latent | None
    windows: tuple[int | None, ...]
    """By layer: None where all tokens are kept, a number where only so many are, 0 where nothing grows with tokens."""
    vision: int
    """Parameters of the vision tower, about."""
    unknown: tuple[str, ...]

    @property
    def encoder(self) -> bool:
        """Does it read a text as a whole, so that nothing is cached?"""
        return self.family in ENCODERS


ENCODERS = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "nomic_bert", "modernbert", "distilbert"})
_LINEAR = ("mamba", "linear_attention", "conv", "recurrent")


def shape_of(config: Mapping[str, Any], where: str) -> Shape:
    """The shape; raises SpecError ``model-config`` when a size is missing or no number."""
    text = config.get("text_config") if isinstance(config.get("text_config"), Mapping) else config
    assert isinstance(text, Mapping)
    read = _Reader({**{key: config[key] for key in _OUTSIDE if key in config}, **text}, where)
    heads, hidden = read.size("num_attention_heads", "n_head"), read.size("hidden_size", "n_embd", "d_model")
    layers = read.size("num_hidden_layers", "n_layer", "num_layers", most=4096)
    family = str(text.get("model_type") or config.get("model_type") or "")
    vision = config.get("vision_config")
    width = read.size("intermediate_size", "n_inner", "ffn_dim", usual=4 * hidden)
    return Shape(
        family=family,
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=read.size("num_key_value_heads", "num_kv_heads", usual=heads),
        head=read.size("head_dim", usual=max(1, hidden // heads)),
        width=width,
        vocabulary=read.size("vocab_size"),
        positions=read.size("max_position_embeddings", "n_positions", usual=0),
        scaled=bool(read.data.get("rope_scaling")),
        tied=bool(read.data.get("tie_word_embeddings", family in _TIED)),
        dtype=str(read.data.get("torch_dtype") or read.data.get("dtype") or "").removeprefix("torch."),
        quantisation=quantisation_of(read.data.get("quantization_config")),
        experts=_experts(read, layers),
        latent=_latent(read),
        windows=_windows(read, layers, family),
        vision=_vision(vision, where) if isinstance(vision, Mapping) else 0,
        unknown=tuple(_unknown(read, config, family)),
    )


_OUTSIDE = ("torch_dtype", "dtype", "quantization_config", "tie_word_embeddings")
"""Fields that stand beside ``text_config`` and hold for it."""
_TIED = frozenset({"gemma", "gemma2", "gemma3", "gemma3_text", "gpt2", *ENCODERS})
_LLAMAS = "llama mistral mixtral phi3 granite olmo2 mllama"
_QWENS = "qwen2 qwen2_moe qwen3 qwen3_moe qwen2_vl qwen2_5_vl"
_OTHERS = "deepseek_v2 deepseek_v3 gemma gemma2 gemma3 gemma3_text"
_KNOWN = frozenset(f"{_LLAMAS} {_QWENS} {_OTHERS}".split(" "))
"""Families whose parameters are counted as their code has them."""


class _Reader:
    """Sizes of a configuration by any of their names."""

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self.data = data
        self._where = where

    def size(self, *names: str, usual: int | None = None, most: int = 10**8) -> int:
        """At least 1; 0 is allowed where there is a usual value."""
        found = next((self.data[name] for name in names if self.data.get(name) is not None), usual)
        least = 1 if usual is None else 0
        if isinstance(found, int) and not isinstance(found, bool) and least <= found <= most:
            return found
        said = "is not there" if found is None else f"is {str(found)[:40]!r}"
        raise SpecError(
            f"{names[0]} {said}, so the model's size cannot be told",
            where=self._where,
            next_action="give the config.json of the model's own repository",
            code="model-config",
        )


def _experts(read: _Reader, layers: int) -> Experts | None:
    count = read.size("num_local_experts", "num_experts", "n_routed_experts", usual=0)
    if count < 2:
        return None
    width = read.size("moe_intermediate_size", "intermediate_size")
    shared = read.size("shared_expert_intermediate_size", usual=0) or width * read.size("n_shared_experts", usual=0)
    step = max(1, read.size("decoder_sparse_step", "moe_layer_freq", usual=1))
    listed = [one for one in _items(read, "mlp_only_layers") if isinstance(one, int)]
    first = read.size("first_k_dense_replace", usual=0)
    dense = sum(at < first or at in listed or (at + 1) % step != 0 for at in range(layers))
    return Experts(count, width, shared, read.size("num_experts_per_tok", usual=0), dense)


def _items(read: _Reader, name: str) -> list[Any]:
    found = read.data.get(name)
    return found if isinstance(found, list) else []


def _latent(read: _Reader) -> Latent | None:
    rank = read.size("kv_lora_rank", usual=0)
    if not rank:
        return None
    return Latent(
        rank,
        read.size("qk_rope_head_dim"),
        read.size("qk_nope_head_dim"),
        read.size("v_head_dim"),
        read.size("q_lora_rank", usual=0),
    )


def _windows(read: _Reader, layers: int, family: str) -> tuple[int | None, ...]:
    """As vLLM reads them: ``layer_types``, else a pattern, else one window for all unless it is switched off."""
    if family in ENCODERS:
        return (0,) * layers
    window = read.size("sliding_window", usual=0) if read.data.get("use_sliding_window", True) else 0
    kinds = _items(read, "layer_types")
    if len(kinds) == layers:
        return tuple(_window(str(kind), window) for kind in kinds)
    pattern = read.size("sliding_window_pattern", "_sliding_window_pattern", usual=0)
    if window and pattern:
        return tuple(None if (at + 1) % pattern == 0 else window for at in range(layers))
    return (window or None,) * layers


def _window(kind: str, window: int) -> int | None:
    if any(word in kind for word in _LINEAR):
        return 0
    return (window or None) if "sliding" in kind else None


def _vision(vision: Mapping[str, Any], where: str) -> int:
    """Layers of attention and feed-forward; the projector to the text's size is not in it."""
    read = _Reader(vision, where)
    hidden = read.size("hidden_size", "embed_dim", usual=0)
    depth = read.size("depth", "num_hidden_layers", usual=0)
    width = read.size("intermediate_size", usual=4 * hidden)
    gated = (
        3 if "qwen2_5_vl" in str(vision.get("model_type", "qwen2_5_vl" if "out_hidden_size" in vision else "")) else 2
    )
    return depth * (4 * hidden**2 + gated * hidden * width)


def _unknown(read: _Reader, config: Mapping[str, Any], family: str) -> list[str]:
    found = []
    if family not in _KNOWN and family not in ENCODERS:
        found.append(f"model_type {family or 'is not said'}: its layers are counted as a Llama's are")
    if any(word in str(kind) for kind in _items(read, "layer_types") for word in _LINEAR):
        found.append("layers with linear attention keep a state of constant size, which is not counted")
    if isinstance(config.get("vision_config"), Mapping):
        found.append("the vision tower is counted by its layers; its projector, and what images take, are not")
    if isinstance(config.get("audio_config"), Mapping):
        found.append("the audio tower is not counted")
    return found
