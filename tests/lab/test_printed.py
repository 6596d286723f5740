"""What ``pointsman lab`` prints of a lab that is there and does not run has its schema."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pointsman.lab import locks
from pointsman.lab.config import LabConfig
from pointsman.lab.gitops import remote
from pointsman.lab.paths import lab_home
from pointsman.lab.state import lock_path
from tests.conftest import Pointsman
from tests.docs.schemas.holding import held


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pointsman:
    """A lab with a git repository that was never started, and one without."""
    pointsman = Pointsman(tmp_path)
    monkeypatch.setenv("POINTSMAN_STATE", str(pointsman.state))
    for name, gitops in (("plain", False), ("git", True)):
        config = LabConfig.create(name).model_copy(update={"gitops": gitops})
        lab_home(name).mkdir(parents=True)
        config.save()
        if gitops:
            remote.make(config.remote)
    return pointsman


def printed(program: Pointsman, verb: str, *words: str, code: int = 0) -> dict[str, Any]:
    done = program("lab", verb, *words, "--output", "json")
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    held({"status": "lab"}.get(verb, f"lab-{verb}"), found)
    return found


def test_what_is_printed_of_a_lab_has_its_schema(there: Pointsman) -> None:
    assert "remote" not in printed(there, "status", "--name", "plain", code=1)
    assert printed(there, "status", "--name", "git", code=1)["protected"] == ""
    assert printed(there, "protect", "gitlab", "--name", "git")["protected"] == "gitlab"
    assert printed(there, "status", "--name", "git", code=1)["protected"] == "gitlab"
    assert printed(there, "protect", "off", "--name", "git")["protected"] is None
    assert printed(there, "down", "--name", "git", "--purge")["purged"]
    assert not printed(there, "down", "--name", "git")["existed"]


def running(name: str) -> AbstractContextManager[None]:
    """A lab runs as long as somebody holds its supervisor's lock."""
    return locks.hold(lock_path(LabConfig.load(lab_home(name))), lambda _: None)


def test_labs_of_other_names_that_run_are_named(there: Pointsman) -> None:
    with running("git"):
        for words in (("status",), ("protect", "off")):
            told = there("lab", *words).stderr
            assert "no lab called 'default' (there are: git, plain)\n  next: git runs: say --name git\n" in told
        assert "  others      git runs: say --name git\n" in there("lab", "status", "--name", "plain").stdout
        assert there("lab", "down").stdout == "lab default does not exist; git runs: say --name git\n"
        with running("plain"):
            assert "next: git, plain run: say --name git or --name plain\n" in there("lab", "status").stderr


def test_a_lab_that_is_not_there_is_started_under_its_own_name(there: Pointsman) -> None:
    assert "  next: pointsman lab up starts it\n" in there("lab", "status").stderr
    assert "  next: pointsman lab up --name x starts it\n" in there("lab", "status", "--name", "x").stderr
    assert "others" not in there("lab", "status", "--name", "plain").stdout
