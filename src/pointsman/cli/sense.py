"""What a move's options say against each other and against the spec, before any cluster is asked."""

from __future__ import annotations

from pointsman.errors import RefusedError, UsageError
from pointsman.layers.registry import layer
from pointsman.move.context import Options
from pointsman.move.plan.strategy import ruled_out
from pointsman.spec.model import Model

__all__ = ["refuse_nonsense"]


def refuse_nonsense(model: Model, to: str, options: Options) -> None:
    """Raise UsageError for what no cluster can make sense of, and RefusedError for a strategy that the spec rules out.

    That ``to`` is where the model is already is for the cluster to say: ``spec.layer`` is where it was brought up.
    """
    target = layer(to)
    if options.allow_downtime and options.strategy not in ("auto", "gap"):
        raise UsageError(
            f"--allow-downtime has no meaning with --strategy {options.strategy}, which keeps tenants served",
            next_action="leave one of them out, or take --strategy gap",
        )
    if options.shares and options.strategy == "gap":
        raise UsageError(
            "--shift has no meaning with --strategy gap, where tenants are let in all at once",
            next_action="leave one of them out",
        )
    why = ruled_out(model, target, options)
    if why:
        raise RefusedError(
            f"there is no room for {target.title}: {options.strategy}: {why}",
            next_action="leave --strategy out, and it is chosen from what is free and allowed",
            code="preflight.room",
        )
