"""``pointsman doctor``: check what runs in a cluster for what is known to cost people nights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pointsman.cli.beginning import begin, once
from pointsman.cli.checking import Fail, Failing, Format, Listing, Only, Show, Threshold, Write, ended, tell
from pointsman.cli.words import Output, given, lasting
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.checks.check import Check
    from pointsman.checks.cluster import Examined
    from pointsman.cli.watching import Read
    from pointsman.kube.client import Client
    from pointsman.spec.model import Model

__all__ = ["command"]

KINDS = ("Pod", "Deployment", "Service", "ConfigMap", "InferenceService", "PersistentVolumeClaim", "HTTPRoute")
"""What takes the API server longest, asked for while the program is still imported."""


@dataclass(frozen=True, slots=True)
class _Meant:
    """What it is asked about."""

    layers: frozenset[str] = frozenset()
    """None: those that are used."""
    model: Model | None = None


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
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until ctrl-C.")] = False,
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
    if watch and output.value not in {one.value for one in Output}:
        raise UsageError(f"--watch has no {output.value}", next_action="use text, json or yaml", code="usage")
    if listing:
        return tell(_checks(only or ()), output)
    if only:
        _checks(only)
    chosen = _Chosen(_meant(wanted, kubeconfig, context), tuple(namespaces or ()), tuple(only or ()), patience)
    opening = partial(_reading, chosen, kubeconfig, context)
    if watch:
        from pointsman.cli.watching import watch as watch_it

        def write(stream: TextIO, found: Examined) -> None:
            write_outcome(stream, _said(found, show) | {"fail": fail.value}, output.value, whole=bool(only))

        from pointsman.report.checks import write_outcome

        return watch_it(opening, write, Output(output.value), said=_steady)
    found = asyncio.run(once(opening))
    looked = bool(found.outcome.objects)
    return ended(_said(found, show), found.outcome, fail, output, looked=looked, whole=bool(only))


def _said(found: Examined, show: Threshold) -> dict[str, Any]:
    from pointsman.checks.check import Level
    from pointsman.checks.telling import as_dict

    return as_dict(found.outcome, found.adopted, Level(show.value)) | {"calls": found.calls}


def _steady(found: Examined) -> Any:
    """What is found, and not for how long it has been so."""
    made = found.outcome
    return (
        [(one.check.id, one.where) for one in made.findings],
        [(one.check.id, one.why) for one in made.skipped],
        [one.check.id for one in made.broken],
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The command line's words."""

    meant: _Meant
    namespaces: tuple[str, ...]
    only: tuple[str, ...]
    patience: float | None
    """Seconds after which what has just begun is told; None: as each check has it."""

    @property
    def all_of_it(self) -> bool:
        """Is everything there is looked at?"""
        return not (self.meant.layers or self.only)


def _checks(only: Sequence[str]) -> list[Check]:
    """Those that look at clusters; raises UsageError for an id that there is not."""
    from pointsman.checks.catalogue import chosen
    from pointsman.checks.check import Source

    return [one for one in chosen(only) if Source.cluster in one.sources]


@asynccontextmanager
async def _reading(chosen: _Chosen, kubeconfig: Path | None, context: str | None) -> AsyncIterator[Read]:
    """How to look at the cluster, as often as one likes."""
    from pointsman.checks.applied import MANAGED
    from pointsman.kube.client import Client, Limits
    from pointsman.kube.kubeconfig import load_access

    access = load_access(kubeconfig, context)
    limits = Limits(connect=5.0, call=20.0, first=5.0)
    async with Client(access, limits=limits, managers=MANAGED) as client:

        async def read() -> Examined:
            if chosen.all_of_it:
                await begin(client, KINDS, records=False)
            return await _examined(client, chosen, access.namespace)

        yield read


def _meant(wanted: str | None, kubeconfig: Path | None, context: str | None) -> _Meant:
    """Raises UsageError for what is neither a layer nor a model."""
    from pointsman.spec.model import LAYER_IDS

    if wanted is None or wanted in LAYER_IDS:
        return _Meant(frozenset({wanted} if wanted else ()))
    from pointsman.cli.named import declared

    model = declared(wanted, kubeconfig, context).model
    own = {one for one in LAYER_IDS if model.spec.layers.block(one).model_fields_set}
    return _Meant(frozenset({model.spec.layer, *own}), model)


async def _examined(client: Client, chosen: _Chosen, own: str) -> Examined:
    from pointsman.checks.cluster import examine
    from pointsman.checks.scope import kept, namespaces_of, of_model, of_namespaces
    from pointsman.kube.namespaces import unknown_among
    from pointsman.layers.registry import LAYERS

    checks, meant = _checks(chosen.only), chosen.meant
    unknown = await unknown_among(client, chosen.namespaces)
    if meant.layers:
        checks = [one for one in checks if any(one.matters(layer) for layer in meant.layers)]
    layers = [one for one in LAYERS if one.id in meant.layers]
    spaces = {own, *chosen.namespaces, *(namespaces_of(meant.model, layers) if meant.model else ())}
    planned = [one for layer in layers for one in layer.render(meant.model)] if meant.model else []
    found = await examine(client, checks, spaces, meant.layers, chosen.patience, planned)
    if meant.model is not None:
        kept(found.outcome, of_model(meant.model, layers))
    if chosen.namespaces:
        kept(found.outcome, of_namespaces(chosen.namespaces))
        _told_unknown(found, chosen.namespaces, unknown)
    return found


def _told_unknown(found: Examined, meant: Sequence[str], unknown: Mapping[str, str]) -> None:
    """Say which of these namespaces nobody knows to be there; where nothing of any was seen, nothing was looked at."""
    from pointsman.adopt.left_out import LeftOut

    world = found.adopted.world
    seen = {one.namespace for one in (*world.objects, *world.made)}
    found.adopted.left_out += [LeftOut(f"namespace {one}", why) for one, why in unknown.items() if one not in seen]
    if unknown.keys() >= set(meant) and seen.isdisjoint(meant):
        found.outcome.objects = 0
