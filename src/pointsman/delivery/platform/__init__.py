"""Decisions about a platform as commits: the configuration that people edit, and the groups file that follows from it.

Decided is what the branch's newest commit says, not what lies in anybody's work tree.
"""

from pointsman.delivery.platform.proposal import Proposal, Wish, propose

__all__ = ["Proposal", "Wish", "propose"]
