"""What is known of a model's size, and from where: its own ``config.json``, or the name of its repository.

A file that the reader gives comes first, then what lies in the Hugging Face cache of this machine; nothing is
downloaded. Beside ``config.json`` may lie ``model.safetensors.index.json``, which says the weights' bytes exactly. A
repository's name ("7B", "8x7B", "30B-A3B") gives parameters and nothing else: an estimate, and it is called one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.advice.shape import Shape, shape_of
from pointsman.errors import SpecError, reason_of
from pointsman.intake.file import expanded, read_file
from pointsman.spec.model import HuggingFace

__all__ = ["Known", "is_gguf", "known_of"]

LARGEST = 4 << 20
_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,2})?)([bm])(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """Of one model."""

    where: str
    """The file, or what the name says; empty when nothing is known."""
    shape: Shape | None = None
    bytes: int | None = None
    """Of the weights, as their own index says."""
    parameters: int | None = None
    """By the repository's name alone."""
    bits: float = 16.0
    """Of a weight, by the repository's name alone."""
    remark: str = ""
    """What is to be said of it besides; where nothing is known, why."""

    @property
    def estimate(self) -> bool:
        """Is it the name's word alone?"""
        return self.shape is None


def known_of(hub: HuggingFace, given: Path | None, environment: Mapping[str, str] | None = None) -> Known:
    """What is known; raises SpecError ``model-config`` for a file that was named and is none."""
    if given is not None:
        return _of_file(expanded(given))
    cached = _cached(hub, os.environ if environment is None else environment)
    return _of_file(cached) if cached is not None else _of_name(hub.repo)


def is_gguf(repo: str, args: Mapping[str, str]) -> bool:
    """Are the weights a GGUF file, by the name or the flags?"""
    return "gguf" in repo.lower() or args.get("quantization") == "gguf" or args.get("load-format") == "gguf"


def _of_file(path: Path) -> Known:
    path = path / "config.json" if path.is_dir() else path
    shape = shape_of(_json(path), str(path))
    return Known(str(path), shape, _indexed(path.parent))


def _json(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(read_file(path, LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        why = reason_of(error) if isinstance(error, OSError) else "it is no JSON"
        raise _refused(path, f"the model's configuration cannot be read: {why}") from None
    if not isinstance(data, dict):
        raise _refused(path, "the model's configuration is no mapping")
    return data


def _refused(path: Path, what: str) -> SpecError:
    action = "give the config.json of the model's own repository"
    return SpecError(what, where=str(path), next_action=action, code="model-config")


def _indexed(folder: Path) -> int | None:
    """The weights' bytes, where their index lies beside."""
    try:
        total = json.loads(read_file(folder / "model.safetensors.index.json", LARGEST << 2))["metadata"]["total_size"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return total if isinstance(total, int) and total > 0 else None


def _cached(hub: HuggingFace, environment: Mapping[str, str]) -> Path | None:
    """Where huggingface_hub keeps it (HF_HUB_CACHE, HF_HOME, ~/.cache)."""
    home = environment.get("HF_HOME") or f"{environment.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    root = expanded(Path(environment.get("HF_HUB_CACHE") or f"{home}/hub"))
    folder = root / f"models--{hub.repo.replace('/', '--')}"
    revision = hub.revision or "main"
    try:
        commit = (folder / "refs" / revision).read_text("ascii").strip()
    except (OSError, ValueError):
        commit = revision
    found = folder / "snapshots" / commit / "config.json"
    return found if re.fullmatch(r"[\w.-]+", commit) and found.is_file() else None


def _of_name(repo: str) -> Known:
    name = repo.partition("/")[2]
    if "gguf" in name.lower():
        return Known("", remark="how many bits a weight takes stands in the GGUF file, not in the repository's name")
    found = max(_SIZE.finditer(name), key=_parameters, default=None)
    if found is None:
        return Known("")
    times = int(found[1] or 1)
    remark = "experts share their attention, so it is less than the product" if found[1] else ""
    return Known(f"{found[0]} in {repo}", None, None, _parameters(found) * times, _bits(name), remark)


def _parameters(found: re.Match[str]) -> int:
    return int(float(found[2]) * (10**9 if found[3].lower() == "b" else 10**6))


def _bits(name: str) -> float:
    """By the words people put into names."""
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    if words & {"awq", "gptq", "int4", "4bit", "bnb", "w4a16", "nvfp4", "mxfp4"}:
        return 4.5
    return 8.0 if words & {"fp8", "int8", "8bit", "w8a8"} else 16.0
