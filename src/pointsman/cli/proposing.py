"""What ``features`` and ``resolve`` share: their change as one commit of the newest tree, kept, pushed or proposed."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli import stopping
from pointsman.cli.repo import branch_of, warn
from pointsman.cli.words import Output, agree
from pointsman.errors import UsageError

if TYPE_CHECKING:
    from pointsman.catalog.repository import Repository
    from pointsman.delivery.git import Delivered, Mode
    from pointsman.delivery.platform import Proposal, Wish

__all__ = ["Commit", "PullRequest", "Push", "Way", "Yes", "asked_for", "carry_out"]

Commit = Annotated[
    bool, typer.Option("--commit", help="Make it one commit on a local branch of its own; push nothing.")
]
Push = Annotated[bool, typer.Option("--push", help="Make it one commit on the platform's branch, and push it.")]
PullRequest = Annotated[
    bool, typer.Option("--pull-request", help="Push it to a branch of its own, and print the text of a pull request.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a push that turns groups off.")]


class Way(StrEnum):
    """How far a change goes."""

    commit = "commit"
    push = "push"
    pull_request = "pull-request"

    @property
    def option(self) -> str:
        """As it is typed."""
        return f"--{self.value}"

    @property
    def mode(self) -> Mode:
        """The same for a delivery."""
        from pointsman.delivery.git import Mode

        return Mode(self.value)


def asked_for(commit: bool, push: bool, pull_request: bool) -> Way | None:
    """The way that was named; None: files alone. Raises UsageError when several were."""
    named = [way for way, on in zip(Way, (commit, push, pull_request), strict=True) if on]
    if len(named) > 1:
        told = ", ".join(way.option for way in named)
        raise UsageError("these exclude each other", where=told, next_action=f"give one of them: {told}")
    return named[0] if named else None


def carry_out(repository: Repository, wish: Wish, way: Way, yes: bool, output: Output) -> None:
    """Propose the change on the newest tree, ask where a push would take something away, deliver it, and tell."""
    remote, branch = repository.platform.spec.edge.remote, branch_of(repository)
    proposal, delivered = asyncio.run(_delivered(repository, wish, way, yes, remote, branch))
    if output is Output.text:
        _tell(proposal, delivered, way, f"{remote}/{branch}")
        return
    from pointsman.report.data import write_data

    write_data(sys.stdout, _object(proposal, delivered), output)


async def _delivered(
    repository: Repository, wish: Wish, way: Way, yes: bool, remote: str, branch: str
) -> tuple[Proposal, Delivered]:
    from pointsman.delivery.git import deliver
    from pointsman.delivery.platform import propose
    from pointsman.report.folding import write_folded

    proposal = await propose(repository, wish, remote=remote, branch=branch)
    warn(proposal.told)
    if way is not Way.pull_request:  # there they stand in the text
        write_folded(sys.stderr, proposal.effects.lines())
    if way is Way.push and proposal.effects.off:
        agree(yes, f"push it? Argo CD takes down what {', '.join(proposal.effects.off)} brought")
    stopping.left("interrupted while it was delivered", "run it again: a commit that arrived is found, not made twice")
    return proposal, await deliver(repository.root, proposal.change, remote=remote, branch=branch, mode=way.mode)


def _tell(proposal: Proposal, delivered: Delivered, way: Way, base: str) -> None:
    from pointsman.delivery.git import Outcome
    from pointsman.report.text import write_lines

    if delivered.outcome is Outcome.NOTHING:
        write_lines(sys.stdout, [f"nothing to do: {base} says it already"])
        return
    write_lines(sys.stdout, [delivered.told()])
    if delivered.branch == base.partition("/")[2]:
        write_lines(sys.stderr, ["your work tree is as it was: git pull brings it here"])
        return
    if request := delivered.request:
        write_lines(sys.stdout, ["", request.title, "", *request.body.splitlines()])
        where = request.link or f"from {request.branch} to {request.base}, with the text above"
        write_lines(sys.stderr, [f"next: open a pull request: {where}"])
        return
    remote = base.partition("/")[0]
    write_lines(sys.stderr, [f"next: git show {delivered.branch}; git push {remote} {delivered.branch}"])


def _object(proposal: Proposal, delivered: Delivered) -> dict[str, Any]:
    request = delivered.request
    return {
        "outcome": delivered.outcome.value,
        "commit": delivered.commit,
        "base": delivered.base,
        "branch": delivered.branch,
        "subject": proposal.change.subject,
        "effects": proposal.effects.as_dict(),
        "pullRequest": request
        and {"from": request.branch, "to": request.base, "title": request.title, "body": request.body}
        | ({"link": request.link} if request.link else {}),
        "warnings": [one.as_dict() for one in proposal.told],
    }
