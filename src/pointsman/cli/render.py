"""``pointsman render``: what a layer would be given for a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.manifests import Output, print_manifests
from pointsman.cli.words import given

if TYPE_CHECKING:
    from pointsman.layers.contract import Layer
    from pointsman.spec.model import Model

__all__ = ["command"]


def command(
    model: Annotated[str, typer.Argument(parser=given, help="A spec file, or the name of a model.", metavar="MODEL")],
    layer: Annotated[
        str | None, typer.Option(metavar="LAYER", help="The serving layer. Default: the spec's own.")
    ] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="For a name that only the cluster knows.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the manifests.")] = Output.yaml,
) -> None:
    """Print the manifests of a model on a serving layer."""
    from pointsman.cli.named import declared
    from pointsman.layers.registry import layer as layer_called

    chosen = layer_called(layer) if layer is not None else None
    loaded = declared(model, kubeconfig, context).model
    chosen = chosen or layer_called(loaded.spec.layer)
    manifests = chosen.render(loaded)
    if output is Output.text:
        sys.stdout.write(_summary(chosen, loaded))
    else:
        print_manifests(manifests, output)


def _summary(layer: Layer, model: Model) -> str:
    endpoint = layer.endpoint(model)
    lines = [f"{model.name} on {layer.title}"]
    for each in layer.render(model):
        name = f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        lines.append(f"  {each['kind']:<22} {name}")
    facts = {
        "served name": model.spec.served_model_name,
        "context": f"{model.spec.contract.max_model_len} tokens",
        "gpus": str(layer.gpus(model)),
        "endpoint": endpoint.base_url,
    }
    return "\n".join([*lines, *(f"  {name:<22} {value}" for name, value in facts.items())]) + "\n"
