"""``pointsman compare``: what differs between the layers of a model, by their own manifests."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.words import given
from pointsman.errors import UsageError

__all__ = ["command"]


class Format(StrEnum):
    """How a comparison is written."""

    text = "text"
    json = "json"
    yaml = "yaml"


def command(
    model: Annotated[str, typer.Argument(parser=given, help="A spec file, or the name of a model.", metavar="MODEL")],
    layers: Annotated[
        list[str] | None, typer.Argument(metavar="[A B]", help="Two layers, from A to B. Default: all of them.")
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="For a name that only the cluster knows.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print it.")] = Format.text,
) -> None:
    """Say what differs between the layers of a model, by their manifests, and what tenants would notice first."""
    from pointsman.advice.contrast import compared
    from pointsman.cli.named import declared
    from pointsman.layers.registry import layer
    from pointsman.report.contrast import write_contrast

    chosen = [layer(one).id for one in layers or []]
    if chosen and (len(chosen) != 2 or chosen[0] == chosen[1]):
        raise UsageError(
            f"two different layers are compared, and {', '.join(chosen)} was given",
            next_action="pointsman compare MODEL raw-vllm kserve; without layers all of them are compared",
        )
    write_contrast(sys.stdout, compared(declared(model, kubeconfig, context).model, chosen), output.value)
