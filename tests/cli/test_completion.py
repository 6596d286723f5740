"""What shells complete: commands, options, choices and names, and never an error."""

from __future__ import annotations

import os
import pty
import select
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from pointsman.cli.entry import COMMANDS
from tests.cli.cluster import ReadOnlyCluster, kubeconfig_for, serving
from tests.cli.program import ROOT, silent
from tests.cli.test_status import models, platform, thing
from tests.forked import run_forked

EXAMPLE = ROOT / "examples/platform"
LAYERS = ["kserve", "llm-d", "raw-vllm"]


def told(*words: str, folder: Path = EXAMPLE, env: dict[str, str] | None = None) -> list[str]:
    """What may stand in the place of the last word."""
    environment = os.environ | {"KUBECONFIG": "/nowhere"} | (env or {})
    done = run_forked(("__complete", *words), environment, folder, 30)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all("\t" in line for line in lines)
    return [line.partition("\t")[0] for line in lines]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The kubeconfig of a cluster with two models, a move and two Applications."""
    cluster = platform(models(2))
    move = {"pointsman.dev/move": "model-0001-20260101-1"}
    for one in (
        thing("v1", "ConfigMap", "model-0001-20260101-1", "pointsman-system", move),
        thing("argoproj.io/v1alpha1", "Application", "kserve-demo", "argocd"),
        thing("argoproj.io/v1alpha1", "Application", "elsewhere", "argo-two"),
    ):
        cluster.objects |= ReadOnlyCluster.of([one]).objects
    with serving(cluster, tmp_path_factory.mktemp("known")) as kubeconfig:
        yield str(kubeconfig)


def test_the_first_word_is_a_command_and_says_what_it_does() -> None:
    assert set(told("")) == {*COMMANDS, "--version", "--help"}
    assert told("rol") == ["rollback"]
    assert told("help", "rol") == ["rollback"]
    done = run_forked(("__complete", "rol"), dict(os.environ), ROOT, 30)
    assert done.stdout == "rollback\tTake it back: tenants on the source, the target as before.\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_options_completed(command: str) -> None:
    words = ("lab", "up") if command == "lab" else (command,)
    found = told(*words, "--")
    assert "--help" in found
    assert command == "completion" or "--output" in found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("status", "--output", ""), ["text", "json", "yaml"]),
        (("status", "-o", "j"), ["json"]),
        (("status", "--output=j"), ["--output=json"]),
        (("status", "--output", "=", "j"), ["json"]),
        (("status", "--output", "="), ["text", "json", "yaml"]),
        (("move", "qwen", "--strategy", "side"), ["side-by-side"]),
        (("move", "--to", "kserve", "--yes", "--drain-policy", ""), ["wait", "give-back", "cut"]),
        (("move", "qwen", "--to", ""), LAYERS),
        (("move", "qwen", "--to=k"), ["--to=kserve"]),
        (("render", "qwen", "--layer", "ll"), ["llm-d"]),
        (("rights", "--layer", "kserve", "--layer", ""), ["llm-d", "raw-vllm"]),
        (("lab", ""), ["up", "down", "status", "protect"]),
        (("lab", "protect", "gitl"), ["gitlab"]),
        (("lab", "up", "--engine", ""), ["simulator", "real"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("features", ""), ["list", "enable", "disable"]),
        (("features", "enable", "llm"), ["llm-d"]),
        (("root", "--profile", "f"), ["full"]),
        (("render", ""), ["qwen"]),
        (("teardown", ""), sorted([*LAYERS, "qwen"])),
        (("teardown", "--all", "--withdraw", "a"), ["all"]),
        (("move", "q"), ["qwen"]),
        (("status", "--out", "x", "--kubec"), ["--kubeconfig"]),
        (("status", "qwen", ""), []),
        (("nonsense", ""), []),
        (("lab", "nonsense", ""), []),
        (("status", "--hold"), []),
        (("move", "qwen", "--hold", ""), []),
    ],
)
def test_what_may_stand_there(words: tuple[str, ...], found: list[str]) -> None:
    assert told(*words) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("status", ""), ["model-0000", "model-0001", "qwen"]),
        (("move", "--to", "kserve", "model-0001"), ["model-0001"]),
        (("rights", "model-0000", ""), ["model-0001", "qwen"]),
        (("receipt", "model-0001"), ["model-0001", "model-0001-20260101-1"]),
        (("sync", ""), ["kserve-demo"]),
        (("teardown", "qwen", "--withdraw", "qwen"), ["qwen-local"]),
        (("wait", "--namespace", "argo-two", ""), ["elsewhere"]),
    ],
)
def test_names_come_from_the_cluster_and_from_files(known: str, words: tuple[str, ...], found: list[str]) -> None:
    command, *rest, last = words
    assert told(command, "--kubeconfig", known, *rest, last) == found
    assert told(*words, env={"KUBECONFIG": known}) == found


def test_a_cluster_that_says_nothing_holds_nobody_up(tmp_path: Path) -> None:
    with silent(tmp_path) as (_, kubeconfig):
        assert told("status", "--kubeconfig", kubeconfig, "") == ["qwen"]


def test_a_credential_plugin_that_hangs_is_ended(tmp_path: Path) -> None:
    pid, plugin = tmp_path / "pid", tmp_path / "plugin"
    plugin.write_text(f'#!/bin/sh\necho $$ > "{pid}"\nexec sleep 1000\n')
    plugin.chmod(stat.S_IRWXU)
    config = yaml.safe_load(kubeconfig_for(1))
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    config["users"][0]["user"] = {"exec": exec_}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    assert told("status", "--kubeconfig", str(tmp_path / "kubeconfig"), "") == ["qwen"]
    with suppress(ProcessLookupError, FileNotFoundError):
        gone, _, _ = select.select([os.pidfd_open(int(pid.read_text()))], [], [], 30)
        assert gone, "the plugin is left"


@pytest.mark.parametrize("config", ["", "{", "kind: Config", "a: [1, &x"])
def test_what_is_broken_is_told_by_silence(tmp_path: Path, config: str) -> None:
    (tmp_path / "kubeconfig").write_text(config)
    (tmp_path / "platform.yaml").write_text(config)
    env = {"KUBECONFIG": str(tmp_path / "kubeconfig")}
    for words in (("status", ""), ("features", "enable", ""), ("sync", ""), ("root", "--profile", ""), ("receipt", "")):
        assert told(*words, folder=tmp_path, env=env) == []


def test_the_first_word_needs_no_library() -> None:
    code = "import sys; from pointsman.cli.completing import answer; answer(['st']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("status\t")
    assert not {"typer", "asyncio", "aiohttp", "pydantic"} & set(done.stdout.split())


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which the program is."""
    program = tmp_path / "bin" / "pointsman"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from pointsman.cli.main import main; main()" "$@"\n')
    program.chmod(stat.S_IRWXU)
    return f"{program.parent}:{os.environ['PATH']}"


def shell(program: str, text: str, path: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PATH": path, "KUBECONFIG": "/nowhere"}
    words = [program, *(["--norc", "--noprofile"] if program == "bash" else []), "-c", text]
    return subprocess.run(words, cwd=EXAMPLE, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_bash_completes_by_the_script(path: str) -> None:
    text = """
        source <(pointsman completion bash)
        complete -p pointsman
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pointsman; echo "${COMPREPLY[@]}"; }
        ask pointsman rol
        ask pointsman status --output = ''
        ask pointsman move qwen --to ''
        ask pointsman nonsense ''
    """
    done = shell("bash", text, path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "complete -o default -F _pointsman pointsman",
        "rollback",
        "text json yaml",
        "kserve llm-d raw-vllm",
        "",
    ]


def test_the_tab_key_of_bash_completes(path: str) -> None:
    ours, theirs = pty.openpty()
    env = os.environ | {"PATH": path, "KUBECONFIG": "/nowhere", "TERM": "dumb", "PS1": "ready> "}
    words = ["bash", "--norc", "--noprofile", "-i"]
    with subprocess.Popen(
        words, cwd=EXAMPLE, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        seen = ""

        def until(words: str) -> None:
            nonlocal seen
            while words not in seen:
                assert select.select([ours], [], [], 60)[0], seen
                seen += os.read(ours, 4096).decode()
            seen = seen.partition(words)[2]

        try:
            os.write(ours, b"source <(pointsman completion bash); echo it is $((6 * 7))\n")
            until("it is 42")
            until("ready> ")
            os.write(ours, b"pointsman rollb\tqw\t--kubec\t")
            until("rollback qwen --kubeconfig ")
        finally:
            process.kill()
            os.close(ours)


@pytest.mark.parametrize("program", ["zsh", "fish"])
def test_other_shells_can_read_their_scripts(path: str, program: str) -> None:
    script = shell("bash", f"pointsman completion {program}", path).stdout
    assert "__complete" in script
    assert "pointsman" in script.splitlines()[0]
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    done = shell(program, f"{'autoload -U compinit; compinit -u; ' * (program == 'zsh')}{script}", path)
    assert (done.returncode, done.stderr) == (0, "")
    if program == "fish":
        asked = shell(program, f"{script}\ncomplete -C 'pointsman status --output '", path).stdout
        assert sorted(asked.split()) == ["json", "text", "yaml"]
