"""Every check there is, in the order of their ids, and the ids that are used no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pointsman.checks import (
    appsets,
    argocd,
    builds,
    cost,
    deployed,
    differences,
    drifting,
    edge,
    engine_flags,
    engine_gpus,
    engine_probes,
    engine_setting,
    engine_stop,
    gateways,
    gpus,
    hanging,
    ignores,
    installed,
    kserve,
    kserve_around,
    kserve_predictor,
    litellm,
    llm_d,
    llm_d_pod,
    models,
    moves,
    not_carried_out,
    pair,
    parked,
    platform,
    pod_security,
    pods,
    projects,
    router,
    safety,
    shares,
    sources,
    syncs,
    versions,
    yaml_words,
)
from pointsman.checks.check import Check
from pointsman.errors import UsageError

__all__ = ["CHECKS", "GROUPS", "RETIRED", "chosen"]

GROUPS: Mapping[int, str] = {
    1: "the engine, on any layer",
    2: "KServe",
    3: "llm-d",
    4: "git and Argo CD",
    5: "LiteLLM",
    6: "the pair of layers",
    7: "the cluster",
    8: "cost and safety",
    9: "ignores",
}
"""What the hundreds are about."""

CHECKS: tuple[Check, ...] = (
    *engine_stop.CHECKS,
    *engine_flags.CHECKS,
    *engine_gpus.CHECKS,
    *engine_probes.CHECKS,
    *engine_setting.CHECKS,
    *kserve.CHECKS,
    *kserve_predictor.CHECKS,
    *kserve_around.CHECKS,
    *llm_d.CHECKS,
    *llm_d_pod.CHECKS,
    *argocd.CHECKS,
    *syncs.CHECKS,
    *projects.CHECKS,
    *appsets.CHECKS,
    *platform.CHECKS,
    *sources.CHECKS,
    *builds.CHECKS,
    *shares.CHECKS,
    *litellm.CHECKS,
    *router.CHECKS,
    *yaml_words.CHECKS,
    *edge.CHECKS,
    *pair.CHECKS,
    *differences.CHECKS,
    *installed.CHECKS,
    *gateways.CHECKS,
    *gpus.CHECKS,
    *pods.CHECKS,
    *parked.CHECKS,
    *deployed.CHECKS,
    *versions.CHECKS,
    *moves.CHECKS,
    *drifting.CHECKS,
    *not_carried_out.CHECKS,
    *hanging.CHECKS,
    *models.CHECKS,
    *safety.CHECKS,
    *pod_security.CHECKS,
    *cost.CHECKS,
    *ignores.CHECKS,
)
_BOTH_SIDES = "only pointsman adopt --live has git beside the cluster; PM736 and PM737 tell what Argo CD says of it"
RETIRED: Mapping[str, str] = {
    "PM124": "each secret in plain text has one id: PM802 or PM803",
    "PM612": _BOTH_SIDES,
    "PM613": _BOTH_SIDES,
}
"""Ids that are used no more, with why; never given to another check."""


def chosen(ids: Iterable[str]) -> tuple[Check, ...]:
    """The checks of these ids, or of hundreds (``PM2``), or all of them; raises UsageError for another word."""
    words = [one.strip().upper() for one in ids]
    if not words:
        return CHECKS
    made = []
    for word in words:
        found = [one for one in CHECKS if one.id == word or (len(word) == 3 and one.id.startswith(word))]
        if not found:
            why = f"; it was retired: {RETIRED[word]}" if word in RETIRED else ""
            raise UsageError(
                f"there is no check {word[:40]!r}{why}",
                next_action="pointsman lint --list names them",
                code="check-unknown",
            )
        made += found
    return tuple(dict.fromkeys(made))
