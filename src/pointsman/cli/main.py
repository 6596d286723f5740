"""The entry point: a fast path for ``--help``, lazy commands, and one place where errors become exit codes.

``pointsman --help`` and ``--version`` print text without importing the command-line library, because help that
takes a quarter of a second feels broken; ``tests/cli`` holds the text to the program.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the program on ``sys.argv`` and exit."""
    words = sys.argv[1:]
    if words in ([], ["--help"], ["-h"], ["help"]):
        from pointsman.cli.help import HELP

        sys.stdout.write(HELP)
        sys.exit(0 if words else 2)
    if words == ["--version"]:
        from pointsman import __version__

        sys.stdout.write(f"pointsman {__version__}\n")
        sys.exit(0)
    from pointsman.cli.entry import run
    from pointsman.cli.streams import guard

    guard()
    sys.exit(run(words))
