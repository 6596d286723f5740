"""Settings of LiteLLM that decide before weights do, or leave tenants unprotected: on the real LiteLLM proxy."""

from __future__ import annotations

import json

import pytest

from tests.gitops.ground import until
from tests.traps.gateway import FAILING, SWIFT, Edge, Space
from tests.traps.manifests import engine, entry
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

SAFE = "router_settings: {allowed_fails: 0, cooldown_time: 30}\n"
COUNT = 20


def members(edge: Edge, first: str, second: str, engines: tuple[str, str] = ("alpha", "beta")) -> str:
    """Two of alias ``chat``, ``a`` and ``b``."""
    made = zip("ab", engines, (first, second), strict=True)
    return "model_list:\n" + "".join(
        entry("chat", edge.space.base(engine), f"api_key: none, {more}", f"id: {id_}") for id_, engine, more in made
    )


def behave(space: Space, name: str, settings: dict[str, object]) -> None:
    """From now on engines whose name begins so are like this."""
    body = json.dumps({"data": {name: json.dumps(settings)}})
    space.lab.kubectl("patch", "configmap", "lab-engine", "-n", space.name, "--type=merge", "-p", body)


@pytest.mark.bites("LiteLLM: defaults amplify a member that fails after a busy minute", "PM511")
def test_a_failing_member_takes_most_requests_with_it_under_the_defaults(trap: Trap, edge: Edge) -> None:
    space, name = edge.space, f"big-{edge.name}"
    base = space.base(name)
    config = members(edge, "weight: 9", "weight: 1").replace(space.base("alpha"), base)
    files = [
        edge.write(kind, *engine(name, space.name), *edge.objects(config + settings))
        for kind, settings in (("trap", ""), ("mended", SAFE))
    ]
    assert trap.lint(files[0])
    lost = []
    try:
        for file in files:
            behave(space, name, SWIFT)
            ask = edge.run(file)
            until(lambda: space.asking(name)("qwen").lost == 0)
            assert ask("chat", 40, at_once=4).lost == 0
            behave(space, name, FAILING)
            until(lambda: space.asking(name)("qwen").lost == 1)
            lost.append(ask("chat", 30, at_once=10).lost)
    finally:
        space.delete(f"deployment/{name}", f"service/{name}")
    assert lost[0] >= 3, lost
    assert lost[1] == 0, lost
    trap.bit(
        f"shares of 9 to 1, the big one failed after 40 good answers: {lost[0]} of 30 lost; with both settings 0 of 30"
    )
    trap.sound(files[1])


@pytest.mark.bites("LiteLLM: least-busy does not follow weights", "PM512")
def test_least_busy_sends_requests_to_a_member_of_weight_0(trap: Trap, edge: Edge) -> None:
    config = members(edge, "weight: 0", "weight: 100")
    file = edge.platform("trap", config + "router_settings: {routing_strategy: least-busy}\n")
    assert trap.lint(file)
    got = edge.run(file)("chat", COUNT)
    assert got.members.get("a", 0) > 0, got.members
    trap.bit(f"with weights 0 and 100 the idle member of weight 0 got {got.members['a']} of {COUNT} requests")
    mended = edge.platform("mended", config + "router_settings: {routing_strategy: simple-shuffle}\n")
    assert edge.run(mended)("chat", COUNT).members == {"b": COUNT}
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: the lowest order takes every request, whatever the weights", "PM513")
def test_the_lowest_order_takes_all(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", members(edge, "weight: 1, order: 1", "weight: 1, order: 2"))
    assert trap.lint(file)
    got = edge.run(file)("chat", COUNT, at_once=4)
    assert got.members == {"a": COUNT}
    trap.bit(f"with equal weights order 1 got {COUNT} of {COUNT} requests, order 2 none")
    mended = edge.platform("mended", members(edge, "weight: 1", "weight: 1"))
    assert set(edge.run(mended)("chat", COUNT, at_once=4).members) == {"a", "b"}
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: a model_group_alias hides the entry of its name", "PM514")
def test_an_entry_behind_another_name_of_an_alias_is_never_asked(trap: Trap, edge: Edge) -> None:
    config = "model_list:\n" + "".join(
        entry(alias, edge.space.base(engine), "api_key: none", f"id: {alias}")
        for alias, engine in (("mine", "alpha"), ("other", "beta"))
    )
    file = edge.platform("trap", config + "router_settings: {model_group_alias: {mine: other}}\n")
    assert trap.lint(file)
    got = edge.run(file)("mine", COUNT, at_once=4)
    assert got.members == {"other": COUNT}
    trap.bit(f"{COUNT} of {COUNT} requests for the entry's own name were answered by the other one")
    mended = edge.platform("mended", config)
    assert edge.run(mended)("mine", 5).members == {"mine": 5}
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: a fallback, or another name of an alias, that leads to no entry", "PM515")
def test_what_leads_nowhere_fails_when_it_is_needed(trap: Trap, edge: Edge) -> None:
    def config(target: str) -> str:
        known = "".join(
            entry(alias, edge.space.base(engine), "api_key: none", f"id: {alias}")
            for alias, engine in (("chat", "bad"), ("spare", "beta"))
        )
        router = f"{{model_group_alias: {{short: {target}}}, fallbacks: [{{chat: [{target}]}}]}}"
        return f"model_list:\n{known}router_settings: {router}\n"

    file = edge.platform("trap", config("spaer"))
    assert len(trap.lint(file)) == 2
    ask = edge.run(file)
    fallen, short = ask("chat")[0], ask("short")[0]
    assert (fallen.status, short.status) == (500, 400)
    trap.bit(
        f"the fallback did not cover a failing engine ({fallen.status}), the other name was refused ({short.status})"
    )
    mended = edge.platform("mended", config("spare"))
    ask = edge.run(mended)
    assert (ask("chat").members, ask("short").members) == ({"spare": 1}, {"spare": 1})
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: a pattern answers for an alias that is misspelt, or gone", "PM516")
def test_a_pattern_answers_for_a_name_that_is_misspelt(trap: Trap, edge: Edge) -> None:
    own = "model_list:\n" + entry("chat", edge.space.base("alpha"), "api_key: none", "id: own")
    caught = entry("'*'", edge.space.base("beta"), "api_key: none", "id: cloud")
    file = edge.platform("trap", own + caught)
    assert trap.lint(file)
    got = edge.run(file)("chta")
    assert got.members == {"cloud": 1}
    trap.bit("a request for the alias with two letters swapped was answered by the pattern's member, with 200")
    mended = edge.platform("mended", own)
    assert edge.run(mended)("chta").statuses == {400: 1}
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: enable_tag_filtering refuses requests whose tag no member has", "PM517")
def test_tag_filtering_refuses_requests_with_a_tag(trap: Trap, edge: Edge) -> None:
    tagged = {"metadata": {"tags": ["team-a"]}}
    on = "router_settings: {enable_tag_filtering: true}\n"
    file = edge.platform("trap", members(edge, "weight: 1", "weight: 1") + on)
    assert trap.lint(file)
    got = edge.run(file)("chat", 5, at_once=5, **tagged)
    assert got.lost == 5, got.statuses
    trap.bit(f"5 of 5 requests that carry a tag were refused with {got[0].status}")
    mended = edge.platform("mended", members(edge, "weight: 1, tags: [team-a, default]", "weight: 1") + on)
    assert edge.run(mended)("chat", 5, at_once=5, **tagged).members == {"a": 5}
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: a short timeout makes one long answer several", "PM518")
def test_a_short_timeout_loses_the_answer_and_asks_again(trap: Trap, edge: Edge) -> None:
    space, name = edge.space, f"slow-{edge.name}"
    slow = engine(name, space.name)
    files = [
        edge.write(kind, *slow, *edge.objects(config))
        for kind, config in (("trap", impatient(space.base(name), 2)), ("mended", impatient(space.base(name), 600)))
    ]
    assert trap.lint(files[0])
    try:
        ask = edge.run(files[0])
        behave(space, name, SWIFT | {"itl": 1.5})
        until(lambda: space.asking(name)("qwen")[0].seconds > 3)
        before = posts(space, name)
        got = ask("chat")[0]
        asked = posts(space, name) - before
        assert got.status == 408, (got, asked)
        assert asked > 1, asked
        told = f"told {got.status} after {got.seconds:.0f} s, and the engine was asked {asked} times"
        trap.bit(f"an answer takes 4 s and its member's request_timeout is 2: {told}")
        assert edge.run(files[1])("chat").lost == 0
    finally:
        space.delete(f"deployment/{name}", f"service/{name}")
    trap.sound(files[1])


def impatient(base: str, seconds: int) -> str:
    """An alias whose answers may take so long."""
    return "model_list:\n" + entry("chat", base, f"api_key: none, request_timeout: {seconds}", "id: a")


def posts(space: Space, name: str) -> int:
    """Completions that an engine was asked for, by its own log."""
    logs = space.lab.kubectl("logs", f"deployment/{name}", "-n", space.name).stdout
    return logs.count("POST /v1/chat/completions")
