"""The lock of a model: a Lease that one process holds while it moves the model.

A process that dies stops renewing and loses it; whoever takes it over raises ``leaseTransitions``, which is the
epoch in the journal's records. A slow process that comes back finds another holder and stops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointsman.errors import ConflictError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Clock, Cluster, Object

__all__ = ["DURATION", "NAMESPACE", "Holding", "Lock", "TeardownLock", "ensure_namespace", "lease_of"]

NAMESPACE = "pointsman-system"
RELEASES = 3
"""Attempts to give a lock back that is written to at the same moment; it runs out by itself after that."""
LOOK = 1.0
"""Seconds between two looks at a lock that is watched."""
DURATION = 15.0
"""Seconds without a renewal after which a holder counts as dead."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds the lock, as the cluster says."""

    holder: str
    since: datetime | None
    renewed: datetime | None
    epoch: int

    def alive(self, now: datetime) -> bool:
        """Was it renewed lately?"""
        return bool(self.holder) and self.renewed is not None and now - self.renewed < timedelta(seconds=DURATION)


def _unheard(text: str) -> None:
    """Nobody is told."""


async def ensure_namespace(cluster: Cluster) -> None:
    """Make the namespace for locks and journals when it is missing."""
    ref = Ref(kind_of("Namespace"), NAMESPACE)
    if await cluster.find(ref) is None:
        try:
            await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        except ConflictError:
            return


def lease_of(model: str) -> Ref:
    """Where a model's lock is."""
    return Ref(kind_of("Lease"), f"move-{model}", NAMESPACE)


class Lock:
    """The lock of one model, seen from one process."""

    def __init__(
        self, cluster: Cluster, clock: Clock, model: str, holder: str, tell: Callable[[str], None] = _unheard
    ) -> None:
        self.cluster = cluster
        self.clock = clock
        self.tell = tell
        """Told what is waited for: a lock is watched for longer than people like to see nothing."""
        self.model = model
        self.holder = holder
        self.ref = lease_of(model)
        self.labels = {"pointsman.dev/lock": model}
        self.whose = f"model {model}"
        """For people."""

    async def read(self) -> Holding | None:
        """Who holds it; None when nobody ever did."""
        found = await self.cluster.find(self.ref)
        return _holding(found) if found else None

    async def take(self, dead: Holding | None = None) -> int:
        """Take it and return the new epoch; raises RefusedError when a live process holds it.

        ``dead`` is what was watched already, and showed no life.

        A holder is watched for as long as a lock lives, however fresh its last renewal looks: it may have died a
        second ago, and clocks of two machines may differ. A renewal that is seen is a sign of life, and one that does
        not come in that time is none.
        """
        await ensure_namespace(self.cluster)
        judged = await self.read()
        if judged and judged != dead and self._foreign(judged) and not await self.silent(judged):
            judged = None
        found = await self.cluster.find(self.ref)
        held = _holding(found) if found else None
        if held and self._foreign(held) and held != judged:
            # It showed itself, or somebody took the lock since it was judged.
            raise self.refusal(held)
        epoch = (held.epoch if held else 0) + 1
        try:
            await (self.cluster.replace if found else self.cluster.create)(self._lease(epoch, found))
        except ConflictError as error:
            now = await self.read()
            raise self.refusal(now or Holding("another process", None, None, 0)) from error
        return epoch

    def _foreign(self, held: Holding) -> bool:
        return held.holder not in ("", self.holder)

    async def silent(self, held: Holding) -> bool:
        """Watch the lock for its whole life; False as soon as its holder shows itself."""
        begun = self.clock.monotonic()
        self.tell_watched(held)
        while self.clock.monotonic() - begun < DURATION:
            await self.clock.sleep(LOOK)
            if await self.read() != held:
                return False
        self.tell_dead(held)
        return True

    def tell_watched(self, held: Holding, why: str = "") -> None:
        """Tell that the lock is watched."""
        self.tell(
            f"{why}the lock of {self.whose}, held by {held.holder}, is watched for {DURATION:g} s for a sign of life"
        )

    def tell_dead(self, held: Holding) -> None:
        """Tell that its holder is taken for dead."""
        self.tell(f"{held.holder} gave no sign of life for {DURATION:g} s: this process takes over")

    def refusal(self, held: Holding, step: str = "") -> RefusedError:
        """The error that says who holds the model, since when and at which step."""
        since = f" since {stamp(held.since)}" if held.since else ""
        at = f", at step {step}" if step else ""
        return RefusedError(
            f"model {self.model} is being moved by {held.holder}{since}{at}",
            where=str(self.ref),
            next_action=f"wait for it to end: pointsman status {self.model}",
            code="move-held",
        )

    async def renew(self) -> bool:
        """Say that we live; False when somebody else holds it now."""
        found = await self.cluster.find(self.ref)
        if found is None or found["spec"].get("holderIdentity") != self.holder:
            return False
        found["spec"]["renewTime"] = stamp(self.clock.now())
        try:
            await self.cluster.replace(found)
        except ConflictError:
            return await self.mine()
        return True

    async def mine(self) -> bool:
        """Do we still hold it?"""
        held = await self.read()
        return held is not None and held.holder == self.holder

    async def release(self) -> None:
        """Give it back; keeps the epoch."""
        for _ in range(RELEASES):
            found = await self.cluster.find(self.ref)
            if found is None or found["spec"].get("holderIdentity") != self.holder:
                return
            found["spec"] |= {"holderIdentity": "", "renewTime": stamp(self.clock.now())}
            try:
                await self.cluster.replace(found)
            except ConflictError:
                continue
            return

    def _lease(self, epoch: int, found: Object | None) -> Object:
        now = stamp(self.clock.now())
        metadata: Object = {
            "name": self.ref.name,
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "pointsman", **self.labels},
        }
        if found:
            metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.holder,
                "acquireTime": now,
                "renewTime": now,
                "leaseDurationSeconds": int(DURATION),
                "leaseTransitions": epoch,
            },
        }


class TeardownLock(Lock):
    """The lock of whoever works on a teardown: one process of a cluster at a time."""

    def __init__(self, cluster: Cluster, clock: Clock, holder: str, tell: Callable[[str], None] = _unheard) -> None:
        super().__init__(cluster, clock, "", holder, tell)
        self.ref = Ref(kind_of("Lease"), "teardown", NAMESPACE)
        self.labels = {"pointsman.dev/teardown-lock": ""}
        self.whose = "teardowns"

    def refusal(self, held: Holding, step: str = "") -> RefusedError:
        """The error that says who works on a teardown."""
        since = f" since {stamp(held.since)}" if held.since else ""
        return RefusedError(
            f"a teardown is being carried out by {held.holder}{since}",
            where=str(self.ref),
            next_action="wait for it to end: pointsman status; then run this again",
            code="teardown-held",
        )


def _holding(lease: Object) -> Holding:
    spec = lease.get("spec", {})
    return Holding(
        holder=spec.get("holderIdentity") or "",
        since=_time(spec.get("acquireTime")),
        renewed=_time(spec.get("renewTime")),
        epoch=int(spec.get("leaseTransitions") or 0),
    )


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes a MicroTime."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
