"""Why a step changes the aliases, in words for whoever reads the edge's history and knows nothing of this move."""

from __future__ import annotations

from pointsman.edge.contract import Reason
from pointsman.move.context import Context

__all__ = ["closing", "detaching", "opening", "restoring", "shifting", "without_source"]


def shifting(context: Context, percent: int, before: int, *, alone: bool) -> Reason:
    """More tenants go to the target, which had ``before`` percent; ``alone``: the source leaves the alias with that."""
    source, target, model = context.source.title, context.target.title, context.model.name
    begins = f"{model} moves from {source} to {target}, which serves and keeps the contract."
    proved = f"{target} was no worse than {source} with {before} % of the tenants"
    warm = f"{source} stays warm for {context.options.hold:g} s"
    if alone:
        return Reason(
            f"{begins} All of its tenants go there in one step, as was asked for; the two are compared after that, by "
            f"requests of the move's own. {warm}, outside the alias, and is then drained and parked."
        )
    if percent == 100:
        return Reason(f"{f'{proved}, so all' if before else f'{begins} All'} go there now. {warm}, with weight 0.")
    if before:
        return Reason(f"{proved}, so {percent} % go there now.")
    return Reason(f"{begins} {percent} % of its tenants go there now; they are compared with the rest before more go.")


def without_source(context: Context, said: str) -> Reason:
    """The source was lost on the way."""
    return Reason(f"{said}, so all tenants go to {context.target.title}, which was proved before that.")


def detaching(context: Context) -> Reason:
    """The source leaves the alias."""
    source, target = context.source.title, context.target.title
    return Reason(f"{target} serves all tenants and stays. {source} leaves the alias, is drained and then parked.")


def closing(context: Context) -> Reason:
    """Nobody serves for a while."""
    source, target, seconds = context.source.title, context.target.title, context.options.allow_downtime
    return Reason(
        f"{context.model.name} moves from {source} to {target}, and there is room for one of them only: tenants are "
        f"turned away until it serves, up to {seconds:g} s, as was allowed."
    )


def opening(context: Context) -> Reason:
    """Tenants are let in again."""
    return Reason(f"{context.target.title} serves and keeps the contract, so tenants are let in again.")


def restoring(context: Context) -> Reason:
    """The alias as it was before the move."""
    why = f": {context.because[-1]}" if context.because else ""
    return Reason(
        f"The move of {context.model.name} from {context.source.title} to {context.target.title} is taken back{why}. "
        "Tenants are where they were before it.",
        back=True,
    )
