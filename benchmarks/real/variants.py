"""Weights that are not the source's, each made from it: ``python -m benchmarks.real.variants FOLDER MODEL KIND…``.

What goes wrong on a platform: another revision, another model, a shard that was cut off, a file of other settings, a
chat template that was edited, an adapter of another training, and weights that were quantised on the way. Everything
is drawn from fixed seeds. Runs in the environment of the real engine.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from benchmarks.real.models import made, once, train
from safetensors.torch import load_file, save_file

__all__ = ["KINDS", "varied"]

State = dict[str, torch.Tensor]
WEIGHTS = "model.safetensors"


def varied(folder: Path, model: str, kind: str) -> Path:
    """The folder of a model's variant, made when it is not there."""
    base = made(folder, model)

    def make(draft: Path) -> None:
        for file in base.iterdir():
            if file.name != WEIGHTS:
                shutil.copy(file, draft)
        KINDS[kind](base, draft)
        if not (draft / WEIGHTS).exists():
            (draft / WEIGHTS).hardlink_to(base / WEIGHTS)

    return once(folder / f"{model}+{kind}", make)


def _each(change: Callable[[str, torch.Tensor], torch.Tensor]) -> Callable[[Path, Path], None]:
    """A change of every tensor on its own."""

    def write(base: Path, draft: Path) -> None:
        torch.manual_seed(7)
        state = {name: change(name, tensor).contiguous() for name, tensor in load_file(base / WEIGHTS).items()}
        save_file(state, draft / WEIGHTS, {"format": "pt"})

    return write


def _one(
    choose: Callable[[State], str], change: Callable[[torch.Tensor], torch.Tensor]
) -> Callable[[Path, Path], None]:
    """A change of one tensor."""

    def write(base: Path, draft: Path) -> None:
        torch.manual_seed(7)
        state = load_file(base / WEIGHTS)
        name = choose(state)
        state[name] = change(state[name]).contiguous()
        save_file(state, draft / WEIGHTS, {"format": "pt"})

    return write


def _off(share: float) -> Callable[[Path, Path], None]:
    return _each(lambda _, one: one * (1 + share * torch.randn_like(one)))


def _quantised(bits: int, group: int) -> Callable[[Path, Path], None]:
    """Matrices of the layers in groups, symmetric, as weight-only quantisation rounds them."""

    def change(name: str, one: torch.Tensor) -> torch.Tensor:
        if one.dim() < 2 or "embed" in name or "lm_head" in name or "gate.weight" in name:
            return one
        parts = one.reshape(-1, group)
        step = parts.abs().amax(1, keepdim=True).clamp_min(1e-8) / (2 ** (bits - 1) - 1)
        return ((parts / step).round() * step).reshape(one.shape)

    return _each(change)


def _middle(part: str) -> Callable[[State], str]:
    """The name of such a matrix in the middle of the model."""

    def choose(state: State) -> str:
        names = sorted((name for name in state if part in name), key=_layer)
        return names[len(names) // 2]

    return choose


def _layer(name: str) -> tuple[int, ...]:
    return tuple(int(piece) for piece in name.split(".") if piece.isdigit())


def _random(one: torch.Tensor) -> torch.Tensor:
    return torch.randn_like(one) * one.std()


def _cut(one: torch.Tensor) -> torch.Tensor:
    """The second half is zeros, as of a file whose download broke off."""
    flat = one.flatten().clone()
    flat[flat.numel() // 2 :] = 0
    return flat.reshape(one.shape)


def _swapped(base: Path, draft: Path) -> None:
    """Two layers in each other's place."""
    state = load_file(base / WEIGHTS)
    last = max(_layer(name)[0] for name in state if _layer(name))
    one, other = f".layers.{last // 2}.", f".layers.{last // 2 + 1}."
    places = {one: other, other: one}
    found = {}
    for name, tensor in state.items():
        here = next((place for place in places if place in name), None)
        found[name.replace(here, places[here]) if here else name] = tensor
    save_file(found, draft / WEIGHTS, {"format": "pt"})


def _settings(**words: object) -> Callable[[Path, Path], None]:
    """Other values in config.json."""

    def write(base: Path, draft: Path) -> None:
        found = json.loads((base / "config.json").read_text("utf-8"))
        for name, value in words.items():
            for at in (found, found.get("rope_parameters", {})):
                if name in at:
                    at[name] = value
        (draft / "config.json").write_text(json.dumps(found, indent=1), "utf-8")

    return write


def _tuned(base: Path, draft: Path) -> None:
    """Trained on, a little: what a new revision of a model is."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(7)
    text = "".join(file.read_text("utf-8") for file in sorted(Path(__file__).parent.glob("*.py")))
    tokens = torch.tensor(AutoTokenizer.from_pretrained(base)(text)["input_ids"])
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    train(model, tokens, 10, 2e-5)
    model.save_pretrained(draft)


def _template(base: Path, draft: Path) -> None:
    """A system line more, as somebody's edited template has it."""
    for name in ("chat_template.jinja", "tokenizer_config.json"):
        file = draft / name
        if not file.exists():
            continue
        text = file.read_text("utf-8")
        if name.endswith(".jinja"):
            file.write_text("You are helpful.\n" + text, "utf-8")
        elif "chat_template" in (found := json.loads(text)):
            found["chat_template"] = "You are helpful.\n" + found["chat_template"]
            file.write_text(json.dumps(found, indent=1), "utf-8")


def adapter(folder: Path, model: str, seed: int) -> Path:
    """A LoRA adapter of rank 8 on query and value, as trained: its effect is some per cent of the weights."""
    base = made(folder, model)

    def make(draft: Path) -> None:
        chance, parts = torch.Generator().manual_seed(seed), {}
        for name, one in load_file(base / WEIGHTS).items():
            if name.endswith(("q_proj.weight", "v_proj.weight")):
                out, into = one.shape
                stem = f"base_model.model.{name.removesuffix('.weight')}"
                size = (0.05 * one.std() * into**0.5 / 8) ** 0.5
                parts[f"{stem}.lora_A.weight"] = size * torch.randn(8, into, generator=chance)
                parts[f"{stem}.lora_B.weight"] = size * torch.randn(out, 8, generator=chance)
        save_file(parts, draft / "adapter_model.safetensors", {"format": "pt"})
        said = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "r": 8,
            "lora_alpha": 8,
            "target_modules": ["q_proj", "v_proj"],
            "base_model_name_or_path": str(base),
            "bias": "none",
        }
        (draft / "adapter_config.json").write_text(json.dumps(said, indent=1), "utf-8")

    return once(folder / f"{model}-adapter-{seed}", make)


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "off-5": _off(0.05),
    "off-2": _off(0.02),
    "off-1": _off(0.01),
    "tuned": _tuned,
    "matrix": _one(_middle("o_proj"), _random),
    "cut": _one(_middle("v_proj"), _cut),
    "embedding-cut": _one(lambda state: next(name for name in state if "embed_tokens" in name), _cut),
    "expert": _one(_middle("experts.3.down_proj"), _random),
    "swapped": _swapped,
    "rope": _settings(rope_theta=1000.0),
    "norm": _settings(rms_norm_eps=1e-2),
    "int8": _quantised(8, 64),
    "int4": _quantised(4, 64),
    "template": _template,
}


def main() -> int:
    """Make some."""
    folder, model, *kinds = sys.argv[1:]
    for kind in kinds:
        found = (
            adapter(Path(folder), model, int(kind.removeprefix("adapter-")))
            if kind.startswith("adapter-")
            else varied(Path(folder), model, kind)
        )
        sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
