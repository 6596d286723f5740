"""4xx: kustomizations that Kustomize refuses to build, so that nothing of them is deployed."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View

__all__ = ["CHECKS"]


def _refused(view: View) -> Iterator[Told]:
    for one in view.unbuilt:
        yield Told(None, one.why, next_action=one.next_action, where=one.where)


CHECKS = (
    Check(
        "PM422",
        "kustomization-refused",
        Level.error,
        frozenset({"files"}),
        cause="what Kustomize refuses to build is not deployed: what ran runs on, and no change of the folder comes",
        remedy="mend what it names, and build it: kubectl kustomize FOLDER",
        sure=Sure.measured,
        fact="kubectl kustomize 5.5 on each of these; kustomize api v0.21, resmap and builtins/PatchTransformer",
        run=_refused,
        sources=frozenset({Source.files}),
    ),
)
