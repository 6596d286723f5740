"""Examples at the end of ``COMMAND --help``: lines that work as they stand in a platform repository.

They are run by the tests, in a copy of the example platform. What stands behind ``#`` says what a line does.
"""

from __future__ import annotations

import sys
from typing import Any

from typer.core import TyperCommand

__all__ = ["EXAMPLES", "WithExamples"]

MODEL = "models/qwen.yaml"

EXAMPLES: dict[str, tuple[str, ...]] = {
    "render": (
        f"render {MODEL} --layer kserve  # what KServe would be given",
        f"render {MODEL} -o json",
    ),
    "pick": (
        f"pick {MODEL} --gpu L4 --gpus-available 2",
        f"pick {MODEL} --fleet 40 --idle-hours 16 --teams many",
    ),
    "compare": (
        f"compare {MODEL} raw-vllm kserve",
        f"compare {MODEL} -o yaml  # every pair of its layers",
    ),
    "status": (
        "status --attention  # what needs a person",
        "status qwen",
        "status --layer kserve -o json",
    ),
    "cost": (
        "cost --prices example --by layer  # with made-up prices",
        "cost qwen -o json",
    ),
    "audit": (
        "audit --prices example",
        "audit -o json  # exit code 1 when something is found",
    ),
    "receipt": (
        "receipt  # the last move",
        "receipt qwen -o json",
    ),
    "history": ("history", "history qwen -o json"),
    "rights": (
        f"rights {MODEL} --for user:ana  # roles, and a binding",
        f"rights {MODEL} --check  # which of them you have",
    ),
    "init": ("init platform --repository-url https://git.example.com/platform.git",),
    "adopt": (
        "adopt .  # what is found, and what does not agree",
        "adopt . --fix  # show what would mend it, and ask",
        "adopt . --live  # compare with what runs",
    ),
    "lint": (
        "lint  # this folder",
        f"lint {MODEL} --fail error",
        "lint --check PM2 -o sarif  # the checks of KServe, for a forge",
        "lint --list",
    ),
    "doctor": (
        "doctor --for kserve  # before KServe is used",
        f"doctor --for {MODEL} --show warning",
        "doctor -n serving --check PM7 -o json",
    ),
    "explain": ("explain PM201", "explain teardown-busy"),
    "features": (
        "features list",
        "features enable llm-d",
        "features disable llm-d",
    ),
    "resolve": ("resolve", "resolve --check  # exit code 1 when the groups file is old"),
    "root": (
        "root --profile full --dry-run  # what would appear and vanish",
        "root --profile serving",
    ),
    "up": (
        f"up {MODEL}  # serve it, point its alias there",
        "up qwen --layer kserve  # wake what down parked",
    ),
    "down": (
        "down qwen --layer kserve --dry-run",
        "down qwen --layer kserve  # says what stops costing, and asks",
    ),
    "plan": (
        f"plan {MODEL} --to kserve",
        f"plan {MODEL} --to kserve --out plan.json  # for apply",
    ),
    "apply": ("apply plan.json",),
    "move": (
        f"move {MODEL} --to kserve --dry-run",
        f"move {MODEL} --to kserve  # shows its plan, and asks",
        f"move {MODEL} --to llm-d --hold 10m",
    ),
    "resume": ("resume qwen",),
    "rollback": ("rollback qwen",),
    "abort": ("abort qwen",),
    "pause": ("pause qwen",),
    "unpause": ("unpause qwen",),
    "promote": ("promote qwen",),
    "teardown": (
        f"teardown {MODEL} --layer raw-vllm --dry-run",
        "teardown qwen --layer kserve  # a layer that nobody is served from",
        "teardown qwen --withdraw qwen-local  # the model, its alias first",
        "teardown kserve --keep-volumes  # what all models have on KServe",
        "teardown --all --dry-run",
    ),
    "sync": ("sync raw-vllm", "sync raw-vllm --timeout 10m"),
    "wait": ("wait --profile full", "wait raw-vllm --timeout 5m"),
    "demo": ("demo",),
    "completion": ("completion bash",),
}
"""By command: what is typed after ``pointsman``."""


class WithExamples(TyperCommand):
    """A command whose help ends with its examples, as they are typed: the help's own renderer would fold them."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, and below it the examples."""
        super().format_help(ctx, formatter)
        if lines := EXAMPLES.get(str(ctx.info_name).removeprefix("pointsman ")):
            sys.stdout.write("Examples:\n" + "".join(f"  pointsman {one}\n" for one in lines) + "\n")
