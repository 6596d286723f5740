"""The page of advice is made by runs of both commands: ``python -m tests.docs.test_advice_page`` writes it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from pointsman.advice.gpus import AS_OF, GPUS
from pointsman.report.folding import folded
from tests.advice.asked import run_in
from tests.advice.cases import CASES, Case

PAGE = Path(__file__).parents[2] / "docs" / "advice.md"
MARK = "## GPUs that are known by name"
"""Where what people wrote ends, and what is made begins."""


def page() -> str:
    """The whole page: what people wrote of it stays."""
    return PAGE.read_text("utf-8").partition(MARK)[0] + "\n".join([*_table(), *_cases()])


def _table() -> Iterator[str]:
    yield f"{MARK} ({AS_OF})"
    yield ""
    yield "Memory as the driver says it, in MiB; a cluster's label `nvidia.com/gpu.memory` counts before the table."
    yield ""
    yield "| GPU | MiB | From |"
    yield "|---|---|---|"
    yield from (f"| {one.name} | {one.mib} | {one.source} |" for one in GPUS)
    yield ""


def _cases() -> Iterator[str]:
    yield "## Twelve models"
    yield ""
    yield "Prices are examples. Of each `config.json` the fields stand here that memory depends on."
    yield ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for one in CASES:
            yield from _case(one, folder)
        yield "### What a move of the second one would change"
        yield ""
        yield from _ran(folder, "compare", "small.yaml", "raw-vllm", "llm-d")


def _case(one: Case, folder: Path) -> Iterator[str]:
    command = one.write(folder)
    yield f"### {one.title}"
    yield ""
    yield one.about
    yield ""
    yield from _block("yaml", one.spec)
    if one.config is not None:
        yield f"`config.json` of {one.repo}:"
        yield ""
        yield from _block("json", one.config)
    yield from _ran(folder, *command)


def _ran(folder: Path, *words: str) -> Iterator[str]:
    """As a terminal of 80 columns shows it."""
    lines = [each for line in run_in(folder, *words).stdout.splitlines() for each in folded(line, 80)]
    yield from _block("", "\n".join([f"$ pointsman {' '.join(words)}", *lines]))


def _block(kind: str, text: str) -> Iterator[str]:
    yield f"```{kind}"
    yield from text.rstrip("\n").splitlines()
    yield "```"
    yield ""


def test_the_page_is_what_the_program_says() -> None:
    assert PAGE.read_text("utf-8") == page()


def test_no_run_of_the_page_is_an_error() -> None:
    assert "error [" not in page()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
