"""Where git has an edge's configuration, and who brings it into the cluster."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["InGit"]


@dataclass(frozen=True, slots=True)
class InGit:
    """A file of a repository, and the Application that syncs it. Kept in the journal of a move."""

    path: str
    """The file, from the repository's root."""
    under: tuple[str, ...]
    """The keys below which the configuration stands in it; none where the file is nothing else."""
    application: str
    """The Argo CD Application that brings it into the cluster."""
    namespace: str = "argocd"
    """Where that is."""
    remote: str = "origin"
    """The remote that is pushed to, as the clone names it."""
    branch: str = "main"
    """The branch that the Application reads."""
    pull_requests: bool = False
    """Is each change a branch of its own, which somebody merges?"""
    merge_timeout: float = 86400.0
    """Seconds that one may wait to be merged, before the move pauses for a person."""

    @property
    def where(self) -> str:
        """For people: ``platform/litellm/values.yaml on origin/main``."""
        return f"{self.path} on {self.remote}/{self.branch}"
