"""Controlling a move from anywhere: resume, roll back, abort, pause, promote.

Whoever carries the move is asked through its ConfigMap and answers with a record. When nobody carries it any more,
the asking process takes the move over and does it itself, so the command works from any machine at any time.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointsman.errors import MoveFailedError, NeedsPersonError, PointsmanError, RefusedError
from pointsman.move.conductor import Conductor
from pointsman.move.counting.receipt import receipt_from
from pointsman.move.holding.lock import DURATION, Holding
from pointsman.move.journal.journal import Progress
from pointsman.move.journal.ledger import Journal, Summary
from pointsman.move.journal.requests import Request, Verb, leave
from pointsman.move.journal.states import CLOSED, REVERSIBLE, Event, State
from pointsman.move.means import Result
from pointsman.report.contract import Topic

__all__ = ["RESUME", "Control"]

LOOK = 0.5
"""Seconds between two looks at whether a wish was granted."""
OVERDUE = DURATION / 3
"""Seconds without a renewal after which it is told that the lock is watched: a living holder renews sooner."""

RESUME: Mapping[State, Event] = {
    State.PAUSED: Event.RESUMED,
    State.UNDO_STUCK: Event.ROLLBACK,
    State.FORWARD_STUCK: Event.RESUMED,
}
"""Resuming: forward where the move was going forward, on with the way back where it was on that."""


@dataclass(frozen=True, slots=True)
class _Way:
    """What a verb means for a move that nobody carries."""

    turns: Mapping[State, Event]
    wanted: frozenset[State]
    """States in which the wish is granted."""


_BACK = (State.FORWARD, State.PAUSED, State.UNDO_STUCK)
_WAYS: Mapping[Verb, _Way] = {
    Verb.PAUSE: _Way({State.FORWARD: Event.PAUSED}, frozenset({State.PAUSED})),
    Verb.PROMOTE: _Way({State.PAUSED: Event.RESUMED}, frozenset({State.DONE})),
    Verb.ROLLBACK: _Way(
        {**dict.fromkeys(_BACK, Event.ROLLBACK), State.ABORTING: Event.ROLLBACK}, frozenset({State.UNDONE})
    ),
    Verb.ABORT: _Way(dict.fromkeys(_BACK, Event.ABORT), frozenset({State.ABORTED, State.UNDONE})),
}


class Control:
    """Commands on the one open move of a model."""

    def __init__(self, conductor: Conductor) -> None:
        self.conductor = conductor
        self.cluster = conductor.means.cluster
        self.clock = conductor.means.clock

    async def resume(self, model: str) -> Result:
        """Carry an open move on: forward where it was going forward.

        Raises RefusedError when there is none, or a live process carries it.
        """
        journal = await self._open(model)
        lock = self.conductor.lock_named(model)
        held = await lock.read()
        if held is not None and held.holder and not await lock.silent(held):
            now = await self.conductor.ledger.load(journal.progress.move)
            raise lock.refusal(await lock.read() or held, now.progress.step)
        carried = await self.conductor.carry(journal.progress.move, RESUME, dead=held)
        return _granted(carried, frozenset({State.DONE}))

    async def refuse(self, verb: Verb, model: str) -> None:
        """Raise RefusedError when there is no move of the model to be asked, or it is past what would be asked."""
        self._refuse_late(verb, (await self._open(model, verb)).progress)

    async def ask(self, verb: Verb, model: str) -> Result:
        """Ask the move's holder, or do it when there is none. Raises RefusedError when the move is past it."""
        journal = await self._open(model, verb)
        self._refuse_late(verb, journal.progress)
        way = _WAYS[verb]
        held = await self.conductor.lock_named(model).read()
        if held is not None and held.holder:
            answered, held = await self._answered(journal, verb, held)
            if answered:
                return await self._result(journal.progress.move, way)
        carried = await self.conductor.carry(
            journal.progress.move,
            way.turns,
            promote=verb is Verb.PROMOTE,
            check=lambda progress: self._refuse_changed(verb, journal.progress, progress),
            dead=held,
        )
        return _granted(carried, way.wanted)

    async def _answered(self, journal: Journal, verb: Verb, held: Holding) -> tuple[bool, Holding | None]:
        """Leave the wish and wait for the holder: did it answer? And who is it that turned out to be dead?"""
        wish = Request(verb, self.conductor.means.holder, secrets.token_hex(4), journal.progress.acting)
        await leave(self.cluster, journal.ref, wish)
        self.conductor.tell(Topic.NOTICE, "", f"asked {held.holder} to {verb.value}", {})
        lock = self.conductor.lock_named(journal.progress.plan.model)
        seen, since, told = held, self.clock.monotonic(), False
        while True:
            await self.clock.sleep(LOOK)
            now = (await self.conductor.ledger.load(journal.progress.move)).progress
            if now.closed or now.state in _WAYS[verb].wanted:
                return True, None
            if verb is Verb.PROMOTE and now.promotions > journal.progress.promotions:
                if now.late > journal.progress.late:
                    raise _too_late_for_it(wish, now)
                step = wish.step or next(iter(now.promoted - journal.progress.promoted), now.step)
                self.conductor.tell(Topic.NOTICE, "", _promoted(step, now), {})
                return True, None
            if now.state not in REVERSIBLE:
                raise _too_late(verb, now)
            found = await lock.read()
            if found is None or not found.holder:
                # It let go; whether it answered before that, the journal tells now.
                ended = (await self.conductor.ledger.load(now.move)).progress
                return ended.closed or ended.state in _WAYS[verb].wanted, None
            if found != seen:
                if verb is Verb.PROMOTE and now.awaiting:
                    raise _not_merged(now)
                seen, since, told = found, self.clock.monotonic(), False
                continue
            silent = self.clock.monotonic() - since
            if not told and (silent > OVERDUE or not found.alive(self.clock.now())):
                told = True
                lock.tell_watched(found, "nobody has answered yet: ")
            if silent > DURATION:
                lock.tell_dead(found)
                return False, found

    async def _result(self, move: str, way: _Way) -> Result:
        progress = (await self.conductor.ledger.load(move)).progress
        result = Result(receipt_from(progress))
        if progress.state in way.wanted or progress.state not in CLOSED:
            return result
        return Result(
            result.receipt,
            MoveFailedError(f"the move ended {progress.state.value} meanwhile", where=f"move {move}", code="too-late"),
        )

    async def _open(self, model: str, verb: Verb | None = None) -> Journal:
        """The journal of the model's open move."""
        moves = await self.conductor.ledger.moves(model=model)
        if not moves:
            ended = await self.conductor.ledger.moves(model=model, only_open=False)
            if verb in (Verb.ROLLBACK, Verb.ABORT):
                _refuse_parked(model, ended)
            shows = f"pointsman history {model} shows the ones that ended; " if ended else ""
            raise RefusedError(
                f"no move of {model} is open",
                next_action=f"{shows}pointsman move {model} --to LAYER begins one; a layer is parked by "
                f"pointsman down {model} --layer LAYER and woken by pointsman up {model} --layer LAYER",
                code="no-open-move",
            )
        return await self.conductor.ledger.load(moves[-1].progress.move, holder=self.conductor.means.holder)

    def _refuse_changed(self, verb: Verb, seen: Progress, progress: Progress) -> None:
        """A promote accepts what its asker was shown: of a move that paused after that, it accepts nothing."""
        self._refuse_late(verb, progress)
        if verb is Verb.PROMOTE and progress.state is State.PAUSED and progress.pauses != seen.pauses:
            model = progress.plan.model
            raise NeedsPersonError(
                f"it paused after the promote was sent, at {progress.pauses[-1]}",
                where=f"move {progress.move}",
                next_action=f"pointsman promote {model} again, when that is accepted; pointsman resume {model} looks "
                f"again, pointsman rollback {model} puts tenants back",
                code="paused-meanwhile",
            )

    def _refuse_late(self, verb: Verb, progress: Progress) -> None:
        if verb is Verb.ABORT and progress.plan.strategy != "side-by-side":
            raise RefusedError(
                f"an abort would leave the target running on what the source needs: the move goes by "
                f"{progress.plan.strategy}",
                where=f"move {progress.move}",
                next_action=f"pointsman rollback {progress.plan.model} takes back all of it",
                code="abort-needs-room",
            )
        if progress.state not in REVERSIBLE:
            raise _too_late(verb, progress)


def _refuse_parked(model: str, ended: Sequence[Summary]) -> None:
    """The last move of the model is done and its source parked: going back is another move, planned anew."""
    if ended and ended[-1].progress.state is State.DONE:
        progress = ended[-1].progress
        raise RefusedError(
            f"no move of {model} is open: the last one, {progress.move}, is done and {progress.plan.source} is "
            "parked, so there is nothing warm to roll back to",
            where=f"move {progress.move}",
            next_action=f"pointsman move {model} --to {progress.plan.source}, which plans the way back anew",
            code="source-parked",
        )


def _granted(result: Result, wanted: frozenset[State]) -> Result:
    """The result, without the error that is none when the state is the one that was wished for."""
    if State(str(result.receipt["state"])) in wanted:
        return Result(result.receipt, None, result.interrupted)
    return result


def _promoted(step: str, progress: Progress) -> str:
    """What became of a promote, in one line."""
    goes_on = progress.state in (State.FORWARD, State.COMMITTED)
    on = "the move goes on" if goes_on else f"the move is {progress.state.value} now"
    return f"the wait of {step} was ended and {on}: pointsman status {progress.plan.model} shows it"


def _too_late_for_it(wish: Request, progress: Progress) -> RefusedError:
    was = f"the wait at {wish.step}" if wish.step else "the step that was to begin"
    model = progress.plan.model
    return RefusedError(
        f"{was} was over when the promote was heard, so it changed nothing; the move is at {progress.step} now",
        where=f"move {progress.move}",
        next_action=f"pointsman status {model}; pointsman promote {model} again, to end the wait there",
        code="promote-late",
    )


def _not_merged(progress: Progress) -> RefusedError:
    return RefusedError(
        f"the move waits for {progress.awaiting}, and a promote does not merge it",
        where=f"move {progress.move}",
        next_action=f"merge it; pointsman rollback {progress.plan.model} takes the proposal away",
        code="merge-first",
    )


def _too_late(verb: Verb, progress: Progress) -> PointsmanError:
    plan = progress.plan
    kind = NeedsPersonError if progress.state is State.FORWARD_STUCK else RefusedError
    return kind(
        f"move {progress.move} is past the point of no return (state {progress.state.value}): it can only be finished",
        where=f"move {progress.move}",
        next_action=f"pointsman resume {plan.model} when nobody carries it; to go back afterwards: "
        f"pointsman move {plan.model} --to {plan.source}",
        code="point-of-no-return",
    )
