"""``pointsman explain``: what a code means, from the data that the pages are made of."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from pointsman.checks.catalogue import CHECKS
from pointsman.codes.table import tables
from tests.cli.program import run
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
