"""``doctor`` and ``audit`` of things with long names, in a terminal of 80 columns: no line is wider."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pointsman.kube.resources import KINDS
from tests.checks.grid import examples
from tests.checks.test_doctor import Running
from tests.checks.written import objects_in
from tests.cli.cluster import serving
from tests.cli.program import run
from tests.cli.terminal import in_terminal
from tests.cli.test_views import crowd
from tests.cost.paid import PaidCluster, balancer, claim, node

WIDE = 80
NAMED = {kind.name for kind in KINDS}
TEAM = "a-team-with-many-words"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def lengthened(objects: list[dict[str, Any]], more: int) -> list[dict[str, Any]]:
    """The same in a namespace with a long name, whatever is in ``serving``; names grow by so many letters."""
    text = json.dumps(objects).replace('"serving"', f'"{TEAM}"')
    return json.loads(re.sub(r'"name": "(raw-vllm|qwen)', rf'"name": "{"x" * more}-\1', text))  # type: ignore[no-any-return]


def everything(more: int) -> Running:
    """What every check finds something in."""
    found = [one for each in examples() if each.fails and each.live for one in objects_in(each.path)]
    found = [one for one in found if one["kind"] in NAMED]
    return Running.of(lengthened(found, more))  # type: ignore[return-value]


def left_behind(more: int) -> PaidCluster:
    """What audits find, with names that fill a line."""
    old = [claim(f"{'x' * more}-{number}", "10Gi", "standard", TEAM) for number in range(3)]
    others = PaidCluster.of_things(
        *old, balancer(f"{'y' * more}", namespace=TEAM), node("z" * more, {"nvidia.com/gpu": 8})
    )
    made = crowd(1)
    made.objects |= others.objects
    return made


@contextmanager
def shown(cluster: Running | PaidCluster, folder: Path, *words: str) -> Iterator[tuple[str, str]]:
    """The same in a terminal and in a pipe."""
    with ExitStack() as stack:
        kubeconfig = str(stack.enter_context(serving(cluster, folder)))
        told = (*words, "--kubeconfig", kubeconfig)
        yield COLOUR.sub("", in_terminal(*told, columns=WIDE)), run(*told).stdout


def narrow(there: str, piped: str) -> None:
    """A line is wider only when it is one word that is wider, and every word of the pipe is there."""
    wide = [line for line in there.splitlines() if len(line) > WIDE and len(line.strip()) <= WIDE]
    wide += [line for line in there.splitlines() if len(line) > WIDE and len(line.split()) > 1]
    assert not wide, wide
    assert there.split() == piped.split()


@pytest.mark.parametrize("more", [0, 30, 40, 45, 50])
@pytest.mark.parametrize("words", [(), ("-n", TEAM)])
def test_findings_of_doctor(words: tuple[str, ...], more: int, tmp_path: Path) -> None:
    with shown(everything(more), tmp_path, "doctor", *words) as (there, piped):
        narrow(there, piped)
        assert any(len(line) > WIDE for line in piped.splitlines()), "nothing was to be folded"


def test_what_doctor_could_not_look_at(tmp_path: Path) -> None:
    cluster = everything(40)
    cluster.shut = ("pods", "nodes", f"/api/v1/namespaces/{'n' * 60}")
    with shown(cluster, tmp_path, "doctor", "-n", "n" * 60, "-n", TEAM) as (there, piped):
        narrow(there, piped)
        assert "not checked:" in piped


def test_the_list_of_checks() -> None:
    narrow(COLOUR.sub("", in_terminal("doctor", "--list", columns=WIDE)), run("doctor", "--list").stdout)


@pytest.mark.parametrize("more", [30, 52, 53, 54, 60])
@pytest.mark.parametrize("refused", [{}, {"pods": 403, "services": 403}])
def test_findings_of_audit(more: int, refused: dict[str, int], tmp_path: Path) -> None:
    cluster = left_behind(more)
    cluster.refused = refused
    with shown(cluster, tmp_path, "audit", "--prices", "example") as (there, piped):
        narrow(there, piped)
        assert any(len(line) > WIDE for line in piped.splitlines()), "nothing was to be folded"
