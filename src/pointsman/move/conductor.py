"""Starting, recovering and interrupting moves: everything around the steps.

The order is what makes it safe: look (preflight), take the model's lock, look again for open moves, write the
journal's first record, and only then act. While it acts, the lock is renewed; a process that could not renew it
stops before its time is over.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pointsman.edge.contract import AliasState, Edge
from pointsman.errors import (
    ClusterError,
    MoveFailedError,
    NeedsPersonError,
    PointsmanError,
    RefusedError,
    TemporaryError,
)
from pointsman.layers.contract import Layer
from pointsman.layers.registry import layer
from pointsman.move.context import Context, Options, alias_data, members_from
from pointsman.move.counting.capture import capturing
from pointsman.move.counting.receipt import receipt_from
from pointsman.move.holding.fence import FencedEdge, fenced
from pointsman.move.holding.lock import NAMESPACE, Holding, Lock
from pointsman.move.holding.tenure import Tenure, quietly
from pointsman.move.journal.journal import Opening, Progress, believed, torn
from pointsman.move.journal.ledger import Journal, Ledger
from pointsman.move.journal.readings import CAPTURED
from pointsman.move.journal.requests import asked_of, take_away
from pointsman.move.journal.states import Event, State
from pointsman.move.journal.teardowns import refuse_torn_down
from pointsman.move.means import Means, Result, spec_digest, spec_of
from pointsman.move.plan.plan import Plan, make_plan
from pointsman.move.plan.predict import engines_of, predict
from pointsman.move.plan.preflight import preflight, source_of
from pointsman.move.plan.strategy import Choice, choose
from pointsman.move.records import remember
from pointsman.move.runner import Ending, Runner
from pointsman.move.steps import Step, resolve
from pointsman.move.waits import Wait, Waits
from pointsman.report.contract import Happening, Topic
from pointsman.spec.model import Model

__all__ = ["RECOVER", "Conductor"]


class Conductor:
    """Conducts moves with some means, one at a time."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self.ledger = Ledger(means.cluster, means.clock)
        self._began = means.clock.monotonic()
        self._job: asyncio.Task[Result] | None = None
        self._runner: Runner | None = None
        self.tenure = Tenure(means.clock)
        self._plan_digest = ""
        self._first: Callable[[Plan], Sequence[str]] | None = None

    async def move(
        self,
        model: Model,
        target: str,
        options: Options,
        *,
        recover: bool = False,
        plan_digest: str = "",
        first: Callable[[Plan], Sequence[str]] | None = None,
    ) -> Result:
        """Move ``model`` to the layer ``target``.

        With ``recover`` an open move of the model, whose process died, is brought to an end first. ``first`` is given
        the plan before anything is begun: what it returns is told, what it raises refuses the move. Raises RefusedError
        when nothing was begun; what happened after that is in the result.
        """
        self._layer(target)
        self._plan_digest = plan_digest
        self._first = first
        self._job = asyncio.create_task(self._move(model, target, options, recover))
        return await self._job

    def interrupt(self) -> None:
        """A ctrl-C: before anything was begun it just ends; later see ``Runner.interrupt``."""
        if not self.interrupt_running() and self._job is not None:
            self._job.cancel()

    def interrupt_running(self) -> bool:
        """Interrupt the move that this process carries; False when it carries none."""
        if self._runner is None:
            return False
        self._runner.interrupt()
        return True

    def tell(self, topic: Topic, step: str, text: str, data: Mapping[str, Any]) -> None:
        """Tell the observer."""
        seconds = self.means.clock.monotonic() - self._began
        self.means.observer.tell(Happening(seconds, topic, step, text, data))

    def lock_of(self, model: Model) -> Lock:
        """The model's lock, for this process."""
        return self.lock_named(model.name)

    async def refuse_if_busy(self, model: Model) -> None:
        """Raise RefusedError when a live process moves the model, or a move or a teardown of it is open."""
        await self.refuse_torn_down(model)
        await self._refuse_if_held(model)
        for one in await self.ledger.moves(model=model.name):
            raise _left_open(one.progress)

    async def refuse_torn_down(self, model: Model) -> None:
        """Raise RefusedError while a teardown of the model is open.

        To be asked under the model's lock, too: a teardown takes that lock after its journal is written.
        """
        await refuse_torn_down(self.means.cluster, self.means.clock, model.name)

    async def context_for(self, model: Model, options: Options, alias: AliasState | None = None) -> Context:
        """A context with the declared layer on both sides: for bringing a model up, or taking it away.

        ``alias`` is what the edge is taken to declare where it need not be asked.
        """
        edge = self.means.edge_for(model, options.in_git)
        declared = self._layer(model.spec.layer)
        return self._assemble(model, declared, declared, options, edge, alias or await edge.read())

    async def plan(self, model: Model, target: str, options: Options) -> Plan:
        """What a move would do now. Changes nothing; raises RefusedError when it would be refused."""
        await self.refuse_if_busy(model)
        context = await self._context(model, self._layer(target).id, options)
        checks = await preflight(context)
        return await self._planned(*await self._chosen(context), checks)

    async def _planned(self, context: Context, choice: Choice, checks: Mapping[str, str]) -> Plan:
        steps, receipts = self._steps(context, choice.steps), await self._receipts(context.model)
        return await make_plan(context, choice, steps, checks, receipts, spec_digest(context.model))

    async def _receipts(self, model: Model) -> list[dict[str, Any]]:
        """Of all moves of the model, the oldest first."""
        moves, _ = await self.ledger.every(model=model.name)
        return [receipt_from(one.progress) for one in moves]

    async def _move(self, model: Model, target: str, options: Options, recover: bool) -> Result:
        await self.refuse_torn_down(model)
        await self._refuse_if_held(model)
        recovered = await self._settle_open(model, recover)
        if recovered is not None and _settles(recovered, target):
            return recovered
        return await self._fresh(model, target, options)

    async def _refuse_if_held(self, model: Model) -> None:
        """Refuse at once while a live process carries an open move.

        A lock without one is that of a process that just ends, just begins or died in between: whoever takes the
        lock watches it.
        """
        lock = self.lock_named(model.name)
        held = await lock.read()
        if held is None or not held.alive(self.means.clock.now()):
            return
        moves = await self.ledger.moves(model=model.name)
        if moves:
            raise lock.refusal(held, moves[-1].progress.step)

    async def _settle_open(self, model: Model, recover: bool) -> Result | None:
        """Bring an open move to an end, or refuse to go on beside it."""
        result = None
        for one in await self.ledger.moves(model=model.name):
            if not recover:
                raise _left_open(one.progress)
            result = await self.recover(one.progress.move)
            if result.receipt["state"] not in (State.DONE, State.UNDONE, State.ABORTED):
                return result
        return result

    async def recover(self, move: str) -> Result:
        """Bring a move whose process died to an end: back to the source, or forward past the point of no return."""
        return await self.carry(move, RECOVER)

    async def carry(
        self,
        move: str,
        turns: Mapping[State, Event],
        *,
        promote: bool = False,
        check: Callable[[Progress], None] = lambda progress: None,
        dead: Holding | None = None,
    ) -> Result:
        """Take over a move that nobody carries, turn it as ``turns`` says for its state, and carry it on.

        ``check`` is asked about the move once it is ours: it may have gone on, or ended, while its lock was watched.
        ``dead`` is a holder that was watched already.
        Raises RefusedError when a live process carries it.
        """
        found = await self.ledger.load(move)
        model = _model_of(found.progress)
        lock = self.lock_named(model.name)
        epoch = await lock.take(dead)

        async def work() -> Result:
            journal = await self.ledger.load(move, holder=self.means.holder)
            if journal.progress.closed:
                return Result(receipt_from(journal.progress), _ended(journal.progress))
            check(journal.progress)
            progress = await journal.claim(epoch, self.means.holder)
            if promote and progress.state is State.PAUSED:
                await journal.append(Event.PROMOTED, progress.step, {"by": self.means.holder})
            turn = turns.get(progress.state)
            if turn is not None:
                detail = {"what": f"{turn.value} by {self.means.holder}"}
                await journal.append(turn, progress.step if turn is Event.PAUSED else "", detail)
            context = self._context_of(journal.progress, model)
            with suppress(PointsmanError):  # who gets tenants now, for the counts alone
                assert context.capture is not None
                await context.capture.see_who_runs()
                await context.look_at_engines()
            return await self._run(context, journal)

        return await self.tenure.while_held(lock, work())

    async def _fresh(self, model: Model, target: str, options: Options) -> Result:
        begun = self.means.clock.monotonic()
        context = await self._context(model, target, options)
        self.tell(Topic.STEP_BEGUN, "preflight", f"may {model.name} go to {context.target.title}?", {})
        found = await preflight(context)
        context, choice = await self._chosen(context)
        self.tell(Topic.STEP_DONE, "preflight", "", {"checks": found})
        if self._first is not None:
            for line in self._first(await self._planned(context, choice, found)):
                self.tell(Topic.NOTICE, "", line, {})
        lock = self.lock_named(model.name)
        epoch = await lock.take()

        async def work() -> Result:
            await self.refuse_torn_down(model)
            for one in await self.ledger.moves(model=model.name):
                raise _left_open(one.progress)
            await remember(self.means.cluster, context.model)
            return await self._run(context, await self._open(context, choice, epoch, begun))

        return await self.tenure.while_held(lock, work())

    async def _run(self, context: Context, journal: Journal) -> Result:
        plan = journal.progress.plan
        self.tell(Topic.MOVE_OPENED, "", journal.progress.move, {"from": plan.source, "to": plan.target, **_ids(plan)})
        context.promoted.steps.update(journal.progress.promoted)
        context.promoted.accepted.update(journal.progress.accepted)
        self._runner = runner = Runner(context, journal, self._steps(context, plan.steps), self.tell)
        context.edge.begin(
            journal.progress.move,
            lambda text: self.tell(Topic.STEP_NOTE, "git", text, {}),
            lambda whom: context.waits.during(Wait(whom.value)),
            runner.awaits,
        )
        capture = context.capture
        assert capture is not None
        with believed(journal.progress.move, "what was counted last"):
            capture.carry(journal.ref, journal.epoch, journal.progress.captured.last)
        beside = [asyncio.create_task(self._listen(journal, runner)), asyncio.create_task(capture.follow())]
        try:
            ending = await runner.carry_on()
        except ClusterError as error:
            # Not even the journal could be written: say what is open, and where.
            raise _cut_off(journal.progress, error) from error
        finally:
            self._runner = None
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        return self._result(ending)

    async def _chosen(self, context: Context) -> tuple[Context, Choice]:
        """The strategy, and the context with what it adds to the options."""
        if self.means.steps is not None:
            given = tuple(step.id for step in self.means.steps)
            return context, Choice("side-by-side", "its steps are given", given, context.options)
        choice = await choose(context)
        return replace(context, options=choice.options), choice

    def _steps(self, context: Context, ids: Sequence[str]) -> tuple[Step, ...]:
        replicas = context.model.on(context.target.id).spec.replicas
        return resolve(ids, self.means.steps, replicas=replicas, first=context.options.first_replicas)

    async def _listen(self, journal: Journal, runner: Runner) -> None:
        """Hear what other processes ask of this move, and take each wish away once it was heard."""
        heard = ""
        async for event in self.means.cluster.watch(journal.ref.kind, NAMESPACE, name=journal.ref.name):
            wish = asked_of(event.object) if event.object else None
            if wish is None or wish.id == heard:
                continue
            heard = wish.id
            if wish.by != self.means.holder:  # its own, of before it took the move over, is news to nobody
                self.tell(Topic.NOTICE, "", f"{wish.by} asks to {wish.verb.value}", wish.as_dict())
            await runner.ask(wish)
            await quietly(take_away(self.means.cluster, journal.ref))

    def _result(self, ending: Ending) -> Result:
        receipt = receipt_from(ending.progress)
        self.tell(Topic.MOVE_ENDED, "", ending.progress.state.value, receipt)
        return Result(receipt, ending.error, ending.interrupted)

    async def _open(self, context: Context, choice: Choice, epoch: int, begun: float) -> Journal:
        model, capture = context.model, context.capture
        assert capture is not None
        await capture.see_who_runs()
        await capture.look()
        receipts = await self._receipts(model)
        expected = predict(choice.steps, choice, context.target.id, receipts, await engines_of(context))
        news = capture.news(everything=True)
        opening = Opening(
            model=model.name,
            spec=spec_of(model),
            spec_digest=spec_digest(model),
            source=context.source.id,
            target=context.target.id,
            steps=choice.steps,
            strategy=choice.strategy,
            options=context.options.as_dict(),
            predicted={"seconds": round(expected.seconds, 1), "downtimeSeconds": round(expected.downtime, 1)},
            alias=alias_data(context.alias),
            captured=news[CAPTURED],
            lead=round(self.means.clock.monotonic() - begun, 3),
            plan_digest=self._plan_digest,
        )
        now = self.means.clock.now()
        move = f"{model.name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        return await self.ledger.open(move, opening, epoch=epoch, holder=self.means.holder)

    async def _context(self, model: Model, target: str, options: Options) -> Context:
        edge = self.means.edge_for(model, options.in_git)
        alias = await edge.read()
        source = source_of(model, alias, self.means.layers)
        return self._assemble(model, source, self._layer(target), options, edge, alias)

    def _context_of(self, progress: Progress, model: Model) -> Context:
        plan = progress.plan
        kept = plan.alias
        with believed(progress.move, "its alias or its options"):
            alias = AliasState(kept["alias"], members_from(kept), str(kept["revision"]), tuple(kept.get("groups", ())))
            options = Options.from_dict(plan.options)
        if alias.alias != model.spec.tenant.alias:
            raise torn(progress.move, f"it moves alias {alias.alias}, and {model.name} has {model.spec.tenant.alias}")
        source, target = self._layer(plan.source), self._layer(plan.target)
        return self._assemble(model, source, target, options, self.means.edge_for(model, options.in_git), alias)

    def _assemble(
        self, model: Model, source: Layer, target: Layer, options: Options, edge: Edge, alias: AliasState
    ) -> Context:
        capture, cluster, wire, watched = capturing(
            fenced(self.means.cluster, self.tenure.fence),
            self.means.wire,
            FencedEdge(edge, self.tenure.fence),
            self.means.clock,
            model,
            self.means.layers,
            alias.members,
        )
        return Context(
            model=model,
            source=source,
            target=target,
            options=options,
            cluster=cluster,
            wire=wire,
            edge=watched,
            capture=capture,
            clock=self.means.clock,
            waits=Waits(self.means.clock),
            alias=alias,
            bridge=self._bridge(model, options),
            note=lambda step, text, data: self.tell(Topic.STEP_NOTE, step, text, data),
        )

    def _bridge(self, model: Model, options: Options) -> Layer | None:
        """The layer in the middle: as chosen when the move began, else as declared."""
        named = options.bridge or model.spec.move.bridge
        return self._layer(named) if named else None

    def _layer(self, wanted: str) -> Layer:
        return next((one for one in self.means.layers if one.id == wanted), None) or layer(wanted)

    def lock_named(self, model: str) -> Lock:
        """The lock of the model with this name; the observer is told what is waited for."""
        return Lock(
            self.means.cluster,
            self.means.clock,
            model,
            self.means.holder,
            lambda text: self.tell(Topic.NOTICE, "", text, {}),
        )


RECOVER = {
    State.FORWARD: Event.ROLLBACK,
    State.PAUSED: Event.ROLLBACK,
    State.UNDO_STUCK: Event.ROLLBACK,
    State.COMMITTED: Event.RESUMED,
    State.FORWARD_STUCK: Event.RESUMED,
}
"""Which way a recovered move goes, by the state it was left in; one that was on its way back just goes on."""


def _settles(recovered: Result, target: str) -> bool:
    """Is nothing left to do after a recovery?"""
    receipt = recovered.receipt
    if recovered.interrupted or receipt["state"] not in (State.DONE, State.UNDONE, State.ABORTED):
        return True
    return bool(receipt["state"] == State.DONE and receipt["to"] == target)


def _left_open(progress: Progress) -> RefusedError:
    plan = progress.plan
    since = f"{progress.opened:%Y-%m-%d %H:%M:%S} UTC" if progress.opened else "an unknown time"
    return RefusedError(
        f"move {progress.move} ({plan.source} → {plan.target}), begun by {progress.holder} at {since}, "
        f"was left open at step {progress.step or 'none'}, state {progress.state.value}",
        where=f"ConfigMap {NAMESPACE}/{progress.move}",
        next_action=f"pointsman resume {plan.model} carries it on, pointsman rollback {plan.model} takes it back; "
        "--recover puts tenants back first, or finishes that move when it is past the point of no return",
        code="move-open",
    )


def _model_of(progress: Progress) -> Model:
    """The model as it was when the move began; raises NeedsPersonError when the journal is not of that model's move."""
    with believed(progress.move, "its spec"):
        model = Model.model_validate_json(json.dumps(progress.plan.spec))
    if not model.name == progress.plan.model == progress.move.rsplit("-", 3)[0]:
        raise torn(progress.move, f"it says how model {model.name} moves")
    return model


def _cut_off(progress: Progress, error: ClusterError) -> NeedsPersonError:
    """Not even the journal could be written; what did not answer may come back, credentials have to be renewed."""
    mend = "" if isinstance(error, TemporaryError) else error.next_action.removesuffix(", then run the command again")
    return NeedsPersonError(
        f"the cluster is out of reach and move {progress.move} is open in state {progress.state.value}: {error.what}",
        where=error.where,
        next_action=f"{mend or 'when the cluster answers again'}: pointsman resume {progress.plan.model}, or rollback",
        code="cut-off",
    )


def _ended(progress: Progress) -> PointsmanError:
    return MoveFailedError(
        f"the move ended meanwhile: it is {progress.state.value}",
        where=f"move {progress.move}",
        next_action=f"pointsman receipt {progress.move}",
        code="too-late",
    )


def _ids(plan: Opening) -> dict[str, Any]:
    return {"model": plan.model, "steps": list(plan.steps)}
