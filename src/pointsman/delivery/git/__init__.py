"""A change of declarations as one commit of a git repository: made, pushed, found again, taken back.

Runs the ``git`` program, so that the user's credentials, identity, signatures and hooks are what they are everywhere.
Knows nothing of clusters, Argo CD or what the files say (``docs/adr/0038-git-delivery.md``).
"""

from pointsman.delivery.git.changes import Change, Edit, Files, Made, Mark
from pointsman.delivery.git.delivery import deliver
from pointsman.delivery.git.newest import look_up
from pointsman.delivery.git.outcome import Delivered, Mode, Outcome, Patience, Request
from pointsman.delivery.git.pull_request import Landed, Landing, landed
from pointsman.delivery.git.revert import revert_of

__all__ = [
    "Change",
    "Delivered",
    "Edit",
    "Files",
    "Landed",
    "Landing",
    "Made",
    "Mark",
    "Mode",
    "Outcome",
    "Patience",
    "Request",
    "deliver",
    "landed",
    "look_up",
    "revert_of",
]
