"""What LiteLLM's reader makes of a file that looks right: on the real LiteLLM proxy."""

from __future__ import annotations

import pytest

from tests.gitops.ground import until
from tests.traps.gateway import Edge
from tests.traps.manifests import entry
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


@pytest.mark.bites("LiteLLM: it reads YAML 1.1: 1:30 is the number 90", "PM520")
def test_a_number_means_another_one_in_yaml_1_1(trap: Trap, edge: Edge) -> None:
    def config(seconds: str) -> str:
        return "model_list:\n" + entry("chat", edge.space.base("alpha"), f"api_key: none, timeout: {seconds}", "id: a")

    file = edge.platform("trap", config("1:30"))
    assert trap.lint(file)
    edge.run(file)
    read = timeout_of(edge)
    assert read == 90, read
    trap.bit(f"timeout: 1:30 was read as {read:g} s")
    mended = edge.platform("mended", config("600"))
    edge.run(mended)
    assert timeout_of(edge) == 600
    trap.sound(mended)


def timeout_of(edge: Edge) -> float:
    """As the running proxy has it."""
    (row,) = edge.asking().get("/model/info").body["data"]
    return float(row["litellm_params"]["timeout"])


@pytest.mark.bites("LiteLLM: an alias called no, or like a date, is none", "PM520")
def test_a_name_that_is_no_text_in_yaml_1_1_is_not_found(trap: Trap, edge: Edge) -> None:
    def config(*names: str) -> str:
        base = edge.space.base("alpha")
        known = "".join(entry(name, base, "api_key: none", f"id: m{at}") for at, name in enumerate(names))
        return f"model_list:\n{known}"

    file = edge.platform("trap", config("chat", "no", "2024-02-15"))
    assert len(trap.lint(file)) == 2
    ask = edge.run(file)
    assert ask("chat").lost == 0
    names = ("no", "2024-02-15")
    assert [ask(name)[0].status for name in names] == [400, 400]
    trap.bit("requests for no and 2024-02-15 are refused with 400: the file has false, and a date")
    mended = edge.platform("mended", config("chat", "'no'", "'2024-02-15'"))
    ask = edge.run(mended)
    assert [ask(name).lost for name in names] == [0, 0]
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: another name of an alias called off ends it at its start", "PM520")
def test_a_key_that_is_no_text_in_yaml_1_1_ends_the_proxy_when_it_starts(trap: Trap, edge: Edge) -> None:
    def config(name: str) -> str:
        known = entry("chat", edge.space.base("alpha"), "api_key: none", "id: a")
        return f"model_list:\n{known}router_settings: {{model_group_alias: {{{name}: chat}}}}\n"

    file = edge.platform("trap", config("off"))
    assert trap.lint(file)
    edge.space.lab.kubectl("apply", "--server-side", "-f", str(file))
    code = until(lambda: next(iter(edge.space.exits(edge.name)), None), 120)
    trap.bit(f"the proxy exits with {code} at each start: its settings want a text, and have false")
    mended = edge.platform("mended", config("'off'"))
    assert edge.run(mended)("off").lost == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: of a key that stands twice the last alone is read", "PM521")
def test_all_below_the_first_of_two_equal_keys_is_gone(trap: Trap, edge: Edge) -> None:
    first, second = (entry(name, edge.space.base("alpha"), "api_key: none", f"id: {name}") for name in ("chat", "code"))
    file = edge.platform("trap", f"model_list:\n{first}model_list:\n{second}")
    assert trap.lint(file)
    ask = edge.run(file)
    assert ask("code").lost == 0
    assert ask("chat").statuses == {400: 1}
    trap.bit("the alias below the first model_list is refused with 400, the one below the second answers")
    mended = edge.platform("mended", f"model_list:\n{first}{second}")
    assert edge.run(mended)("chat").lost == 0
    trap.sound(mended)
