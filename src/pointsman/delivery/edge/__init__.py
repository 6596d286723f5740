"""A LiteLLM edge whose configuration stands in git, and which Argo CD keeps as git has it.

``edge`` is the edge itself, ``declared`` what the newest commit says, ``proposals`` pull requests and the wait for
their merge, ``arrival`` the wait for Argo CD.
"""

from pointsman.delivery.edge.edge import EdgeInGit
from pointsman.delivery.edge.surroundings import Surroundings

__all__ = ["EdgeInGit", "Surroundings"]
