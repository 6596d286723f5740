"""The error that a move leaves with, by the state it ended or stopped in: what happened, and where tenants are."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.errors import MoveFailedError, NeedsPersonError, PointsmanError
from pointsman.move.context import Context
from pointsman.move.journal.journal import SHOWN, Progress
from pointsman.move.journal.states import State

__all__ = ["PAUSES", "both", "error_of", "interrupted_waiting", "own"]

MERGES = frozenset({"merge-awaited", "merge-closed", "merge-late", "merge-rewritten", "merge-unseen"})
"""Codes of a pull request that was not merged: promoting such a move would not merge it."""
PAUSES = SHOWN | {"drift", "drain-open", "edge-behind", "still-reached"} | MERGES
"""Codes of errors that ask for a person's judgement: before the point of no return the move stands still for them."""

Failure = PointsmanError | None


def error_of(context: Context, progress: Progress, failure: Failure) -> Failure:
    """The error to leave with; None when the move is done. ``failure`` is what stopped it in this process."""
    if progress.state is State.DONE:
        return None
    return _BY_STATE.get(progress.state, _stuck)(context, progress, failure)


def _undone(context: Context, progress: Progress, failure: Failure) -> PointsmanError:
    back = f"tenants are on {context.source.title}, {context.target.title} is as it was before"
    if failure is None:
        what = progress.failures[-1] if progress.failures else "it was rolled back"
        return MoveFailedError(f"{what}; {back}", where=f"move {progress.move}", code="move-undone")
    step = _step_of(progress, failure)
    return MoveFailedError(
        f"step {step} failed: {failure.what}; {back}",
        where=failure.where,
        next_action=failure.next_action,
        code=f"{step}.{failure.code}",
    )


def _aborted(context: Context, progress: Progress, failure: Failure) -> PointsmanError:
    said = progress.failures[-1] if progress.failures else "it was aborted"
    return MoveFailedError(
        f"{said}; tenants are on {context.source.title}, {context.target.title} runs on as it is",
        where=f"move {progress.move}",
        next_action=f"look into the target; the next move of {context.model.name} there takes it over",
        code="move-aborted",
    )


def _paused(context: Context, progress: Progress, failure: Failure) -> PointsmanError:
    return NeedsPersonError(
        f"move {progress.move} is paused at step {progress.step}: {failure.what if failure else 'it was paused'}",
        where=failure.where if failure else "",
        next_action=_next(context.model.name, progress, failure),
        code=f"{progress.step}.{failure.code}" if failure and failure.code in PAUSES else "paused",
    )


def _next(model: str, progress: Progress, failure: Failure) -> str:
    if failure and failure.code in MERGES:
        return _merging(model, failure)
    if failure and failure.code == "drift":  # what stands there is looked at again, whoever promotes
        return f"put it back and pointsman resume {model}, or pointsman rollback {model}"
    if progress.paused_for in SHOWN:
        return _ways_on(model)
    on = "looks again" if failure and failure.code in PAUSES else "goes on"
    return f"pointsman resume {model} {on}, pointsman rollback {model} puts tenants back"


def interrupted_waiting(awaited: str, why: str) -> NeedsPersonError:
    """The pause of a move that waited for a person when it was told to stop: what it asked for stands."""
    return NeedsPersonError(f"{why} while it waited for {awaited}", code="merge-awaited")


def _merging(model: str, failure: PointsmanError) -> str:
    first = f"{failure.next_action}; " if failure.next_action else ""
    return f"{first}pointsman resume {model} goes on waiting, pointsman rollback {model} puts tenants back"


def _ways_on(model: str) -> str:
    return (
        f"pointsman resume {model} looks again, pointsman promote {model} goes on all the same, pointsman rollback "
        f"{model} puts tenants back"
    )


def _stuck(context: Context, progress: Progress, failure: Failure) -> PointsmanError:
    if failure is not None and failure.code in ("left-open", "undo-failed", "alias-owed"):
        return failure
    return NeedsPersonError(
        f"move {progress.move} stopped past the point of no return at step {progress.step}: "
        f"{failure.what if failure else '; '.join(progress.failures)}",
        where=failure.where if failure else "",
        next_action=(f"{failure.next_action}; then " if failure and failure.next_action else "")
        + f"pointsman resume {context.model.name} finishes it; tenants are on the target",
        code="forward-stuck",
    )


_BY_STATE: dict[State, Callable[[Context, Progress, Failure], PointsmanError]] = {
    State.UNDONE: _undone,
    State.ABORTED: _aborted,
    State.PAUSED: _paused,
}


def _step_of(progress: Progress, failure: PointsmanError) -> str:
    """The id of the step whose failure this was."""
    for said in reversed(progress.failures):
        step, _, what = said.partition(": ")
        if what == failure.what:
            return step
    return progress.step


def own(error: Exception) -> PointsmanError:
    """The error as one of ours: a bug in a step must not leave tenants half way either.

    A move that another process took over is nobody's failure: its error goes on up and nothing more is touched.
    """
    if isinstance(error, PointsmanError):
        if error.code == "move-lost":
            raise error
        return error
    return MoveFailedError(
        f"{type(error).__name__}: {error}", next_action="this is a bug of ours; please report it", code="internal"
    )


def both(model: str, step: str, first: Failure, second: PointsmanError) -> NeedsPersonError:
    """The error when the way back failed too, at undoing ``step``: it tells both."""
    why = f"{first.what}; then " if first else ""
    if second.code == "alias-owed":
        said = f"{why}{second.what}"
        return NeedsPersonError(said, where=second.where, next_action=second.next_action, code=second.code)
    return NeedsPersonError(
        f"{why}undoing {step} failed: {second.what}",
        where=second.where,
        next_action=f"{second.next_action or 'mend it'}; then pointsman rollback {model} tries the way back again",
        code="undo-failed",
    )
