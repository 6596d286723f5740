"""``pointsman teardown``: take away a model, a layer of one or of every model, or everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.choices import DRAIN
from pointsman.cli.repo import Env, Repo, edge_in_git
from pointsman.cli.words import Output, given, lasting
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.teardown.scope import Scope

__all__ = ["command"]


def command(
    what: Annotated[
        str | None,
        typer.Argument(
            parser=given, metavar="[MODEL|LAYER]", help="A spec file or a model's name; or raw-vllm, kserve, llm-d."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that pointsman knows of.")] = False,
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="LAYER", help="Only this layer of the model, which nobody is served from."),
    ] = None,
    withdraw: Annotated[
        list[str] | None,
        typer.Option(
            "--withdraw", metavar="ALIAS", help="An alias whose tenants lose their service; repeat. With --all: all."
        ),
    ] = None,
    keep_volumes: Annotated[
        bool | None, typer.Option("--keep-volumes", help="Leave claims, and what is on them.")
    ] = None,
    keep_gateways: Annotated[
        bool | None, typer.Option("--keep-gateways", help="With --all: leave Gateways, and their addresses.")
    ] = None,
    keep_nodes: Annotated[
        bool | None, typer.Option("--keep-nodes", help="With --all: GPU nodes stay on purpose; audit counts none.")
    ] = None,
    take_kept: Annotated[
        bool | None, typer.Option("--take-kept", help="With --all: what an earlier teardown was told to keep, too.")
    ] = None,
    forget: Annotated[
        bool | None, typer.Option("--forget", help="With --all: journals of moves go, too, and this one's at the end.")
    ] = None,
    leave: Annotated[
        list[str] | None,
        typer.Option("--leave", metavar="NAME", help="Another name of the edge that may lose its engine; repeat."),
    ] = None,
    abort: Annotated[bool, typer.Option("--abort", help="Give an open teardown up: what is gone stays gone.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go and take nothing away.")] = False,
    drain_timeout: Annotated[
        float | None, lasting("--drain-timeout", "How long engines may take to finish what they have (default 10m):")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask. An alias needs --withdraw all the same.")
    ] = False,
    repo: Repo = Path(),
    env: Env = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.text,
) -> int:
    """Take away a model, a layer of it or of every model, or everything.

    Killed or interrupted anywhere, it is run again and goes on.
    """
    said: dict[str, Any] = {
        "keep_volumes": keep_volumes,
        "keep_gateways": keep_gateways,
        "keep_nodes": keep_nodes,
        "take_kept": take_kept,
        "forget": forget,
        "withdraw": list(withdraw) if withdraw else None,
        "leave": list(leave) if leave else None,
        "drain_timeout": drain_timeout,
    }
    said = {name: value for name, value in said.items() if value is not None}
    scope = _scope(what, everything, layer, said, abort=abort)
    reach = (kubeconfig, context)
    if scope is None:
        from pointsman.cli.named import declared
        from pointsman.cli.one_layer import take_layer_away
        from pointsman.move.context import Options

        assert what is not None
        assert layer is not None
        model = declared(what, *reach).model
        options = Options(
            drain_timeout=DRAIN if drain_timeout is None else drain_timeout,
            leave=tuple(leave or ()),
            in_git=edge_in_git(repo, env),
        )
        place = (repo, reach)
        return take_layer_away(
            model, layer, options, place, output, keep_volumes=bool(keep_volumes), dry_run=dry_run, yes=yes
        )
    from pointsman.cli.whole import Wanted, take_away

    wanted = Wanted(scope, what or "", said, repo, env, reach, output, dry_run=dry_run, yes=yes, abort=abort)
    return take_away(wanted)


def _scope(what: str | None, everything: bool, layer: str | None, said: dict[str, Any], *, abort: bool) -> Scope | None:
    """What is meant; None for one layer of one model. Raises UsageError for words that do not fit together."""
    from pointsman.layers.registry import layer as layer_named
    from pointsman.spec.model import LAYER_IDS
    from pointsman.teardown.scope import Scope

    if everything == (what is not None):
        raise UsageError(
            "say what is to go: a model, a layer, or --all",
            next_action="pointsman teardown MODEL, pointsman teardown LAYER, or pointsman teardown --all",
        )
    of_all = [name for name in ("keep_gateways", "keep_nodes", "take_kept", "forget") if name in said]
    if of_all and not everything:
        raise _fits_not("--" + of_all[0].replace("_", "-"), "--all")
    if layer is not None:
        layer_named(layer)
        if everything or what in LAYER_IDS:
            raise _fits_not("--layer", "a model")
        if abort:
            raise UsageError(
                "one layer of a model keeps no journal, so there is nothing to give up",
                next_action="pointsman up MODEL --layer LAYER wakes it, if it is parked",
            )
        if "withdraw" in said:
            raise _fits_not("--withdraw", "a whole model, or --all")
        return None
    if everything:
        return Scope("all")
    assert what is not None
    if what in LAYER_IDS:
        if "withdraw" in said:
            raise _fits_not("--withdraw", "a whole model, or --all")
        return Scope("layer", what)
    from pointsman.cli.named import name_told

    return Scope("model", name_told(what) or what)


def _fits_not(option: str, what: str) -> UsageError:
    return UsageError(f"{option} goes with {what}", next_action="pointsman teardown --help")
