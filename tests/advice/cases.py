"""Twelve models of different kinds, as people would declare them, and what is asked about each."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.advice.configs import CONFIGS

__all__ = ["CASES", "Case"]

_SPEC = """\
apiVersion: pointsman.dev/v1alpha1
kind: Model
metadata: {{name: {name}}}
spec:
  layer: raw-vllm
  servedModelName: {name}
  weights: {{huggingFace: {{repo: {repo}{token}}}}}
  engine:
    image: vllm/vllm-openai:v0.23.0
    args: [{args}]{env}
  accelerator: {{gpusPerReplica: {gpus}}}
  resources: {{requests: {{cpu: "2", memory: {memory}}}, limits: {{cpu: "8", memory: {memory}}}}}
  replicas: {replicas}
  contract: {{maxModelLen: {length}, {promise}auth: {{secret: vllm-api-key, key: api-key}}}}
  tenant: {{alias: {name}}}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One."""

    name: str
    title: str
    about: str
    """What is to be seen in it."""
    repo: str
    words: tuple[str, ...] = ()
    """Options of ``pick``."""
    gpus: int = 1
    length: int = 8192
    args: tuple[str, ...] = ()
    env: str = ""
    memory: str = "16Gi"
    replicas: int = 1
    promise: str = ""
    token: bool = False
    code: int = 0

    @property
    def spec(self) -> str:
        """Its file."""
        return _SPEC.format(
            name=self.name,
            repo=self.repo,
            token=", token: {secret: hub-token, key: token}" if self.token else "",
            args=", ".join(f"'{one}'" for one in self.args),
            env=f"\n    env: {{{self.env}}}" if self.env else "",
            gpus=self.gpus,
            memory=self.memory,
            replicas=self.replicas,
            length=self.length,
            promise=self.promise,
        )

    @property
    def config(self) -> str | None:
        """The fields of the model's own configuration; None where it is not at hand."""
        found = CONFIGS.get(self.repo)
        return None if found is None else _compact(found)

    def write(self, folder: Path) -> tuple[str, ...]:
        """Write its files, and say the command that asks about it."""
        (folder / f"{self.name}.yaml").write_text(self.spec, "utf-8")
        given: tuple[str, ...] = ()
        if self.config is not None:
            (folder / f"{self.name}.json").write_text(self.config, "utf-8")
            given = ("--model-config", f"{self.name}.json")
        return ("pick", f"{self.name}.yaml", *self.words, *given)


def _compact(fields: Mapping[str, Any]) -> str:
    """JSON in few lines."""
    return "\n".join(textwrap.wrap(json.dumps(fields), 100, break_on_hyphens=False, break_long_words=False)) + "\n"


CASES: tuple[Case, ...] = (
    Case(
        "toy",
        "A toy on a CPU",
        "No GPU at all: the container's memory limit is what counts, and `VLLM_CPU_KVCACHE_SPACE` is set aside in it.",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        gpus=0,
        length=2048,
        args=("--dtype=float32", "--enforce-eager"),
        env='VLLM_CPU_KVCACHE_SPACE: "1"',
        memory="4Gi",
    ),
    Case(
        "small",
        "Half a billion parameters on one GPU",
        "The runbook's own model. 494 million parameters are 0.99 GB; 12 KiB of cache a token.",
        "Qwen/Qwen2.5-0.5B-Instruct",
        ("--gpu", "L4", "--price", "L4=0.80"),
        args=("--gpu-memory-utilization=0.6",),
    ),
    Case(
        "seven-awq",
        "7B in 4 bits, one of a fleet",
        "AWQ makes the layers' matrices small and leaves both embeddings alone: 5.6 GB, not 3.8.",
        "Qwen/Qwen2.5-7B-Instruct-AWQ",
        ("--gpu", "L4", "--fleet", "8", "--url-per-model"),
    ),
    Case(
        "seventy",
        "70B on four GPUs, two engines",
        "141 GB of weights, 320 KiB of cache a token: 80 on each of four GPUs. Requests that share beginnings.",
        "meta-llama/Llama-3.1-70B-Instruct",
        ("--gpu", "H100-80GB", "--kv-routing", "--gpus-available", "8", "--price", "H100-80GB=3.00"),
        gpus=4,
        length=32768,
        replicas=2,
        memory="64Gi",
        token=True,
    ),
    Case(
        "coder",
        "A mixture of 480B over two nodes",
        "All 160 experts of a layer lie in memory, though 8 compute for a token: 480 billion count, not 35.",
        "Qwen/Qwen3-Coder-480B-A35B-Instruct",
        ("--gpu", "H100-80GB"),
        gpus=16,
        length=65536,
        args=("--tensor-parallel-size=8", "--pipeline-parallel-size=2"),
        memory="256Gi",
    ),
    Case(
        "vectors",
        "Embeddings",
        "An encoder caches nothing, and `--dtype=auto` loads its float32 weights as 16 bits: 1.1 GB, not 2.3.",
        "BAAI/bge-m3",
        ("--gpu", "L4", "--kv-routing"),
        args=("--runner=pooling",),
        promise="api: embeddings, streaming: false, ",
        replicas=2,
    ),
    Case(
        "adapters",
        "LoRA adapters",
        "Two adapters from the hub on one base model.",
        "Qwen/Qwen2.5-7B-Instruct",
        ("--gpu", "L40S"),
        args=("--enable-lora", "--max-loras=2", "--lora-modules", "sql=acme/sql-lora", "chat=acme/chat-lora"),
    ),
    Case(
        "gguf",
        "A GGUF file",
        "Which file of the repository is meant cannot be said by its name, and llm-d's preset starts on a folder.",
        "Qwen/Qwen2.5-7B-Instruct-GGUF",
        ("--gpu", "L4"),
        args=("--tokenizer=Qwen/Qwen2.5-7B-Instruct",),
        code=1,
    ),
    Case(
        "long",
        "A long context",
        "The weights fit, one request of 131,072 tokens does not: 128 KiB of cache a token are 16 GiB.",
        "meta-llama/Llama-3.1-8B-Instruct",
        ("--gpu", "L4"),
        length=131072,
        token=True,
        code=1,
    ),
    Case(
        "vision",
        "Pictures",
        "A vision tower of 0.6 billion parameters beside the language model.",
        "Qwen/Qwen2.5-VL-7B-Instruct",
        ("--gpu", "L40S"),
        length=32768,
        args=('--limit-mm-per-prompt={"image":4}',),
    ),
    Case(
        "tools",
        "Tool calls, a mixture on one GPU, twenty models of many teams",
        "30.5 billion parameters lie in memory; that 3.3 compute for a token makes it quick, not small.",
        "Qwen/Qwen3-30B-A3B",
        ("--gpu", "H100-80GB", "--fleet", "20", "--teams", "many"),
        length=32768,
        args=("--tool-call-parser=hermes",),
        promise="toolCalls: true, ",
    ),
    Case(
        "private",
        "Private weights, idle at night",
        "No `config.json` at hand: the name says 8B, and an estimate by a name is called one.",
        "acme/support-8b",
        ("--gpu", "L4", "--price", "L4=0.80", "--idle-hours", "14"),
        token=True,
    ),
)
