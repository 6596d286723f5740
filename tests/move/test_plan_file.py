"""Files that are no plans: refused at once, in words, whatever they hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Pointsman

FILES = {
    "empty": b"",
    "torn": b'{"version": 1, "spec": {',
    "deep": b"[" * 100_000,
    "deep-objects": b'{"a":' * 100_000,
    "another-thing": b'{"kind": "Deployment"}',
    "binary": os.urandom(2000),
    "large": b" " * (9 << 20),
}


def apply(state: Path, path: Path) -> dict[str, str]:
    """What ``apply`` says of a file."""
    done = Pointsman(state)("apply", str(path), "--yes", "--output", "json", timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found["error"]


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(FILES[kind])
    assert apply(tmp_path, path)["code"] == "plan-invalid"


@pytest.mark.parametrize("path", [Path("/dev/zero"), Path("/"), Path("/nowhere/plan.json")], ids=str)
def test_what_is_not_a_file_is_not_read(tmp_path: Path, path: Path) -> None:
    refused = apply(tmp_path, path)
    assert (refused["code"], refused["where"]) == ("plan-invalid", str(path))
