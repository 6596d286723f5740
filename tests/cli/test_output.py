"""``--output``: every command says text, json and yaml, and YAML reads back as the data that JSON is."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pointsman.cli.entry import COMMANDS
from pointsman.report.data import data_text
from tests.cli.cluster import ReadOnlyCluster, serving
from tests.cli.program import ROOT, SPEC, run
from tests.docs.schemas.holding import held
from tests.docs.schemas.published import schema_of
from tests.forked import run_forked
from tests.world.world import World, quick

WITHOUT = {"completion": "it prints a script for a shell"}
"""Commands that take no ``--output``, and why."""
LAB = ("up", "down", "status", "protect")

ALONE = {
    "render": (SPEC,),
    "rights": (SPEC,),
    "init": ("platform",),
    "adopt": (".",),
    "lint": ("models",),
    "explain": ("PM201",),
    "pick": (SPEC,),
    "compare": (SPEC,),
    "features": ("list",),
    "resolve": ("--check",),
    "root": ("--profile", "full", "--dry-run"),
}
"""What needs no cluster, run in a copy of the example platform."""
ASKING = {
    "status": (),
    "doctor": (),
    "cost": (),
    "audit": (),
    "down": (SPEC, "--yes"),
    "unpause": ("qwen",),
    "history": (),
    "receipt": (),
    "rights": (SPEC, "--check"),
    "plan": (SPEC, "--to", "kserve"),
    "move": (SPEC, "--to", "kserve", "--dry-run"),
    "teardown": (SPEC, "--layer", "raw-vllm", "--dry-run"),
    "wait": ("absent",),
    "sync": ("absent", "--yes"),
    "up": (SPEC,),
    "pause": ("qwen",),
    "promote": ("qwen",),
    "resume": ("qwen",),
    "rollback": ("qwen", "--yes"),
    "abort": ("qwen", "--yes"),
}
"""What asks a cluster that can only be read; where more is wanted, the data is an error."""
ANSWERED = ("status", "history", "receipt", "wait", "sync", "doctor", "cost", "audit")
"""Those that such a cluster answers."""
WRONG = {
    **dict.fromkeys(("render", "status", "receipt", "history", "rights", "up", "apply", "pause"), ("absent.yaml",)),
    **dict.fromkeys(("rollback", "abort"), ("absent.yaml", "--yes")),
    **dict.fromkeys(("promote", "resume"), ("absent.yaml",)),
    **dict.fromkeys(("plan", "move"), ("absent.yaml", "--to", "kserve", "--yes")),
    "teardown": ("absent.yaml", "--layer", "kserve"),
    "init": ("/dev/null",),
    "adopt": ("absent",),
    "lint": ("absent",),
    "explain": ("no-such-code",),
    **dict.fromkeys(("doctor", "cost", "audit"), ("--kubeconfig", "/absent")),
    **dict.fromkeys(("pick", "compare", "unpause"), ("absent.yaml",)),
    "down": ("absent.yaml", "--yes"),
    "features": ("enable",),
    "resolve": ("--repo", "/"),
    "root": ("--profile", "none", "--repo", "/"),
    "sync": ("x", "--revision", "1", "--commit", "1"),
    "wait": (),
    "demo": ("--kubeconfig", "/absent"),
    "lab": ("status", "--name", "absent"),
}
"""A command line of each command that fails at once."""


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    """A copy of the example platform."""
    return Path(shutil.copytree(ROOT / "examples/platform", tmp_path / "platform"))


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The kubeconfig of a cluster in which a move was made."""
    world = World()
    done = asyncio.run(world.conductor().move(world.model, "kserve", quick()))
    assert done.error is None
    with serving(ReadOnlyCluster(world.cluster.objects), tmp_path_factory.mktemp("moved")) as kubeconfig:
        yield str(kubeconfig)


def said(words: tuple[str, ...], output: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return run_forked((*words, "--output", output), os.environ, folder, 60)


def read(done: subprocess.CompletedProcess[str]) -> Any:
    """YAML as data; manifests are many documents, which JSON has as one List."""
    found = list(yaml.safe_load_all(done.stdout))
    return found[0] if not done.stdout.startswith("---") else {"apiVersion": "v1", "kind": "List", "items": found}


def steady(found: Any) -> Any:
    """Without what is another number each time it is measured."""
    if isinstance(found, dict):
        return {key: steady(value) for key, value in found.items() if key not in ("seconds", "asOf")}
    return [steady(one) for one in found] if isinstance(found, list) else found


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in {*WITHOUT, "lab"}])
def test_every_command_names_its_outputs(command: str) -> None:
    help_text = run(command, "--help").stdout
    assert "--output" in help_text, f"{command} has no --output"
    assert "text|json|yaml" in help_text.replace("\n", "")


@pytest.mark.parametrize("command", LAB)
def test_every_command_of_the_lab_names_its_outputs(command: str) -> None:
    assert "text|json|yaml" in run("lab", command, "--help").stdout


def test_the_lists_of_this_file_have_every_command() -> None:
    assert {*WRONG, *WITHOUT} == set(COMMANDS)
    assert {*ALONE, *ASKING, *WITHOUT, "apply", "demo", "lab"} == set(COMMANDS)


@pytest.mark.parametrize("command", ALONE)
def test_what_needs_no_cluster_says_the_same_in_yaml(command: str, platform: Path) -> None:
    words = (command, *ALONE[command])
    as_json = said(words, "json", platform)
    if command == "init":
        shutil.rmtree(platform / "platform")
    as_yaml = said(words, "yaml", platform)
    assert (as_yaml.returncode, as_yaml.stderr) == (as_json.returncode, as_json.stderr)
    assert steady(read(as_yaml)) == steady(json.loads(as_json.stdout))
    assert not as_yaml.stdout.startswith("{")
    assert "error" not in read(as_yaml)
    held(schema_of(words), json.loads(as_json.stdout))


@pytest.mark.parametrize("command", ASKING)
def test_what_asks_a_cluster_says_the_same_in_yaml(command: str, moved: str, tmp_path: Path) -> None:
    words = (command, *ASKING[command], "--kubeconfig", moved)
    as_json, as_yaml = said(words, "json", tmp_path), said(words, "yaml", tmp_path)
    assert as_yaml.returncode == as_json.returncode
    assert steady(read(as_yaml)) == steady(json.loads(as_json.stdout))
    assert not as_yaml.stdout.startswith("{")
    assert ("error" in read(as_yaml)) == (command not in ANSWERED)
    held(schema_of(words), json.loads(as_json.stdout))


@pytest.mark.parametrize("command", WRONG)
def test_an_error_is_an_object_in_yaml_too(command: str, tmp_path: Path) -> None:
    words = (command, *WRONG[command])
    as_json, as_yaml = said(words, "json", tmp_path), said(words, "yaml", tmp_path)
    assert as_yaml.returncode == as_json.returncode != 0
    assert as_yaml.stderr == as_json.stderr != ""
    held("error", {"error": read(as_yaml)["error"]})
    held(schema_of(words), json.loads(as_json.stdout))
    assert steady(read(as_yaml)) == steady(json.loads(as_json.stdout))
    assert "error:\n  code: " in as_yaml.stdout


def test_o_of_plan_names_a_file_and_the_last_of_two_outputs_counts(tmp_path: Path) -> None:
    file = str(tmp_path / "plan")
    assert run("plan", "absent.yaml", "--to", "kserve", "-o", file).stdout == ""
    assert run("status", "absent.yaml", "--output", "json", "-o", "yaml").stdout.startswith("error:")
    assert run("status", "absent.yaml", "-oyaml", "--output=json").stdout.startswith("{")
    assert run("status", "absent.yaml", "-o", "json", "-o", "text").stdout == ""


def test_data_is_ascii_where_the_terminal_is() -> None:
    done = run("render", "größe.yaml", "-o", "yaml", env={"PYTHONIOENCODING": "ascii"})
    assert done.stdout.isascii()
    assert yaml.safe_load(done.stdout)["error"]["where"] == "größe.yaml"


TRAPS = ("on", "y", "~", "1:30", "1e3", "0x1f", "0o7", "1_000", ".inf", "2024-01-01", "=", "<<", "null", "", " ", "# x")
TRICKS = ("a: b", "- a", "---", "a\n", "\n", "\t", "\x85", "\u2028", "\ufeff", "\x00", "\x7f", "\ud800", "\U0001f600")
WORDS = st.one_of(st.sampled_from(TRAPS + TRICKS), st.text(st.characters(exclude_categories=())))
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORDS)
DATA = st.recursive(LEAVES, lambda some: st.lists(some) | st.dictionaries(WORDS, some), max_leaves=8)


@settings(deadline=None)
@given(DATA, st.booleans())
@example({word: [word] for word in TRAPS + TRICKS}, False)
@example(math.inf, True)
def test_yaml_reads_back_as_the_very_same_data(data: Any, ascii_only: bool) -> None:
    text = data_text(data, "yaml", ascii_only=ascii_only)
    assert yaml.safe_load(text) == json.loads(data_text(data, "json"))
    assert text.isascii() or not ascii_only


def test_json_is_one_line_or_indented_and_knows_paths() -> None:
    assert data_text({"a": Path("/x"), "b": "ü"}, "json") == '{"a": "/x", "b": "\\u00fc"}\n'
    assert data_text([1], "json", indent=2) == "[\n  1\n]\n"
    assert data_text({"a": Path("/x")}, "yaml") == "a: /x\n"
