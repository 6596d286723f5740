"""``pointsman explain``: what a code means, from the data that the pages are made of."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml

from pointsman.checks.catalogue import CHECKS
from pointsman.cli.explain import Format, command
from pointsman.codes.table import tables
from pointsman.move.judging import contract_gate
from pointsman.move.plan import preflight
from tests.cli.program import ROOT, run
from tests.docs.schemas.holding import held

HEAVY = {"aiohttp", "pydantic", "ruamel", "kubernetes", "asyncio", "yaml"}


def test_a_code_is_told_with_what_to_do_and_how_the_program_ends() -> None:
    done = run("explain", "command-unknown")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "command-unknown (Command line and files)\n"
        "  means     there is no such command\n"
        "  do        take the suggested name\n"
        "  ends with exit code 2\n"
        "  page      docs/errors.md\n"
    )


@pytest.mark.parametrize("word", ["[cannot-start]", "deploy.cannot-start", "CANNOT-START", "`cannot-start`"])
def test_a_code_is_found_as_it_stands_in_a_message(word: str) -> None:
    done = run("explain", word, "-o", "json")
    held("explain", json.loads(done.stdout))
    assert (json.loads(done.stdout)["code"], json.loads(done.stdout)["exitCodes"]) == ("cannot-start", [3])


STEPS = {"contract": contract_gate, "preflight": preflight}
ID = re.compile(r'(?:refuse|_fail|_card)\((?:[^"()]*,)?\s*"([a-z-]+)"|^    check = "([a-z-]+)"$', re.MULTILINE)


def printed_by_moves() -> set[str]:
    """Codes with a step in front that a move can end with: its checks by name, and every refusal in the source."""
    named = {f"{step}.{one.id}" for step, module in STEPS.items() for one in module.CHECKS}
    for step, folder in (("contract", "judging/contract_gate.py"), ("preflight", "plan"), ("preflight", "bring_up.py")):
        place = ROOT / "src" / "pointsman" / "move" / folder
        for path in place.rglob("*.py") if place.is_dir() else [place]:
            named |= {f"{step}.{one or other}" for one, other in ID.findall(path.read_text("utf-8"))}
    catalogue = {f"preflight.{one.id}" for one in CHECKS if one.id.startswith("PM7")}
    return named | catalogue


def test_every_code_that_a_move_prints_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    codes = sorted(printed_by_moves())
    assert {"contract.context-length", "preflight.owners", "preflight.PM707", "preflight.alias-one-layer"} < set(codes)
    for code in codes:
        assert command(code, Format.json) == 0
        said = json.loads(capsys.readouterr().out)
        held("explain", said)
        assert said.get("code", said.get("id")) in (code, code.rpartition(".")[2])


@pytest.mark.parametrize("word", ["contract.owners", "deploy.context-length"])
def test_a_check_of_another_step_is_no_code(word: str) -> None:
    assert "code-unknown" in run("explain", word).stderr


def test_all_codes_are_explained_and_those_that_end_in_several_ways_too() -> None:
    told = {one.code: one.as_dict() for table in tables() for one in table.codes}
    assert told["undone-by-others"]["exitCodes"] == [3, 4]
    assert all(one["means"] and one["remedy"] and one["exitCodes"] for one in told.values())
    assert len(told) == sum(len(table.codes) for table in tables()) > 300


def test_links_of_the_page_lead_to_its_folder() -> None:
    assert "docs/drift.md" in run("explain", "drift").stdout
    assert "](" not in run("explain", "drift").stdout


@pytest.mark.parametrize("word", ["PM201", "pm201"])
def test_a_check_is_told_from_the_catalogue(word: str) -> None:
    found = yaml.safe_load(run("explain", word, "-o", "yaml").stdout)
    (check,) = (one for one in CHECKS if one.id == "PM201")
    assert (found["id"], found["cause"], found["remedy"], found["fact"], found["sure"], found["page"]) == (
        "PM201",
        check.cause,
        check.remedy,
        check.fact,
        check.sure.value,
        "docs/checks/PM201.md",
    )
    assert f"how sure  {check.sure.value}: {check.fact[:20]}" in run("explain", word).stdout


@pytest.mark.parametrize(
    ("word", "code", "told"),
    [
        ("spec-wrong-values", "code-unknown", "did you mean spec-wrong-value"),
        ("qqqqqqqq", "code-unknown", "there is no code 'qqqqqqqq'\n"),
        ("PM299", "check-unknown", "did you mean PM201"),
        ("PM2", "check-unknown", "did you mean PM201"),
    ],
)
def test_a_word_that_is_no_code_is_answered_with_the_nearest(word: str, code: str, told: str) -> None:
    done = run("explain", word)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error [{code}]: " in done.stderr
    assert told in done.stderr


def test_a_code_is_explained_without_a_cluster_or_a_heavy_library() -> None:
    code = (
        "import sys; from pointsman.cli import explain; explain.command('usage'); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert {name.partition(".")[0] for name in done.stderr.split()}.isdisjoint(HEAVY)
