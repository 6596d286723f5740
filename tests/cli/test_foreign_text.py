"""Text that others wrote does nothing to a terminal, wherever it comes from."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pointsman.errors import TemporaryError
from pointsman.foreign import harmless
from pointsman.report.contract import Happening, Topic
from pointsman.report.history import print_history
from pointsman.report.lines import JsonLines, PlainLines
from pointsman.report.text import write_lines
from tests.conftest import Pointsman
from tests.kube.test_other_answers import answering

ACTS = "\x1b]52;c;cm0gLXJmIH4=\x07\x1b[2J\x9b31mred\rdone\u202egnp.exe\u2028\u200f"


def acting(text: str) -> set[str]:
    """Characters in it that do something instead of being seen."""
    return {one for one in text if one not in "\n\t" and not one.isprintable()}


def test_it_is_spelled_out_and_can_be_read() -> None:
    assert acting(harmless(ACTS)) == set()
    assert harmless("a\x1b[2J\r\nb\tc\u202ed") == "a\\x1b[2J\nb\tc\\u202ed"
    assert harmless("täglich → 50 %") == "täglich → 50 %"


@pytest.mark.parametrize("status", [403, 404, 409, 422, 500, 503])
def test_an_api_servers_words(tmp_path: Path, status: int) -> None:
    said = json.dumps({"kind": "Status", "code": status, "message": f"no {ACTS}"}).encode()
    with answering(tmp_path, status, said) as kubeconfig:
        done = Pointsman(tmp_path)("status", "--kubeconfig", str(kubeconfig))
    assert done.returncode == 2
    assert acting(done.stdout + done.stderr) == set()
    assert "Traceback" not in done.stderr


def test_errors_notes_and_steps() -> None:
    error = TemporaryError(f"it said {ACTS}", where=f"Pod {ACTS}", next_action=f"look at {ACTS}")
    assert acting("\n".join(error.lines())) == set()
    plain, objects = io.StringIO(), io.StringIO()
    happening = Happening(0.0, Topic.STEP_NOTE, f"step{ACTS}", f"last words: {ACTS}", {"said": ACTS})
    PlainLines(plain).tell(happening)
    JsonLines(objects).tell(happening)
    assert acting(plain.getvalue()) == acting(objects.getvalue()) == set()


def test_journals_and_receipts() -> None:
    out = io.StringIO()
    write_lines(out, [f"failures {ACTS}"])
    row = {
        "move": f"m{ACTS}",
        "model": ACTS,
        "from": ACTS,
        "to": ACTS,
        "state": ACTS,
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
        "ended": "",
        "tenants": ACTS,
        "cut": ACTS,
    }
    print_history(out, {"moves": [row], "unreadable": [{"where": ACTS, "what": ACTS}]})
    assert acting(out.getvalue()) == set()
