"""Do equal weights pass, and others not? On real engines: ``make real-fingerprint``.

Two models of different make are served in every honest way that this machine has (precision, threads, tensor
parallelism, batches, prefix cache on and off), each idle, asked again, and under load; then with weights, settings,
templates and adapters that are others. Each is asked as a move asks it, and every honest answer is held against every
other one, and against all that are not. What was seen is kept in ``build/real``, so that a run that ended goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.real.judged import report
from benchmarks.real.kinds import Kind, Start, file_of, starts, wanted
from benchmarks.real.serving import NAME, Home, busy, serving

from pointsman.demo.platform import example_model
from pointsman.kube.http import Http
from pointsman.move.judging.contract_gate import Reference, reference_of
from pointsman.move.judging.imprints import PASSAGES, half, imprint_of
from pointsman.move.judging.weights import same_weights
from pointsman.move.probes.engine import Engine
from pointsman.spec.apis import APIS
from pointsman.spec.model import Model

KEPT = Path(__file__).parents[2] / "build" / "real" / "imprints"


async def measure(home: Home, start: Start) -> None:
    """Start one engine, and ask it under each load, and with other weights."""
    kind, words, model = start.kind, list(start.words), _named()
    base = kind.model.partition("@")[0]
    weights = (await home.make("variants", base, start.variant))[0] if start.variant else home.models / base
    if start.adapters:
        made = await home.make("variants", base, *(f"adapter-{seed}" for seed in start.adapters.values()))
        words += ["--lora-modules", *(f"{name}={path}" for name, path in zip(start.adapters, made, strict=True))]
    others = await home.make("variants", base, *(one.name for one in start.others))
    async with serving(home, weights, words, {"VLLM_SERVER_DEV_MODE": "1", **start.env}) as (wire, plain):
        engine = replace(plain, api=APIS[start.api])
        await engine.ask("The first one is slow, since an engine gets ready for what it has not done before.")
        for load, tenants in start.loads:
            async with busy(engine, tenants):
                _keep(kind, load, await _asked(model, engine, quickly=load == "again"))
        for other, path in zip(start.others, others, strict=True):
            await _load(wire, engine, path)
            _keep(other, "idle", await _asked(model, engine, quickly=False))
        if start.others:
            await _load(wire, engine, weights)
            again = Reference.from_dict(await _asked(model, engine, quickly=False))
            if not same_weights(again.imprint, _read(kind).imprint):
                sys.exit(f"{kind.model} {kind.name}: its own weights, loaded again, cannot be compared")


async def _load(wire: Http, engine: Engine, path: Path) -> None:
    """Other weights into a running engine."""
    body = {"method": "reload_weights", "kwargs": {"weights_path": str(path)}}
    answer = await wire.request("POST", f"{engine.base}/collective_rpc", body=body, timeout=120.0)
    if answer.status != 200:
        sys.exit(f"{path.name} cannot be loaded: {answer.status} {answer.text[:300]}")
    await wire.request("POST", f"{engine.base}/reset_prefix_cache", timeout=30.0)


def _read(kind: Kind) -> Reference:
    return Reference.from_dict(json.loads(file_of(KEPT, kind, "idle").read_text("utf-8")))


def _keep(kind: Kind, load: str, data: Mapping[str, Any]) -> None:
    draft = KEPT / f".{kind.model}.{kind.name}.{load}"
    draft.write_text(json.dumps(data), "utf-8")
    draft.rename(file_of(KEPT, kind, load))


async def _asked(model: Model, engine: Engine, *, quickly: bool) -> dict[str, Any]:
    """As the source is asked; ``quickly``: as the target is, several at once."""
    began = time.monotonic()
    found = await reference_of(model, engine)
    if quickly:
        again = await imprint_of(engine, at_once=4)
        found = replace(found, imprint=replace(again, sense=found.imprint.sense))
    return {**found.as_dict(), "seconds": round(time.monotonic() - began, 2)}


def _named() -> Model:
    model = example_model()
    return model.model_copy(update={"spec": model.spec.model_copy(update={"served_model_name": NAME})})


async def _run(only: str) -> None:
    home = Home()
    todo = [
        start
        for start in starts()
        if only in f"{start.kind.model}.{start.kind.name}"
        and not all(file_of(KEPT, kind, load).exists() for kind, load in wanted(start))
    ]
    KEPT.mkdir(parents=True, exist_ok=True)
    await home.make("models")
    began = time.monotonic()
    for number, start in enumerate(todo):
        await measure(home, start)
        spent = time.monotonic() - began
        left = spent / (number + 1) * (len(todo) - number - 1)
        sys.stderr.write(
            f"{start.kind.model} {start.kind.name}: {spent:.0f} s so far, about {left / 60:.0f} min left\n"
        )


async def _senses(home: Home) -> dict[str, dict[str, float]]:
    """Of models of different make, in torch alone: what little differences do, beside what context does."""
    texts = KEPT.parent / "texts.json"
    texts.write_text(json.dumps([(passage, half(passage)) for passage in PASSAGES]), "utf-8")
    (file,) = await home.make("senses", str(texts))
    found: dict[str, dict[str, float]] = json.loads(file.read_text("utf-8"))
    return found


def main() -> int:
    """Measure what is missing, then judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="what the names of measured kinds have in them")
    words = parser.parse_args()
    asyncio.run(_run(words.only))
    return report(KEPT, asyncio.run(_senses(Home())))


if __name__ == "__main__":
    sys.exit(main())
