"""Are the weights the same? Not asked by words: honest engines part in them, and other weights may begin alike.

An engine says how likely it finds given tokens (``prompt_logprobs``). Precision, parallelism, kernels and the batch
move these log-probabilities a little; other weights move them by more. How much is a little differs between models,
so the distance is measured by what the model makes of context (``Imprint.sense``). What the chat template makes of a
conversation is a list of tokens, and equal or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from statistics import fmean

from pointsman.errors import MoveFailedError
from pointsman.move.judging.imprints import FARTHEST, PASSAGES, Imprint, first_apart, turned

__all__ = [
    "FEWER",
    "SHARES",
    "begin_alike",
    "compared",
    "distance",
    "limit_of",
    "same_adapters",
    "same_template",
    "same_weights",
]

SHARES = {"likelihoods": 0.05, "vectors": 0.065, "likeliest": 0.2}
"""The distance from which on the weights are others, as a share of the source's ``sense``, by what is compared.
Measured with vLLM 0.32 on a CPU (``make real-fingerprint``, ADR 35)."""
FEWER = 1.6
"""The same where one layer may serve the weights quantised: above what 4 bits do to a model of 135M parameters (0.79;
1.32 to its vectors), and below what another model is (2.4 and more)."""
NEAR = {
    "likelihoods": "quantised to 8 bits they may look the same",
    "vectors": "a nearer revision would pass",
    "likeliest": "with LoRA adapters switched on no more is asked, so a nearby revision would pass",
}
"""What a verdict does not tell."""
USUAL = {"likelihoods": 1.14, "vectors": 0.25, "likeliest": 0.69}
"""The sense of a model of which it is not known: SmolLM2-135M's, in nats, and lengths of its vectors."""
LEAST = 0.002
"""No limit is lower, in nats: twice what batches, load and ranks do (measured as well)."""
BEGIN = 3
"""Words of an answer that count as its beginning."""


def same_template(mine: Imprint, theirs: Imprint) -> str:
    """Do both make the same tokens of a conversation? What was seen; raises MoveFailedError where they do not."""
    if not mine.templates or not theirs.templates:
        return f"not compared: the {'source' if mine.templates else 'engine'} has no /tokenize"
    if unlike := _unlike(mine.templates, theirs.templates):
        raise MoveFailedError(
            f"makes other tokens of a conversation than the source (of {unlike} of {len(PASSAGES)}): another chat "
            "template or tokenizer",
            next_action="compare --chat-template and --tokenizer, and the weights' tokenizer files, of both layers",
        )
    return f"{len(PASSAGES)} conversations become the same tokens"


def same_weights(mine: Imprint, theirs: Imprint, *, quantised: bool = False) -> str:
    """Does an engine find given tokens as likely as the source did? What was seen, empty when it cannot be told.

    ``quantised``: one of both may serve them in fewer bits. Raises MoveFailedError where the weights are others.
    """
    kind = compared(mine, theirs)
    if not kind:
        return ""
    unlike = _unlike(mine.tokens, theirs.tokens)
    if unlike:
        raise MoveFailedError(
            f"cuts {unlike} of {len(PASSAGES)} texts into other tokens than the source: another tokenizer",
            next_action="compare the weights of both layers: repository, revision, tokenizer files",
        )
    apart, count = distance(mine, theirs)
    seen = {
        "likelihoods": f"log-probabilities of {count} tokens are {apart:.2g} apart in the mean",
        "likeliest": f"log-probabilities of the likeliest tokens after {count} texts are {apart:.2g} apart in the mean",
        "vectors": f"vectors of {count} texts are {apart:.2g} of their length apart in the mean",
    }
    return _within(seen[kind], apart, limit_of(mine, theirs, quantised=quantised), NEAR[kind], quantised=quantised)


def compared(mine: Imprint, theirs: Imprint) -> str:
    """What both sides have said: a field of ``Imprint``; empty when there is nothing."""
    return next((kind for kind in SHARES if getattr(mine, kind) and getattr(theirs, kind)), "")


def limit_of(mine: Imprint, theirs: Imprint, *, quantised: bool = False) -> float:
    """The distance from which on weights are others than the source's (``theirs``), in nats, or lengths of a vector."""
    kind = compared(mine, theirs)
    sense = next((one.sense for one in (theirs, mine) if one.sense is not None), USUAL[kind])
    return max(LEAST, (FEWER if quantised else SHARES[kind]) * sense)


def distance(mine: Imprint, theirs: Imprint) -> tuple[float, int]:
    """Mean distance, and of how many: of log-probabilities in nats, by token, or of vectors, by text."""
    kind = compared(mine, theirs)
    if kind == "vectors":
        return turned(mine.vectors, theirs.vectors), len(theirs.vectors)
    if kind == "likeliest":
        return fmean(map(first_apart, mine.likeliest, theirs.likeliest)), len(theirs.likeliest)
    pairs = [
        pair
        for one, other in zip(mine.likelihoods, theirs.likelihoods, strict=True)
        for pair in zip(one, other, strict=True)
    ]
    return fmean(min(FARTHEST, abs(one - other)) for one, other in pairs), len(pairs)


def _within(seen: str, apart: float, limit: float, near: str, *, quantised: bool) -> str:
    """The verdict in words; raises MoveFailedError."""
    little = "; this model makes so little of context that others would pass, too" if limit <= LEAST else ""
    if not apart < limit:
        meant = "" if quantised else "; if one layer is meant to serve them quantised, spec.contract.weights: quantised"
        raise MoveFailedError(
            f"{seen} from the source's, and those of the same weights are less than {limit:.2g} apart"
            + (" when quantised" if quantised else ""),
            next_action="compare the weights of both layers: repository, revision, quantization, damaged files" + meant,
        )
    if quantised:
        allowed = f"allowed up to {limit:.2g} (spec.contract.weights: quantised)"
        return f"{seen}, {allowed}: a nearby revision would pass{little}"
    return f"{seen}, other weights from {limit:.2g} on; {near}{little}"


def same_adapters(mine: Imprint, theirs: Imprint, *, quantised: bool = False) -> str:
    """Are the source's LoRA adapters there, and the same, by the sense of the model itself?

    What was seen; raises MoveFailedError where they are not.
    """
    missing = sorted(theirs.adapters.keys() - mine.adapters.keys())
    if missing:
        raise MoveFailedError(
            f"does not serve {', '.join(missing)}, which the source serves as LoRA "
            f"{'adapters' if len(missing) > 1 else 'adapter'}",
            next_action="give --lora-modules in spec.engine.args, where every layer has it",
        )
    unsaid: dict[str, str] = {}
    for name, one in theirs.adapters.items():
        try:
            if not same_weights(mine.adapters[name], replace(one, sense=theirs.sense), quantised=quantised):
                unsaid[name] = mine.adapters[name].why or one.why
        except MoveFailedError as error:
            raise MoveFailedError(f"LoRA adapter {name}: {error.what}", next_action=error.next_action) from error
    if unsaid:
        return f"{', '.join(unsaid)} served and not compared: {', '.join(dict.fromkeys(unsaid.values()))}"
    return f"{', '.join(sorted(theirs.adapters))}: as on the source" if theirs.adapters else "the source serves none"


def begin_alike(mine: Sequence[str], theirs: Sequence[str], why: str) -> str:
    """The answers themselves, where there is nothing better; raises MoveFailedError where none begins alike."""
    both = list(zip(mine, theirs, strict=True))
    if not any(one.strip() and other.strip() for one, other in both):
        raise MoveFailedError(
            f"nothing was compared: {why}, and the answers are empty",
            next_action="serve with a version that offers prompt_logprobs on /v1/completions",
        )
    alike = sum(one == other for one, other in both)
    begun = sum(one.split()[:BEGIN] == other.split()[:BEGIN] for one, other in both if one.strip())
    if not begun:
        raise MoveFailedError(
            f"none of {len(both)} answers at temperature 0 begins as the source's: {mine[0][:60]!r}, "
            f"the source {theirs[0][:60]!r} ({why})",
            next_action="compare the weights of both layers: repository, revision, quantization, damaged files",
        )
    return (
        f"by words alone, since {why}: {alike} of {len(both)} answers alike, {begun} begin alike; "
        "a nearby revision would pass"
    )


def _unlike(mine: Sequence[str], theirs: Sequence[str]) -> int:
    return sum(one != other for one, other in zip_longest(mine, theirs))
