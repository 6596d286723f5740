"""Every honest answer held against every other, and against those that are not: the table, and a picture."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log10
from pathlib import Path

from benchmarks.page import DOCS, machine, write
from benchmarks.real.assumptions import versions
from benchmarks.real.kinds import Kind, file_of, known
from benchmarks.real.serving import Home

from pointsman.errors import MoveFailedError
from pointsman.move.judging.contract_gate import Reference
from pointsman.move.judging.weights import (
    SHARES,
    compared,
    distance,
    limit_of,
    same_adapters,
    same_template,
    same_weights,
)

__all__ = ["PAGE", "Pair", "Row", "report", "rows"]

PAGE = "real-engines.md"
PAIRS = 200
"""Honest ones, at least."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What two engines said."""

    mine: Reference
    theirs: Reference

    @property
    def apart(self) -> float:
        """Of log-probabilities, or of vectors."""
        return distance(self.mine.imprint, self.theirs.imprint)[0]

    @property
    def share(self) -> float:
        """The same, by what the model makes of context."""
        return self.apart * self.least / limit_of(self.mine.imprint, self.theirs.imprint)

    @property
    def least(self) -> float:
        """The share from which on weights are others."""
        return SHARES[compared(self.mine.imprint, self.theirs.imprint)]

    @property
    def refused(self) -> bool:
        """By the checks of the gate."""
        mine, theirs = self.mine.imprint, self.theirs.imprint
        for check in (same_template, same_weights, same_adapters):
            try:
                check(mine, theirs)
            except MoveFailedError:
                return True
        return False

    @property
    def words(self) -> bool:
        """Refused by what the gate did before: four short greedy answers have to be equal."""
        return self.mine.answers != self.theirs.answers


@dataclass(frozen=True, slots=True)
class Row:
    """One kind against the model's own weights."""

    model: str
    what: str
    pairs: Sequence[Pair]
    honest: bool
    claimed: bool

    @property
    def refused(self) -> int:
        """Of the pairs."""
        return sum(one.refused for one in self.pairs)

    @property
    def good(self) -> bool:
        """Is what is claimed of it so?"""
        return self.refused == (0 if self.honest else len(self.pairs)) or not (self.honest or self.claimed)

    def __str__(self) -> str:
        apart, shares = [one.apart for one in self.pairs], [one.share for one in self.pairs]
        words = sum(one.words for one in self.pairs)
        vectors = "" if self.pairs[0].mine.answers and not self.pairs[0].mine.imprint.vectors else "–"
        told = "" if self.claimed or self.honest else " (not claimed)"
        return (
            f"| {self.model} | {self.what} | {len(self.pairs)} | {min(apart):.4f} … {max(apart):.4f} | "
            f"{min(shares):.3f} … {max(shares):.3f} | "
            f"{self.refused}{told} | {vectors or words} |"
        )


def rows(folder: Path) -> Iterator[Row]:
    """All that was measured, model by model: honest pairs first."""
    seen: dict[Kind, list[Reference]] = {}
    for kind, load in known():
        file = file_of(folder, kind, load)
        if file.exists():
            seen.setdefault(kind, []).append(Reference.from_dict(json.loads(file.read_text("utf-8"))))
    for model in dict.fromkeys(kind.model for kind in seen):
        honest = [one for kind, said in seen.items() if kind.model == model and kind.honest for one in said]
        pairs = [Pair(*one) for one in combinations(honest, 2)]
        if not pairs:
            continue
        yield Row(model, "its own weights", pairs, honest=True, claimed=True)
        for kind, said in seen.items():
            if kind.model == model and not kind.honest:
                against = [Pair(one, other) for one in said for other in honest]
                yield Row(model, kind.what, against, honest=False, claimed=kind.claimed)


def report(folder: Path, senses: Mapping[str, Mapping[str, float]]) -> int:
    """Print and write; 1 when an honest pair is refused, a claimed kind missed, or there are too few."""
    found = list(rows(folder))
    lines = table(found)
    sys.stdout.write("\n".join(lines) + "\n")
    honest = sum(len(one.pairs) for one in found if one.honest)
    claimed = {one.what for one in found if one.claimed and not one.honest}
    bad = [f"{one.model}, {one.what}: {one.refused} of {len(one.pairs)} refused" for one in found if not one.good]
    bad += [f"{honest} honest pairs, at least {PAIRS} are asked for"] if honest < PAIRS else []
    bad += [f"{len(claimed)} kinds that are told, at least 8 are asked for"] if len(claimed) < 8 else []
    sys.stderr.writelines(f"{one}\n" for one in bad)
    write("senses", "What little differences do, beside what context does", by_sense(senses), PAGE)
    write("fingerprint", "Equal weights and others", [*lines, "", "![Distances](weights-apart.svg)"], PAGE)
    (DOCS / "weights-apart.svg").write_text(picture(found), "utf-8")
    return 1 if bad else 0


def by_sense(senses: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Markdown: models of different make."""
    rows = [
        f"| {name} | {one['sense']:.3f} | {one['bfloat16']:.4f} | {one['off']:.4f} | "
        f"{one['bfloat16'] / one['sense']:.3f} | {one['off'] / one['sense']:.3f} |"
        for name, one in senses.items()
    ]
    return [
        "Mean distances of log-probabilities from float32, in nats, by torch alone. *Context* is what leaving out the "
        "first half of a text does to those of the second half.",
        "",
        "| model | context | bfloat16 | weights off by 1 % | bfloat16 by context | off by 1 % by context |",
        "|---|--:|--:|--:|--:|--:|",
        *rows,
    ]


def table(found: Sequence[Row]) -> list[str]:
    """Markdown."""
    honest = [one for one in found if one.honest]
    wrong = [one for one in found if not one.honest and one.claimed]
    pairs = sum(len(one.pairs) for one in honest)
    words = sum(one.words for row in honest for one in row.pairs if not one.mine.imprint.vectors)
    missed = sum(len(one.pairs) - one.refused for one in wrong)
    return [
        f"{machine()}; {versions(Home())}. A share is the distance (nats; of vectors, lengths) by what the model makes "
        f"of context; weights are others from {SHARES['likelihoods']:g} on, of vectors {SHARES['vectors']:g}, with "
        f"LoRA adapters (the likeliest next tokens) {SHARES['likeliest']:g}.",
        "",
        f"{pairs} honest pairs, {sum(one.refused for one in honest)} refused ({words} by equal words). "
        f"{sum(len(one.pairs) for one in wrong)} pairs of {len({one.what for one in wrong})} kinds that are claimed to "
        f"be told, {missed} missed.",
        "",
        "| model | against its own weights | pairs | apart | share | refused | refused by equal words |",
        "|---|---|--:|--:|--:|--:|--:|",
        *map(str, found),
    ]


WIDTH, STEP, LEFT = 880, 20, 330
LOWEST, DECADES = 0.0001, 5
"""The axis is logarithmic: from here, so many powers of ten."""


def picture(found: Sequence[Row]) -> str:
    """An SVG: a line a kind, a stroke a pair."""
    height = 60 + STEP * len(found)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for power in range(DECADES + 1):
        x = _across(LOWEST * 10**power)
        parts.append(f'<line x1="{x:.0f}" y1="20" x2="{x:.0f}" y2="{height - 30}" stroke="#e2e2e2"/>')
        parts.append(f'<text x="{x:.0f}" y="{height - 14}" text-anchor="middle">{LOWEST * 10**power:g}</text>')
    for number, row in enumerate(found):
        y = 30 + STEP * number
        colour = "#2a7d4f" if row.honest else "#b3362b" if row.claimed else "#7a7a7a"
        at = _across(row.pairs[0].least)
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{row.model}: {row.what}</text>')
        parts.append(f'<line x1="{at:.1f}" y1="{y - 10}" x2="{at:.1f}" y2="{y + 10}" stroke="#333333"/>')
        for x in sorted({round(_across(one.share)) for one in row.pairs}):
            parts.append(f'<line x1="{x}" y1="{y - 6}" x2="{x}" y2="{y + 6}" stroke="{colour}" stroke-width="1.5"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _across(value: float) -> float:
    return LEFT + (WIDTH - LEFT - 30) * max(0.0, log10(max(value, LOWEST) / LOWEST)) / DECADES
