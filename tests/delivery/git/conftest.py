"""Git without this machine's settings, and a ground for each test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.delivery.git.ground import IDENTITY, Ground, lay


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GIT_", "SSH_")) or name == "EMAIL":
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(IDENTITY)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return lay(tmp_path)
