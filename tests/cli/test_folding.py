"""Long lines: folded at words in a terminal, whole in a pipe."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.report.folding import folded, write_folded
from tests.cli.cluster import ReadOnlyCluster, serving
from tests.cli.program import run
from tests.cli.terminal import in_terminal
from tests.world.world import World, quick

WIDE = 80
WORDS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30)


class Narrow(io.StringIO):
    """A terminal whose size nobody knows but ``COLUMNS``."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The kubeconfig of a cluster in which a move was made."""
    world = World()
    assert asyncio.run(world.conductor().move(world.model, "kserve", quick())).error is None
    with serving(ReadOnlyCluster(world.cluster.objects), tmp_path_factory.mktemp("moved")) as kubeconfig:
        yield str(kubeconfig)


def unfolded(shown: str) -> list[str]:
    return shown.split()


def test_a_receipt_is_folded_in_a_terminal_and_whole_in_a_pipe(moved: str) -> None:
    piped = run("receipt", "--kubeconfig", moved).stdout
    shown = in_terminal("receipt", "--kubeconfig", moved, columns=WIDE)
    assert max(map(len, piped.splitlines())) > WIDE, "nothing was to be folded"
    assert max(map(len, shown.splitlines())) <= WIDE
    assert unfolded(shown) == unfolded(piped)
    assert "\x1b" not in shown


def test_what_follows_stands_below_its_own_column(moved: str) -> None:
    lines = in_terminal("receipt", "--kubeconfig", moved, columns=WIDE).splitlines()
    at = next(number for number, line in enumerate(lines) if " shift-10 " in line)
    column = lines[at].index("asked")
    assert lines[at + 1][:column].strip() == ""
    assert lines[at + 1][column] != " "


def test_a_wide_terminal_has_room_for_whole_lines(moved: str) -> None:
    piped = run("receipt", "--kubeconfig", moved).stdout
    assert in_terminal("receipt", "--kubeconfig", moved, columns=400) == piped


def test_an_error_is_folded_in_a_terminal_and_whole_in_a_pipe() -> None:
    words = ("features", "enable", "no-such-feature", "--repo", "examples/platform")
    piped = run(*words).stderr
    shown = in_terminal(*words, columns=50)
    error, following = shown.split("\n  next: ")
    assert len(piped.splitlines()) == 2
    assert unfolded(shown) == unfolded(piped)
    assert all(line.startswith("  ") for line in error.splitlines()[1:])
    assert all(line.startswith("    ") for line in following.splitlines()[1:])
    assert max(map(len, shown.splitlines())) <= 50 < max(map(len, piped.splitlines()))


def test_columns_that_somebody_set_count(moved: str) -> None:
    shown = in_terminal("receipt", "--kubeconfig", moved, columns=200, env={"COLUMNS": "60"})
    assert max(map(len, shown.splitlines())) <= 60


def test_a_word_that_is_too_long_stays_one_word() -> None:
    url = "https://git.example/" + "a" * 60
    assert list(folded(f"  next: open a pull request: {url}", 40)) == ["  next: open a pull request:", f"    {url}"]


def test_a_word_that_fits_without_its_indentation_stands_further_left() -> None:
    url = "https://git.example/" + "a" * 18
    assert list(folded(f"  next: open a pull request: {url}", 40)) == ["  next: open a pull request:", f"  {url}"]


def test_a_last_column_without_room_goes_on_below_the_first() -> None:
    line = "  label         a few words that are too many"
    assert list(folded(line, 40))[1] == "                many"
    assert list(folded(line, 30))[1].startswith("    ")
    assert not list(folded(line, 30))[1].startswith("     ")


def test_a_line_end_that_others_wrote_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "28")
    stream = Narrow()
    write_folded(stream, ["error: first\n  second \x1b[2J and more words than fit"])
    assert stream.getvalue() == "error: first\n  second \\x1b[2J and more\n    words than fit\n"


@settings(deadline=None)
@given(st.lists(WORDS, min_size=1), st.integers(0, 6), st.integers(20, 120))
def test_folding_loses_no_word_and_breaks_none(words: list[str], indentation: int, room: int) -> None:
    line = " " * indentation + " ".join(words)
    lines = list(folded(line, room))
    assert " ".join(" ".join(lines).split()) == " ".join(words)
    assert all(len(one) <= room or len(one.strip()) > room for one in lines)
    assert all(len(one.split()) == 1 for one in lines if len(one) > room)
