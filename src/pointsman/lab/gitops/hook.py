"""What git runs where somebody pushes to main: lets it through, or refuses it in the words of a git host.

A ``proc-receive`` hook (git 2.29 and newer) speaks pkt-lines with ``git receive-pack``, and is the only one that may
choose the reason behind "[remote rejected]", which is what GitHub, GitLab and Gitea do. It runs as a file of its own.
"""

import os
import subprocess
import sys

SETTING = "pointsman.protected"
"""The repository's setting that names a host."""

HOSTS = {
    "github": (
        "error: GH006: Protected branch update failed for {ref}.\n\n- Changes must be made through a pull request.",
        "protected branch hook declined",
    ),
    "github-rules": (
        "error: GH013: Repository rule violations found for {ref}.\n\n- Changes must be made through a pull request.\n",
        "push declined due to repository rule violations",
    ),
    "gitlab": (
        "GitLab: You are not allowed to push code to protected branches on this project.",
        "pre-receive hook declined",
    ),
    "gitea": ("Gitea: Not allowed to push to protected branch {branch}", "pre-receive hook declined"),
}
"""What each says on the client's "remote:" lines, and as its reason (messages as those hosts print them in 2025)."""


def _read() -> bytes | None:
    """One pkt-line; None for a flush."""
    size = int(sys.stdin.buffer.read(4), 16)
    return sys.stdin.buffer.read(size - 4) if size > 4 else None


def _write(text: str) -> None:
    line = text.encode()
    sys.stdout.buffer.write(f"{len(line) + 4:04x}".encode() + line)


def _flush() -> None:
    sys.stdout.buffer.write(b"0000")
    sys.stdout.buffer.flush()


def main() -> int:
    """Answer one push."""
    capabilities = (_read() or b"").partition(b"\0")[2].split()
    while _read() is not None:
        pass
    _write("version=1\0" + ("push-options" if b"push-options" in capabilities else ""))
    _flush()
    refs = []
    while (line := _read()) is not None:
        refs.append(line.decode().split()[2])
    if b"push-options" in capabilities:
        while _read() is not None:
            pass
    found = subprocess.run(["git", "config", "--get", SETTING], capture_output=True, text=True, check=False)
    said, reason = HOSTS.get(found.stdout.strip(), ("", ""))
    for ref in refs:
        if reason:
            sys.stderr.write(said.format(ref=ref, branch=ref.removeprefix("refs/heads/")) + "\n")
            _write(f"ng {ref} {reason}")
        else:
            _write(f"ok {ref}")
            _write("option fall-through")
    sys.stderr.flush()
    _flush()
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
