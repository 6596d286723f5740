"""The pages of checks are made of the catalogue and the grid: ``python -m tests.docs.test_check_pages`` writes them."""

from __future__ import annotations

from pathlib import Path

from pointsman.checks.catalogue import CHECKS, GROUPS, RETIRED
from pointsman.checks.check import Check
from pointsman.checks.repository import lint
from tests.checks.grid import Example, examples

FOLDER = Path(__file__).parents[2] / "docs" / "checks"
HEAD = """# Checks

`pointsman lint` looks for these in files, `pointsman doctor` in a cluster, and the plan of a move at the manifests that
it would use. An id is never used again for something else. `pointsman explain ID` prints a page's content.

To say that a finding is known, write a comment on its line, or on a line of its own above it:
`# pointsman:ignore PM201 why it is so`. It names one id and a reason, and hides that finding alone.

A Model (`kind: Model` of this program) is rendered for the layer that serves it and those its file speaks of, and the
same checks look at what comes of it; a finding stands at the field that says it. Manifests that a Model refers to
(`from`) are looked at where they lie.

`pointsman lint --fix` shows the edits it would make, asks (or is given `--yes`), writes, and reads again. An edit is
made only where nothing else differs by it, in the text and in what is deployed. What is ignored is never mended.
"""
EXAMPLE = "examples/platform"


def page(check: Check) -> str:
    """One check's page."""
    rows = {
        "Level": check.level.value,
        "Looks in": " and ".join(sorted(one.value for one in check.sources)),
        "Reads": ", ".join(sorted(check.reads)),
        "How sure": f"{check.sure.value}: {check.fact}",
        "`--fix`": "mends it where that is safe" if check.fixable else "no: a person decides",
    }
    lines = [f"# {check.id} {check.name}", "", f"{_sentence(check.cause)}", "", f"**Remedy:** {check.remedy}.", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    mine = [one for one in examples() if one.id == check.id]
    for one in sorted(mine, key=lambda each: not each.fails):
        lines += ["", f"## {'Found here' if one.fails else 'Not here'}", *_files(one)]
    return "\n".join([*lines, ""])


def _sentence(text: str) -> str:
    first = text[0] if text.startswith("vLLM") else text[0].upper()
    return f"{first}{text[1:]}."


def _files(example: Example) -> list[str]:
    lines = []
    for file in example.files():
        lines += ["", f"`{file.relative_to(example.path).as_posix()}`", "", "```yaml"]
        lines += [*file.read_text("utf-8").rstrip("\n").splitlines(), "```"]
    return lines


def index() -> str:
    """The table of all."""
    lines = [HEAD]
    for number, about in GROUPS.items():
        own = [one for one in CHECKS if one.id[2] == str(number)]
        if own:
            lines += [f"## {number}xx: {about}", "", "| id | level | name | cause |", "|---|---|---|---|"]
            lines += [f"| [{one.id}]({one.id}.md) | {one.level} | {one.name} | {one.cause} |" for one in own] + [""]
    lines += example()
    lines += [f"Used no more: {', '.join(f'{key} ({why})' for key, why in RETIRED.items())}.", ""] if RETIRED else []
    return "\n".join(lines)


def example() -> list[str]:
    """What is said of the example platform, as a real run says it."""
    made = lint(FOLDER.parents[1] / EXAMPLE)[1]
    found = [
        f"| {one.level} | [{one.check.id}]({one.check.id}.md) | `{one.where}` | {one.what} |" for one in made.counted
    ]
    head = [f"## What is said of `{EXAMPLE}`", "", "| level | id | place | what |", "|---|---|---|---|"]
    return [*head, *found, ""] if found else []


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    return {"README.md": index()} | {f"{one.id}.md": page(one) for one in CHECKS}


def test_the_pages_are_what_the_catalogue_says() -> None:
    assert {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()} == pages()


def write() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write()
