"""Commands that are suggested are said for the same cluster and the same repository as the one that suggests them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.cli.again import TAKEN, heard, repeated, same, spelled
from pointsman.cli.entry import COMMANDS, command_named
from tests.cli.cluster import serving
from tests.cli.program import run
from tests.root.cluster import ArgoCluster
from tests.root.tenants import tenants


@pytest.fixture(autouse=True)
def nothing_given() -> Iterator[None]:
    yield
    heard([])


def taken(name: str) -> set[str]:
    found = command_named(name)
    return {one for param in found.params for one in param.opts if one.startswith("--")}


@pytest.mark.parametrize("name", TAKEN)
def test_a_command_takes_what_it_is_given_again(name: str) -> None:
    assert set(TAKEN[name]) <= taken(name)
    place = {"--kubeconfig", "--context", "--repo", "--env"}
    assert taken(name) & place == set(TAKEN[name]) & place


def test_every_command_that_changes_a_cluster_is_among_them() -> None:
    others = {name for name in COMMANDS if name not in TAKEN}
    assert {name for name in others if "--context" in taken(name)} == {"pick", "adopt", "demo"}


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ((), "pointsman status qwen", "pointsman status qwen"),
        (
            ("move", "qwen", "--context", "a b", "--env=prod", "--repo", "r"),
            "pointsman status qwen; or pointsman up qwen --layer kserve, then run it again",
            "pointsman status --context 'a b' qwen; or pointsman up --context 'a b' --env prod --repo r qwen "
            "--layer kserve, then run it again",
        ),
        (("move", "qwen", "--context=c"), "see pointsman status.", "see pointsman status --context c."),
        (("up", "--context", "c"), "pointsman down qwen --context d", "pointsman down qwen --context d"),
        (("up", "--context", "c"), "pointsman lint, pointsman-system", "pointsman lint, pointsman-system"),
        (
            ("sync", "x", "-n", "cd"),
            "pointsman wait x; pointsman cost",
            "pointsman wait --namespace cd x; pointsman cost",
        ),
        (("doctor", "-n", "cd"), "pointsman wait x", "pointsman wait x"),
        (("up", "--", "--context", "c"), "pointsman status", "pointsman status"),
    ],
)
def test_what_was_given_is_said_again(words: tuple[str, ...], text: str, expected: str) -> None:
    heard(words)
    assert repeated(text) == expected
    assert repeated(repeated(text)) == expected


def test_the_same_command_asks_anew() -> None:
    heard(["move", "a model", "--to", "kserve", "--yes", "--hold", "1m"])
    assert same("move", "apply") == "pointsman move 'a model' --to kserve --hold 1m"
    assert same("resume") == ""


def test_options_as_a_command_line_has_them() -> None:
    found = spelled([("--a", True), ("--b", False), ("--c", None), ("--d", ["x", "y z"]), ("--e", 90.0), ("--f", "v")])
    assert " ".join(found) == "--a --d x --d 'y z' --e 90s --f v"


@pytest.mark.parametrize("output", [(), ("-o", "json")])
def test_an_error_names_commands_for_its_own_cluster(output: tuple[str, ...], tmp_path: Path) -> None:
    with serving(ArgoCluster.holding(*tenants({"raw-vllm": 100})), tmp_path) as kubeconfig:
        done = run("promote", "qwen", "--kubeconfig", str(kubeconfig), "--context", "test", *output)
    said = f"pointsman move --kubeconfig {kubeconfig} --context test qwen --to LAYER begins one"
    assert said in done.stderr
    assert (said in done.stdout) is bool(output)
