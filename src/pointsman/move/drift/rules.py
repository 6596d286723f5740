"""The rules for what others change while a move runs, as one table; ``docs/drift.md`` is generated from it.

A rule belongs to a kind of change, to the side it happened on, and to how far the move is, because the same change can
be harmless before tenants depend on it and past help afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["RULES", "Answer", "Kind", "Phase", "Rule", "rule_for", "table"]


class Kind(StrEnum):
    """What others can change."""

    ALIAS = "alias edited"
    DELETED = "object deleted"
    SCALED = "object scaled"
    EDGE = "edge restarted"
    MODEL = "Model changed"


class Answer(StrEnum):
    """What a rule says."""

    GO_ON = "go-on"
    PAUSE = "pause"
    ROLL_BACK = "roll-back"


class Phase(StrEnum):
    """How far the move is."""

    UNPROVED = "target not proved"
    """Up to the end of the step ``contract``."""
    PROVED = "target proved"
    """From there to the point of no return."""
    COMMITTED = "committed"
    """Past the point of no return."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    kind: Kind
    what: str
    """The change, as the docs say it."""
    id: str
    phases: tuple[Phase, ...]
    answer: Answer
    why: str


_BEFORE = (Phase.UNPROVED, Phase.PROVED)
_ALWAYS = (*_BEFORE, Phase.COMMITTED)

RULES: tuple[Rule, ...] = (
    Rule(
        Kind.ALIAS,
        "its members or weights are not what the move left",
        "alias",
        _ALWAYS,
        Answer.PAUSE,
        "somebody decided where tenants go; neither writing over it nor keeping it can be right unasked",
    ),
    Rule(
        Kind.DELETED,
        "an object of the target",
        "target-deleted",
        _BEFORE,
        Answer.ROLL_BACK,
        "the source still serves; tenants must not stay on what is going away",
    ),
    Rule(
        Kind.DELETED,
        "an object of the target",
        "target-deleted",
        (Phase.COMMITTED,),
        Answer.PAUSE,
        "the source is being released, so there is no side left that is surely better",
    ),
    Rule(
        Kind.DELETED,
        "an object of the source",
        "source-deleted",
        (Phase.UNPROVED,),
        Answer.PAUSE,
        "there is nothing to go back to, and nothing proved to go on to",
    ),
    Rule(
        Kind.DELETED,
        "an object of the source",
        "source-deleted",
        (Phase.PROVED, Phase.COMMITTED),
        Answer.GO_ON,
        "the proved target is the only side left; the sooner tenants are on it the better",
    ),
    Rule(
        Kind.SCALED,
        "the target, to nothing",
        "target-gone",
        _BEFORE,
        Answer.ROLL_BACK,
        "as if it were deleted",
    ),
    Rule(
        Kind.SCALED,
        "the target, to nothing",
        "target-gone",
        (Phase.COMMITTED,),
        Answer.PAUSE,
        "as if it were deleted",
    ),
    Rule(
        Kind.SCALED,
        "the target, to fewer replicas than were proved",
        "target-fewer",
        _ALWAYS,
        Answer.PAUSE,
        "what is left was not judged to carry all tenants",
    ),
    Rule(
        Kind.SCALED,
        "the target, to more replicas",
        "target-more",
        _ALWAYS,
        Answer.GO_ON,
        "every serving pod is judged at every step anyway",
    ),
    Rule(
        Kind.SCALED,
        "the source, to nothing",
        "source-gone",
        (Phase.UNPROVED,),
        Answer.PAUSE,
        "as if it were deleted",
    ),
    Rule(
        Kind.SCALED,
        "the source, to nothing",
        "source-gone",
        (Phase.PROVED, Phase.COMMITTED),
        Answer.GO_ON,
        "as if it were deleted",
    ),
    Rule(
        Kind.SCALED,
        "the source, to more or fewer replicas",
        "source-other",
        _ALWAYS,
        Answer.GO_ON,
        "it serves; fewer replicas are a reason to leave it, more are drained and parked like the others",
    ),
    Rule(
        Kind.EDGE,
        "replicas replaced, all on the declared configuration",
        "edge-same",
        _ALWAYS,
        Answer.GO_ON,
        "a new process reads the same file; its split is observed again at the next shift",
    ),
    Rule(
        Kind.EDGE,
        "a replica on another configuration than the declared one",
        "edge-other",
        _ALWAYS,
        Answer.PAUSE,
        "that replica sends tenants where nobody declared",
    ),
    Rule(
        Kind.MODEL,
        "the Model kept in the cluster is another one now",
        "model",
        _BEFORE,
        Answer.PAUSE,
        "the target was made from the old one; whether that is still wanted only a person knows",
    ),
    Rule(
        Kind.MODEL,
        "the Model kept in the cluster is another one now",
        "model",
        (Phase.COMMITTED,),
        Answer.GO_ON,
        "only the source is left to be parked; the new Model is the next change",
    ),
)


def table() -> str:
    """The rules as a Markdown table."""
    lines = ["| What changed | How | While | Answer | Why |", "|---|---|---|---|---|"]
    for rule in RULES:
        phases = "at any time" if rule.phases == _ALWAYS else ", ".join(one.value for one in rule.phases)
        lines.append(f"| {rule.kind.value} | {rule.what} | {phases} | **{rule.answer.value}** | {rule.why} |")
    return "\n".join(lines) + "\n"


def rule_for(named: str, phase: Phase) -> Rule:
    """The rule with this id in this phase."""
    return next(one for one in RULES if one.id == named and phase in one.phases)
