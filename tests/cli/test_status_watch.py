"""``pointsman status``: which models are shown, in which order, and looking on with ``--watch``."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.move.attention import needs_person
from tests.cli.cluster import Object, ReadOnlyCluster, serving
from tests.cli.terminal import terminal
from tests.cli.test_status import CONFIG, models, named, platform, rows, status
from tests.cli.watched import ended, watching

HOME = "\x1b[H"
READY = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}


@dataclass
class Watched(ReadOnlyCluster):
    """Knows how often it was looked at, and can be away."""

    looked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    away: bool = False

    def answer(self, target: str) -> Object | None:
        if self.away:
            self.looked.release()
            return {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "not now"}
        if target.partition("?")[0] == CONFIG:
            self.looked.release()
        return super().answer(target)

    def looks(self, count: int) -> None:
        """Wait for so many more looks."""
        for _ in range(count):
            assert self.looked.acquire(timeout=60), "nobody looks"


def served(count: int) -> Watched:
    """Models that are all well."""
    made = Watched(platform(models(count)).objects)
    for number in range(count):
        named(made, "Deployment", f"model-{number:04d}")["status"] = dict(READY)
    return made


def ailing(made: ReadOnlyCluster, number: int) -> None:
    """A model whose engine is gone while tenants are sent there."""
    named(made, "Deployment", f"model-{number:04d}")["status"] = {}


def names(found: list[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in found]


MOVE = {"state": "forward", "awaiting": "", "owed": {}}
LAYER = {"layer": "kserve", "state": "ready", "traffic": 100}
WELL: dict[str, Any] = {"move": None, "warnings": [], "layers": [LAYER], "split": {"kserve": 100}}


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        ({}, False),
        ({"move": MOVE}, False),
        ({"move": MOVE | {"state": "paused"}}, True),
        ({"move": MOVE | {"state": "undo-stuck"}}, True),
        ({"move": MOVE | {"state": "forward-stuck"}}, True),
        ({"move": MOVE | {"awaiting": "the merge of a pull request"}}, True),
        ({"move": MOVE | {"owed": {"what": "a commit", "why": "git is away"}}}, True),
        ({"warnings": ["its alias cannot be read"]}, True),
        ({"running": []}, False),
        ({"running": [{"replicas": 1}]}, True),
        ({"layers": [LAYER | {"state": "not ready"}]}, True),
        ({"layers": [LAYER, LAYER | {"layer": "llm-d", "state": "not ready", "traffic": None}]}, False),
        ({"layers": [LAYER, LAYER | {"layer": "llm-d", "state": "parked", "traffic": 0}]}, False),
        ({"split": {"closed": 100}}, True),
        ({"split": {"closed": 100}, "move": MOVE}, False),
    ],
)
def test_what_needs_a_person(change: dict[str, Any], needed: bool) -> None:
    assert needs_person(WELL | change) is needed


def test_filters_leave_what_was_asked_for(tmp_path: Path) -> None:
    made = served(4)
    ailing(made, 2)
    assert len(rows(made, tmp_path)) == 4
    assert names(rows(made, tmp_path, "--attention")) == ["model-0002"]
    assert names(rows(made, tmp_path, "--alias", "model-0001-alias")) == ["model-0001"]
    assert len(rows(made, tmp_path, "--layer", "raw-vllm")) == 4
    assert rows(made, tmp_path, "--layer", "kserve") == []
    assert rows(made, tmp_path, "--moving") == []
    assert rows(made, tmp_path, "--attention", "--alias", "model-0001-alias") == []
    assert status(made, tmp_path, "--moving").stdout == "no model is like that\n"
    assert "there is no layer 'swarm'" in status(made, tmp_path, "--layer", "swarm").stderr


def test_filters_cost_no_call(tmp_path: Path) -> None:
    plain, filtered = served(30), served(30)
    rows(plain, tmp_path)
    rows(filtered, tmp_path, "--attention", "--layer", "raw-vllm", "--alias", "x", "--moving")
    assert filtered.asked == plain.asked


def test_what_needs_a_person_comes_first_for_people_and_by_name_for_programs(tmp_path: Path) -> None:
    made = served(4)
    ailing(made, 2)
    shown = [line.split()[0] for line in status(made, tmp_path).stdout.splitlines()]
    assert shown == ["MODEL", "model-0002", "model-0000", "model-0001", "model-0003"]
    assert names(rows(made, tmp_path)) == [f"model-{number:04d}" for number in range(4)]


def test_a_pipe_gets_a_block_for_each_change_and_no_other(tmp_path: Path) -> None:
    made, once = served(3), served(3)
    rows(once, tmp_path)
    with watching("status", made, tmp_path, "-o", "json") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        made.looks(2)
        before = Counter(made.asked)
        made.looks(1)
        ailing(made, 1)
        second = json.loads(process.stdout.readline())
        made.looks(2)
        rest, err = ended(process)
    assert (rest, err) == ("", "")
    assert [one["layers"][0]["state"] for one in first["models"]] == ["ready"] * 3
    assert [one["layers"][0]["state"] for one in second["models"]] == ["ready", "not ready", "ready"]
    assert set(before) == set(once.asked)
    assert all(count <= 2 * once.asked[path] for path, count in before.items())


def test_it_ends_when_nobody_reads_it_any_more(tmp_path: Path) -> None:
    """Nothing changes, so nothing is written that would fail."""
    made = served(1)
    with watching("status", made, tmp_path, "-o", "json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.stdout = None


def test_text_stands_under_its_time(tmp_path: Path) -> None:
    made = served(1)
    with watching("status", made, tmp_path) as process:
        made.looks(2)
        text, _ = ended(process)
    time, head, row, empty = text.split("\n")[:4]
    assert time.endswith(" UTC")
    assert (head.split()[0], row.split()[0], empty) == ("MODEL", "model-0000", "")


def test_yaml_stands_in_documents(tmp_path: Path) -> None:
    made = served(1)
    with watching("status", made, tmp_path, "-o", "yaml") as process:
        made.looks(2)
        text, _ = ended(process)
    assert [names(one["models"]) for one in yaml.safe_load_all(text)] == [["model-0000"]]


def test_a_change_of_what_is_not_shown_is_no_change(tmp_path: Path) -> None:
    made = served(3)
    with watching("status", made, tmp_path, "-o", "json", "--alias", "model-0000-alias") as process:
        made.looks(1)
        ailing(made, 1)
        made.looks(2)
        text, _ = ended(process)
    assert len(text.splitlines()) == 1


def test_what_a_person_has_to_mend_ends_it_with_an_error(tmp_path: Path) -> None:
    made = served(1)
    with watching("status", made, tmp_path) as process:
        made.looks(1)
        made.away = True
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "error [cluster-forbidden]" in err


def test_a_terminal_is_drawn_over_and_cut_to_its_height(tmp_path: Path) -> None:
    made = served(40)
    ailing(made, 37)
    with (
        serving(made, tmp_path) as kubeconfig,
        terminal("status", "-w", "--kubeconfig", str(kubeconfig), columns=100) as shown,
    ):
        first = shown.until("ctrl-C ends")
        second = shown.until("ctrl-C ends")
        shown.process.send_signal(signal.SIGINT)
        shown.rest()
        assert shown.process.returncode == 0
    assert first.count(HOME) == 1
    lines = first.partition(HOME)[2].partition("ctrl-C ends")[0].splitlines()  # whatever was read behind it
    assert len(lines) == 24 - 1
    assert lines[1].startswith("model-0037 ")
    assert HOME in second
