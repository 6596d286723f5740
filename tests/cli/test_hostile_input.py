"""Whatever a file or a word holds: a code, a place, one sentence, and no long wait."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from pointsman.cli.entry import run
from tests.cli.hostile import SPECS, TEXTS, WORDS, places
from tests.cli.program import SPEC, START

ABSENT = ("--kubeconfig", "/nowhere/kubeconfig")
SECONDS = 1.0
"""Of processor time, which a busy machine does not stretch."""
HANGS = 30.0
"""Seconds of wall clock after which it waits for something."""
MODEL_COMMANDS = (
    ("render",),
    ("plan", "--to", "kserve", *ABSENT),
    ("move", "--to", "kserve", "--yes", *ABSENT),
    ("up", *ABSENT),
)


def refused(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The code and the text that a command line is refused with."""
    began, busy = time.monotonic(), time.process_time()
    code = run(words)
    assert time.process_time() - busy < SECONDS
    assert time.monotonic() - began < HANGS
    said = capsys.readouterr()
    assert code == 2, said.err[:2000]
    found = re.fullmatch(r"error \[([a-z-]+)\](?s:.*): .+(?:\n  .+)*\n", said.err)
    assert found, said.err[:2000]
    assert len(said.err) < 60_000
    assert found[1] != "internal"
    return found[1], said.err


def model(command: tuple[str, ...], word: str) -> tuple[str, ...]:
    return (command[0], word, *command[1:])


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_that_is_no_spec_no_plan_and_no_kubeconfig(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(TEXTS[kind])
    for command in MODEL_COMMANDS:
        code, said = refused(model(command, str(path)), capsys)
        assert code.startswith("spec-")
        assert str(path) in said
    assert refused(("apply", str(path), "--yes", *ABSENT), capsys)[0] == "plan-invalid"
    assert refused(("status", "--kubeconfig", str(path)), capsys)[0] == "kubeconfig-invalid"


@pytest.mark.parametrize("kind", SPECS)
def test_a_spec_with_one_value_out_of_all_bounds(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(SPECS[kind], encoding="utf-8")
    code, said = refused(("render", str(path)), capsys)
    assert code.startswith("spec-")
    assert str(path) in said
    assert max(map(len, said.splitlines())) < 1000


@pytest.mark.parametrize("kind", WORDS)
def test_a_word_that_names_nothing(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    word = WORDS[kind]
    for command in MODEL_COMMANDS:
        assert refused(model(command, word), capsys)[0] in ("model-unknown", "spec-missing", "spec-unreadable")
    assert refused(("apply", word, "--yes", *ABSENT), capsys)[0] in ("plan-invalid", "usage")
    assert refused(("status", "--kubeconfig", word), capsys)[0] in ("kubeconfig-invalid", "usage")
    said = refused(("plan", SPEC, "--to", "kserve", "-o", word, *ABSENT), capsys)[0]
    assert said in ("plan-unwritable", "kubeconfig-invalid", "usage")


def test_what_is_no_file_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place, path in places(tmp_path).items():
        for command in MODEL_COMMANDS:
            code, said = refused(model(command, str(path)), capsys)
            assert code.startswith("spec-"), (place, said)
        assert refused(("apply", str(path), "--yes", *ABSENT), capsys)[0] == "plan-invalid", place
        assert refused(("status", "--kubeconfig", str(path)), capsys)[0] == "kubeconfig-invalid", place


@pytest.mark.parametrize("place", ["pipe", "socket", "/dev/null", "/dev/zero"])
def test_a_plan_is_never_kept_in_the_place_of_a_device_or_a_pipe(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = places(tmp_path).get(place, Path(place))
    assert refused(("plan", SPEC, "--to", "kserve", "-o", str(path), *ABSENT), capsys)[0] == "plan-unwritable"


def test_what_a_kubeconfig_names_is_read_with_the_same_care(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "kubeconfig"
    for path in places(tmp_path).values():
        cluster = {"server": "https://127.0.0.1:1", "certificate-authority": str(path)}
        entries = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": "x", "context": {"cluster": "c"}}],
        }
        config.write_text(json.dumps({"current-context": "x", **entries}))
        assert refused(("status", "--kubeconfig", str(config)), capsys)[0] == "kubeconfig-invalid"
        monkeypatch.setenv("KUBECONFIG", f"{path}:{config}")
        assert refused(("status",), capsys)[0] == "kubeconfig-invalid"


@pytest.mark.parametrize("kind", ["/dev/zero", "/dev/random", "/proc/self/pagemap"])
def test_memory_stays_small_whatever_is_read(kind: str) -> None:
    limited = 'ulimit -v 600000; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", limited, "sh", *START, "apply", kind, "--yes"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, "plan-invalid" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    "env", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_letters_that_the_terminal_lacks_are_told_another_way(env: dict[str, str], tmp_path: Path) -> None:
    from tests.cli.program import run as started

    path = tmp_path / "mödel→.yaml"
    text = Path(SPEC).read_text(encoding="utf-8")
    path.write_text(text.replace("  accelerator:\n", "    env: {WORD: 日本 → x}\n  accelerator:\n"), encoding="utf-8")
    done = started("render", str(path), env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert r'"\u65E5\u672C \u2192 x"' in done.stdout
    path.write_text(text.replace("layer: raw-vllm", "layer: lä→er", 1), encoding="utf-8")
    done = started("render", str(path), env=env)
    assert done.returncode == 2
    assert "error [spec-wrong-value]" in done.stderr
    assert "->" in done.stderr
