"""A push that is refused: by remotes with hooks that say it in each forge's words, and by what git itself answers."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.delivery.git.program import KEPT
from pointsman.delivery.git.refusals import TABLE, Ending, ending, status
from pointsman.delivery.git.wording import last_words, server_words
from pointsman.errors import PointsmanError, RefusedError, TemporaryError
from tests.delivery.git.ground import Ground, git

HOOKS = {
    "GitHub, a protected branch": (
        "error: GH006: Protected branch update failed for refs/heads/main.\n"
        "error: At least 1 approving review is required by reviewers with write access.",
        "git-protected",
        "At least 1 approving review",
    ),
    "GitHub, a ruleset": (
        "error: GH013: Repository rule violations found for refs/heads/main.\n"
        "Review all repository rules at https://github.com/o/r/rules?ref=refs%2Fheads%2Fmain\n\n"
        "- Changes must be made through a pull request.\n",
        "git-protected",
        "Changes must be made through a pull request",
    ),
    "GitHub, signatures": (
        "error: GH013: Repository rule violations found for refs/heads/main.\n- Commits must have verified signatures.",
        "git-refused",
        "Commits must have verified signatures",
    ),
    "GitHub, a secret": (
        "error: GH013: Repository rule violations found for refs/heads/main.\n- GITHUB PUSH PROTECTION",
        "git-refused",
        "GITHUB PUSH PROTECTION",
    ),
    "GitLab, a protected branch": (
        "GitLab: You are not allowed to push code to protected branches on this project.",
        "git-protected",
        "GitLab: You are not allowed",
    ),
    "GitLab, a guest": (
        "GitLab: You are not allowed to push code to this project.",
        "git-denied",
        "push code to this project",
    ),
    "GitLab, a push rule": (
        "GitLab: Commit message does not follow the pattern 'JIRA-[0-9]+'",
        "git-refused",
        "does not follow the pattern",
    ),
    "Gitea, a protected branch": (
        "Gitea: Not allowed to push to protected branch main",
        "git-protected",
        "Not allowed to push",
    ),
    "Gitea, a reader": ("Gitea: User permission denied for writing.", "git-denied", "permission denied"),
    "Forgejo, a protected file": ("Forgejo: branch main is protected from changing file x", "git-protected", "file x"),
    "Bitbucket Cloud": ("Permission denied to update branch main.", "git-protected", "update branch main"),
    "Bitbucket Data Center": (
        "Branch refs/heads/main can only be modified through pull requests.",
        "git-protected",
        "through pull requests",
    ),
    "Azure DevOps": (
        "TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch.",
        "git-protected",
        "TF402455",
    ),
    "a hook of one's own": ("no deployments on Fridays", "git-refused", "no deployments on Fridays"),
    "a hook without a word": ("", "git-refused", "pre-receive hook declined"),
}


@pytest.mark.parametrize("who", HOOKS)
async def test_a_refusal_is_told_in_the_words_of_whoever_refused(ground: Ground, who: str) -> None:
    words, code, told = HOOKS[who]
    ground.hook("pre-receive", f"printf '%s\\n' {shlex.quote(words)} >&2\nexit 1")
    tip = ground.tip()
    with pytest.raises(RefusedError) as caught:
        await ground.deliver()
    assert (caught.value.code, caught.value.where) == (code, "origin/main")
    assert told in caught.value.what
    assert "remote:" not in caught.value.what
    assert ground.tip() == tip


async def test_only_one_push_is_tried_where_a_hook_refuses(ground: Ground) -> None:
    ground.hook("update", f"echo x >> {ground.root}/pushes\necho no >&2\nexit 1")
    with pytest.raises(RefusedError):
        await ground.deliver()
    assert (ground.root / "pushes").read_text() == "x\n"


STATUS = "!\tabc:refs/heads/main\t[{kind}] ({why})"
RACES = {
    "git, not seen": ("rejected", "fetch first", ""),
    "git, seen": ("rejected", "non-fast-forward", ""),
    "git, a lease": ("rejected", "stale info", ""),
    "git's receive-pack": (
        "remote rejected",
        f"cannot lock ref 'refs/heads/main': is at {'a' * 40} but expected {'b' * 40}",
        "",
    ),
    "a lock file": (
        "remote rejected",
        "cannot lock ref 'refs/heads/main': Unable to create '/r/refs/heads/main.lock': File exists.",
        "",
    ),
    "GitHub, a branch made meanwhile": (
        "remote rejected",
        "cannot lock ref 'refs/heads/x': reference already exists",
        "",
    ),
    "git 2.46": ("remote rejected", "incorrect old value provided", ""),
    "older git": ("remote rejected", "failed to lock", ""),
    "Gitea": ("remote rejected", "failed to update ref", ""),
    "GitLab": (
        "remote rejected",
        "pre-receive hook declined",
        "remote: GitLab: Could not update refs/heads/main. Please refresh and try again.",
    ),
    "Azure DevOps": (
        "remote rejected",
        "TF401028: The reference 'refs/heads/main' has already been updated by another client.",
        "",
    ),
    "a hook": (
        "remote rejected",
        "pre-receive hook declined",
        "remote: the branch was updated by somebody, pull first",
    ),
}


@pytest.mark.parametrize("who", RACES)
def test_a_lost_race_is_known_in_each_wording(who: str) -> None:
    kind, why, said = RACES[who]
    assert ending(STATUS.format(kind=kind, why=why), said, succeeded=False) is Ending.RACE


ELSE = {
    "fatal: unable to access 'https://x/': Could not resolve host: x": Ending.UNREACHABLE,
    "fatal: unable to access 'https://x/': The requested URL returned error: 503": Ending.UNREACHABLE,
    "error: RPC failed; curl 92 HTTP/2 stream 5 was not closed cleanly": Ending.UNREACHABLE,
    "ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote repository.": (
        Ending.UNREACHABLE
    ),
    "git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.": Ending.DENIED,
    "ERROR: Repository not found.\nfatal: Could not read from remote repository.": Ending.MISSING,
    "remote: Permission to o/r.git denied to ada.\nfatal: unable to access 'x'": Ending.DENIED,
    "fatal: unable to access 'x': The requested URL returned error: 403": Ending.DENIED,
    "fatal: could not read Username for 'https://x': terminal prompts disabled": Ending.DENIED,
    "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://x/'": Ending.DENIED,
    "ERROR: This repository was archived so it is read-only.": Ending.DENIED,
    "Host key verification failed.\nfatal: Could not read from remote repository.": Ending.DENIED,
    "fatal: the remote end hung up unexpectedly": Ending.UNREACHABLE,
    "fatal: something that nobody foresaw": Ending.UNCLEAR,
}


@pytest.mark.parametrize("said", ELSE)
def test_what_is_said_without_a_status_line(said: str) -> None:
    assert ending("", said, succeeded=False) is ELSE[said]


@pytest.mark.parametrize("why", ["protected branch hook declined", "push declined due to repository rule violations"])
def test_a_protected_branch_in_the_status_line_alone(why: str) -> None:
    assert ending(STATUS.format(kind="remote rejected", why=why), "", succeeded=False) is Ending.PROTECTED


@contextmanager
def answering(code: int) -> Iterator[str]:
    """A server that has one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("code", "known"),
    [(401, "git-denied"), (403, "git-denied"), (404, "git-remote"), (429, "git-unreachable"), (503, "git-unreachable")],
)
async def test_what_git_makes_of_a_servers_answers(ground: Ground, code: int, known: str) -> None:
    with answering(code) as address:
        git(ground.clone, "remote", "set-url", "origin", f"http://ada:s3cret@{address}/r.git")
        with pytest.raises(PointsmanError) as caught:
            await ground.deliver()
    assert caught.value.code == known
    assert "s3cret" not in str(caught.value)


async def test_what_git_makes_of_an_ssh_that_is_not_let_in(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    git(ground.clone, "remote", "set-url", "origin", "git@localhost:r.git")
    monkeypatch.setenv("GIT_SSH_COMMAND", "echo 'git@localhost: Permission denied (publickey).' >&2; false")
    with pytest.raises(RefusedError) as caught:
        await ground.deliver()
    assert caught.value.code == "git-denied"


def test_a_reference_that_cannot_be_made_is_no_race() -> None:
    why = "cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'"
    assert ending(STATUS.format(kind="remote rejected", why=why), "", succeeded=False) is Ending.HOOK


def test_every_row_says_who_words_it_so_and_no_two_are_the_same() -> None:
    assert all(row.said_by for row in TABLE)
    assert len({row.pattern for row in TABLE}) == len(TABLE)


PIECES = st.sampled_from(
    ["remote: ", "\n", "!\t", ":refs/heads/main\t", "[rejected]", "https://a:b@c", "cannot lock ref ", "x"]
)


@given(said=st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=30).map("".join))
def test_whatever_a_server_says_it_is_one_of_the_endings_and_its_words_are_short(said: str) -> None:
    assert ending(said, said, succeeded=False) in set(Ending) - {Ending.DONE}
    assert len(server_words(said)) <= 600
    assert "a:b@" not in last_words(said)


@pytest.mark.parametrize("piece", ["cannot lock ref ", "a", "branch ", "://", "https://a", "remote: reference ", "@"])
def test_long_words_are_read_within_a_second(piece: str) -> None:
    said = piece * (KEPT // len(piece))
    begun = time.process_time()
    ending("", said, succeeded=False)
    last_words(said)
    server_words(said)
    assert time.process_time() - begun < 1.0


def test_a_hook_that_prints_beside_the_status_does_not_hide_it() -> None:
    out = "checking...\nTo x\n!\tabc:refs/heads/main\t[rejected] (fetch first)\nok\tfine\nDone\n"
    assert status(out) == ("!", "[rejected] (fetch first)")


async def test_a_pre_push_hook_of_the_user_runs_and_may_refuse(ground: Ground) -> None:
    ground.hook(
        "pre-push", f"cat > {ground.root}/asked\necho to stdout\necho run the linters first >&2\nexit 1", ground.clone
    )
    with pytest.raises(RefusedError) as caught:
        await ground.deliver()
    assert caught.value.code == "git-refused"
    assert "run the linters first" in caught.value.what
    assert " refs/heads/main " in (ground.root / "asked").read_text()


async def test_a_remote_that_does_not_answer_is_waited_for_and_then_told(ground: Ground) -> None:
    git(ground.clone, "remote", "set-url", "origin", "http://ada:s3cret-token@127.0.0.1:9/r.git")
    with pytest.raises(TemporaryError) as caught:
        await ground.deliver()
    assert (caught.value.code, caught.value.where) == ("git-unreachable", "origin/main")
    assert "http://127.0.0.1:9/r.git" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_a_repository_that_is_gone_is_not_waited_for(ground: Ground) -> None:
    git(ground.clone, "remote", "set-url", "origin", str(ground.root / "gone.git"))
    with pytest.raises(RefusedError) as caught:
        await ground.deliver()
    assert caught.value.code == "git-remote"


async def test_a_remote_with_its_branch_checked_out_says_so(ground: Ground) -> None:
    git(ground.remote, "config", "core.bare", "false")
    with pytest.raises(PointsmanError) as caught:
        await ground.deliver()
    assert caught.value.code == "git-protected"
