"""The ``platform.yaml`` of an adopted repository: it marks the root, and says where git has the edge."""

from __future__ import annotations

from pointsman.adopt.edges import Edge
from pointsman.adopt.writing import scalar

__all__ = ["platform_text"]


def platform_text(name: str, edge: Edge | None) -> str:
    """The ``platform.yaml`` of a repository; ``edge``: the one that git has, where there is one alone."""
    lines = [
        "# Adopted. What is not here is as docs/platform.md of pointsman says.",
        "apiVersion: pointsman.dev/v1alpha1",
        "kind: Platform",
        f"metadata: {{name: {name}}}",
    ]
    application = edge.application if edge else None
    if edge is None or application is None:
        lines += [
            "spec:",
            "  # To be filled in where Argo CD brings the edge's configuration into the cluster: delivery, edge.",
            "  delivery: direct",
        ]
    else:
        lines += [
            "spec:",
            "  # A move changes the alias by commits to this file, which Argo CD brings into the cluster.",
            "  delivery: git",
            "  edge:",
            f"    values: {scalar(edge.path)}",
            f"    under: {scalar('.'.join(edge.under))}",
            f"    application: {scalar(application.name)}",
            f"    namespace: {scalar(application.namespace)}",
            *([f"    branch: {scalar(application.branch)}"] if application.branch else []),
        ]
    return "".join(f"{line}\n" for line in lines)
