"""Starting the program: help at once, and nothing heavy behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.cli.entry import COMMANDS
from pointsman.cli.help import HELP

HEAVY = ("aiohttp", "pydantic", "ruamel", "rich", "typer", "click", "asyncio", "kubernetes", "httpx", "grpc")


def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pointsman", *words], capture_output=True, text=True, timeout=60, env=env, check=False
    )


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return {name.split(".")[0] for name in done.stderr.split()}


def test_importing_the_package_pulls_in_no_library() -> None:
    assert modules_after("import pointsman").isdisjoint(HEAVY)


def test_help_pulls_in_no_library() -> None:
    statement = (
        "sys.argv = ['pointsman', '--help']\nfrom pointsman.cli.main import main\ntry: main()\nexcept SystemExit: pass"
    )
    assert modules_after(statement).isdisjoint(HEAVY)


def test_help_names_every_command_and_no_other() -> None:
    listed = [line.split()[0] for line in HELP.splitlines() if line.startswith("  ") and not line.startswith("  --")]
    assert sorted(listed) == sorted(COMMANDS)


def test_the_help_fits_into_a_terminal_of_80_columns() -> None:
    assert [line for line in HELP.splitlines() if len(line) > 80] == []


def test_defaults_of_durations_are_shown_as_people_write_them() -> None:
    said = run("move", "--help").stdout
    assert all(f"[default: {one}]" in said for one in ("5s", "30m", "10m", "5m", "24h", "0s"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0, done.stderr
    assert f"pointsman {command}" in done.stdout


def test_no_help_is_written_in_brackets_that_the_library_takes_for_markup() -> None:
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[2] / "src/pointsman/cli").glob("*.py")
    }
    assert len(texts) > 20
    assert [name for name, text in texts.items() if "[default" in text] == []
    assert "Default: the spec's own" in " ".join(run("render", "--help").stdout.replace("│", " ").split())


def test_version_is_the_packages_own() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{run("--version").stdout.split()[1]}"' in text


def test_a_command_misspelt_gets_the_nearest_name_and_exit_code_2() -> None:
    done = run("mvoe")
    assert done.returncode == 2
    assert "did you mean 'move'?" in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_an_error_is_an_object_when_json_is_asked_for() -> None:
    done = run("render", "nosuchmodel", "--output", "json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert set(error) == {"code", "what", "where", "next"}
    assert error["next"]


@pytest.mark.parametrize("columns", ["", "1"])
@pytest.mark.parametrize(("words", "says"), [((), "Usage: pointsman COMMAND"), (("lab",), "Usage: pointsman lab")])
def test_without_a_command_there_is_help(words: tuple[str, ...], says: str, columns: str) -> None:
    done = run(*words, env={"COLUMNS": columns})
    assert done.returncode in (0, 2)
    assert says in done.stdout if not columns else done.stdout
    assert done.stderr == ""


def test_an_option_that_does_not_exist_is_a_usage_error_without_a_traceback() -> None:
    done = run("status", "--nonsense")
    assert done.returncode == 2
    assert "--nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_kubeconfig_says_what_to_do(tmp_path: Path) -> None:
    done = run("status", "--kubeconfig", str(tmp_path / "absent"))
    assert done.returncode == 2
    assert "absent" in done.stderr
    assert "pointsman lab up" in done.stderr


@pytest.mark.parametrize("words", [("lab", "up"), ("lab", "status"), ("demo",)])
def test_a_plain_installation_names_the_extra_that_the_lab_needs(words: tuple[str, ...]) -> None:
    code = "import sys; sys.modules['cryptography'] = None; from pointsman.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert "lab-extra-missing" in done.stderr
    assert "pip install 'pointsman[lab]'" in done.stderr


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("plan", "-h"), "plan"),
        (("lab", "-h"), "lab"),
        (("lab", "up", "-h"), "lab up"),
        (("help", "move"), "move"),
        (("help", "lab", "up"), "lab up"),
        (("--help", "move"), "move"),
    ],
)
def test_help_is_there_whichever_way_it_is_asked_for(words: tuple[str, ...], command: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: pointsman {command} " in done.stdout


@pytest.mark.parametrize("words", [("help",), ("-h",), ("help", "help")])
def test_help_by_itself_is_the_overview(words: tuple[str, ...]) -> None:
    assert run(*words).stdout == HELP


@pytest.mark.parametrize(("words", "code"), [((), 2), (("lab",), 2), (("",), 2), (("-o",), 2), (("plan", "-o"), 2)])
def test_too_few_words_get_help_or_a_refusal(words: tuple[str, ...], code: int) -> None:
    done = run(*words)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert done.stdout.startswith(HELP) if not words else done.stdout or "  next: " in done.stderr


def test_words_around_an_option_of_the_program_are_told_as_that() -> None:
    done = run("--version", "extra")
    assert done.returncode == 2
    assert done.stderr.startswith("error [usage]: --version stands alone")
    assert "there is no option '--output' before a command" in run("--output", "json", "status").stderr


@pytest.mark.parametrize(
    "words", [("adopt", "--output", "xml"), ("features", "frobnicate"), ("render", "x", "--layer", "y")]
)
def test_a_wrong_choice_is_told_in_plain_words(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Value error" not in done.stderr
    assert "Traceback" not in done.stderr
