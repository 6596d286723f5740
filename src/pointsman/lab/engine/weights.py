"""Which weights an engine was given: their identity, and whether they are already on this disk.

A Hugging Face repository names itself. A local folder says who it is in ``pointsman-weights.json``, which whatever
downloaded it wrote, or in ``config.json``. A folder that says nothing is no model, as it would be for vLLM.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MARKER", "RATE_LIMITED", "Weights", "WeightsError", "find_weights", "shown", "write_weights"]

MARKER = "pointsman-weights.json"
RATE_LIMITED = (
    "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: "
    "https://huggingface.co/api/models/{repo}. We had to rate limit your IP."
)
_ARCHITECTURE = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "max_position_embeddings": 32768}


class WeightsError(Exception):
    """The engine cannot load what it was pointed at; the text is what vLLM would print."""


@dataclass(frozen=True, slots=True)
class Weights:
    """An identity: two engines with equal weights give equal text."""

    repo: str
    revision: str = "main"
    cache: Path | None = None

    @property
    def cached(self) -> bool:
        """Whether the download can be skipped."""
        return self.cache is None or (self.cache / MARKER).is_file()

    def keep(self) -> None:
        """Remember in the cache that the download is done; a cache that cannot be written is not an error."""
        if self.cache is None:
            return
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            write_weights(self.cache, self.repo, self.revision)
        except OSError:
            return


def find_weights(model: str, revision: str | None, env: Mapping[str, str]) -> Weights:
    """The weights behind vLLM's model argument: a folder or a repository."""
    folder = Path(model)
    if model.startswith(("/", "./", "../")) or folder.is_dir():
        return _from_folder(folder)
    repo, revision = model.strip("/"), revision or "main"
    weights = Weights(repo, revision, _cache(env) / f"models--{repo.replace('/', '--')}" / "snapshots" / revision)
    offline = env.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    if offline and not weights.cached:
        raise WeightsError(
            f"OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them "
            f"in the cached files: {repo} (HF_HUB_OFFLINE is set)."
        )
    return weights


def shown(model: str, env: Mapping[str, str]) -> str:
    """A model argument as its container would see it: a path on this machine becomes the mount path it stands for."""
    mounts: dict[str, str] = json.loads(env.get("POINTSMAN_MOUNTS") or "{}")
    for inside, outside in sorted(mounts.items(), key=lambda pair: -len(pair[1])):
        if model == outside or model.startswith(f"{outside.rstrip('/')}/"):
            return inside.rstrip("/") + model[len(outside.rstrip("/")) :]
    return model


def write_weights(folder: Path, repo: str, revision: str) -> None:
    """Make a folder a model of the given identity."""
    config = _ARCHITECTURE | {"_name_or_path": repo}
    _replace(folder / "config.json", json.dumps(config, indent=2))
    _replace(folder / MARKER, json.dumps({"repo": repo, "revision": revision}))


def _from_folder(folder: Path) -> Weights:
    for name, repo_key in ((MARKER, "repo"), ("config.json", "_name_or_path")):
        try:
            said = json.loads((folder / name).read_text())
        except (OSError, ValueError):
            continue
        if isinstance(said, dict) and said.get(repo_key):
            return Weights(str(said[repo_key]), str(said.get("revision") or "main"))
    raise WeightsError(
        f"ValueError: Invalid repository ID or local directory specified: '{folder}'.\n"
        "Please verify the following requirements:\n"
        "1. Provide a valid Hugging Face repository ID.\n"
        "2. Specify a local directory that contains a recognized configuration file.\n"
        "   - For Hugging Face models: ensure the presence of a 'config.json'."
    )


def _cache(env: Mapping[str, str]) -> Path:
    if hub := env.get("HF_HUB_CACHE"):
        return Path(hub)
    if home := env.get("HF_HOME"):
        return Path(home) / "hub"
    return Path(env.get("HOME") or "/") / ".cache" / "huggingface" / "hub"


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)
