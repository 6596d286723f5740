"""``pointsman doctor``: check what runs in a cluster for what is known to cost people nights."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.checking import Fail, Failing, Format, Listing, Only, Show, Threshold, Write, ended, tell
from pointsman.cli.words import given, lasting

if TYPE_CHECKING:
    from pointsman.checks.check import Check
    from pointsman.checks.cluster import Examined
    from pointsman.spec.model import Model

__all__ = ["command"]


@dataclass(frozen=True, slots=True)
class _Meant:
    """What it is asked about."""

    layers: frozenset[str] = frozenset()
    """None: those that are used."""
    model: Model | None = None
    namespaces: tuple[str, ...] = ()


def command(
    wanted: Annotated[
        str | None,
        typer.Option(
            "--for",
            parser=given,
            metavar="LAYER|MODEL",
            help="What this layer, or model, needs. Default: all there is.",
        ),
    ] = None,
    namespaces: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", help="Only objects in this namespace; repeat."),
    ] = None,
    show: Show = Threshold.info,
    fail: Fail = Failing.warning,
    only: Only = None,
    patience: Annotated[
        float | None,
        lasting("--patience", "Tell what has just begun, too, once it is as old as this (0: at once):"),
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    listing: Listing = False,
    output: Write = Format.text,
) -> int:
    """Check what runs in a cluster for what is known to cost people nights."""
    from pointsman.checks.catalogue import chosen
    from pointsman.checks.check import Level, Source
    from pointsman.checks.telling import as_dict

    checks = [one for one in chosen(only or ()) if Source.cluster in one.sources]
    if listing:
        return tell(checks, output)
    meant = _meant(wanted, tuple(namespaces or ()), kubeconfig, context)
    if meant.layers:
        checks = [one for one in checks if any(one.matters(layer) for layer in meant.layers)]
    found = asyncio.run(_examined(checks, meant, patience, kubeconfig, context))
    said = as_dict(found.outcome, found.adopted, Level(show.value)) | {"calls": found.calls}
    return ended(said, found.outcome, fail, output, looked=bool(found.outcome.objects))


def _meant(wanted: str | None, namespaces: tuple[str, ...], kubeconfig: Path | None, context: str | None) -> _Meant:
    """Raises UsageError for what is neither a layer nor a model."""
    from pointsman.spec.model import LAYER_IDS

    if wanted is None or wanted in LAYER_IDS:
        return _Meant(frozenset({wanted} if wanted else ()), None, namespaces)
    from pointsman.cli.named import declared

    model = declared(wanted, kubeconfig, context).model
    own = {one for one in LAYER_IDS if model.spec.layers.block(one).model_fields_set}
    return _Meant(frozenset({model.spec.layer, *own}), model, namespaces)


async def _examined(
    checks: Sequence[Check], meant: _Meant, patience: float | None, kubeconfig: Path | None, context: str | None
) -> Examined:
    from pointsman.checks.cluster import examine
    from pointsman.checks.scope import kept, namespaces_of, of_model, of_namespaces
    from pointsman.kube.client import Client, Limits
    from pointsman.kube.kubeconfig import load_access
    from pointsman.layers.registry import LAYERS

    layers = [one for one in LAYERS if one.id in meant.layers]
    spaces = {*meant.namespaces, *(namespaces_of(meant.model, layers) if meant.model else ())}
    access = load_access(kubeconfig, context)
    spaces.add(access.namespace)
    async with Client(access, limits=Limits(connect=5.0, call=20.0, first=5.0)) as client:
        found = await examine(client, checks, spaces, meant.layers, patience)
    if meant.model is not None:
        kept(found.outcome, of_model(meant.model, layers))
    if meant.namespaces:
        kept(found.outcome, of_namespaces(meant.namespaces))
    return found
