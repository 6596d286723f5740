"""An engine's flags, and its key.

The engine is simulated: it does here what the real vLLM was measured to do (docs/real-engines.md):
argparse's reading of flags, 401 without the key.
"""

from __future__ import annotations

import pytest

from tests.gitops.ground import until
from tests.traps.gateway import Edge
from tests.traps.lone_engine import apply, run, written
from tests.traps.manifests import LONG, QWEN
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


@pytest.mark.bites("vLLM: a flag of several values that is given twice keeps the last alone", "PM106")
def test_the_names_of_the_first_mention_are_lost(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap", "--served-model-name", "qwen", "--served-model-name", "chat", LONG)
    assert trap.lint(file)
    run(edge, file)
    told = [edge.space.asking(edge.name)(name)[0].status for name in ("qwen", "chat")]
    assert told == [404, 200]
    trap.bit("the name of the first mention is told 404")
    mended = written(edge, "mended", "--served-model-name", "qwen", "chat", LONG)
    run(edge, mended)
    assert [edge.space.asking(edge.name)(name).lost for name in ("qwen", "chat")] == [0, 0]
    trap.sound(mended)


@pytest.mark.bites("vLLM: of a flag that is given twice the last one counts", "PM107")
def test_the_last_of_two_equal_flags_counts(trap: Trap, edge: Edge) -> None:
    def context() -> int:
        (card,) = edge.space.asking(edge.name).get("/v1/models").body["data"]
        return int(card["max_model_len"])

    file = written(edge, "trap", QWEN, LONG, "--max-model-len=4096")
    assert trap.lint(file)
    run(edge, file)
    assert context() == 4096
    trap.bit("with --max-model-len 8192 and, later, 4096 the engine promises 4096 tokens")
    mended = written(edge, "mended", QWEN, LONG)
    run(edge, mended)
    assert context() == 8192
    trap.sound(mended)


@pytest.mark.bites("vLLM: a flag and its value in one item of args", "PM108")
def test_a_flag_with_a_blank_in_it_ends_the_engine(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap", QWEN, "--max-model-len 8192")
    assert trap.lint(file)
    assert not apply(edge, file)
    code = until(lambda: next(iter(edge.space.exits(edge.name)), None))
    assert code == 2
    said = until(lambda: next((one for one in logged(edge) if "unrecognized arguments" in one), ""))
    trap.bit(f"it exits with {code}, again and again: {said[-90:]}")
    mended = written(edge, "mended", QWEN, "--max-model-len=8192")
    run(edge, mended)
    trap.sound(mended)


def logged(edge: Edge) -> list[str]:
    """Lines that its last container wrote; one that has only begun wrote none yet."""
    words = ("logs", f"deployment/{edge.name}", "-n", edge.space.name)
    return edge.space.lab.kubectl(*words, check=False).stdout.splitlines()


@pytest.mark.bites("an engine without a key serves every pod of the cluster past the alias", "PM807")
def test_an_engine_without_a_key_answers_whoever_asks(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap")
    assert trap.lint(file)
    run(edge, file)
    assert edge.space.asking(edge.name)("qwen").lost == 0
    trap.bit("a request past the edge, without any key, was answered with 200; with a key at the engine it is told 401")
    mended = written(edge, "mended", key=True)
    run(edge, mended)
    assert edge.space.asking(edge.name)("qwen").statuses == {401: 1}
    trap.sound(mended)
