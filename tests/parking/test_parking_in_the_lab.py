"""Layers parked and brought back on real controllers, while tenants call the model on another one."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pointsman.layers.registry import LAYERS
from pointsman.layers.registry import layer as layer_named
from pointsman.layers.stream import yaml_stream
from pointsman.spec.loading import load_model
from tests.conftest import RunningLab
from tests.docs.schemas.holding import held
from tests.move.platform import MODEL, layer_of, objects, pointsman_in, served, spec_with
from tests.move.tenants import calling

pytestmark = pytest.mark.lab

SPARE = (
    ("  name: qwen\n", "  name: spare\n"),
    ("alias: qwen-local", "alias: spare-local"),
    ("      name: raw-vllm\n", "      name: spare-raw\n"),
    ("      name: qwen-llmd\n", "      name: spare-llmd\n"),
)
"""Another model: tenants are served from a layer of qwen, and its claims may be there as other tests left them."""


async def test_each_layer_is_parked_and_comes_back_while_tenants_on_another_lose_nothing(
    lab: RunningLab, tmp_path: Path
) -> None:
    served(lab)
    serving, before = layer_of(lab), objects(lab)
    async with calling(lab, rate=2, seed=5) as load:
        for one in LAYERS:
            await asyncio.to_thread(there_and_back, lab, tmp_path / one.id, one.id)
        await load.settle()
        entries = list(load.ledger.entries)
    lost = [one for one in entries if one.ended is not None and not one.answered]
    assert len(entries) > 50
    assert lost == []
    assert layer_of(lab) == serving
    assert objects(lab) == before


def there_and_back(lab: RunningLab, folder: Path, wanted: str) -> None:
    """A layer with two replicas is parked and woken; then it is as it was: gone, or parked."""
    folder.mkdir()
    spec = spec_with(
        folder,
        (f"    {wanted}:\n", f"    {wanted}:\n      replicas: 2\n"),
        *SPARE,
    )
    manifests = layer_named(wanted).render(load_model(spec))
    text, known = yaml_stream(manifests), objects(lab)
    lab.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=pointsman", "-f", "-", given=text)
    try:
        said(lab, "up", spec, wanted)
        parked = said(lab, "down", spec, wanted, "--yes")
        assert (parked["state"], parked["replicas"], parked["freed"]["gpus"]) == ("parked", 2, 2)
        woken = said(lab, "up", spec, wanted)
        assert (woken["state"], woken["replicas"]) == ("serving", 2)
    finally:
        if objects(lab) == known:
            said(lab, "down", spec, wanted, "--yes")
        else:
            lab.kubectl("delete", "--ignore-not-found", "--timeout=120s", "-f", "-", given=text, timeout=150)


def said(lab: RunningLab, verb: str, spec: Path, wanted: str, *words: str) -> dict[str, Any]:
    """What the command says."""
    access = ("--kubeconfig", str(lab.kubeconfig), "--output", "json")
    done = pointsman_in(lab)(verb, str(spec), "--layer", wanted, *words, *access, timeout=240)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    held("parking", found)
    return found


def test_the_layer_that_tenants_are_served_from_is_not_parked(lab: RunningLab) -> None:
    served(lab)
    access = ("--kubeconfig", str(lab.kubeconfig), "--yes")
    done = pointsman_in(lab)("down", MODEL, "--layer", layer_of(lab), *access)
    assert done.returncode == 1
    assert (
        "error [alias-points] at alias qwen-local, config.yaml of ConfigMap llm-gateway/litellm-config" in done.stderr
    )


def test_a_move_shows_what_it_would_do_and_a_no_changes_nothing(lab: RunningLab) -> None:
    served(lab)
    before, target = objects(lab), "kserve" if layer_of(lab) != "kserve" else "raw-vllm"
    program = pointsman_in(lab)
    ours, theirs = pty.openpty()
    words = ("move", MODEL, "--to", target, "--kubeconfig", str(lab.kubeconfig))
    with subprocess.Popen(
        program.command(*words),
        env=program.environment(),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(ours, b"n\n")
        out, err = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 130, err
    shown = out + err
    for part in (
        "side-by-side",
        "  takes ",
        "  tenants ",
        "  GPUs ",
        "  price ",
        "  touched ",
        f"move qwen to {target}?",
    ):
        assert part in shown, shown
    assert "error [stopped]" in err
    assert objects(lab) == before
