"""A model moves on a platform that Argo CD keeps as git has it: every change of the alias is a commit.

Its layers are manifests that people wrote; the model was adopted from them, and Applications deploy them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.named import read_model
from pointsman.demo.reconciliation import sentence
from tests.conftest import RunningLab
from tests.gitops.commits import commits, unexplained, weights
from tests.gitops.initialised import Platform, serving
from tests.gitops.secret_values import secret_values, told_in
from tests.move.tenants import accounts

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def platform(git_lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with serving(git_lab, tmp_path_factory.mktemp("ours"), written=True) as made:
        yield made


def begin(platform: Platform, *words: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).with_name("pointsman")), *words, "--yes", "--output", "json", "--hold", "1"]
    return subprocess.Popen(
        command,
        cwd=platform.path,
        env=platform.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def colleague(platform: Platform, folder: Path, message: str) -> None:
    """Somebody else pushes something else, from a clone of their own."""
    if not folder.exists():
        subprocess.run(["git", "clone", "--quiet", str(platform.remote), str(folder)], check=True, capture_output=True)
    script = (
        "git pull --quiet && echo more >> NOTES && git add NOTES && "
        f"git -c user.name=Colleague -c user.email=c@example.com commit --quiet -m '{message}' && git push --quiet"
    )
    subprocess.run(["sh", "-c", script], cwd=folder, check=True, capture_output=True)


async def test_tenants_lose_nothing_by_moves_that_are_commits_whoever_dies_or_pushes_meanwhile(
    platform: Platform, tmp_path: Path
) -> None:
    begun = platform("git", "rev-parse", "HEAD").strip()
    dirty = platform.path / "models" / "mine.yaml"
    dirty.write_text("half done\n", "utf-8")
    status = platform("git", "status", "--porcelain")
    async with accounts(
        platform.lab, rate=5, seed=51, model=read_model(platform.path / "models" / "qwen.yaml")
    ) as books:
        await asyncio.to_thread(killed_after_its_first_commit, platform)
        assert weights(platform) == {"qwen-raw-vllm": 90, "qwen-kserve": 10}
        await asyncio.to_thread(platform, "pointsman", "rollback", "qwen", "--yes", "--output", "json")
        assert weights(platform) == {"qwen-raw-vllm": 100}
        receipt = await asyncio.to_thread(moved_beside_a_colleague, platform, tmp_path / "theirs")
    assert receipt["state"] == "done"
    assert receipt["waits"]["git"] > 0
    assert receipt["waits"]["argo-cd"] > 0
    assert weights(platform) == {"qwen-kserve": 100}
    found_out = books.reconcile()
    assert found_out.failed == 0
    assert found_out.agrees, sentence(found_out)
    explained(platform, begun, books.receipts())
    plan = platform.path.parent / "plan.json"
    platform("pointsman", "plan", "models/qwen.yaml", "--to", "raw-vllm", "--output", "json", "-o", str(plan))
    told = [*platform.said, plan.read_text("utf-8")]
    assert list(told_in(platform, secret_values(platform.lab), told)) == [], "a value of a Secret was told"
    assert len(list(told_in(platform, {"its alias": "qwen-local"}, told))) >= 3, "what is told is not looked at"
    assert platform("git", "status", "--porcelain") == status, "the clone is not as it was"
    assert platform.status("litellm")["sync"]["status"] == "Synced"
    assert platform.status("kserve-demo")["sync"]["status"] == "Synced", "the layer is another than git has"


def killed_after_its_first_commit(platform: Platform) -> None:
    with begin(platform, "move", "models/qwen.yaml", "--to", "kserve") as process:
        assert process.stderr is not None
        for line in process.stderr:
            platform.said.append(line)
            told = json.loads(line) if line.startswith("{") else {}
            if told.get("step") == "git" and "commit" in told.get("text", ""):
                process.kill()
                return
    pytest.fail(f"it ended before its first commit: {platform.said[-3:]}")


def moved_beside_a_colleague(platform: Platform, folder: Path) -> dict[str, Any]:
    with begin(platform, "move", "models/qwen.yaml", "--to", "kserve") as process:
        assert process.stderr is not None
        for line in process.stderr:
            platform.said.append(line)
            told = json.loads(line) if line.startswith("{") else {}
            if told.get("event") == "step-begun" and str(told.get("step")).startswith("shift"):
                colleague(platform, folder, f"Notes on {told['step']}")
        out = process.stdout.read() if process.stdout else ""
        process.wait(timeout=60)
    assert process.returncode == 0, out
    platform.said.append(out)
    receipt: dict[str, Any] = json.loads(out)
    return receipt


def explained(platform: Platform, begun: str, receipts: list[dict[str, Any]]) -> None:
    """Every commit is a colleague's, or says for which move it was made; none was made twice."""
    made = commits(platform, begun)
    others = [one for one in made if one.author == "Colleague"]
    assert [one.subject for one in others if not one.subject.startswith("Notes on shift")] == []
    assert len(others) == 3
    ours = [one for one in made if one not in others]
    assert list(unexplained(ours, [str(one["move"]) for one in receipts])) == []
