"""``pointsman teardown MODEL --layer LAYER``: take away one layer of a model, once nobody is served from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.cli.words import Output, agree
from pointsman.errors import StoppedError

if TYPE_CHECKING:
    from pointsman.leaving.look import Look
    from pointsman.leaving.teardown import Teardown
    from pointsman.move.conductor import Conductor
    from pointsman.move.context import Options
    from pointsman.spec.model import Model

__all__ = ["take_layer_away"]

AGAIN = "run it again: it finds what is left and goes on"


def take_layer_away(
    model: Model,
    layer: str,
    options: Options,
    place: tuple[Path, tuple[Path | None, str | None]],
    output: Output,
    *,
    keep_volumes: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Look, say what goes, ask, and do it. ``place``: the repository's folder, then kubeconfig and context."""
    from pointsman.leaving.refusing import refuse_trapped

    how = _How(model, layer, options, keep_volumes, *place)
    found = asyncio.run(_look(how))
    _show(how, found, sys.stdout if dry_run else sys.stderr, output if dry_run else Output.text)
    if dry_run:
        return 1 if any(one.stops for one in found.traps) else 0
    refuse_trapped(found)
    if not found.gone:
        agree(yes, f"take {layer} of {model.name} away?")
    _print(asyncio.run(_carry_out(how, found, output)), output)
    return 0


@dataclass(frozen=True, slots=True)
class _How:
    """What was said on the command line."""

    model: Model
    layer: str
    options: Options
    keep_volumes: bool
    repo: Path
    reach: tuple[Path | None, str | None]

    def going(self, made: Conductor) -> Teardown:
        """The layer that is to go."""
        from pointsman.leaving.teardown import Teardown

        return Teardown(made, self.model, self.layer, self.options, self.keep_volumes)


async def _look(how: _How) -> Look:
    from pointsman.cli.means import conductor
    from pointsman.report.contract import Quiet

    async with conductor(*how.reach, Quiet(), how.repo) as made:
        return await how.going(made).look()


async def _carry_out(how: _How, found: Look, output: Output) -> Mapping[str, Any]:
    from pointsman.cli.means import conductor, watching, with_signals

    with watching(output, f"teardown {how.layer} of {how.model.name}") as observer:
        async with conductor(*how.reach, observer, how.repo) as made:
            work = asyncio.ensure_future(how.going(made).carry_out(found))

            def interrupt() -> None:
                work.cancel()

            try:
                return await with_signals(work, interrupt)
            except asyncio.CancelledError:
                raise StoppedError("interrupted half way: what is gone stays gone", next_action=AGAIN) from None


def _show(how: _How, found: Look, stream: Any, output: Output) -> None:
    from pointsman.layers.registry import layer as layer_named
    from pointsman.report.data import write_data
    from pointsman.report.folding import write_folded
    from pointsman.report.teardown import look_lines

    shown = found.as_dict()
    if output is not Output.text:
        write_data(stream, {"model": how.model.name, "layer": how.layer} | shown, output)
    else:
        write_folded(stream, look_lines(how.model.name, layer_named(how.layer).title, shown))


def _print(done: Any, output: Output) -> None:
    from pointsman.report.data import write_data
    from pointsman.report.teardown import done_line
    from pointsman.report.text import write_lines

    if output is Output.text:
        write_lines(sys.stdout, [done_line(done)])
    else:
        write_data(sys.stdout, done, output)
