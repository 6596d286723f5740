"""MODEL in every command: a file, a name in the model folders, a name that only the cluster knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.cli.entry import run
from tests.cli.cluster import ReadOnlyCluster, serving
from tests.spec.text import TEXT, loaded

DECLARED = ("render", "plan", "move", "up")
"""Commands that need the whole spec."""
NAMED = ("status", "history", "receipt", "resume", "rollback", "abort", "pause", "promote")
"""Commands that need a name."""
MORE = {
    "plan": ("--to", "kserve"),
    "move": ("--to", "kserve", "--yes"),
    **dict.fromkeys(("rollback", "abort"), ("--yes",)),
}
HERE = TEXT.replace("  name: qwen\n", "  name: here\n", 1)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadOnlyCluster]:
    """A cluster that knows the model ``there``, and a folder with a file for ``here``."""
    there = loaded(tmp_path, TEXT.replace("  name: qwen\n", "  name: there\n", 1))
    known = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "model-there", "namespace": "pointsman-system", "labels": {"pointsman.dev/spec": "there"}},
        "data": {"model.json": there.model_dump_json(by_alias=True)},
    }
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "file-of-here.yaml").write_text(HERE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = ReadOnlyCluster.of([known])
    with serving(found, tmp_path) as kubeconfig:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield found


def tried(command: str, word: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, error code and all that was said."""
    code = run((command, word, *MORE.get(command, ())))
    said = capsys.readouterr()
    error = re.search(r"error \[([-a-z.]+)\]", said.err)
    return code, error[1] if error else "", said.out + said.err


@pytest.mark.parametrize("command", [*DECLARED, *NAMED])
@pytest.mark.parametrize("word", ["there", "models/file-of-here.yaml", "file-of-here"])
def test_every_command_takes_a_file_a_name_in_a_folder_and_a_name_of_the_cluster(
    command: str, word: str, cluster: ReadOnlyCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error, said = tried(command, word, capsys)
    assert error not in ("model-unknown", "internal"), said
    name = "there" if word == "there" else "here"
    if command in ("render", "status"):
        assert code == 0
        assert name in said
    elif command in ("resume", "rollback", "abort", "pause", "promote"):
        assert f"no move of {name} is open" in said
    elif command == "receipt":
        assert error == "move-unknown"
        assert f"there has been no move of {name}" in said
    elif command == "history":
        assert code == 0
    else:  # it went on to the edge of the model, which is not there
        assert any("/deployments/litellm" in path for path in cluster.asked), said


@pytest.mark.parametrize("command", [*DECLARED, *NAMED])
@pytest.mark.parametrize("word", ["nowhere", "No Name", "q" * 300])
def test_a_name_that_nobody_knows_is_refused_with_where_it_was_looked_for(
    command: str, word: str, cluster: ReadOnlyCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error, said = tried(command, word, capsys)
    assert (code, error) == (2, "move-unknown" if command == "receipt" else "model-unknown")
    assert "(looked in models/, examples/platform/models/" in said
    assert "file-of-here" in said
    if command in NAMED or word == "nowhere":
        assert "and the models that the cluster knows)" in said
        assert "there" in said.partition("known models:")[2]


def test_a_cluster_that_cannot_be_asked_is_no_reason_to_hide_where_it_was_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    code, error, said = tried("render", "nowhere", capsys)
    assert (code, error) == (2, "model-unknown")
    assert "; the cluster could not be asked: cannot read the kubeconfig" in said


def test_what_the_cluster_keeps_and_nobody_can_read_is_told(
    cluster: ReadOnlyCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept,) = cluster.objects.values()
    kept["data"]["model.json"] = '{"kind": "Model"}'
    code, error, said = tried("render", "there", capsys)
    assert (code, error) == (2, "spec-kept")
    assert "ConfigMap pointsman-system/model-there" in said


def test_a_move_can_be_taken_back_by_its_models_name_although_the_file_is_broken(
    cluster: ReadOnlyCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("models/there.yaml").write_text("broken: [", encoding="utf-8")
    assert tried("rollback", "there", capsys)[1] == "no-open-move"
    assert tried("render", "there", capsys)[1] == "spec-yaml"


def test_the_layer_cannot_be_written_into_a_file_that_is_not_there(
    cluster: ReadOnlyCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(("move", "there", "--to", "kserve", "--yes", "--write-spec")) == 2
    assert "--write-spec has no file to write" in capsys.readouterr().err
