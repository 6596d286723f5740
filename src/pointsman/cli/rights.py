"""``pointsman rights``: what whoever moves models must be allowed to do, as roles; and what of it is missing."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.manifests import Output, print_manifests
from pointsman.cli.words import given
from pointsman.errors import PermanentError, UsageError

if TYPE_CHECKING:
    from pointsman.kube.client import Client
    from pointsman.kube.rights import Right
    from pointsman.layers.contract import Layer
    from pointsman.move.plan.rights import Rights
    from pointsman.spec.model import Model

__all__ = ["command"]

PATIENCE = 60.0
"""Seconds for the API server to say what is allowed."""


def command(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL", help="Spec files or names. Default: all in the model folders."),
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option("--layer", metavar="LAYER", help="A layer that they move between; say it for each. Default: all."),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--for", metavar="WHO", help="Bind the roles to user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME."
        ),
    ] = None,
    any_name: Annotated[
        bool, typer.Option("--any-name", help="Whatever the layers' objects are called: for models to come too.")
    ] = False,
    reading: Annotated[
        list[str] | None,
        typer.Option(
            "--reading",
            metavar="COMMAND",
            help="The role of a command that only reads: status, cost, audit, doctor, adopt (--live); repeat.",
        ),
    ] = None,
    prefix: Annotated[str, typer.Option("--name", help="What the roles' names begin with.")] = "pointsman",
    check: Annotated[
        bool, typer.Option("--check", help="Say which of the rights you do not have; 1 when any.")
    ] = False,
    kubeconfig: Annotated[Path | None, typer.Option(help="Default: $KUBECONFIG, ~/.kube/config.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context.")] = None,
    output: Annotated[
        Output | None, typer.Option("--output", "-o", help="How to print it. Default: yaml; with --check text.")
    ] = None,
) -> int:
    """Print the roles that moves of these models need, or check what of it you may do."""
    from pointsman.cli.edges import edge_rights
    from pointsman.layers.registry import LAYERS
    from pointsman.layers.registry import layer as layer_called
    from pointsman.move.plan.rights import rights_of

    if check and (to or any_name or reading):
        raise UsageError("--check prints no roles", next_action="leave out --for, --any-name and --reading")
    subjects = [_subject(word) for word in to or ()]
    _refuse_prefix(prefix)
    if reading:
        _print_reading(reading, models or [], prefix, subjects, (kubeconfig, context), output or Output.yaml)
        return 0
    chosen = tuple(dict.fromkeys(map(layer_called, layers))) if layers else LAYERS
    named = _named(models or [], kubeconfig, context)
    wanted = [(model, rights_of(model, edge_rights(model), to=chosen)) for model in named]
    if check:
        return asyncio.run(_check(wanted, kubeconfig, context, output or Output.text))
    _print(wanted, chosen, prefix, any_name, subjects, output or Output.yaml)
    return 0


def _named(words: Sequence[str], kubeconfig: Path | None, context: str | None) -> list[Model]:
    """The models that are meant, each once."""
    from pointsman.cli.named import declared, read_model
    from pointsman.spec.loading import FOLDERS, known_files

    found = (
        [declared(given(word), kubeconfig, context).model for word in words]
        if words
        else [read_model(path) for path in known_files(Path())]
    )
    if not found:
        raise UsageError(
            f"no model is named, and there is none in {' or '.join(f'{folder}/' for folder in FOLDERS)}",
            next_action="name spec files, or models that the cluster knows",
            code="model-unknown",
        )
    return list({model.name: model for model in found}.values())


def _subject(word: str) -> dict[str, str]:
    """Somebody as RBAC writes them; raises UsageError for another word."""
    from pointsman.kube.roles import GROUP

    kind, _, name = word.partition(":")
    if kind == "serviceaccount":
        namespace, _, account = name.partition("/")
        if namespace and account:
            return {"kind": "ServiceAccount", "namespace": namespace, "name": account}
    elif kind in ("user", "group") and name:
        return {"apiGroup": GROUP, "kind": kind.capitalize(), "name": name}
    raise UsageError(
        f"--for {word!r} names nobody", next_action="give user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME"
    )


def _refuse_prefix(prefix: str) -> None:
    from pointsman.spec.words import is_name

    if not is_name(prefix):
        raise UsageError(f"--name {prefix!r} cannot be a role's name", next_action="give lower-case letters and dashes")


def _print(
    wanted: Sequence[tuple[Model, Rights]],
    layers: Sequence[Layer],
    prefix: str,
    any_name: bool,
    subjects: Sequence[dict[str, str]],
    output: Output,
) -> None:
    from pointsman.move.plan.roles import controllers_among, roles
    from pointsman.report.folding import write_folded
    from pointsman.report.text import write_lines

    made = roles(wanted, layers, prefix=prefix, any_name=any_name, subjects=subjects)
    if output is Output.text:
        write_lines(sys.stdout, [line for one in made for line in _told(one)])
    else:
        print_manifests(made, output)
    write_folded(sys.stderr, _warnings(controllers_among(_spaces(wanted)), any_name))


def _print_reading(
    commands: Sequence[str],
    models: Sequence[str],
    prefix: str,
    subjects: Sequence[dict[str, str]],
    reach: tuple[Path | None, str | None],
    output: Output,
) -> None:
    from pointsman.cli.reads import reading_roles
    from pointsman.report.text import write_lines

    made = reading_roles(commands, lambda: _named(models, *reach), prefix, subjects)
    if output is Output.text:
        write_lines(sys.stdout, [line for one in made for line in _told(one)])
    else:
        print_manifests(made, output)


def _told(manifest: dict[str, Any]) -> list[str]:
    """One role for people: what it is for, and each of its rules in a line."""
    metadata = manifest["metadata"]
    where = f" in namespace {metadata['namespace']}" if "namespace" in metadata else ""
    lines = [f"{manifest['kind']} {metadata['name']}{where}"]
    lines += [f"  {text}" for text in metadata.get("annotations", {}).values()]
    for rule in manifest.get("rules", ()):
        group = "" if rule["apiGroups"] == [""] else f".{rule['apiGroups'][0]}"
        what = ", ".join(f"{resource}{group}" for resource in rule["resources"])
        names = f" {', '.join(rule['resourceNames'])}" if "resourceNames" in rule else ""
        lines.append(f"    {'/'.join(rule['verbs'])} {what}{names}")
    lines += [f"    {one['kind']} {one['name']}" for one in manifest.get("subjects", ())]
    return lines


def _spaces(wanted: Sequence[tuple[Model, Rights]]) -> set[str]:
    return {right.namespace for _, some in wanted for right in (*some.edge, *some.layers) if right.namespace}


def _warnings(controllers: Sequence[str], any_name: bool) -> list[str]:
    can = "read their logs and reach their ports" + (", and run pods under their accounts" if any_name else "")
    return [
        f"warning: controllers run in namespace {space}; whoever has the role there can {can}; "
        "give models and edges namespaces of their own"
        for space in controllers
    ]


async def _check(
    wanted: Sequence[tuple[Model, Rights]], kubeconfig: Path | None, context: str | None, output: Output
) -> int:
    from pointsman.kube.client import Client, Limits
    from pointsman.kube.kubeconfig import load_access
    from pointsman.kube.rights import missing
    from pointsman.move.plan.rights import rights_to_know
    from pointsman.move.plan.roles import controllers_among
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded

    asked = {model.name: list(dict.fromkeys(some.all())) for model, some in wanted}
    denied: list[Right] | None = None
    limits = Limits(connect=5.0, call=20.0, first=5.0)
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE), Client(load_access(kubeconfig, context), limits=limits) as client:
            controllers = controllers_among(_spaces(wanted), await _webhooks(client))
            unknown = await missing(client, rights_to_know())
            denied = await missing(client, [right for some in asked.values() for right in some])
    if denied is None:
        raise PermanentError(
            "the API server does not say what you may do",
            where=str(kubeconfig or ""),
            next_action="ask for the roles that pointsman rights prints; a plan tries what it needs",
            code="rights-unknown",
        )
    lacking = {name: [one for one in some if one in denied] for name, some in asked.items()}
    if output is not Output.text:
        found = {
            "models": [
                {"model": name, "rights": len(asked[name]), "missing": list(map(_fields, some))}
                for name, some in lacking.items()
            ],
            "unseen": list(map(_fields, unknown or ())),
            "controllerNamespaces": controllers,
        }
        write_data(sys.stdout, found, output)
    else:
        write_folded(sys.stdout, _findings(asked, lacking, unknown or []))
        write_folded(sys.stderr, _warnings(controllers, False))
    return 1 if denied else 0


async def _webhooks(client: Client) -> list[dict[str, Any]]:
    """The API server's webhooks, as far as they may be read; raises ClusterError where it cannot be asked at all."""
    from pointsman.errors import ClusterError
    from pointsman.kube.answers import HOPELESS
    from pointsman.kube.resources import kind_of

    found: list[dict[str, Any]] = []
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        try:
            found += await client.list(kind_of(kind))
        except ClusterError as error:
            if error.code in HOPELESS:
                raise
    return found


def _findings(asked: dict[str, list[Right]], lacking: dict[str, list[Right]], unknown: Sequence[Right]) -> list[str]:
    lines = []
    for name, some in lacking.items():
        count = len(asked[name])
        lines.append(
            f"{name}: {len(some)} of {count} rights are missing" if some else f"{name}: all {count} rights are there"
        )
        lines += [f"  {one}" for one in some]
    if unknown:
        lines.append("plans go on without these, and say what they do not know:")
        lines += [f"  {one}" for one in unknown]
    return lines


def _fields(right: Right) -> dict[str, str]:
    return {
        "verb": right.verb,
        "apiGroup": right.kind.group,
        "resource": right.resource,
        "name": right.name,
        "namespace": right.namespace or "",
    }
