"""``docs/rights.yaml`` gives what a move asks for, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pointsman.demo.platform import example_model
from pointsman.edge.litellm_values import litellm_values
from pointsman.kube.rights import Right
from pointsman.layers.registry import LAYERS
from pointsman.move.plan.rights import rights_of, rights_to_know
from tests.world.cluster import MemoryCluster

FILE = Path(__file__).parents[2] / "docs/rights.yaml"
EVERYWHERE = {("list", "", "pods"), ("list", "", "nodes"), ("get", "", "namespaces")}
"""What ``pointsman-view`` has that a move asks for; the rest of it is what ``pointsman status`` shows."""


def given(role: str) -> set[tuple[str, str, str]]:
    """Verb, group and resource of every right in a role."""
    documents: list[dict[str, Any]] = list(YAML(typ="safe").load_all(FILE))
    rules = next(one["rules"] for one in documents if one["metadata"]["name"] == role)
    return {
        (verb, group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def wanted() -> list[Right]:
    """By moves between all layers."""
    model = example_model()
    edge = litellm_values(MemoryCluster(), model, {})
    return [
        right
        for source in LAYERS
        for target in LAYERS
        if source is not target
        for right in rights_of(model, source, target, edge)
    ]


def words(right: Right) -> tuple[str, str, str]:
    return (right.verb, right.kind.group, right.resource)


def test_the_role_for_namespaces_is_what_moves_ask_for_there() -> None:
    assert given("pointsman-operate") == {words(one) for one in wanted() if one.namespace}


def test_the_role_for_the_cluster_holds_what_moves_ask_for_everywhere() -> None:
    assert {words(one) for one in wanted() if not one.namespace} == EVERYWHERE
    kinds = {ref.kind for layer in LAYERS for ref in layer.reads(example_model())}
    shown = {(verb, kind.group, kind.plural) for kind in kinds for verb in ("get", "list")}
    assert given("pointsman-view") == EVERYWHERE | shown | {words(one) for one in rights_to_know()}
