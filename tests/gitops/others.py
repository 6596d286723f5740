"""Those who commit to a platform beside its moves: colleagues, rivals, and a forge that takes pull requests."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pointsman.lab.gitops.remote import make, protect
from tests.gitops.repository import Clone
from tests.gitops.trapped import Trap

__all__ = ["NOTE", "Colleague", "Forge", "closed", "merged", "squashed", "watching"]

LOOK = 0.05
"""Seconds between two looks of those who wait for a commit."""
NOTE = "echo more >> NOTES"
HOOK = """#!/bin/sh
# Pushes somebody else's commit after ours was decided on, and before it is sent; once for each of ours.
unset $(git rev-parse --local-env-vars)
cd '{clone}'
while read -r _ commit _; do
  mark=$(git log -1 --format=%B "$commit" | sed -n 's/^Pointsman-Move: //p' | tr ' ' _)
  [ -n "$mark" ] && [ ! -e "{seen}/$mark" ] || continue
  touch "{seen}/$mark"
  [ {number} -eq 0 ] || [ "$(ls '{seen}' | wc -l)" -eq {number} ] || continue
  sh '{script}' || exit 1
done
"""


class Colleague:
    """Somebody with a clone of their own; what they commit is counted as theirs."""

    def __init__(self, trap: Trap, folder: Path, name: str = "Colleague") -> None:
        self.trap, self.name = trap, name
        remote = str(trap.platform.remote)
        subprocess.run(["git", "clone", "--quiet", remote, str(folder)], check=True, capture_output=True)
        self.here = Clone(folder)
        self.here.git("config", "user.name", name)
        self.here.git("config", "user.email", f"{name.lower()}@example.com")

    def push(self, change: str, message: str) -> None:
        """Do this in the newest tree, in a shell; commit all and push."""
        done = subprocess.run(["sh", "-c", self._script(change, message)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self._counted()

    @contextmanager
    def quicker(self, change: str, message: str, *, number: int = 0) -> Iterator[None]:
        """Push this between the look and the push of each commit of ours, or only of the one of that number."""
        folder, platform = self.here.path, self.trap.platform
        seen, script = folder.with_name(f"{folder.name}-seen"), folder.with_name(f"{folder.name}.sh")
        seen.mkdir()
        script.write_text(self._script(change, message), "utf-8")
        hook = platform.path / ".git" / "hooks" / "pre-push"
        hook.write_text(HOOK.format(clone=platform.path, seen=seen, script=script, number=number), "utf-8")
        hook.chmod(0o755)
        try:
            yield
        finally:
            hook.unlink()
            self._counted()

    def made(self) -> list[str]:
        """Their commits that are on the branch."""
        return [one for one in self.trap.bare("rev-list", "main").split() if one in self.here.own()]

    def _counted(self) -> None:
        self.trap.others |= self.here.own()

    def _script(self, change: str, message: str) -> str:
        return (
            f"cd '{self.here.path}' && git pull --quiet --ff-only && {change} && git add --all && "
            f"git commit --quiet --message={shlex.quote(message)} && git push --quiet origin HEAD:main"
        )


@contextmanager
def watching(look: Callable[[], None]) -> Iterator[None]:
    """Look again and again beside the block; what a look raises is raised at its end."""
    over, wrong = threading.Event(), list[Exception]()

    def watch() -> None:
        while not over.wait(LOOK):
            try:
                look()
            except Exception as error:
                wrong.append(error)
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if wrong:
        raise wrong[0]


Act = Callable[["Forge", str], None]


class Forge:
    """Refuses pushes to main as GitHub words it, and does the next of its acts to each branch that is pushed."""

    def __init__(self, trap: Trap, *acts: Act) -> None:
        self.trap, self.acts = trap, list(acts)
        self.proposed: list[str] = []
        """Branches, in the order in which they were pushed; one that was proposed anew is there again."""
        self._there: set[str] = set()

    @contextmanager
    def protecting(self) -> Iterator[None]:
        """While the block runs."""
        remote = self.trap.platform.remote
        make(remote)
        protect(remote, "github")
        try:
            self._there = self._open()
            with watching(self._look):
                yield
        finally:
            protect(remote, "")

    def _look(self) -> None:
        now = self._open()
        new, self._there = now - self._there, now
        for branch in (line.partition(" ")[0] for line in new):
            self.proposed.append(branch)
            self.acts.pop(0)(self, branch)

    def _open(self) -> set[str]:
        """Branches that are there, each with its newest commit."""
        listed = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/pointsman/")
        return set(listed.splitlines())

    def git(self, *words: str) -> str:
        """Run git in the remote, as a forge does: no hook is asked."""
        return Clone(self.trap.platform.remote).git(*words)

    def onto_main(self, branch: str, message: str, *parents: str) -> None:
        """Commit on main what the branch has."""
        tree = self.git("merge-tree", "--write-tree", "main", branch).splitlines()[0]
        flags = [word for parent in ("main", *parents) for word in ("-p", parent)]
        made = self.git("commit-tree", *flags, "-m", message, tree)
        self.trap.others.add(made)
        self.git("update-ref", "refs/heads/main", made)


def merged(forge: Forge, branch: str) -> None:
    """With a merge commit; the branch stays."""
    forge.onto_main(branch, f"Merge {branch}", branch)


def squashed(forge: Forge, branch: str) -> None:
    """Into a commit of the forge's own words, without a trailer; the branch goes, and the forge keeps what it had."""
    forge.git("update-ref", f"refs/pull/{len(forge.proposed)}/head", branch)
    forge.onto_main(branch, "A change (#7)")
    closed(forge, branch)


def closed(forge: Forge, branch: str) -> None:
    """Not merged, and its branch deleted."""
    forge.git("update-ref", "-d", f"refs/heads/{branch}")
