"""The runner: carries a move on from whatever its journal says, forward or back.

It keeps no state of its own. Each act lies between two records, so a process that dies leaves a journal from which
another one carries on with this very code. A failure before the point of no return turns the move round; after it
the move stops and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pointsman.errors import NeedsPersonError, PointsmanError, TemporaryError
from pointsman.move.context import Context
from pointsman.move.counting.capture import LOOK
from pointsman.move.drift.drift import answer
from pointsman.move.endings import PAUSES, both, error_of, interrupted_waiting, own
from pointsman.move.journal.journal import Progress
from pointsman.move.journal.ledger import Journal
from pointsman.move.journal.requests import Request, Verb
from pointsman.move.journal.states import BACKWARD, TRANSITIONS, Event, State
from pointsman.move.steps.contract import Step
from pointsman.move.steps.release import Drain
from pointsman.report.contract import Topic

__all__ = ["Ending", "Runner"]

UNDO_ATTEMPTS = 3
FORWARD_ATTEMPTS = 3
"""Tries past the point of no return, where there is no way back."""
WAITED = frozenset({"wait-timeout", "edge-roll"})
"""Codes of a wait that had all its time: to begin it again would only keep the news from the operator."""
PAUSE = 2.0

Tell = Callable[[Topic, str, str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended, for now."""

    progress: Progress
    error: PointsmanError | None = None
    interrupted: bool = False


class Runner:
    """Carries one move on."""

    def __init__(self, context: Context, journal: Journal, steps: Sequence[Step], tell: Tell) -> None:
        self.context = replace(context, owe=self._owe)
        self.journal = journal
        self.steps = steps
        self._tell = tell
        done = {name: one.outcome for name, one in journal.progress.steps.items() if journal.progress.done(name)}
        context.outcomes.update(done)
        self._writing = asyncio.Lock()
        self._pending: set[asyncio.Task[bool]] = set()
        self._interrupts = 0
        self._working: asyncio.Task[None] | None = None
        self._failure: PointsmanError | None = None
        self._booked = context.waits.spent
        """Waits that a record tells, or that were before this move's steps."""
        self._asked: Request | None = None
        self._ours = False
        """Was what is under way cancelled by this runner?"""
        self._step = ""
        """The step that is under way."""
        self._awaited = ""
        """What a person is waited for."""

    @property
    def state(self) -> State:
        """Where the journal says that we are."""
        return self.journal.progress.state

    def interrupt(self) -> None:
        """What a ctrl-C means: go back if that is possible; said twice: stop at once, the journal says what is open."""
        self._interrupts += 1
        if self._working is None:
            return
        if self._interrupts == 1 and self.state is not State.FORWARD:
            self._finishes("the way back" if self.state is State.UNDOING else "what is left of the move")
            return
        self._stop_working()

    def _finishes(self, doing: str) -> None:
        """Tell whoever interrupted what is done all the same."""
        self._tell(Topic.NOTICE, "", f"{doing} is finished first; interrupt again to stop at once", {})

    async def ask(self, request: Request) -> bool:
        """What another process wants of this move; False when it is past what was asked.

        A pause comes after the step that is under way, or at once while a person is waited for; a roll-back and an
        abort come at once. A promote ends no wait for a person.
        """
        if request.verb is Verb.PROMOTE:
            return await self._promote(request)
        if self.state is not State.FORWARD:
            return False
        self._asked = request
        if request.verb is not Verb.PAUSE or self._awaited:
            self._stop_working()
        return True

    async def _promote(self, request: Request) -> bool:
        """End the wait that its sender saw; that of the drain, where it cuts what runs, only if that was seen."""
        step = self._step
        if self.state is not State.FORWARD or not step or self._awaited:
            return False
        late = request.step != step and (bool(request.step) or step.endswith(Drain.id))
        if not await self._write(Event.PROMOTED, step, {**request.as_dict(), "late": late}, late=True):
            return False
        if not late:
            self.context.promoted.steps.add(step)
        return True

    async def awaits(self, what: str) -> None:
        """A person is waited for from now on, which may take days; nothing: that is over. The journal says so."""
        self._awaited = what
        await self._write(Event.AWAITING, detail={"what": what}, late=True)

    def _stop_working(self) -> None:
        """Cancel what is under way; a cancellation that does not come from here ends the runner."""
        if self._working is not None:
            self._ours = True
            self._working.cancel()

    async def carry_on(self) -> Ending:
        """Carry the move on until it is closed, paused, stuck, or stopped."""
        try:
            return await self._carry_on()
        finally:
            await self._written_all()

    async def _written_all(self) -> None:
        """A record whose writer was cancelled is still on its way: it belongs to this process's time."""
        await asyncio.gather(*self._pending, return_exceptions=True)

    async def _carry_on(self) -> Ending:
        self._interrupts = 0
        while not self.journal.progress.closed:
            phase = self._phase()
            if phase is None:
                break
            self._working = asyncio.create_task(phase())
            try:
                await self._working
            except asyncio.CancelledError:
                if not await self._stopped():
                    break
            finally:
                self._working = None
        await self._written_all()
        progress = self.journal.progress
        return Ending(progress, error_of(self.context, progress, self._failure), self._interrupts > 0)

    def _phase(self) -> Callable[[], Any] | None:
        if self.state in (State.FORWARD, State.COMMITTED):
            return self._forward
        return self._backward if self.state in BACKWARD else None

    async def _stopped(self) -> bool:
        """After a cancellation: True when the move is to be carried on (the other way)."""
        if not self._ours:
            raise asyncio.CancelledError
        self._ours = False
        if self._interrupts > 1:
            await self._written_all()  # a commit that was on its way decides which ways are left
            past = self.state is State.COMMITTED
            self._failure = NeedsPersonError(
                f"stopped half way; move {self.journal.progress.move} is open in state {self.state.value}",
                where=str(self.journal.ref),
                next_action=f"pointsman resume {self.model}"
                + (" finishes it" if past else f", or pointsman rollback {self.model}"),
                code="left-open",
            )
            return False
        step = self._step or self.journal.progress.step
        # A record that was on its way may have led past what is wanted now; then the move goes on from there.
        awaited, self._awaited = self._awaited, ""
        if self._interrupts == 0 and self._asked is not None:
            what = f"{self._asked.verb.value} asked for by {self._asked.by}"
            if self._asked.verb is Verb.PAUSE:
                self._failure = interrupted_waiting(awaited, what)
            detail = {**self._asked.as_dict(), "what": what}
            await self._write(_TURNS[self._asked.verb], step, detail, late=True)
            self._asked = None
        elif awaited and self.state is State.FORWARD:
            self._failure = interrupted_waiting(awaited, "it was interrupted")
            await self._write(Event.PAUSED, step, self._failure.as_dict(), late=True)
        else:
            written = await self._write(Event.INTERRUPTED, step, {"what": "interrupted by the operator"}, late=True)
            if written and self.state is State.COMMITTED:
                self._finishes("what is left of the move")
        return True

    @property
    def model(self) -> str:
        """The name of the model that moves."""
        return self.context.model.name

    async def _write(
        self, event: Event, step: str = "", detail: Mapping[str, Any] | None = None, *, late: bool = False
    ) -> bool:
        """Add a record; a cancellation waits for the write, so that the journal never lags behind an act.

        With ``late`` nothing is written, and False returned, when the record that was written before led to a state
        that knows no such event.
        """

        async def write() -> bool:
            async with self._writing:
                if late and (self.state, event) not in TRANSITIONS:
                    return False
                news = await self._news(event, step)
                await self.journal.append(event, step, {**(detail or {}), **self._waits(event), **news})
                if self.context.capture is not None:
                    self.context.capture.written(news)
                return True

        task = asyncio.create_task(write())
        self._pending.add(task)
        task.add_done_callback(self._written)
        return await asyncio.shield(task)

    def _waits(self, event: Event) -> Mapping[str, Any]:
        """What was waited for since the last record that told it: each second stands in one record."""
        if event not in _TIMED:
            return {}
        before, self._booked = self._booked, self.context.waits.spent
        return {"waits": self.context.waits.since(before)}

    def _written(self, task: asyncio.Task[bool]) -> None:
        """An error of a write whose writer was cancelled shows at the next one."""
        self._pending.discard(task)
        if not task.cancelled():
            task.exception()

    async def _news(self, event: Event, step: str) -> Mapping[str, Any]:
        """What the engines counted until now, for the record that is about to be written."""
        capture = self.context.capture
        if capture is None:
            return {}
        if event not in _BEGINNINGS:
            await capture.look(old=2 * LOOK if event in _MIDDLE else 0.0)
        if event is Event.OUTCOME and self._rolls(step):
            await capture.see_replicas()
        return capture.news(everything=event in _LAST)

    def _rolls(self, step: str) -> bool:
        """Does the step change where the alias points?"""
        return any(one.id == step and one.members(self.context) is not None for one in self.steps)

    async def _forward(self) -> None:
        for step in self.steps:
            if self.journal.progress.done(step.id):
                continue
            if self._asked is not None and self._asked.verb is Verb.PAUSE and self.state is State.FORWARD:
                await self._paused(step, _pause(self._asked, step))
                return
            try:
                await self._carry_out(step)
            except Exception as error:
                failure = own(error)
                stands = failure.code in PAUSES and self.state is State.FORWARD
                await (self._paused if stands else self._failed)(step, failure)
                return
        await self._write(Event.FINISHED)

    async def _paused(self, step: Step, error: PointsmanError) -> None:
        """Stand still: tenants stay split as they are until a person says how to go on."""
        self._failure, self._asked = error, None
        await self._write(Event.PAUSED, step.id, error.as_dict())
        self._tell(Topic.NOTICE, step.id, f"paused: {error.what}", error.as_dict())

    async def _carry_out(self, step: Step) -> None:
        self._step, self._awaited = step.id, ""
        drifted = await answer(self.context, self.journal.progress, self.steps, step.id)
        self._tell(Topic.STEP_BEGUN, step.id, step.describe(self.context).act, {})
        # A step that was begun before looks again at what must hold, but keeps what it saw the first time: by now it
        # would see its own traces.
        found = await step.validate(self.context)
        known = self.journal.progress.seen(step.id)
        seen = found if known is None else known
        if step.commits and self.state is State.FORWARD:
            await self._write(Event.COMMIT, step.id, {"what": "from here on only forward"})
        await self._write(Event.INTENT, step.id, {**seen, "drift": drifted} if drifted else seen)
        outcome = await self._attempt(step, lambda: step.apply(self.context, seen))
        await self._write(Event.OUTCOME, step.id, outcome)
        self.context.outcomes[step.id] = outcome
        self._tell(Topic.STEP_DONE, step.id, "", {**outcome, "waits": self.journal.progress.steps[step.id].waits})

    async def _attempt(self, step: Step, act: Callable[[], Awaitable[Mapping[str, Any]]]) -> Mapping[str, Any]:
        """Past the point of no return a temporary error is worth another try; before it the way back is better.

        A wait that had all its time is not begun again.
        """
        attempts = FORWARD_ATTEMPTS if self.state is State.COMMITTED else 1
        return await self._tries(act, attempts, step.id)

    async def _tries(
        self, act: Callable[[], Awaitable[Mapping[str, Any]]], attempts: int, step: str
    ) -> Mapping[str, Any]:
        for number in range(1, attempts + 1):
            try:
                return await act()
            except TemporaryError as error:
                if number == attempts or error.code in WAITED:
                    raise
                self._tell(Topic.STEP_NOTE, step, f"{error.what}; trying again", {})
                await self.context.clock.sleep(PAUSE)
        raise AssertionError("unreachable")

    async def _failed(self, step: Step, error: PointsmanError) -> None:
        self._failure = error
        detail = {**error.as_dict(), "code": f"{step.id}.{error.code}"}
        await self._write(Event.FAILED, step.id, detail)
        self._tell(Topic.STEP_FAILED, step.id, str(error), detail)

    async def _backward(self) -> None:
        self.context.exposed.update(self._exposed())
        self.context.because[:] = self.journal.progress.failures
        abort = self.state is State.ABORTING
        for step in reversed(self.steps):
            if abort and not step.shifts:
                continue
            known = self.journal.progress.steps.get(step.id)
            if known is None or known.last is Event.UNDO_OUTCOME or known.begun is None:
                continue
            try:
                await self._take_back(step, known.seen)
            except Exception as error:
                failure = own(error)
                await self._write(Event.UNDO_FAILED, step.id, failure.as_dict())
                self._tell(Topic.UNDO_FAILED, step.id, str(failure), failure.as_dict())
                self._failure = both(self.model, step.id, self._failure, failure)
                return
        await self._write(Event.ABORTED if abort else Event.UNDONE)

    def _exposed(self) -> Iterator[str]:
        """Layers that steps which were begun sent tenants to."""
        for step in self.steps:
            known = self.journal.progress.steps.get(step.id)
            if known is not None and known.begun is not None:
                yield from (one.layer for one in step.members(self.context) or () if one.weight)

    async def _owe(self, owed: Mapping[str, Any]) -> None:
        """Keep what the undo that is under way cannot finish by itself, before it does what it can."""
        await self._write(Event.UNDO_INTENT, self._step, {"owed": dict(owed)})

    async def _take_back(self, step: Step, seen: Mapping[str, Any]) -> None:
        self._step = step.id
        self._tell(Topic.UNDO_BEGUN, step.id, step.describe(self.context).undo, {})
        await self._write(Event.UNDO_INTENT, step.id)
        outcome = await self._tries(lambda: step.undo(self.context, seen), UNDO_ATTEMPTS, step.id)
        await self._write(Event.UNDO_OUTCOME, step.id, outcome)
        self._tell(Topic.UNDO_DONE, step.id, "", dict(outcome))


_TURNS = {Verb.ABORT: Event.ABORT, Verb.ROLLBACK: Event.ROLLBACK, Verb.PAUSE: Event.PAUSED}
"""What a wish that stops the work makes of the move."""
_BEGINNINGS = frozenset({Event.INTENT, Event.UNDO_INTENT, Event.PROMOTED, Event.AWAITING})
"""Records before an act; whatever else is written ends something, and the engines are read for it."""
_MIDDLE = frozenset({Event.OUTCOME, Event.UNDO_OUTCOME, Event.CLAIMED, Event.RESUMED})
"""Records that others follow at once: for them the look that was taken beside the step is new enough."""
_TIMED = frozenset(
    {
        *(Event.OUTCOME, Event.FAILED, Event.PAUSED, Event.INTERRUPTED, Event.ROLLBACK, Event.ABORT),
        *(Event.UNDO_OUTCOME, Event.UNDO_FAILED),
    }
)
"""Records that end a step's time, and tell what of it was waiting."""
_LAST = frozenset({Event.FINISHED, Event.UNDONE, Event.ABORTED, Event.PAUSED, Event.COMMIT})


def _pause(request: Request, step: Step) -> PointsmanError:
    return NeedsPersonError(f"{request.by} asked for it, before {step.id}", code="paused")
