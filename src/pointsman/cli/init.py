"""``pointsman init``: a platform repository that works as it is, in a new folder or an empty clone."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.words import Output, given, orderly
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.blueprint.choices import Choices

__all__ = ["command"]


def command(
    folder: Annotated[str, typer.Argument(metavar="DIR", parser=given, help="A new folder, or an empty clone.")],
    environment: Annotated[str, typer.Option("--environment", metavar="NAME", help="Its environment.")] = "ai-dev",
    repository_url: Annotated[
        str | None,
        typer.Option("--repository-url", metavar="URL", help="What Argo CD reads. Default: the clone's origin."),
    ] = None,
    branch: Annotated[str, typer.Option("--branch", help="The branch that Argo CD reads.")] = "main",
    model: Annotated[
        Path | None, typer.Option("--model", metavar="FILE", help="A Model of yours. Default: a small Qwen.")
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Write a platform repository that works as it is."""
    from pointsman.blueprint.drawing import drawn
    from pointsman.blueprint.placing import place

    target = _resolved(folder)
    choices, url_from = _choices(target, environment, repository_url, branch, model)
    files = drawn(choices)
    with orderly("interrupted; nothing was written", "run it again"):
        place(files, target)
    shorter = "@" in (repository_url or "") and "@" not in choices.repository
    _tell(_object(Path(folder), target, choices, url_from, list(files), shorter=shorter), output)
    return 0


def _resolved(folder: str) -> Path:
    try:
        return Path(folder).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a link that leads to itself, or nobody's home
        raise UsageError(
            f"this is no folder: {str(error).lower()}",
            where=folder,
            next_action="name another one",
            code="init-not-a-folder",
        ) from None


def _choices(target: Path, environment: str, url: str | None, branch: str, model: Path | None) -> tuple[Choices, str]:
    """What the files depend on, and where the URL is from."""
    from pointsman.blueprint.choices import QWEN, Choices, branch_named, environment_named, model_in
    from pointsman.blueprint.origin import origin_of, repository_url
    from pointsman.catalog.address import PLACEHOLDER

    environment, branch = environment_named(environment), branch_named(branch)
    found = repository_url(url, Path.cwd()) if url is not None else origin_of(target)
    where = "given" if url is not None else "origin" if found else "placeholder"
    return Choices(environment, found or PLACEHOLDER, branch, *model_in(model or QWEN)), where


def _object(
    folder: Path, target: Path, choices: Choices, url_from: str, files: list[str], *, shorter: bool
) -> dict[str, Any]:
    from pointsman.blueprint.origin import enclosing

    notes = []
    if around := enclosing(target):
        notes.append(
            f"the folder lies in the git repository {around}; Argo CD reads paths from a repository's root, "
            "so make this folder a repository of its own"
        )
    if shorter:
        notes.append("user and password were left out of the repository URL; Argo CD has credentials of its own")
    if url_from == "placeholder":
        notes.append(f"no repository URL is known, so {choices.repository} stands for it, which root refuses")
    return {
        "folder": str(folder),
        "environment": choices.environment,
        "model": choices.model.name,
        "repositoryUrl": choices.repository,
        "repositoryUrlFrom": url_from,
        "branch": choices.branch,
        "files": files,
        "notes": notes,
        "next": _next(folder, target, choices, placeholder=url_from == "placeholder"),
    }


def _next(folder: Path, target: Path, choices: Choices, *, placeholder: bool) -> list[str]:
    """Three commands, to be run one after another in the same shell."""
    push = f"git push origin HEAD:{choices.branch}"
    commit = 'git add --all && git commit -m "A platform"'
    if placeholder:
        url = f"cd {shlex.quote(str(folder))} && make repository-url URL=https://..."
        start = "" if (target / ".git").exists() else "git init && "
        return [url, f"{start}{commit} && git remote add origin https://... && {push}", "make root PROFILE=full"]
    start = (
        "" if (target / ".git").exists() else f"git init && git remote add origin {shlex.quote(choices.repository)} && "
    )
    return [
        f"cd {shlex.quote(str(folder))} && {start}{commit} && {push}",
        "make root PROFILE=full",
        "make secrets && make wait PROFILE=full",
    ]


def _tell(done: dict[str, Any], output: Output) -> None:
    from pointsman.report.folding import write_folded

    if output is not Output.text:
        from pointsman.report.data import write_data

        write_data(sys.stdout, done, output)
        return
    tops = Counter(name.partition("/")[0] + ("/" if "/" in name else "") for name in done["files"])
    head = f"wrote {len(done['files'])} files into {done['folder']}: environment {done['environment']}, "
    lines = [head + f"model {done['model']}, {done['repositoryUrl']} at {done['branch']}"]
    lines += [f"  {name:<16}{f'{count} files' if count > 1 else ''}".rstrip() for name, count in sorted(tops.items())]
    write_folded(sys.stdout, lines)
    write_folded(sys.stderr, [f"note: {one}" for one in done["notes"]] + [f"next: {one}" for one in done["next"]])
