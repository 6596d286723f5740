"""Examples that ``COMMAND --help`` gives: printed whole, and each of them run as it stands."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.cli.entry import COMMANDS
from pointsman.cli.examples import EXAMPLES
from tests.cli.cluster import ReadOnlyCluster, serving
from tests.cli.program import ROOT, run
from tests.forked import run_forked
from tests.world.world import World, quick

LINES = [line for lines in EXAMPLES.values() for line in lines if not line.startswith("demo")]
"""All but the demonstration, which starts a lab and has tests of its own."""
CHANGING = frozenset(
    {
        *("up", "down", "apply", "move", "resume", "rollback", "abort", "pause", "unpause", "promote", "teardown"),
        *("root", "sync", "wait", "plan", "rights"),
    }
)
"""What changes a cluster, or waits for it: it is run without one, and need only be understood."""


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster in which a move of the example's model was made, and which can only be read."""
    world = World()
    assert asyncio.run(world.conductor().move(world.model, "kserve", quick())).error is None
    with serving(ReadOnlyCluster(world.cluster.objects), tmp_path_factory.mktemp("moved")) as made:
        yield made


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """A copy of the example platform."""
    return Path(shutil.copytree(ROOT / "examples/platform", tmp_path / "platform"))


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "lab"])
def test_help_ends_with_examples_of_the_command(command: str) -> None:
    lines = EXAMPLES[command]
    assert [line for line in lines if shlex.split(line)[0] != command or len(f"  pointsman {line}") > 80] == []
    shown = run(command, "--help", env={"COLUMNS": "40"}).stdout
    assert shown.rstrip().endswith("Examples:\n" + "\n".join(f"  pointsman {line}" for line in lines))


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_right_as_it_stands(line: str, platform: Path, kubeconfig: Path) -> None:
    words = tuple(shlex.split(line, comments=True))
    config = "/absent" if words[0] in CHANGING else str(kubeconfig)
    done = run_forked(words, os.environ | {"KUBECONFIG": config}, platform, 60)
    assert "error [usage]" not in done.stderr, done.stderr
    assert done.returncode in (2 if words[0] in CHANGING else 0, 0, 1, 5), (done.returncode, done.stderr)
    if words[0] not in CHANGING:
        assert done.stdout, done.stderr
