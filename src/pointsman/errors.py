"""The error tree. Each error says what is wrong, where, and what to do next.

    PointsmanError            code, what, where, next_action          exit code
    ├── UsageError            a wrong word on the command line         2
    ├── SpecError             a file that says something impossible    2
    ├── RefusedError          a safety check said no                   1
    │   └── ChangedError          something changed between look and write 6
    ├── ClusterError          the cluster answered no, or not at all   2
    │   ├── TemporaryError        the same call may succeed later
    │   └── PermanentError        the same call will fail again
    │       ├── NotFoundError         the object does not exist
    │       └── ConflictError         somebody else changed it first
    ├── DeliveryError         what git says was not delivered as asked 1
    ├── MoveFailedError       a move failed and was compensated        3
    ├── NeedsPersonError      a person has to decide                   4
    ├── StoppedError          the operator interrupted it            130
    ├── OutputError           standard output cannot be written        2
    └── LabError              the embedded cluster cannot do that      2

The branch says what the caller can do next. Library errors (HTTP, YAML, validation) never leave the package
that uses the library. Anything that is not a PointsmanError reaches the user as a bug of ours: exit code 101.
"""

from __future__ import annotations

from pointsman.foreign import harmless

__all__ = [
    "ChangedError",
    "ClusterError",
    "ConflictError",
    "DeliveryError",
    "LabError",
    "MoveFailedError",
    "NeedsPersonError",
    "NotFoundError",
    "OutputError",
    "PermanentError",
    "PointsmanError",
    "RefusedError",
    "SpecError",
    "StoppedError",
    "TemporaryError",
    "UsageError",
    "reason_of",
]


class PointsmanError(Exception):
    """Root of the tree.

    Args:
        what: one lowercase sentence without a full stop: what is wrong.
        where: ``file:line``, an object (``Deployment serving/raw-vllm``) or an address; empty when nowhere.
        next_action: what the reader can do now, imperative and lowercase.
        code: stable identifier, e.g. ``spec-unknown-field``; documented in ``docs/errors.md``, never reused.
    """

    exit_code = 101
    default_code = "internal"

    def __init__(self, what: str, *, where: str = "", next_action: str = "", code: str = "") -> None:
        super().__init__(what)
        self.what = harmless(what)
        self.where = harmless(where)
        self.next_action = harmless(next_action)
        self.code = code or self.default_code

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.next_action:
            lines.append(f"next: {self.next_action}")
        return "\n".join(lines)

    def lines(self) -> list[str]:
        """The error as the program always writes it, for people; a file's name may hold anything."""
        where = self.where if self.where.isprintable() else repr(self.where)[1:-1]
        place = f" at {where}" if where else ""
        lines = [f"error [{self.code}]{place}: {self.what}"]
        return [*lines, f"  next: {self.next_action}"] if self.next_action else lines

    def as_dict(self) -> dict[str, str]:
        """The fields under stable names, for ``--output json``."""
        return {"code": self.code, "what": self.what, "where": self.where, "next": self.next_action}


class OutputError(PointsmanError):
    """What the command had to say cannot be written; what it did stands."""

    exit_code = 2
    default_code = "output-lost"


class UsageError(PointsmanError):
    """A word on the command line is wrong."""

    exit_code = 2
    default_code = "usage"


class SpecError(PointsmanError):
    """A file says something that cannot be."""

    exit_code = 2
    default_code = "spec-invalid"


class RefusedError(PointsmanError):
    """A safety check said no; nothing was changed."""

    exit_code = 1
    default_code = "refused"


class ChangedError(RefusedError):
    """What was agreed to is not what is there any more; nothing was written."""

    exit_code = 6
    default_code = "changed-meanwhile"


class ClusterError(PointsmanError):
    """The cluster answered no, or did not answer."""

    exit_code = 2
    default_code = "cluster"


class TemporaryError(ClusterError):
    """The same call may succeed later."""

    default_code = "cluster-temporary"


class PermanentError(ClusterError):
    """The same call will fail again."""

    default_code = "cluster-permanent"


class NotFoundError(PermanentError):
    """The object does not exist."""

    default_code = "cluster-not-found"


class ConflictError(PermanentError):
    """Somebody else changed the object first, or owns the field."""

    default_code = "cluster-conflict"


class DeliveryError(PointsmanError):
    """What git says was not delivered as it was asked for; what was done stands."""

    exit_code = 1
    default_code = "delivery-failed"


class MoveFailedError(PointsmanError):
    """A move failed, and what it had done was undone."""

    exit_code = 3
    default_code = "move-failed"


class NeedsPersonError(PointsmanError):
    """Neither going on nor going back is safe without a person's decision."""

    exit_code = 4
    default_code = "needs-person"


class StoppedError(PointsmanError):
    """The operator interrupted it, and it ended in an orderly way."""

    exit_code = 130
    default_code = "stopped"


class LabError(PointsmanError):
    """The embedded cluster cannot do that."""

    exit_code = 2
    default_code = "lab"


def reason_of(error: OSError) -> str:
    """What the system says, as a part of a sentence; units and names in it keep their letters."""
    said = error.strerror or str(error)
    return said[:1].lower() + said[1:]
