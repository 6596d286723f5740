"""``pointsman lab``: start, stop and look at the embedded cluster."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from pointsman.cli.embedded import control_plane
from pointsman.cli.words import HELP_OPTIONS, Output, orderly
from pointsman.errors import LabError

__all__ = ["app"]

app = typer.Typer(
    help="Start, stop and look at the embedded cluster.",
    add_completion=False,
    no_args_is_help=True,
    context_settings=HELP_OPTIONS,
    pretty_exceptions_enable=False,
)


class EngineChoice(StrEnum):
    """What answers where a manifest says vLLM."""

    simulator = "simulator"
    real = "real"


Name = Annotated[str, typer.Option(help="The lab's name; labs with different names run side by side.")]
Format = Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")]


@app.command()
def up(
    name: Name = "default",
    nodes: Annotated[int | None, typer.Option(min=1, max=50, help="How many nodes. Default: 1.")] = None,
    gpus: Annotated[int | None, typer.Option(min=0, help="GPUs per node. Default: 4.")] = None,
    engine: Annotated[EngineChoice | None, typer.Option(help="What runs as vLLM. Default: simulator.")] = None,
    gitops: Annotated[
        bool | None,
        typer.Option("--gitops/--no-gitops", help="With Argo CD and a git repository that it reads. Default: without."),
    ] = None,
    output: Format = Output.text,
) -> None:
    """Start the lab, or say that it runs. The first start builds its programs, which takes minutes."""
    control = control_plane()
    from pointsman.lab.narration import Narrator
    from pointsman.lab.status import describe

    with orderly("interrupted; what this start had begun is ended again", _again("up", name)), Narrator() as narrator:
        vllm = engine.value if engine else None
        lab = control.up(name, nodes=nodes, gpus=gpus, engine=vllm, gitops=gitops, report=narrator)
    found = {**describe(lab), "started": lab.started_now}
    if output is not Output.text:
        _print(found, output)
        return
    sys.stdout.write(f"lab {name} {'is ready' if lab.started_now else 'runs already'}\n")
    sys.stdout.write(f"  export KUBECONFIG={found['kubeconfig']}\n")
    if "remote" in found:
        sys.stdout.write(f"  git clone {found['remote']}\n")


@app.command()
def down(
    name: Name = "default",
    purge: Annotated[bool, typer.Option("--purge", help="Delete the lab's data too.")] = False,
    output: Format = Output.text,
) -> None:
    """Stop every process of the lab. Its data stays for the next start."""
    from pointsman.lab.narration import Narrator

    control = control_plane()
    left = "interrupted; some of the lab's processes may still run"
    with orderly(left, _again("down", name)), Narrator() as narrator:
        ended = control.down(name, purge=purge, report=narrator)
    purged = ended.existed and purge
    if output is not Output.text:
        _print({"name": name, "existed": ended.existed, "was_running": ended.ran, "purged": purged}, output)
        return
    said = "is down" if ended.ran else "was not running" if ended.existed else "does not exist"
    others = "" if ended.ran else _others(name)
    sys.stdout.write(f"lab {name} {said}{'; its data is deleted' if purged else ''}{others and f'; {others}'}\n")


@app.command()
def status(name: Name = "default", output: Format = Output.text) -> None:
    """Show the lab's processes, their ports and where its kubeconfig is. Exit code 1 when it is not ready."""
    lab = control_plane().find(name)
    from pointsman.lab.status import describe

    if lab is None:
        raise _no_such_lab(name)
    found = describe(lab)
    if output is not Output.text:
        _print(found, output)
    else:
        others = "" if lab.supervisor is not None else _others(name)
        sys.stdout.write(_as_text(found) + (f"  others      {others}\n" if others else ""))
    if not lab.is_ready or not all(process["ready"] for process in found["processes"]):
        raise typer.Exit(1)


class Host(StrEnum):
    """Whose words refuse a push."""

    github = "github"
    github_rules = "github-rules"
    gitlab = "gitlab"
    gitea = "gitea"
    off = "off"


@app.command()
def protect(
    host: Annotated[Host, typer.Argument(help="The git host that words the refusal; off lets pushes through.")],
    name: Name = "default",
    output: Format = Output.text,
) -> None:
    """Refuse pushes to main of the lab's git repository, as git hosts do where a branch is protected."""
    lab = control_plane().find(name)
    if lab is None:
        raise _no_such_lab(name)
    if not lab.config.gitops:
        raise LabError(
            f"lab {name!r} has no git repository",
            next_action=f"pointsman lab down --name {name}, then pointsman lab up --gitops --name {name}",
            code="lab-no-gitops",
        )
    from pointsman.lab.gitops.remote import protect as refuse

    refuse(lab.config.remote, "" if host is Host.off else host.value)
    if output is not Output.text:
        _print({"name": name, "protected": None if host is Host.off else host.value}, output)
        return
    sys.stdout.write(f"pushes to main are {'let through' if host is Host.off else f'refused as {host.value} does'}\n")


def _again(verb: str, name: str) -> str:
    return f"pointsman lab {verb} --name {name} does it again"


def _no_such_lab(name: str) -> LabError:
    from pointsman.lab.paths import lab_names

    known = ", ".join(lab_names()) or "none"
    return LabError(
        f"there is no lab called {name!r} (there are: {known})",
        next_action=_others(name) or f"pointsman lab up{'' if name == 'default' else f' --name {name}'} starts it",
        code="lab-unknown",
    )


def _others(name: str) -> str:
    """Labs of other names that run, and how one of them is meant; empty when there are none."""
    running = [one for one in control_plane().running() if one != name]
    if not running:
        return ""
    runs = f"{', '.join(running)} {'runs' if len(running) == 1 else 'run'}"
    return f"{runs}: say {' or '.join(f'--name {one}' for one in running)}"


def _as_text(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    gpus = sum(node["gpus"] for node in found["nodes"])
    lines = [
        f"lab {found['name']}: {found['phase']}",
        f"  kubeconfig  {found['kubeconfig']}",
        f"  proxy       {found['proxy']}",
        f"  addresses   {found['addresses']}",
        f"  nodes       {len(found['nodes'])}, {gpus} GPUs, engine {found['engine']}",
        f"  versions    {versions}",
        *([_remote(found)] if "remote" in found else []),
    ]
    wide = max([len(process["name"]) for process in found["processes"]], default=0) + 2
    if found["processes"]:
        lines.append(f"  {'PROCESS':<{wide}}{'PID':>8}  {'READY':<6}{'PORT':>6}  RESTARTS")
    for process in found["processes"]:
        ready = "yes" if process["ready"] else "no"
        lines.append(
            f"  {process['name']:<{wide}}{process['pid'] or '-':>8}  {ready:<6}{process['port'] or '-':>6}"
            f"  {process['restarts']}"
        )
    return "\n".join(lines) + "\n"


def _remote(found: dict[str, Any]) -> str:
    guarded = f" (main is protected as on {found['protected']})" if found["protected"] else ""
    return f"  remote      {found['remote']}{guarded}"


def _print(found: dict[str, Any], output: Output) -> None:
    from pointsman.report.data import write_data

    write_data(sys.stdout, found, output, indent=2)
