"""The question that ``pointsman root`` asks, and what may happen while it is open."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalog.repository import CONFIG, made, pointsman
from tests.cli.cluster import serving
from tests.cli.program import START
from tests.root.cluster import ArgoCluster, application, claim


def nothing(root: Path, cluster: ArgoCluster) -> None:
    """Nobody does anything."""


def another_claim(root: Path, cluster: ArgoCluster) -> None:
    fresh = application("group-n8n", "platform", [claim("late")])
    cluster.objects.update(ArgoCluster.holding(fresh, claim("late")).objects)


def another_set(root: Path, cluster: ArgoCluster) -> None:
    path = root / "clusters/ai-dev/appsets/platform.yaml"
    path.write_text(path.read_text().replace("revision: main", "revision: other"))


def another_feature(root: Path, cluster: ArgoCluster) -> None:
    (root / "environments/ai-dev/config.yaml").write_text(CONFIG + "  dns: true\n")


@pytest.mark.parametrize(
    ("meanwhile", "answer", "code", "told"),
    [
        (nothing, b"y\n", 0, b"applied ApplicationSet argocd/platform"),
        (nothing, b"n\n", 130, b"error [stopped]: not confirmed; nothing was changed"),
        (another_claim, b"y\n", 1, b"error [root-changed]"),
        (another_set, b"y\n", 1, b"error [root-changed]"),
        (another_feature, b"y\n", 1, b"error [groups-stale]"),
    ],
)
def test_what_is_answered_is_what_was_asked(
    meanwhile: Callable[[Path, ArgoCluster], None], answer: bytes, code: int, told: bytes, tmp_path: Path
) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    made(root)
    assert pointsman(root, "resolve").returncode == 0
    cluster = ArgoCluster.holding()
    with serving(cluster, tmp_path) as config:
        said, exit_code = asked(root, config, answer, lambda: meanwhile(root, cluster))
    assert (exit_code, told in said) == (code, True), said.decode()
    assert bool(cluster.applied) is (code == 0)


def asked(root: Path, config: Path, answer: bytes, meanwhile: Callable[[], None]) -> tuple[bytes, int]:
    """What is said from the question on, and the exit code."""
    ours, theirs = pty.openpty()
    words = ("root", "--profile", "platform", "--kubeconfig", str(config))
    with subprocess.Popen(
        [*START, *words], cwd=root, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        question = b""
        while b"apply profile platform of ai-dev?" not in question:
            question += process.stderr.read(1)
        meanwhile()
        os.write(ours, answer)
        _, said = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    return said, process.returncode
