"""The commit is made as the user's own git commit would: their name, their signature, their hooks."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.errors import RefusedError
from tests.delivery.git.ground import LINE, Ground, change, git


def _key(root: Path) -> Path:
    key = root / "key"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)), check=True)
    return key


def _signing(ground: Ground, key: str) -> None:
    for name, value in {"commit.gpgSign": "yes", "gpg.format": "ssh", "user.signingKey": key}.items():
        git(ground.clone, "config", name, value)


async def test_signed_with_ssh_where_the_users_commits_are(ground: Ground) -> None:
    key = _key(ground.root)
    _signing(ground, f"{key}.pub")
    delivered = await ground.deliver()
    public = key.with_suffix(".pub").read_text()
    (ground.root / "signers").write_text(f"ada@example.org {public}")
    git(ground.clone, "config", "gpg.ssh.allowedSignersFile", str(ground.root / "signers"))
    git(ground.clone, "verify-commit", delivered.commit)


NAME = "Ada Operator <ada@example.org>"


@pytest.fixture
def gpg_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A key of its own; the path is short, since sockets are made in it."""
    with tempfile.TemporaryDirectory(prefix="pm-gpg-", dir="/tmp") as folder:
        monkeypatch.setenv("GNUPGHOME", folder)
        made = ("--passphrase", "", "--quick-generate-key", NAME, "ed25519", "sign")
        words = ("gpg", "--batch", "--quiet", *made)
        subprocess.run(words, check=True, capture_output=True)
        subprocess.run(("gpgconf", "--kill", "gpg-agent"), check=True)
        yield folder
        subprocess.run(("gpgconf", "--kill", "gpg-agent"), check=True)


@pytest.mark.skipif(shutil.which("gpg") is None, reason="there is no gpg here")
async def test_signed_with_gpg(ground: Ground, gpg_home: str) -> None:
    git(ground.clone, "config", "commit.gpgSign", "true")
    delivered = await ground.deliver()
    git(ground.clone, "verify-commit", delivered.commit)


async def test_not_signed_where_they_are_not(ground: Ground) -> None:
    git(ground.clone, "config", "user.signingKey", "whatever")
    delivered = await ground.deliver()
    assert "gpgsig" not in git(ground.clone, "cat-file", "commit", delivered.commit)


@pytest.mark.parametrize("form", ["ssh", "openpgp"])
async def test_a_signer_that_fails_is_a_refusal_and_no_unsigned_commit(ground: Ground, form: str) -> None:
    _signing(ground, str(ground.root / "no-such-key"))
    git(ground.clone, "config", "gpg.format", form)
    tip = ground.tip()
    with pytest.raises(RefusedError) as caught:
        await ground.deliver()
    assert caught.value.code == "git-signing"
    assert "cannot be signed" in caught.value.what
    assert ground.tip() == tip


@pytest.mark.parametrize("missing", ["name", "email"])
async def test_without_a_name_or_an_address_it_says_what_to_do(ground: Ground, missing: str) -> None:
    home = ground.root / "home" / ".gitconfig"
    home.write_text("".join(line for line in home.read_text().splitlines(keepends=True) if missing not in line))
    with pytest.raises(RefusedError) as caught:
        await ground.deliver()
    assert caught.value.code == "git-identity"
    assert "git config user.name" in caught.value.next_action


async def test_the_identity_of_the_environment_counts(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Zoë Author")
    await ground.deliver()
    assert git(ground.remote, "log", "-1", "--format=%an %cn", "main") == "Zoë Author Ada Operator"


async def test_commit_msg_may_add_to_the_message_and_runs_where_git_commit_runs_it(ground: Ground) -> None:
    ground.hook("commit-msg", f'pwd > {ground.root}/where; echo "Change-Id: I123" >> "$1"', ground.clone)
    await ground.deliver(folder=ground.clone / "environments")
    assert git(ground.remote, "log", "-1", "--format=%B", "main").endswith(f"{LINE}\nChange-Id: I123")
    assert (ground.root / "where").read_text().strip() == str(ground.clone)
    assert (await ground.deliver()).outcome == "found"


async def test_commit_msg_may_refuse_and_its_words_are_told(ground: Ground) -> None:
    ground.hook("commit-msg", "echo the subject lacks a ticket >&2; exit 1", ground.clone)
    with pytest.raises(RefusedError) as caught:
        await ground.deliver()
    assert caught.value.code == "git-hook"
    assert "the subject lacks a ticket" in caught.value.what
    assert ground.commits() == []


async def test_a_commit_msg_hook_that_takes_the_trailer_away_is_refused(ground: Ground) -> None:
    ground.hook("commit-msg", 'echo "Something else" > "$1"', ground.clone)
    with pytest.raises(RefusedError) as caught:
        await ground.deliver()
    assert (caught.value.code, ground.commits()) == ("git-hook", [])


async def test_a_hook_elsewhere_without_a_first_line_runs_too_and_one_that_is_switched_off_does_not(
    ground: Ground,
) -> None:
    hooks = ground.root / "hooks"
    hooks.mkdir()
    (hooks / "commit-msg").write_text('echo "Reviewed-by: hook" >> "$1"\n')
    (hooks / "commit-msg").chmod(0o755)
    (hooks / "pre-push").write_text("#!/bin/sh\nexit 1\n")
    git(ground.clone, "config", "core.hooksPath", str(hooks))
    await ground.deliver()
    assert "Reviewed-by: hook" in git(ground.remote, "log", "-1", "--format=%B", "main")


async def test_hooks_that_are_kept_in_the_repository_run_wherever_it_is_started(ground: Ground) -> None:
    git(ground.clone, "config", "core.hooksPath", ".husky")
    (ground.clone / ".husky").mkdir()
    for name, script in {"commit-msg": 'echo "By: husky" >> "$1"', "pre-push": f"pwd > {ground.root}/pushed"}.items():
        (ground.clone / ".husky" / name).write_text(f"#!/bin/sh\n{script}\n")
        (ground.clone / ".husky" / name).chmod(0o755)
    await ground.deliver(folder=ground.clone / "environments" / "lab")
    assert "By: husky" in git(ground.remote, "log", "-1", "--format=%B", "main")
    assert (ground.root / "pushed").read_text().strip() == str(ground.clone)


async def test_what_a_hook_leaves_running_is_not_waited_for(ground: Ground) -> None:
    ground.hook("pre-push", f"sleep 600 &\necho $! > {ground.root}/left", ground.clone)
    try:
        async with asyncio.timeout(60):
            assert (await ground.deliver()).outcome == "made"
    finally:
        os.kill(int((ground.root / "left").read_text()), signal.SIGKILL)


async def test_pre_commit_is_not_run_since_the_work_tree_is_not_what_is_committed(ground: Ground) -> None:
    ground.hook("pre-commit", "exit 1", ground.clone)
    assert (await ground.deliver()).outcome == "made"


async def test_a_hook_in_a_bare_clone(ground: Ground) -> None:
    git(ground.root, "clone", "-q", "--bare", str(ground.remote), "bare")
    bare = ground.root / "bare"
    ground.hook("commit-msg", 'echo "At: $(git rev-parse --is-bare-repository)" >> "$1"', bare)
    await ground.deliver(change(), folder=bare)
    assert "At: true" in git(ground.remote, "log", "-1", "--format=%B", "main")
