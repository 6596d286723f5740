"""Lines in one ConfigMap, one data key each, that are only ever added.

Adding one is a merge patch that carries the resourceVersion it was based on, so two writers cannot both add line 12. A
write without an answer is looked up before anything is said of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.errors import ConflictError, NeedsPersonError, TemporaryError
from pointsman.kube.resources import Ref
from pointsman.kube.shapes import version_of
from pointsman.move.boundary import Cluster

__all__ = ["Chain", "digest"]


def digest(line: str) -> str:
    """What the next line has to say in ``previous``."""
    return hashlib.sha256(line.encode()).hexdigest()


@dataclass(slots=True)
class Chain:
    """The lines of one journal, as this process saw them last."""

    cluster: Cluster
    ref: Ref
    version: str
    what: str
    """Whose they are, for people: ``move``."""
    code: str
    """The error's when another process took them over."""
    prefix: str = ""
    """Begins every key."""

    def key(self, number: int) -> str:
        """Of one line, from 1 on."""
        return f"{self.prefix}{number:06d}"

    async def add(self, number: int, line: str, tip: str, labels: Mapping[str, str]) -> None:
        """Add a line after the one whose digest is ``tip``.

        Raises NeedsPersonError when somebody else added one: whoever finds that must not act any more.
        """
        metadata = {"resourceVersion": self.version, "labels": dict(labels)}
        body = {"metadata": metadata, "data": {self.key(number): line}}
        try:
            written = await self.cluster.patch(self.ref, body)
        except ConflictError as error:
            await self._after_conflict(number, line, tip, labels, error)
        except TemporaryError:
            # The write may have happened although no answer came: look before saying that it did not.
            await self._after_conflict(number, line, tip, labels, None)
        else:
            self.version = version_of(written, self.ref)

    async def _after_conflict(
        self, number: int, line: str, tip: str, labels: Mapping[str, str], error: ConflictError | None
    ) -> None:
        found = await self.cluster.get(self.ref)
        data: dict[str, str] = found.get("data") or {}
        self.version = version_of(found, self.ref)
        if data.get(self.key(number)) == line:
            return
        if len(data) == number - 1 and digest(data.get(self.key(number - 1), "")) == tip:
            # Only something beside the records changed (a label, an annotation): go on from there.
            await self.add(number, line, tip, labels)
            return
        raise NeedsPersonError(
            f"another process took over this {self.what} at record {number}; this one stops and touches nothing more",
            where=str(self.ref),
            next_action="pointsman status, to see who carries on",
            code=self.code,
        ) from error
