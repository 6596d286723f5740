"""Carrying a teardown: its journal is opened or taken over, and its steps are done in their order.

One process of a cluster works on teardowns at a time, under a lock of its own; the lock of a model is taken for each of
that model's steps. Before a step its intent is written, after it its outcome, so whoever comes next begins with the
first step without one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pointsman.errors import NeedsPersonError, PointsmanError, RefusedError, TemporaryError
from pointsman.kube.resources import kind_of
from pointsman.kube.rights import denial, missing, rights
from pointsman.move.boundary import Cluster
from pointsman.move.conductor import Conductor
from pointsman.move.context import Options
from pointsman.move.holding.fence import fenced
from pointsman.move.holding.lock import NAMESPACE, Holding, TeardownLock
from pointsman.move.holding.tenure import Tenure
from pointsman.move.journal.teardowns import TeardownJournal, TeardownOpening, TeardownProgress, Teardowns, Word
from pointsman.move.records import record_of, remember
from pointsman.report.contract import Topic
from pointsman.spec.model import Model
from pointsman.teardown.acting import Acting, Detail, told
from pointsman.teardown.ending import forget, look_again, records_gone
from pointsman.teardown.scope import Choices, Scope
from pointsman.teardown.steps import LOOK, RECORDS, act_of, steps_of
from pointsman.teardown.survey import Survey

__all__ = ["Carrying"]

MOST = 900
"""Steps that one journal has room for."""


@dataclass(slots=True)
class Carrying:
    """Teardowns, by one process."""

    conductor: Conductor
    options: Options

    @property
    def _cluster(self) -> Cluster:
        return self.conductor.means.cluster

    @property
    def _lock(self) -> TeardownLock:
        means = self.conductor.means
        tell = self.conductor.tell
        return TeardownLock(means.cluster, means.clock, means.holder, lambda text: tell(Topic.NOTICE, "", text, {}))

    @property
    def ledger(self) -> Teardowns:
        """The journals."""
        return Teardowns(self._cluster, self.conductor.means.clock)

    async def open_one(self, scope: Scope) -> TeardownProgress | None:
        """The open teardown of just this; raises RefusedError when another one is open that takes some of it away."""
        for one in await self.ledger.open_ones():
            if (one.plan.scope, one.plan.name) == (scope.kind, scope.name):
                return one
            if scope.kind == "all" or one.plan.scope == "all" or scope.name in one.plan.models or scope.kind == "layer":
                raise RefusedError(
                    f"{one.title} is open at step {one.step or 'end'}, begun by {one.holder}",
                    where=f"ConfigMap {NAMESPACE}/{one.teardown}",
                    next_action=f"{one.command} carries it on; {one.command} --abort gives it up",
                    code="teardown-open",
                )
        return None

    async def refuse_moves(self, models: Mapping[str, Model]) -> None:
        """Raise RefusedError while a move of one of them is open: its end is decided first."""
        moves, unread = await self.conductor.ledger.open_ones()
        for name, move in moves.items():
            if name in models:
                raise RefusedError(
                    f"move {move.progress.move} of model {name} is open at step {move.progress.step or 'none'}",
                    where=f"ConfigMap {NAMESPACE}/{move.progress.move}",
                    next_action=f"pointsman resume {name}, pointsman rollback {name} or pointsman abort {name} ends "
                    "it; then run this again",
                    code="move-open",
                )
        for name, error in unread.items():
            if name in models:
                raise error

    async def begin(self, shown: Survey, found: Survey) -> Mapping[str, Any]:
        """Do what was shown, if it is still what there is; ``found`` is a look that was made after the question."""
        if shown.gist != found.gist:
            raise RefusedError(
                "what is there changed while the question was open",
                next_action="run it again and read what it says now",
                code="teardown-changed",
            )
        lock, tenure = self._lock, Tenure(self.conductor.means.clock)
        epoch = await lock.take()
        return await self._forgotten(await tenure.while_held(lock, self._begun(found, epoch, tenure)))

    async def resume(self, progress: TeardownProgress) -> Mapping[str, Any]:
        """Carry on one that was left open; raises RefusedError when a live process carries it."""
        lock, tenure = self._lock, Tenure(self.conductor.means.clock)
        dead = await lock.read()
        epoch = await lock.take()
        return await self._forgotten(
            await tenure.while_held(lock, self._resumed(progress.teardown, epoch, tenure, dead))
        )

    async def _forgotten(self, done: Mapping[str, Any]) -> Mapping[str, Any]:
        """With everything else its own journal goes, and the lock with it: nobody needs to hold it then."""
        if done["choices"]["forget"] and done["state"] == Word.FINISHED:
            await forget(self._cluster, str(done["id"]))
        return done

    async def abandon(self, progress: TeardownProgress) -> TeardownProgress:
        """Give one up: what is gone stays gone. Raises RefusedError when a live process carries it."""
        lock, tenure = self._lock, Tenure(self.conductor.means.clock)
        epoch = await lock.take()

        async def work() -> TeardownProgress:
            journal = await self.ledger.load(progress.teardown, self.conductor.means.holder)
            await journal.claim(epoch)
            return await journal.append(Word.ABANDONED)

        return await tenure.while_held(lock, work())

    async def _begun(self, found: Survey, epoch: int, tenure: Tenure) -> Mapping[str, Any]:
        scope, models = found.scope, {one.model.name: one.model for one in found.models}
        if await self.open_one(scope) is not None:
            raise RefusedError(
                "somebody else began it meanwhile", next_action="run it again to carry it on", code="teardown-changed"
            )
        await self.refuse_moves(models)
        steps = steps_of(found)
        if len(steps) > MOST:
            raise RefusedError(
                f"{len(steps)} steps are more than one journal has room for ({MOST})",
                next_action="take layers or models away first: pointsman teardown LAYER, or MODEL",
                code="teardown-many",
            )
        for model in models.values():
            await remember(self._cluster, model)
        now = self.conductor.means.clock.now()
        opening = TeardownOpening(
            scope=scope.kind,
            name=scope.name,
            models=tuple(models),
            steps=tuple(steps),
            choices=found.choices.as_dict(),
            stays=tuple({"name": one.name, "uid": one.uid, "why": one.why} for one in found.stays if one.chosen),
        )
        name = f"teardown-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        journal = await self.ledger.open(name, opening, epoch=epoch, holder=self.conductor.means.holder)
        return await self._carried(journal, models, tenure, None)

    async def _resumed(self, name: str, epoch: int, tenure: Tenure, dead: Holding | None) -> Mapping[str, Any]:
        journal = await self.ledger.load(name, self.conductor.means.holder)
        if journal.progress.ended is not None:
            return _result(journal.progress)
        await journal.claim(epoch)
        models = await self._models(journal.progress)
        return await self._carried(journal, models, tenure, dead)

    async def _models(self, progress: TeardownProgress) -> dict[str, Model]:
        """As they are recorded; at the last step some records may be gone, and are not needed."""
        found = {}
        for name in progress.plan.models:
            record = await record_of(self._cluster, name)
            if record is not None and record.model is not None:
                found[name] = record.model
            elif progress.step not in (RECORDS, ""):
                raise NeedsPersonError(
                    f"what is to be taken away of model {name} is not known any more: "
                    + (record.problem if record else "somebody deleted its record"),
                    where=f"ConfigMap {NAMESPACE}/model-{name}",
                    next_action=f"put it back, or give this up ({progress.command} --abort) and begin anew with its "
                    "spec file",
                    code="teardown-record",
                )
        return found

    async def _carried(
        self, journal: TeardownJournal, models: Mapping[str, Model], tenure: Tenure, dead: Holding | None
    ) -> Mapping[str, Any]:
        plan = journal.progress.plan
        doing = _Doing(
            self,
            journal,
            Acting(
                self.conductor,
                fenced(self._cluster, tenure.fence),
                journal.progress.teardown,
                Scope(plan.scope, plan.name),
                Choices.from_dict(plan.choices, journal.progress.teardown),
                self.options,
                models,
            ),
            dead,
        )
        for step in plan.steps:
            if step not in journal.progress.done:
                await doing.step(step)
        return _result(await journal.append(Word.FINISHED))

    async def refuse_without_rights(self, found: Survey) -> None:
        """Raise RefusedError when something that goes may not be deleted: half a teardown is worse than none."""
        refs = [
            *(ref for one in found.models for layer in one.layers for ref in layer.found.going),
            *(each.app.ref for one in found.models for layer in one.layers for each in layer.found.keepers),
            *(one.ref for one in found.going),
            *(view.ref for view in found.platform.sets),
            *found.left,
        ]
        wanted = [
            one for ref in refs for one in rights(["get", "delete", "watch"], ref.kind, ref.namespace, name=ref.name)
        ]
        wanted += [
            right
            for view in found.models
            for layer in view.layers
            for patch in layer.layer.park(view.model)
            for right in rights(["patch"], patch.ref.kind, patch.ref.namespace, name=patch.ref.name)
        ]
        if found.platform.sets:
            wanted += rights(["list", "get", "patch", "delete"], kind_of("Application"))
        for view in found.models if found.aliases else ():
            wanted += self.conductor.means.edge_for(view.model, self.options.in_git).rights()
        wanted += rights(["get", "create", "patch", "delete"], kind_of("ConfigMap"), NAMESPACE)
        wanted += rights(["get", "create", "update", "delete"], kind_of("Lease"), NAMESPACE)
        denied = await missing(self._cluster, list(dict.fromkeys(wanted)))
        if denied:
            raise RefusedError(
                denial(denied),
                next_action="ask for these rights (pointsman rights prints those of moves), or use other credentials",
                code="teardown-rights",
            )


@dataclass(slots=True)
class _Doing:
    """The steps of one teardown, by the process that holds it."""

    carrying: Carrying
    journal: TeardownJournal
    acting: Acting
    dead: Holding | None
    """Who held the teardown's lock before and is dead: the locks of models that it held are nobody's, too."""

    async def step(self, step: str) -> None:
        """One step, with its records."""
        conductor = self.carrying.conductor
        conductor.tell(Topic.STEP_BEGUN, step, "", {})
        try:
            done = await self._locked(step)
        except PointsmanError as error:
            conductor.tell(Topic.STEP_FAILED, step, error.what, {})
            with suppress(PointsmanError):
                await self.journal.append(Word.FAILED, step, {"what": error.what, "code": error.code})
            raise _named(error, self.journal.progress) from error
        await self.journal.append(Word.OUTCOME, step, done)
        conductor.tell(Topic.STEP_DONE, step, told(act_of(step), done), {})

    async def _locked(self, step: str) -> Detail:
        model = self.acting.models.get(act_of(step).model)
        if model is None:
            return await self._done(step)
        conductor = self.carrying.conductor
        lock = conductor.lock_of(model)
        held = await lock.read()
        ghost = held if held and self.dead and held.holder == self.dead.holder else None
        await lock.take(ghost)

        async def work() -> Detail:
            await self.carrying.refuse_moves({model.name: model})
            return await self._done(step)

        return await conductor.tenure.while_held(lock, work())

    async def _done(self, step: str) -> Detail:
        act, progress = act_of(step), self.journal.progress
        if step not in progress.seen:
            progress = await self.journal.append(Word.INTENT, step, await self.acting.sees(act))
        if step == LOOK:
            return await look_again(self.acting, progress)
        if step == RECORDS:
            return await records_gone(self.acting, progress)
        return await self.acting.do(act, progress.seen[step])


def _named(error: PointsmanError, progress: TeardownProgress) -> PointsmanError:
    """The error with the way on: what is gone stays gone, and the journal knows how far it came."""
    if error.code in ("teardown-lost", "lock-lost", "move-lost"):
        return error
    more = f"{progress.command} carries on, {progress.command} --abort gives it up"
    said = error.next_action.replace("then run this again", "").rstrip(" ;,")
    told_next = f"{said}; then {more}" if said else more
    kind = NeedsPersonError if isinstance(error, NeedsPersonError | RefusedError | TemporaryError) else type(error)
    return kind(error.what, where=error.where, next_action=told_next, code=error.code)


def _result(progress: TeardownProgress) -> dict[str, Any]:
    """What was done, as data."""
    plan = progress.plan
    return {
        **progress.as_dict(),
        "models": list(plan.models),
        "choices": dict(plan.choices),
        "gone": [one for done in progress.done.values() for one in done.get("deleted") or ()],
        "applications": [one for step, done in progress.done.items() for one in done.get("applications") or () if step],
        "aliases": sorted({one for done in progress.done.values() for one in done.get("aliases") or ()}),
        "gpus": sum(int(done.get("gpus") or 0) for done in progress.done.values()),
        "kept": [str(one["name"]) for one in plan.stays],
    }
