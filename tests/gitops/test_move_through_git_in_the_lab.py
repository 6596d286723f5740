"""A model moves on a platform that Argo CD keeps as git has it: every change of the alias is a commit.

Its layers are manifests that people wrote; the model was adopted from them, and Applications deploy them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.gitops.commits import weights
from tests.gitops.initialised import Platform, serving
from tests.gitops.others import NOTE, Colleague
from tests.gitops.secret_values import secret_values, told_in
from tests.gitops.trapped import Told, Trap, committed, step_begun

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def platform(git_lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with serving(git_lab, tmp_path_factory.mktemp("ours"), written=True) as made:
        yield made


@pytest.mark.trap(
    "7: killed right after its first push, and rolled back; 6: a colleague pushes at every shift of the next"
)
async def test_tenants_lose_nothing_by_moves_that_are_commits_whoever_dies_or_pushes_meanwhile(
    trap: Trap, tmp_path: Path
) -> None:
    platform, theirs = trap.platform, Colleague(trap, tmp_path / "theirs")
    (platform.path / "models" / "mine.yaml").write_text("half done\n", "utf-8")

    def push(told: Told) -> None:
        if step_begun(told, "shift"):
            theirs.push(NOTE, f"Notes on {told['step']}")

    async with trap.tenants(51):
        killed = await asyncio.to_thread(trap.move, hear=committed)
        assert killed.exit < 0, "it ended before its first commit"
        assert weights(platform) == {"qwen-raw-vllm": 90, "qwen-kserve": 10}
        back = await asyncio.to_thread(trap.run, "rollback", "qwen", "--yes")
        assert back.state == "undone", back.error
        assert weights(platform) == {"qwen-raw-vllm": 100}
        moved = await asyncio.to_thread(trap.move, hear=push)
    assert moved.state == "done", moved.error
    assert moved.receipt["waits"]["git"] > 0
    assert moved.receipt["waits"]["argo-cd"] > 0
    trap.stands("kserve")
    assert len(theirs.made()) == 3
    trap.happened = "one commit stood and was taken back by another; then theirs and ours lie one upon the other"
    assert platform.status("kserve-demo")["sync"]["status"] == "Synced", "the layer is another than git has"
    plan = platform.path.parent / "plan.json"
    platform("pointsman", "plan", "models/qwen.yaml", "--to", "raw-vllm", "--output", "json", "-o", str(plan))
    told = [*platform.said, plan.read_text("utf-8")]
    assert list(told_in(platform, secret_values(platform.lab), told)) == [], "a value of a Secret was told"
    assert len(list(told_in(platform, {"its alias": "qwen-local"}, told))) >= 3, "what is told is not looked at"
