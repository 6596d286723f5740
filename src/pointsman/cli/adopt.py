"""``pointsman adopt``: read a platform that others wrote, write Models that refer to it, mend what does not agree."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli import stopping
from pointsman.cli.words import Output, agree
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.adopt.adopted import Adopted
    from pointsman.adopt.mending import Mended
    from pointsman.adopt.placing import Placed

__all__ = ["command"]


_PREVIEW = 1.0
"""Seconds in which edits are tried that are only shown."""


@dataclass(slots=True)
class _Wanted:
    root: Path
    env: str | None
    same: list[tuple[str, str]]
    given: list[str]
    write: bool
    overwrite: bool
    fix: bool
    yes: bool
    live: tuple[Path | None, str | None] | None
    output: Output
    placed: list[Placed] = field(default_factory=list)
    seen: Adopted | None = None
    """What runs."""


def command(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="The root of the repository.")] = Path(),
    write: Annotated[bool, typer.Option("--write", help="Write Models that refer to what is there.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what does not agree, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Over Models that are there, too.")] = False,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ENV", help="The environment. Default: the only one there is.")
    ] = None,
    same: Annotated[
        list[str] | None, typer.Option("--same", metavar="A=B", help="Engines A and B are one model; repeat.")
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="MODEL.KEY=VALUE", help="What nobody wrote; repeat.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Compare with what runs, too.")] = False,
    kubeconfig: Annotated[Path | None, typer.Option(help="Implies --live.")] = None,
    context: Annotated[str | None, typer.Option(help="The kubeconfig's context; implies --live.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.text,
) -> int:
    """Read a platform that others wrote; write Models that refer to it."""
    if not write and (given or overwrite):
        raise UsageError(
            f"{'--set' if given else '--overwrite'} says how files are written, and none are",
            next_action="give --write, too",
        )
    asked = live or kubeconfig is not None or context is not None
    wanted = _Wanted(
        _root(path),
        env,
        [_pair(one) for one in same or ()],
        given or [],
        write,
        overwrite,
        fix,
        yes,
        (kubeconfig, context) if asked else None,
        output,
    )
    return _done(wanted, _read(wanted))


def _root(path: Path) -> Path:
    try:
        found = path.expanduser().resolve(strict=True)
        if found.is_dir():
            return found
    except (OSError, RuntimeError, ValueError):
        pass
    raise UsageError(
        "there is no such folder", where=str(path), next_action="name a repository", code="adopt-no-folder"
    )


def _pair(word: str) -> tuple[str, str]:
    left, equals, right = word.partition("=")
    if not (left and equals and right):
        raise UsageError(
            f"--same {word[:80]!r} names no two engines", next_action="give --same NAMESPACE/A=NAMESPACE/B"
        )
    return left, right


def _read(wanted: _Wanted) -> Adopted:
    """The repository; with a cluster also what runs, and what of it is not what is written."""
    from pointsman.adopt.adopted import adopt

    found = adopt(wanted.root, wanted.env, wanted.same)
    if wanted.live is None:
        return found
    from pointsman.adopt.living import live_findings

    if wanted.seen is None:
        spaces = {one.namespace for one in found.world.objects} | {one.namespace for one in found.edges}
        wanted.seen = asyncio.run(_live(*wanted.live, spaces))
    found.findings = [*found.findings, *live_findings(found, wanted.seen)]
    found.left_out = sorted({*found.left_out, *wanted.seen.left_out})
    return found


async def _live(kubeconfig: Path | None, context: str | None, spaces: set[str]) -> Adopted:
    from pointsman.adopt.living import living
    from pointsman.kube.client import Client, Limits
    from pointsman.kube.kubeconfig import load_access

    access = load_access(kubeconfig, context)
    async with Client(access, limits=Limits(connect=5.0, call=20.0, first=5.0)) as client:
        return await living(client, spaces)


def _done(wanted: _Wanted, found: Adopted) -> int:
    from pointsman.adopt.mending import mend

    assert found.tree is not None
    mended = mend(found.tree, found.findings, None if wanted.fix else _PREVIEW)
    if wanted.fix and mended.texts:
        found, mended = _mended(wanted, found, mended)
    if wanted.write and found.models:
        _write(wanted, found)
    error = _nothing(wanted) if found.nothing else None
    _tell(wanted, found, mended, error)
    return error.exit_code if error else 1 if found.findings else 0


def _nothing(wanted: _Wanted) -> UsageError:
    return UsageError(
        "no engine of a serving layer was found",
        where=str(wanted.root),
        next_action="name the root of the repository that Argo CD reads; see what was not read",
        code="adopt-nothing",
    )


def _mended(wanted: _Wanted, found: Adopted, mended: Mended) -> tuple[Adopted, Mended]:
    """Show, ask, write, and read again."""
    from pointsman.adopt.adopted import shared
    from pointsman.adopt.mending import mend
    from pointsman.adopt.placing import place_edits
    from pointsman.adopt.telling import diffs
    from pointsman.adopt.tree import Tree
    from pointsman.report.adopt import also_lines, diff_lines
    from pointsman.report.text import write_lines

    write_lines(sys.stderr, diff_lines(diffs(mended.tree)) + also_lines(shared(found, mended.texts)))
    agree(wanted.yes, f"write these changes to {len(mended.texts)} files of {wanted.root}?")
    plain = Tree(wanted.root)
    read = {path: found.survey.pages[path].text for path in mended.texts} if found.survey else {}
    stopping.left("interrupted while files were written: each is as it was, or as it was to be", "run it again")
    wanted.placed += place_edits(
        mended.tree, read | {path: plain.text(path) for path in mended.texts if path not in read}
    )
    again = _read(wanted)
    assert again.tree is not None
    return again, mend(again.tree, again.findings, _PREVIEW)


def _write(wanted: _Wanted, found: Adopted) -> None:
    from pointsman.adopt.files import files_of, given_words
    from pointsman.adopt.placing import place_new

    made = files_of(found, given_words(wanted.given, found))
    found.left_out = [*found.left_out, *made.left_out]
    found.findings = [*found.findings, *made.findings]
    stopping.left("interrupted while files were written: each is as it was, or as it was to be", "run it again")
    wanted.placed += place_new(wanted.root, made.texts, overwrite=wanted.overwrite)


def _tell(wanted: _Wanted, found: Adopted, mended: Mended, error: UsageError | None) -> None:
    from pointsman.adopt.telling import as_dict
    from pointsman.report.adopt import write_adopted
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.text import write_lines

    said: dict[str, Any] = {"path": str(wanted.root)} | as_dict(found, mended, wanted.seen)
    said["files"] = [{"path": one.path, "how": one.how} for one in wanted.placed]
    if wanted.output is Output.text:
        write_adopted(sys.stdout, said)
    else:
        write_data(sys.stdout, said | ({"error": error.as_dict()} if error else {}), wanted.output)
    if error:
        write_folded(sys.stderr, error.lines())
    if wanted.output is not Output.text:
        return
    write_lines(sys.stderr, [f"{one.how}: {one.path}" for one in wanted.placed])
