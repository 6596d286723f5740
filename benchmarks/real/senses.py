"""What a small difference does to models of different make, by what each makes of context: in torch, without vLLM.

``python -m benchmarks.real.senses FOLDER TEXTS``, in the environment of the real engine. ``TEXTS`` is a file of JSON:
pairs of a text and its second half. Besides the two models that are served, three small ones are trained here. For
each: how far its log-probabilities of the second halves are apart with and without what came before (its sense), how
far bfloat16 moves them, and how far weights that are each off by 1 % do. The answer is a file of JSON, named on stdout.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from benchmarks.real.models import MODELS, STEPS, VOCABULARY, made, once, text_of_training, train
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, LlamaConfig, PretrainedConfig

SKIPPED = 4
"""As the gate does."""
TRAINED = ("llama-4", "llama-16", "gpt2-6")
TOKENIZED = "experts"
"""The model whose tokenizer the trained ones share."""
Told = list[torch.Tensor]


def _config(name: str) -> PretrainedConfig:
    common: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": None, "eos_token_id": 2}
    llama = {"max_position_embeddings": 2048, "tie_word_embeddings": True, "num_attention_heads": 4, **common}
    if name == "llama-4":
        return LlamaConfig(hidden_size=256, num_hidden_layers=4, intermediate_size=512, **llama)
    if name == "llama-16":
        return LlamaConfig(hidden_size=128, num_hidden_layers=16, intermediate_size=384, **llama)
    return GPT2Config(n_embd=192, n_layer=6, n_head=4, n_positions=2048, **common)


def _trained(folder: Path, name: str) -> Path:
    def make(draft: Path) -> None:
        tokenizer = AutoTokenizer.from_pretrained(made(folder, TOKENIZED))
        tokenizer.save_pretrained(draft)
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(_config(name), dtype=torch.float32)
        train(model, torch.tensor(tokenizer(text_of_training())["input_ids"]), STEPS, 1e-3)
        model.save_pretrained(draft)

    return once(folder / name, make)


def _told(model: torch.nn.Module, texts: Sequence[Sequence[int]]) -> Told:
    """The log-probability of each token of each text but the first."""
    found = []
    with torch.no_grad():
        for ids in texts:
            given = torch.tensor([ids])
            logits = model(input_ids=given).logits[0, :-1].float()
            found.append(torch.log_softmax(logits, -1).gather(1, given[0, 1:, None])[:, 0])
    return found


def _apart(one: Told, other: Told) -> float:
    return fmean(float(gap) for left, right in zip(one, other, strict=True) for gap in (left - right).abs())


def _sense(wholes: Sequence[list[int]], halves: Sequence[list[int]], whole: Told, alone: Told) -> float:
    moved: list[float] = []
    for ids, half, left, right in zip(wholes, halves, whole, alone, strict=True):
        same = zip(reversed(ids), reversed(half), strict=False)
        count = min(next((at for at, (a, b) in enumerate(same) if a != b), len(half)), len(right)) - SKIPPED
        moved += (left[-count:] - right[-count:]).abs().tolist()
    return fmean(moved)


def _measured(folder: Path, texts: Sequence[tuple[str, str]]) -> dict[str, float]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    wholes, halves = ([tokenizer(pair[at])["input_ids"] for pair in texts] for at in (0, 1))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    exact = _told(model, wholes)
    found = {"sense": _sense(wholes, halves, exact, _told(model, halves))}
    kept = {name: one.clone() for name, one in model.state_dict().items()}
    torch.manual_seed(7)
    model.load_state_dict({name: one * (1 + 0.01 * torch.randn_like(one)) for name, one in kept.items()})
    found["off"] = _apart(exact, _told(model, wholes))
    model.load_state_dict(kept)
    return found | {"bfloat16": _apart(exact, _told(model.to(torch.bfloat16), wholes))}


def main() -> int:
    """Measure all, or say what was measured."""
    folder, texts = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text("utf-8"))
    target = folder / "senses.json"
    if not target.exists():
        models = [*(made(folder, name) for name in MODELS), *(_trained(folder, name) for name in TRAINED)]
        found = {one.name: _measured(one, texts) for one in models}
        target.write_text(json.dumps(found), "utf-8")
    sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
