"""Models for tests of layers: the example, and it with one thing changed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pointsman.cli.named import read_model
from pointsman.spec.loading import load_model
from pointsman.spec.model import Model
from tests.adopt.by_hand import platform
from tests.spec.text import EXAMPLE, TEXT

PREFILL = ("      name: qwen-llmd\n", "      name: qwen-llmd\n      prefill: {replicas: 2}\n")


def example() -> Model:
    """``examples/platform/models/qwen.yaml``."""
    return load_model(EXAMPLE)


def written() -> Model:
    """A model of whose layers people wrote the manifests."""
    with tempfile.TemporaryDirectory() as folder:
        return read_model(platform(Path(folder)))


def changed(*edits: tuple[str, str]) -> Model:
    """The example with passages replaced."""
    text = TEXT
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the example"
        text = text.replace(old, new)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.yaml"
        path.write_text(text, encoding="utf-8")
        return load_model(path)
