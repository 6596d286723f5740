"""73x: versions that are known to bite. They are told by image tags, or by the API server; who tells none is spared."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pointsman.checks import kserve_canary
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.installed import LAYERS, version_of
from pointsman.checks.view import View

__all__ = ["CHECKS"]

_TEMPLATE = ("spec", "template", "spec")
_ARGO = {
    (3, 5, 3): "an operation that was written can never be cleared (argo-cd 29741)",
}
_INHERITS = "a sync takes over resources, revision and prune of the one before it (argo-cd 28701, 29332)"
_LAST_INHERITING = (3, 2, 6)
_NEEDS = (1, 32)
"""Kubernetes that KServe 0.17 and later ask for."""


def _argo_cd(view: View) -> Iterator[Told]:
    found = version_of(view, "argocd-application-controller")
    if found is None:
        return
    standing, image, version = found
    why = _ARGO.get(version) or (_INHERITS if version <= _LAST_INHERITING else "")
    if why:
        yield Told(standing, f"its image tag says {image.rpartition(':')[2].partition('@')[0]}: {why}", _TEMPLATE)


def _kubernetes(view: View) -> Iterator[Told]:
    found = version_of(view, "kserve-controller-manager")
    for one in view.of("APIServer"):
        said = re.match(r"v(\d+)\.(\d+)", str(one.data.get("gitVersion") or ""))
        if found and said and found[2] >= (0, 17, 0) and (int(said[1]), int(said[2])) < _NEEDS:
            what = f"the API server says {one.data['gitVersion']}, and KServe of {found[1]} asks for 1.32 or later"
            yield Told(one, what, ("gitVersion",))


_READS = frozenset({"Deployment", "StatefulSet"})
_CLUSTER = frozenset({Source.cluster})
CHECKS = (
    Check(
        "PM730",
        "argocd-version",
        Level.warning,
        _READS,
        cause="this version's syncs can do something else than they are asked for",
        remedy="upgrade Argo CD; pointsman proves each sync by what was asked, and refuses one that was changed",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; public reports 28701, 29332, 29741",
        run=_argo_cd,
        sources=_CLUSTER,
    ),
    kserve_canary.LIVE,
    Check(
        "PM732",
        "kubernetes-version",
        Level.warning,
        _READS | {"APIServer"},
        cause="KServe is neither built nor tested for a Kubernetes this old: fields that it sets may be dropped",
        remedy="upgrade Kubernetes before KServe",
        sure=Sure.source,
        fact="KServe documentation, quickstart of 0.17 and later: Kubernetes 1.32 or higher",
        run=_kubernetes,
        sources=_CLUSTER,
        layers=LAYERS,
    ),
)
