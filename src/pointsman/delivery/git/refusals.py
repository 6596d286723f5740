"""What a push that did not succeed means, as a table: every forge words the same refusal in its own way.

The first row that fits decides, whatever the case of its letters. Races come first, since servers wrap them into
sentences that fit other rows too; what is only said on the way to another reason ("could not read from remote
repository") comes last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["TABLE", "Ending", "Row", "ending", "status"]


class Ending(StrEnum):
    """How a push, or a fetch, ended."""

    DONE = "done"
    RACE = "race"
    """Somebody else's push came first; made anew on theirs it may succeed."""
    PROTECTED = "protected"
    """The branch takes no direct pushes, from us or from anybody."""
    DENIED = "denied"
    """The server does not know us, or we may not write."""
    HOOK = "hook"
    """A hook said no, in its own words."""
    MISSING = "missing"
    """There is no such repository."""
    UNREACHABLE = "unreachable"
    """Nobody answers, or the connection broke; whether the push arrived is open."""
    UNCLEAR = "unclear"
    """Nothing that is known; whether the push arrived is open."""


@dataclass(frozen=True, slots=True)
class Row:
    """One wording."""

    ending: Ending
    pattern: str
    said_by: str
    """Who says it so, and what for."""


TABLE = (
    Row(
        Ending.HOOK,
        r"cannot lock ref .{0,300}(?:exists; cannot create|Permission denied|Read-only|No space)",
        "git, not by others' doing",
    ),
    Row(Ending.RACE, r"\(non-fast-forward\)", "git, the remote's commit is here"),
    Row(Ending.RACE, r"\(fetch first\)", "git, the remote's commit is not here"),
    Row(Ending.RACE, r"\(stale info\)", "git, --force-with-lease and some proxies"),
    Row(
        Ending.RACE,
        r"cannot lock ref|failed to lock|failed to update ref|unable to lock",
        "git's receive-pack, GitHub, Gitea",
    ),
    Row(Ending.RACE, r"reference already exists", "GitHub, GitLab: a branch that was made meanwhile"),
    Row(Ending.RACE, r"incorrect old value provided|is at [0-9a-f]{40,64} but expected", "git 2.46 and newer"),
    Row(Ending.RACE, r"Could not update refs/heads/\S+\. Please refresh and try again", "GitLab"),
    Row(Ending.RACE, r"TF401028|reference .{0,80}has already been updated", "Azure DevOps"),
    Row(
        Ending.RACE,
        r"(?:branch|ref|reference) was (?:updated|modified|changed) (?:by|while|meanwhile|since)",
        "plain hooks, Bitbucket",
    ),
    Row(Ending.RACE, r"stale (?:old )?(?:object|info|ref)", "Azure DevOps, Gerrit"),
    Row(Ending.HOOK, r"verified signature|must be signed|commit is not signed", "GitHub, GitLab: signatures wanted"),
    Row(Ending.HOOK, r"GH009|push cannot contain secrets|push protection", "GitHub: a secret was seen"),
    Row(Ending.PROTECTED, r"GH006|GH013", "GitHub: protected branch, ruleset"),
    Row(Ending.PROTECTED, r"protected branch hook declined|repository rule violations", "GitHub, in the status line"),
    Row(
        Ending.PROTECTED,
        r"not allowed to (?:force )?(?:push|merge).{0,20} to (?:a )?protected branch",
        "GitLab, Gitea, Forgejo",
    ),
    Row(Ending.PROTECTED, r"not allowed to push to protected branch", "Gitea, Forgejo"),
    Row(Ending.PROTECTED, r"branch .{1,200} is protected", "Gitea, Forgejo"),
    Row(Ending.PROTECTED, r"permission denied to update branch", "Bitbucket Cloud"),
    Row(Ending.PROTECTED, r"can only be modified through pull requests", "Bitbucket Data Center"),
    Row(Ending.PROTECTED, r"TF402455|must use a pull request", "Azure DevOps"),
    Row(Ending.PROTECTED, r"prohibited by Gerrit", "Gerrit"),
    Row(Ending.PROTECTED, r"branch is currently checked out", "git, a remote with a work tree"),
    Row(Ending.DENIED, r"not allowed to (?:push|upload) code", "GitLab"),
    Row(Ending.DENIED, r"User permission denied", "Gitea"),
    Row(Ending.DENIED, r"TF401027", "Azure DevOps"),
    Row(Ending.DENIED, r"permission to \S+ denied|write access to repository not granted", "GitHub"),
    Row(Ending.DENIED, r"Authentication failed|HTTP Basic: Access denied|Invalid username or", "git over HTTPS"),
    Row(Ending.DENIED, r"could not read (?:Username|Password)|terminal prompts disabled", "git, no credentials"),
    Row(Ending.DENIED, r"returned error: 40[13]", "git over HTTPS"),
    Row(Ending.DENIED, r"Permission denied \(|Host key verification failed", "ssh"),
    Row(
        Ending.DENIED,
        r"marked as read[- ]only|read[- ]only (?:deploy )?key|deploy key does not have write",
        "GitHub, GitLab",
    ),
    Row(Ending.DENIED, r"archived so it is read-only|repository is archived", "GitHub, GitLab, Gitea"),
    Row(Ending.MISSING, r"repository not found|does not appear to be a git repository|returned error: 404", "all"),
    Row(
        Ending.MISSING,
        r"TF401019|project you were looking for could not be found|repository '.{1,300}' (?:not found|does not exist)",
        "Azure DevOps, GitLab, git",
    ),
    Row(Ending.HOOK, r"hook declined|\(hook declined\)|push declined", "git's receive-pack, any hook"),
    Row(Ending.UNREACHABLE, r"Could not resolve (?:host|hostname|proxy)|Name or service not known", "curl, ssh"),
    Row(
        Ending.UNREACHABLE,
        r"Connection (?:refused|timed out|reset|closed)|operation timed out|Failed to connect",
        "curl, ssh",
    ),
    Row(Ending.UNREACHABLE, r"Network is unreachable|No route to host|broken pipe|kex_exchange", "ssh"),
    Row(
        Ending.UNREACHABLE,
        r"returned error: (?:429|5\d\d)|RPC failed|early EOF|unexpected disconnect",
        "git over HTTPS",
    ),
    Row(
        Ending.UNREACHABLE,
        r"internal server error|service unavailable|temporarily unavailable",
        "forges in trouble",
    ),
    Row(Ending.UNREACHABLE, r"SSL_(?:read|write|connect)|gnutls|GnuTLS|TLS connection", "curl"),
    Row(Ending.UNREACHABLE, r"hung up unexpectedly", "git, a server that went away"),
    Row(Ending.HOOK, r"\[remote rejected\]", "a server, for any other reason it names"),
    Row(Ending.UNREACHABLE, r"Could not read from remote repository", "git, after any of the above"),
)
_ROWS = tuple((row.ending, re.compile(row.pattern, re.IGNORECASE)) for row in TABLE)
_STATUS = re.compile(r"^([ +\-*=!])\t[^\t]*:refs/heads/[^\t]*\t(.*)$", re.MULTILINE)


def status(out: str) -> tuple[str, str]:
    """The flag and summary of the branch in what ``push --porcelain`` printed; empty when it printed none.

    A ``pre-push`` hook may print beside it.
    """
    found = _STATUS.findall(out)
    return found[-1] if found else ("", "")


def ending(out: str, err: str, *, succeeded: bool, hook: bool = False) -> Ending:
    """What it means; ``hook``: there is a ``pre-push`` hook, which refuses without a word of git's own."""
    flag, summary = status(out)
    if succeeded and flag != "!":
        return Ending.DONE
    told = f"{summary}\n{err}"
    for meaning, pattern in _ROWS:
        if pattern.search(told):
            return meaning
    if hook and not flag and "failed to push some refs" in err:
        return Ending.HOOK
    return Ending.UNCLEAR
