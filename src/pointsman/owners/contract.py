"""What is asked of an owner, and what the answer looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pointsman.kube.resources import Ref
from pointsman.owners.fields import Path, as_pointer

__all__ = ["Change", "Object", "Outcome", "Verdict"]

Object = Mapping[str, Any]
"""One Kubernetes object as JSON-like data."""


class Outcome(Enum):
    """What becomes of a change."""

    REVERTS = "reverts"
    """It is put back by itself, soon."""
    LATER = "later"
    """It is put back when somebody does something: a commit, a sync by hand, an upgrade."""
    LEAVES = "leaves"
    """It stays."""
    UNKNOWN = "unknown"
    """It cannot be told."""


@dataclass(frozen=True, slots=True)
class Change:
    """Fields of one object that somebody is about to change."""

    ref: Ref
    live: Object
    fields: Mapping[Path, Any]
    """What each is changed to."""
    makers: tuple[Ref, ...] = ()
    """Objects whose controllers may own this one, and are reckoned with."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One owner on one object."""

    ref: Ref
    owner: str
    """``Application argocd/litellm (Argo CD)``."""
    outcome: Outcome
    fields: tuple[Path, ...]
    why: str
    """The rest of the sentence: when, or because of what."""
    instead: str = ""
    """What a person can do, when the change would be put back."""
    keeper: Object = field(default_factory=dict)
    """The Application whose ``ignoreDifferences`` would mend it; empty for other owners."""

    @property
    def sentence(self) -> str:
        """For people."""
        named = [as_pointer(one) for one in self.fields]
        what = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
        of = f"{what} of {self.ref}" if what else str(self.ref)
        match self.outcome:
            case Outcome.UNKNOWN:
                return f"{of}: whether {self.owner} puts it back is not known: {self.why}"
            case Outcome.LEAVES:
                return f"{of}: {self.owner} leaves it alone: {self.why}"
        return f"{of}: {self.owner} puts it back {self.why}"
