"""How long it takes: seconds of a processor, not by the clock, so that who else is at the machine does not count."""

from __future__ import annotations

import time
from pathlib import Path

from pointsman.checks.repository import lint

MODEL = Path(__file__).parents[2] / "examples/platform/models/qwen.yaml"
MANY, SECONDS = 200, 3.0
"""A thousand Models take some 3.5 s on a core of 2026; this is three times what two hundred may take of 5 s."""


def test_models_of_a_large_platform_are_looked_at_in_seconds(tmp_path: Path) -> None:
    text = MODEL.read_text("utf-8")
    for number in range(MANY):
        made = text.replace("  name: qwen\n", f"  name: qwen-{number}\n").replace(
            "name: raw-vllm", f"name: raw-{number}"
        )
        (tmp_path / f"{number}.yaml").write_text(made.replace("name: qwen-llmd", f"name: llmd-{number}"), "utf-8")
    begun = time.process_time()
    made_of = lint(tmp_path)[1]
    spent = time.process_time() - begun
    assert made_of.broken == []
    assert len(made_of.counted) == MANY
    assert spent < SECONDS
