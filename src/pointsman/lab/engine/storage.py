"""KServe's storage initializer: fetches weights into a folder before the engine starts.

``storage-initializer SOURCE FOLDER [SOURCE FOLDER …]``. A Hugging Face source leaves a folder that says whose weights
it holds; a local one (what ``pvc://`` becomes) is linked into place. Nothing is downloaded: what the network would
have cost is slept, and Hugging Face's 429 is a fault one can order.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pointsman.lab.engine.settings import SettingsFile
from pointsman.lab.engine.weights import RATE_LIMITED, WeightsError, write_weights

__all__ = ["main"]

_SHARE_OF_LOAD = 0.75


def main(words: Sequence[str], env: Mapping[str, str] = os.environ) -> int:
    """Fetch every source into its folder; the exit code."""
    if len(words) < 2 or len(words) % 2:
        sys.stdout.write("Usage: initializer-entrypoint src_uri_0 dest_path_0 ... src_uri_n dest_path_n\n")
        return 1
    for source, folder in zip(words[::2], words[1::2], strict=True):
        _say("INFO", f"Copying contents of {source} to local")
        began = time.monotonic()
        try:
            _fetch(source, Path(folder), env)
        except (WeightsError, OSError) as problem:
            _say("ERROR", f"Storage initialization failed: {problem}")
            return 1
        _say("INFO", f"Successfully copied {source} to {folder} in {time.monotonic() - began:.2f} seconds")
    return 0


def _fetch(source: str, folder: Path, env: Mapping[str, str]) -> None:
    if source.startswith("hf://"):
        repo, revision = _repository(source)
        settings = SettingsFile(env.get("POINTSMAN_SIM_CONFIG")).now
        if settings.faults.hf_rate_limited or env.get("POINTSMAN_SIM_HF_429"):
            raise WeightsError(RATE_LIMITED.format(repo=repo))
        time.sleep(settings.cold_start.load * _SHARE_OF_LOAD)
        folder.mkdir(parents=True, exist_ok=True)
        write_weights(folder, repo, revision)
    elif source.startswith(("/", "file://")):
        _link(Path(source.removeprefix("file://")), folder)
    else:
        scheme = source.partition("://")[0]
        raise WeightsError(f"Cannot recognize storage type for {source}: the lab fetches hf:// and paths, not {scheme}")


def _repository(source: str) -> tuple[str, str]:
    owner, slash, rest = source.removeprefix("hf://").partition("/")
    model, _, revision = rest.partition(":")
    if not (owner and slash and model) or "/" in rest:
        raise WeightsError(f"Invalid Hugging Face URI format. Expected 'hf://owner/model[:revision]', got '{source}'")
    return f"{owner}/{model}", revision or "main"


def _link(source: Path, folder: Path) -> None:
    if not source.exists():
        raise WeightsError(f"Local path {source} does not exist.")
    folder.mkdir(parents=True, exist_ok=True)
    for entry in [source] if source.is_file() else source.iterdir():
        target = folder / entry.name
        if not target.exists():
            target.symlink_to(entry)


def _say(level: str, message: str) -> None:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    sys.stdout.write(f"{stamp}.000 {os.getpid()} kserve_storage {level} [storage.py:1] {message}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
