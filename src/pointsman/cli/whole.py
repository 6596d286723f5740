"""``pointsman teardown`` of a model, a layer of every model, or everything: shown, asked, carried out or carried on."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from pointsman.cli.again import spelled
from pointsman.cli.repo import edge_in_git
from pointsman.cli.words import Output, agree
from pointsman.errors import RefusedError, StoppedError, UsageError
from pointsman.report.counting import count_of
from pointsman.teardown.scope import ALL, Choices, Scope, refuse_other_choices

if TYPE_CHECKING:
    from pointsman.move.context import Options
    from pointsman.move.journal.teardowns import TeardownProgress
    from pointsman.report.contract import Observer
    from pointsman.spec.model import Model
    from pointsman.teardown.carrying import Carrying
    from pointsman.teardown.sets import Declared
    from pointsman.teardown.survey import Survey

__all__ = ["Wanted", "take_away"]

T = TypeVar("T")
_EVERYTHING = "pointsman teardown --all"
_WHOLE = re.compile(r"pointsman teardown \S+$")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was said on the command line."""

    scope: Scope
    word: str
    said: Mapping[str, Any]
    """Choices that were made, by field."""
    repo: Path
    env: str | None
    reach: tuple[Path | None, str | None]
    output: Output
    dry_run: bool
    yes: bool
    abort: bool

    @property
    def name(self) -> str:
        """What it is called on a command line."""
        return f"pointsman teardown {shlex.quote(self.word) if self.word else '--all'}"

    @property
    def command(self) -> str:
        """What is said to run it again, as it was meant."""
        return self.completed(self.name)

    def completed(self, command: str) -> str:
        """The same with what was chosen."""
        return " ".join([command, *spelled((f"--{key.replace('_', '-')}", value) for key, value in self.said.items())])

    def options(self) -> Options:
        """What acts on models go by."""
        from pointsman.move.context import Options

        return Options(in_git=edge_in_git(self.repo, self.env))

    def choices(self) -> Choices:
        """What was chosen."""
        return Choices.from_dict({**Choices().as_dict(), **self.said})


def take_away(wanted: Wanted) -> int:
    """Carry an open teardown on, or look, show, ask and begin."""
    progress = asyncio.run(_with(wanted, None, lambda carrying: carrying.open_one(wanted.scope)))
    if wanted.abort:
        return _give_up(wanted, progress)
    if progress is not None:
        return _carry_on(wanted, progress)
    models, declared = _models(wanted), _declared(wanted)
    shown = asyncio.run(_look(wanted, models, declared))
    if wanted.dry_run:
        _show(wanted, shown, sys.stdout, wanted.output)
        return 1 if shown.stops else 0
    if shown.gone:
        what = "that pointsman knows of" if wanted.scope.kind == "all" else f"of {wanted.scope.title}"
        kept = ", ".join(one.name for one in shown.stays if one.chosen)
        text = f"nothing {what} is there" + (f" but what stays: {kept}" if kept else "")
        return _say(wanted, {"state": "gone", **shown.as_dict()}, text)
    _show(wanted, shown, sys.stderr, Output.text)
    _refuse(wanted, shown)
    unnamed = _unnamed(wanted, shown)
    asyncio.run(_with(wanted, None, lambda carrying: carrying.refuse_without_rights(shown)))
    _ask(wanted, unnamed)
    return _done(wanted, asyncio.run(_begin(wanted, models, declared, shown)))


def _carry_on(wanted: Wanted, progress: TeardownProgress) -> int:
    from pointsman.report.teardown import progress_lines
    from pointsman.report.text import write_lines

    kept = Choices.from_dict(progress.plan.choices, progress.teardown)
    refuse_other_choices(kept, wanted.said, wanted.name)
    if wanted.dry_run and wanted.output is not Output.text:
        return _say(wanted, progress.as_dict(), "")
    write_lines(sys.stdout if wanted.dry_run else sys.stderr, progress_lines(progress))
    if wanted.dry_run:
        return 0
    agree(wanted.yes, f"carry on the {progress.title}?")
    return _done(wanted, asyncio.run(_watched(wanted, lambda carrying: carrying.resume(progress))))


def _give_up(wanted: Wanted, progress: TeardownProgress | None) -> int:
    from pointsman.report.teardown import progress_lines
    from pointsman.report.text import write_lines

    if progress is None:
        raise RefusedError(
            f"no teardown of {wanted.scope.title} is open",
            next_action="pointsman status shows the open ones",
            code="no-open-teardown",
        )
    write_lines(sys.stderr, progress_lines(progress))
    agree(wanted.yes, f"give the {progress.title} up? what is gone stays gone")
    ended = asyncio.run(_with(wanted, None, lambda carrying: carrying.abandon(progress)))
    left = [step for step in ended.plan.steps if step not in ended.done]
    text = (
        f"{ended.title} is given up with {len(left)} of {count_of(len(ended.plan.steps), 'step')} not done; what is "
        "gone stays gone"
    )
    return _say(wanted, {**ended.as_dict(), "left": left}, text)


async def _look(wanted: Wanted, models: list[Model], declared: Declared | None) -> Survey:
    return await _with(wanted, None, lambda carrying: _survey(wanted, carrying, models, declared))


async def _survey(wanted: Wanted, carrying: Carrying, models: list[Model], declared: Declared | None) -> Survey:
    from pointsman.teardown.survey import survey

    found = await survey(carrying.conductor, wanted.scope, wanted.choices(), carrying.options, models, declared)
    await carrying.refuse_moves({one.model.name: one.model for one in found.models})
    return found


async def _begin(wanted: Wanted, models: list[Model], declared: Declared | None, shown: Survey) -> Mapping[str, Any]:
    async def work(carrying: Carrying) -> Mapping[str, Any]:
        found = await _survey(wanted, carrying, models, declared)
        _refuse(wanted, found)
        await carrying.refuse_without_rights(found)
        return await carrying.begin(shown, found)

    return await _watched(wanted, work)


async def _watched(wanted: Wanted, work: Callable[[Carrying], Awaitable[T]]) -> T:
    """While somebody watches; ctrl-C leaves the journal open, and what is under way as it is."""
    from pointsman.cli.means import watching, with_signals

    with watching(wanted.output, f"teardown of {wanted.scope.title}") as observer:
        job = asyncio.ensure_future(_with(wanted, observer, work))

        def interrupt() -> None:
            job.cancel()

        try:
            return await with_signals(job, interrupt)
        except asyncio.CancelledError:
            raise StoppedError(
                "interrupted half way: what is gone stays gone, and the teardown is open",
                next_action=f"{wanted.command} carries it on; {wanted.name} --abort gives it up",
            ) from None


async def _with(wanted: Wanted, observer: Observer | None, work: Callable[[Carrying], Awaitable[T]]) -> T:
    from pointsman.cli.means import conductor
    from pointsman.report.contract import Quiet
    from pointsman.teardown.carrying import Carrying

    async with conductor(*wanted.reach, observer or Quiet(), wanted.repo) as made:
        return await work(Carrying(made, wanted.options()))


def _models(wanted: Wanted) -> list[Model]:
    """The one that is meant, or with ``--all`` those that files here declare."""
    from pointsman.cli.named import declared, read_model
    from pointsman.spec.loading import known_files

    if wanted.scope.kind == "model":
        return [declared(wanted.word, *wanted.reach).model]
    return [read_model(path) for path in known_files(Path())] if wanted.scope.kind == "all" else []


def _declared(wanted: Wanted) -> Declared | None:
    """What the platform repository has, where there is one."""
    from pointsman.catalog.repository import declared_platform, open_repository
    from pointsman.teardown.sets import declared_in

    if wanted.scope.kind != "all" or declared_platform(wanted.repo) is None:
        return None
    return declared_in(open_repository(wanted.repo, wanted.env))


def _refuse(wanted: Wanted, found: Survey) -> None:
    """Raise RefusedError for what would bite half way; a teardown that is suggested keeps what this one was told."""
    stops = list({(one.code, one.what): one for one in found.stops}.values())
    if stops:
        more = f"; and {len(stops) - 3} more" if len(stops) > 3 else ""
        raise RefusedError(
            "; ".join(one.brief or one.what for one in stops[:3]) + more,
            next_action="; ".join(dict.fromkeys(_completed(wanted, one.remedy) for one in stops[:3])),
            code=stops[0].code,
        )


def _completed(wanted: Wanted, remedy: str) -> str:
    if _EVERYTHING in remedy and wanted.scope.kind == "all":
        return remedy.replace(_EVERYTHING, wanted.command)
    return wanted.completed(remedy) if _WHOLE.search(remedy) else remedy


def _unnamed(wanted: Wanted, shown: Survey) -> list[str]:
    """Aliases that nobody agreed to lose yet: beyond ``--yes`` each one is agreed to by its name.

    Raises UsageError for a name that is none of them, and RefusedError where nobody is there to be asked.
    """
    choices, names = wanted.choices(), shown.aliases
    known = {*names, *(one.model.spec.tenant.alias for one in shown.models)}
    strange = [one for one in choices.withdraw if one not in known and not (one == ALL and wanted.scope.kind == "all")]
    if strange:
        raise UsageError(
            f"--withdraw {strange[0]}: nobody is served by an alias of this name from what goes",
            next_action=f"those that are: {', '.join(names) or 'none'}",
            code="withdraw-unknown",
        )
    unnamed = [one for one in names if not choices.agrees_to(wanted.scope, one)]
    if unnamed and not (sys.stdin is not None and sys.stdin.isatty()):
        running = (
            "a number of requests that is not known" if shown.running is None else count_of(shown.running, "request")
        )
        words = ["all"] if wanted.scope.kind == "all" else unnamed
        word = " ".join(spelled([("--withdraw", words)]))
        raise RefusedError(
            f"tenants call alias {unnamed[0]}, with {running} running now, and would get errors",
            where=f"alias {unnamed[0]}",
            next_action=f"pointsman move keeps them served; to agree to their errors: {wanted.command} {word}",
            code="teardown-withdraw",
        )
    return unnamed


def _ask(wanted: Wanted, unnamed: list[str]) -> None:
    """The question; with aliases that are still to be agreed to, their names are the answer."""
    for name in unnamed:
        if typer.prompt(f"tenants of {name} will get errors; type its name to withdraw it", err=True) != name:
            raise typer.Abort
    if not unnamed:
        agree(wanted.yes, f"take {wanted.scope.title} away?")


def _show(wanted: Wanted, found: Survey, stream: Any, output: Output) -> None:
    from pointsman.cli.parking import reached
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.teardown import survey_lines

    if output is not Output.text:
        write_data(stream, found.as_dict(), output)
    else:
        write_folded(stream, survey_lines(wanted.scope.title, found.as_dict(), reached(*wanted.reach)))


def _done(wanted: Wanted, done: Mapping[str, Any]) -> int:
    from pointsman.report.teardown import ended_line

    return _say(wanted, done, ended_line(wanted.scope.title, done))


def _say(wanted: Wanted, found: Mapping[str, Any], text: str) -> int:
    from pointsman.report.data import write_data
    from pointsman.report.text import write_lines

    if wanted.output is Output.text:
        write_lines(sys.stdout, [text])
    else:
        write_data(sys.stdout, found, wanted.output)
    return 0
