"""A configuration that Kustomize makes a ConfigMap of (``configMapGenerator``): one edge, not a file's and a map's."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.adopt.edges import Edge, members_of

__all__ = ["joined"]


def joined(edges: Sequence[Edge]) -> list[Edge]:
    """Edges, where a file that a generator takes stands for its ConfigMap: it is what people edit.

    A file that several ConfigMaps are made of stands for the first one; the others stay.
    """
    files = {(edge.path, edge.config.text): edge for edge in edges if edge.config_map is None and not edge.application}
    made: list[Edge] = []
    for edge in edges:
        one = edge.config_map
        source = None
        if one is not None and not one.deployed.documents:
            names = sorted(one.origin.files)
            source = next((files.pop(key) for name in names if (key := (name, edge.config.text)) in files), None)
        if source is None or source.under:
            made.append(edge)
            continue
        source.namespace, source.application, source.generated = edge.namespace, edge.application, one
        source.variables = edge.variables
        source.members = members_of(source)
    return made
