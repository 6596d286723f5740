"""Aliases whose requests LiteLLM books as free, so that no budget ever binds.

LiteLLM takes a request's price from the entry (``input_cost_per_token`` and ``output_cost_per_token`` in
``litellm_params`` or ``model_info``), else from its own list of known models. For a name that is not on it no spend is
booked at all (litellm 1.106, ``proxy/hooks/proxy_track_cost_callback.py``: "Cost tracking failed").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pointsman.edge.config_text import ConfigText, Entry
from pointsman.edge.litellm_names import answered_by
from pointsman.edge.litellm_params import INFO, PARAMS

__all__ = ["unpriced"]


def unpriced(config: ConfigText, aliases: Collection[str], *, answers: bool = True) -> Iterator[tuple[str, str]]:
    """Alias, and what of its price is missing; one with no entry has nothing to be priced.

    ``answers``: do its answers have tokens, too? Vectors have none.
    """
    wanted = ["input_cost_per_token", *(["output_cost_per_token"] if answers else [])]
    for alias in aliases:
        for entry in config.entries(answered_by(config, alias) or alias):
            values = [_said(entry, one) for one in wanted]
            if None in values:
                missing = ", ".join(one for one, value in zip(wanted, values, strict=True) if value is None)
                yield alias, f"its entry at {config.place(entry)} has no {missing}"
            elif not any(values):
                yield alias, f"its entry at {config.place(entry)} has a price of 0"


def _said(entry: Entry, name: str) -> float | None:
    found = entry.section(PARAMS).get(name, entry.section(INFO).get(name))
    try:
        return None if found is None else float(found)
    except (TypeError, ValueError):
        return None
