"""The steps of a teardown, in order, drawn once from what was found. Pure.

Tenants first: aliases leave the edge. Then everything that holds an accelerator is drained and parked, so that whatever
happens after that costs none. Only then things go: what hangs on something before that, what needs a controller while
it is there. Our own records go last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pointsman.kube.resources import Ref, kind_of
from pointsman.teardown.models import LayerView, ModelView
from pointsman.teardown.survey import Survey

__all__ = ["LOOK", "OF_MODELS", "RECORDS", "Act", "act_of", "ref_in", "steps_of"]

LOOK, RECORDS = "look", "records"


@dataclass(frozen=True, slots=True)
class Act:
    """What a step's id says."""

    verb: str
    """``alias``, ``drain``, ``workload``, ``applications``, ``objects``, ``route``, ``gateway``, ``set``, ``project``,
    ``left``, ``look`` or ``records``."""
    what: str = ""

    @property
    def model(self) -> str:
        """Whose lock it needs; empty when none."""
        return self.what.partition("/")[0] if self.verb in OF_MODELS else ""

    @property
    def layer(self) -> str:
        """Of the model."""
        return self.what.partition("/")[2] if self.verb in OF_MODELS else ""


OF_MODELS = frozenset({"alias", "drain", "workload", "applications", "objects"})


def act_of(step: str) -> Act:
    """What a step's id says: ``drain:qwen/kserve``."""
    verb, _, what = step.partition(":")
    return Act(verb, what)


def ref_in(act: Act) -> Ref:
    """The one object that it is about: ``Gateway kserve/qwen``."""
    kind, _, place = act.what.partition(" ")
    namespace, slash, name = place.partition("/")
    return Ref(kind_of(kind), name, namespace) if slash else Ref(kind_of(kind), place)


def steps_of(found: Survey) -> list[str]:
    """Their ids."""
    layers = [(view, one) for view in found.models for one in view.layers]
    late = [(view, one) for view, one in layers if _goes_with_its_set(found, one)]
    soon = [pair for pair in layers if pair not in late]
    return [
        *(f"alias:{view.model.name}" for view in found.models if found.scope.kind != "layer"),
        *(step for view, one in layers for step in _parking(view, one)),
        *(f"route:{one.ref}" for one in found.going if one.ref.kind.name != "Gateway"),
        *(step for view, one in soon for step in _going(found, view, one)),
        *(f"gateway:{one.ref}" for one in found.going if one.ref.kind.name == "Gateway"),
        *(f"set:{one.ref}" for one in found.platform.sets),
        *(f"objects:{view.model.name}/{one.layer.id}" for view, one in late),
        *(f"left:{ref}" for ref in reversed(found.left)),
        *(f"project:{ref}" for ref in found.platform.projects),
        LOOK,
        *([RECORDS] if found.scope.kind != "layer" else []),
    ]


def _parking(view: ModelView, one: LayerView) -> Iterator[str]:
    name = f"{view.model.name}/{one.layer.id}"
    yield f"drain:{name}"
    yield f"workload:{name}"


def _going(found: Survey, view: ModelView, one: LayerView) -> Iterator[str]:
    name = f"{view.model.name}/{one.layer.id}"
    if any(not found.platform.keeps(each) for each in one.found.keepers):
        yield f"applications:{name}"
    yield f"objects:{name}"


def _goes_with_its_set(found: Survey, one: LayerView) -> bool:
    """Would somebody of the platform make its objects again until its ApplicationSet is gone?"""
    return any(found.platform.keeps(each) and each.app.automated for each in one.found.keepers)
