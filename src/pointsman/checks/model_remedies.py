"""What to do about a finding of what is rendered for a Model: its own fields are named, as nobody writes the rest."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.adopt.words import Place
from pointsman.checks.finding import Finding

__all__ = ["OWN", "remedy_of"]

OWN: Mapping[str, str] = {
    "PM114": "set spec.accelerator.gpusPerReplica, or an image for CPUs in spec.engine.image",
    "PM118": "raise spec.engine.startupSeconds: 1200 is how long it is where nobody says it",
    "PM122": "name a version, or better a digest, in spec.engine.image",
    "PM123": "set USER in spec.engine.env (and HOME, and the caches, to places it may write)",
    "PM125": "name the claim that holds the weights in spec.layers.LAYER.weights.pvc, or take the variable out of "
    "spec.engine.env",
    "PM307": "stage the weights on a claim, and name it: spec.layers.llm-d.weights.pvc.claim",
    "PM802": "take it out of spec.engine.env, and make a new one; a Model names Secrets in spec.contract.auth and "
    "spec.weights.huggingFace.token; for any other write the layer's manifests yourself (spec.layers.LAYER.from)",
}
"""By the check's id, where its own remedy means what a Model does not write."""
_LATE = "PM127"
_ALWAYS = "--shutdown-timeout"


def remedy_of(one: Finding, field: Place) -> str:
    """What to change in the Model; ``field``: the nearest one that says what was found, written or not."""
    if one.check.id == _LATE:
        if _ALWAYS in one.told.what:
            return f"set spec.engine.image to vLLM 0.18 or later: {_ALWAYS} is rendered for every Model"
        return "set spec.engine.image to a later vLLM, or take the flag out of spec.engine.args"
    own = OWN.get(one.check.id)
    if own or field[:1] != ("spec",):
        return own or one.next_action
    return f"in {'.'.join(map(str, field))} of the Model: {one.next_action}"
