"""``rollback``, ``abort``, ``pause``, ``promote``, ``resume`` as a person runs them: is there a move to be asked?"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path

import pytest

from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.registry import layer
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.journal.ledger import Ledger
from tests.cli.program import SPEC, run
from tests.parking.test_command_line import live, two_layers
from tests.root.tenants import MODEL
from tests.world.cluster import Write
from tests.world.world import World, quick

ASKING = ("rollback", "abort")
"""Commands with a question."""
VERBS = (*ASKING, "pause", "promote", "resume", "unpause")
WAYS = [(verb,) for verb in VERBS] + [(verb, "--yes") for verb in ASKING]


class Died(BaseException):
    """The process is gone."""


def never() -> World:
    world = World()
    record = {"model.json": world.model.model_dump_json(by_alias=True)}
    metadata = {"name": "model-qwen", "namespace": NAMESPACE, "labels": {"pointsman.dev/spec": "qwen"}}
    world.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": record})
    return world


def done() -> World:
    world = World()
    asyncio.run(world.conductor().move(world.model, "kserve", quick()))
    return world


def undone() -> World:
    world = World()
    world.edge.fail_confirms = 1
    asyncio.run(world.conductor().move(world.model, "kserve", quick()))
    return world


def died(world: World, step: str) -> World:
    """A move whose process is dead since it meant to begin a step; its lock was let go."""

    def die(write: Write) -> None:
        if write.verb == "patch" and '"event":"intent"' in str(write.body) and f'"step":"{step}"' in str(write.body):
            raise Died

    world.cluster.after = die
    with pytest.raises(Died):
        asyncio.run(world.conductor().move(world.model, "kserve", quick()))
    world.cluster.after = lambda write: None
    return world


def said(world: World, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with live(world, folder) as config:
        return run(*words, "--kubeconfig", str(config), "--repo", str(folder))


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("before", [never, done, undone])
def test_without_an_open_move_that_is_what_is_said(before: object, way: tuple[str, ...], tmp_path: Path) -> None:
    assert callable(before)
    told = said(before(), tmp_path, way[0], "qwen", *way[1:])
    code = "source-parked" if before is done and way[0] in ASKING else "no-open-move"
    assert (told.returncode, told.stdout) == (1, ""), told.stderr
    assert f"error [{code}]" in told.stderr
    assert "no move of qwen is open" in told.stderr


@pytest.mark.parametrize("verb", ASKING)
def test_with_an_open_move_somebody_has_to_be_asked(verb: str, tmp_path: Path) -> None:
    world = died(World(), "shift-50")
    told = said(world, tmp_path, verb, SPEC)
    assert (told.returncode, told.stdout) == (2, "")
    assert "error [not-asked]" in told.stderr
    (one,) = asyncio.run(Ledger(world.cluster, world.clock).moves(model="qwen"))
    assert one.progress.state.value == "forward"


@pytest.mark.parametrize("verb", ASKING)
def test_what_would_be_refused_is_refused_before_the_question(verb: str, tmp_path: Path) -> None:
    told = said(died(World(), "park"), tmp_path, verb, "qwen")
    assert told.returncode == 1
    assert "error [point-of-no-return]" in told.stderr


@pytest.mark.parametrize("words", [(), ("--output", "json")], ids=["text", "json"])
@pytest.mark.parametrize("model", ["qwen", SPEC])
def test_the_receipt_of_a_model_that_never_moved_says_so(model: str, words: tuple[str, ...], tmp_path: Path) -> None:
    with live(never(), tmp_path) as config:
        told = run("receipt", model, "--kubeconfig", str(config), *words)
    assert told.returncode == 2
    assert "error [move-unknown]: there has been no move of qwen" in told.stderr
    assert "ConfigMap" not in told.stderr + told.stdout
    assert re.search(r"pointsman move (--kubeconfig \S+ )?qwen --to LAYER", told.stderr)
    if words:
        assert json.loads(told.stdout)["error"]["code"] == "move-unknown"


def test_the_receipt_of_a_model_whose_only_journal_is_torn_says_that(tmp_path: Path) -> None:
    world = done()
    (one,) = asyncio.run(Ledger(world.cluster, world.clock).moves(model="qwen", only_open=False))
    del world.cluster.objects[Ref(kind_of("ConfigMap"), one.progress.move, NAMESPACE)]["data"]["000003"]
    with live(world, tmp_path) as config:
        told = run("receipt", "qwen", "--kubeconfig", str(config))
    assert "error [journal-torn]" in told.stderr
    assert one.progress.move in told.stderr


@pytest.mark.parametrize("words", [(), ("--layer", "raw-vllm"), ("--dry-run",)], ids=" ".join)
def test_a_layer_is_not_parked_during_an_open_move_which_is_named(words: tuple[str, ...], tmp_path: Path) -> None:
    world = two_layers()
    for manifest in layer("kserve").render(MODEL):
        manifest["metadata"]["uid"] = "u-2"
        world.put(manifest)
    died(world, "shift-50")
    (one,) = asyncio.run(Ledger(world.cluster, world.clock).moves(model="qwen"))
    told = said(world, tmp_path, "down", SPEC, *words)
    assert (told.returncode, told.stdout) == (1, ""), told.stderr
    assert "error [move-open]" in told.stderr
    assert one.progress.move in told.stderr
    for verb in ("resume", "rollback"):
        assert re.search(rf"pointsman {verb} --kubeconfig \S+ --repo \S+ qwen", told.stderr)
