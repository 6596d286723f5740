"""The model as the engine runs it: what an answer will be, token by token, before any time passes."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.lab.engine.requests import Ask
from pointsman.lab.engine.settings import Faults
from pointsman.lab.engine.text import answer
from pointsman.lab.engine.weights import Weights

__all__ = ["Answer", "generate"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The pieces of text of an answer, why it ends, and how many tokens it cost."""

    pieces: list[str]
    finish: str
    stop: str | None
    tokens: int

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


def generate(ask: Ask, weights: Weights, faults: Faults, limit: int) -> Answer:
    """The greedy answer. A piece per token; the token that ends a text by itself has an empty piece."""
    repo = faults.wrong_model or weights.repo
    revision = f"{weights.revision}, damaged" if faults.wrong_text else weights.revision
    pieces = answer(repo, revision, ask.prompt, limit)
    round_ = 0
    while ask.ignore_eos and len(pieces) < limit:
        round_ += 1
        pieces += answer(repo, f"{revision} {round_}", ask.prompt, limit - len(pieces))
    if ask.stop and (cut := _cut(pieces, ask)):
        return cut
    if len(pieces) < limit:
        return Answer([*pieces, ""], "stop", None, len(pieces) + 1)
    return Answer(pieces, "length", None, len(pieces))


def _cut(pieces: list[str], ask: Ask) -> Answer | None:
    text = "".join(pieces)
    found = [(text.index(stop), stop) for stop in ask.stop if stop in text]
    if not found:
        return None
    at, stop = min(found)
    end = at + len(stop)
    kept, seen, tokens = [], 0, 0
    shown = end if ask.keep_stop else at
    for piece in pieces:
        tokens += 1
        kept.append(piece[: max(0, shown - seen)])
        seen += len(piece)
        if seen >= end:
            break
    return Answer(kept, "stop", stop, tokens)
