"""``pointsman rights --reading`` on a real API server: with that role a command sees everything it reads, and no less
of it goes unsaid."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.reads import COMMANDS
from pointsman.spec.loading import load_model
from tests.conftest import RunningLab
from tests.docs.schemas.holding import held
from tests.move.operators import OWN, operator
from tests.move.platform import MODEL, pointsman_in, served

pytestmark = pytest.mark.lab

Object = dict[str, Any]
VIEWS = [name for name in COMMANDS if name != "adopt"]
NAME = load_model(Path(MODEL)).name
ABOUT = {"status": (MODEL,), "cost": (NAME,)}
"""How a command is asked of one model alone, where it can be."""


@dataclass
class Reader:
    """Somebody who may read what one command reads, and nothing else."""

    lab: RunningLab
    config: Path
    command: str

    def says(self) -> Object:
        """What the command prints of the model that its role is for; tests beside this one have models, too."""
        words = (self.command, *ABOUT.get(self.command, ()), "--kubeconfig", str(self.config), "-o", "json")
        done = pointsman_in(self.lab)(*words)
        assert done.returncode in (0, 1, 5), done.stderr
        found: Object = json.loads(done.stdout)
        held(self.command, found)
        return found

    def may(self, verb: str, what: str, space: str = "") -> bool:
        """As the API server says it."""
        where = ("-n", space) if space else ("--all-namespaces",)
        words = ("auth", "can-i", verb, what, *where, "--kubeconfig", str(self.config))
        return self.lab.kubectl(*words, check=False).stdout.strip() == "yes"

    def loses(self, kind: str, change: Callable[[list[Object]], list[Object]], space: str = "") -> None:
        """Of its role in this namespace, or in the whole cluster, other rules are left."""
        where = ("-n", space) if space else ()
        name = f"{self.config.name.partition('.')[0]}-reads"
        role = json.loads(self.lab.kubectl("get", kind, name, *where, "-o", "json").stdout)
        body = json.dumps({"rules": change(role["rules"])})
        self.lab.kubectl("patch", kind, name, *where, "--type", "merge", "-p", body)


@pytest.fixture(scope="module")
def reader(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Reader]]:
    """One for a command; its account and roles go at the end."""
    served(lab)
    made: dict[str, Reader] = {}

    def one(command: str) -> Reader:
        if command not in made:
            name = f"reads-{command}"
            config = operator(lab, tmp_path_factory.mktemp(name), name, "--reading", command)
            made[command] = Reader(lab, config, command)
        return made[command]

    yield one
    for command in made:
        lab.kubectl("delete", "serviceaccount", f"reads-{command}", "-n", OWN)
        for kind in ("clusterrole", "clusterrolebinding"):
            lab.kubectl("delete", kind, f"reads-{command}-reads")


def without(plural: str) -> Callable[[list[Object]], list[Object]]:
    """Rules that say nothing of this resource."""

    def change(rules: list[Object]) -> list[Object]:
        left = [rule | {"resources": [one for one in rule["resources"] if one != plural]} for rule in rules]
        return [rule for rule in left if rule["resources"]]

    return change


def unseen(found: Object) -> list[str]:
    """What the command could not look at, in its own words."""
    if "models" in found and isinstance(found["models"], list):
        return [line for one in found["models"] for line in one["warnings"]]
    if "notChecked" in found:
        return sorted({one["why"] for one in found["notChecked"]})
    others = re.compile(rf"where alias \S+ of model (?!{NAME} )")  # tests beside this one have models, too
    return [f"{one['what']}: {one['why']}" for one in found["unseen"] if not others.match(one["what"])]


@pytest.mark.parametrize("command", VIEWS)
def test_with_its_role_a_command_sees_everything(reader: Callable[[str], Reader], command: str) -> None:
    mine = reader(command)
    assert unseen(mine.says()) == []
    assert not mine.may("create", "pods")
    assert not mine.may("patch", "deployments")
    assert not mine.may("list", "secrets")


@pytest.mark.parametrize(
    ("command", "plural", "told"),
    [
        ("cost", "nodes", "Node: "),
        ("audit", "statefulsets", "StatefulSet: "),
        ("doctor", "storageclasses", "you may not list storageclasses"),
    ],
)
def test_with_one_kind_less_it_says_which(
    reader: Callable[[str], Reader], command: str, plural: str, told: str
) -> None:
    mine = reader(command)
    mine.loses("clusterrole", without(plural))
    found = unseen(mine.says())
    assert any(one.startswith(told) for one in found), found
    assert all(plural in one or told.split(":", maxsplit=1)[0] in one for one in found), found


def test_without_the_edge_a_status_says_that_its_alias_cannot_be_read(reader: Callable[[str], Reader]) -> None:
    mine = reader("status")
    mine.loses("role", without("configmaps"), "llm-gateway")
    found = unseen(mine.says())
    assert any("cannot be read" in one and "configmaps" in one for one in found), found
