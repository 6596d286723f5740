"""``pointsman pick``: which layer suits a model and why, what it takes there, and whether it fits its accelerators."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.words import given
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.advice.cluster import Surroundings
    from pointsman.advice.gpus import Gpu
    from pointsman.advice.prices import Price

__all__ = ["Format", "command"]


class Format(StrEnum):
    """How advice is written."""

    text = "text"
    json = "json"
    yaml = "yaml"


class Teams(StrEnum):
    """Who deploys models."""

    one = "one"
    many = "many"


def command(
    model: Annotated[str, typer.Argument(parser=given, help="A spec file, or the name of a model.", metavar="MODEL")],
    fleet: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Models that are run alike, this one too.")
    ] = None,
    canary: Annotated[bool, typer.Option("--canary", help="New revisions get a share of the traffic first.")] = False,
    url_per_model: Annotated[
        bool, typer.Option("--url-per-model", help="Each model has an address outside of the cluster.")
    ] = False,
    kv_routing: Annotated[
        bool, typer.Option("--kv-routing", help="Requests go where their beginning is cached already.")
    ] = False,
    idle_hours: Annotated[float | None, typer.Option(min=0, max=24, help="Hours a day in which nobody asks.")] = None,
    teams: Annotated[Teams | None, typer.Option(help="Who deploys models.")] = None,
    gpu: Annotated[
        str | None, typer.Option(metavar="NAME", help="What a replica computes on: L4, H100-80GB, ….")
    ] = None,
    gpu_memory: Annotated[
        float | None, typer.Option(metavar="GIB", min=1, max=2000, help="Memory of a GPU that is not known by name.")
    ] = None,
    gpus_available: Annotated[
        int | None, typer.Option(min=0, max=100_000, help="GPUs that this model may have.")
    ] = None,
    gpus_per_node: Annotated[int | None, typer.Option(min=1, max=64, help="GPUs of one machine. Default: 8.")] = None,
    price: Annotated[
        list[str] | None, typer.Option(metavar="GPU=PRICE", help="What one GPU costs an hour; say it for each.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(metavar="FILE", help="Prices, with their source and date.")] = None,
    model_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The model's own config.json, as Hugging Face has it.")
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Ask this cluster what it has.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print it.")] = Format.text,
) -> int:
    """Say which layer suits a model and why, what it takes there, and whether it fits its GPUs."""
    from pointsman.advice.known import known_of
    from pointsman.advice.needs import Needs
    from pointsman.advice.situation import Situation
    from pointsman.advice.telling import advice_of
    from pointsman.cli.named import declared
    from pointsman.report.advice import write_advice

    needs = Needs(
        fleet=fleet,
        canary=canary,
        url_per_model=url_per_model,
        kv_routing=kv_routing,
        idle_hours=idle_hours,
        teams=teams.value if teams else None,
        gpus_available=gpus_available,
        gpus_per_node=gpus_per_node or 8,
        said_per_node=gpus_per_node is not None,
    )
    chosen, priced = _gpu(gpu, gpu_memory), _prices(price or [], prices)
    found = declared(model, kubeconfig, context).model
    known = known_of(found.spec.weights.hugging_face, model_config)
    around = _surroundings(kubeconfig, context) if kubeconfig or context else None
    said = advice_of(Situation(found, needs, known, chosen, around, priced))
    write_advice(sys.stdout, said, output.value)
    return 0 if said["pick"] else 1


def _gpu(name: str | None, memory: float | None) -> Gpu | None:
    from pointsman.advice.gpus import Gpu, gpu_called

    if name is not None and memory is not None:
        return Gpu(name[:40], int(memory * 1024), "--gpu-memory")
    if memory is not None:
        return Gpu(f"a GPU of {memory:g} GiB", int(memory * 1024), "--gpu-memory")
    return gpu_called(name) if name is not None else None


def _prices(said: list[str], file: Path | None) -> dict[str, Price]:
    from datetime import UTC, datetime

    from pointsman.advice.prices import prices_in, prices_said

    found = prices_in(file, datetime.now(UTC).date()) if file is not None else {}
    return found | prices_said(said)


def _surroundings(kubeconfig: Path | None, context: str | None) -> Surroundings:
    """What the cluster has; raises ClusterError, or UsageError when it does not answer in time."""
    import asyncio

    from pointsman.advice.cluster import read_surroundings
    from pointsman.kube.client import Client

    async def read() -> Surroundings:
        async with asyncio.timeout(30), Client.from_kubeconfig(kubeconfig, context) as client:
            return await read_surroundings(client)

    try:
        return asyncio.run(read())
    except TimeoutError:
        raise UsageError(
            "the cluster did not answer within 30 s", next_action="leave --kubeconfig out: the answer then says so"
        ) from None
