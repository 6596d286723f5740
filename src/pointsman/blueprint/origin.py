"""Which repository Argo CD reads: the URL that is given, else the one that git knows, without anybody's password."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from pointsman.errors import UsageError

__all__ = ["enclosing", "origin_of", "repository_url"]

_SECONDS = 5.0
_ODD = re.compile(r"[\s\"'\\|<>{}`^&$]|[^\x21-\x7e]")
_SCP = re.compile(r"(?:[^@/:]+@)?[^@/:]+:(?!//)[^:]+")
_SCHEMES = ("https", "http", "ssh", "git", "file")
_WITH_USER = ("ssh",)
"""Where a user belongs to the address: ``ssh://git@host/…``. Its password never does."""


def repository_url(word: str, folder: Path) -> str:
    """As Argo CD can be told it: a URL without credentials; a path on this machine becomes a ``file://`` one.

    Raises UsageError for what is none.
    """
    if not word or _ODD.search(word):
        raise _no_url("it is empty, or holds what no URL does")
    if "://" in word:
        return _without_credentials(word)
    if _SCP.fullmatch(word):
        return word
    if ":" in word or "@" in word:
        raise _no_url("it is neither a URL nor HOST:PATH")
    return (folder / Path(word).expanduser()).resolve().as_uri()


def _without_credentials(word: str) -> str:
    scheme, _, rest = word.partition("://")
    authority, slash, path = rest.partition("/")
    user, _, host = authority.rpartition("@")
    try:
        urlsplit(f"{scheme}://{host}/").port  # noqa: B018  raises for what is no port, as in a password with a slash
    except ValueError:
        raise _no_url("its host and port cannot be told") from None
    if scheme not in _SCHEMES or not (host or scheme == "file") or not path:
        raise _no_url(f"it is not {', '.join(_SCHEMES)} with a host and a path")
    kept = f"{user.partition(':')[0]}@" if user and scheme in _WITH_USER else ""
    return f"{scheme}://{kept}{host}{slash}{path}"


def _no_url(why: str) -> UsageError:
    """The word itself is not repeated: it may hold a password."""
    return UsageError(
        f"this is no URL of a repository: {why}",
        where="--repository-url",
        next_action="give it as Argo CD reads it, without user and password: https://git.example.com/platform.git",
        code="init-repository-url",
    )


def origin_of(folder: Path) -> str:
    """The URL of the clone's ``origin``; empty when the folder is no clone, or has none that can be used."""
    if not (folder / ".git").exists():
        return ""
    try:
        return repository_url(_git(folder, "remote", "get-url", "origin"), folder)
    except UsageError:
        return ""


def enclosing(folder: Path) -> str:
    """The git repository that the folder lies in without being its root; empty when there is none."""
    there = next((one for one in (folder, *folder.parents) if one.is_dir()), folder)
    top = _git(there, "rev-parse", "--show-toplevel")
    return top if top and Path(top) != folder else ""


def _git(folder: Path, *words: str) -> str:
    """What git says there; empty when it says no, or is not installed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
