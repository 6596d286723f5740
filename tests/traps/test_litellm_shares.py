"""What members of an alias get of its requests, and who covers for whom: on the real LiteLLM proxy."""

from __future__ import annotations

import pytest

from tests.traps.gateway import Edge
from tests.traps.manifests import entry
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

SAFE = "router_settings: {allowed_fails: 0, cooldown_time: 30}\n"
COUNT = 30


def pair(
    edge: Edge, first: str, second: str, *, alias: str = "chat", engines: tuple[str, str] = ("alpha", "beta")
) -> str:
    """Two members of one alias, with these parameters."""
    made = zip("ab", engines, (first, second), strict=True)
    return "".join(
        entry(alias, edge.space.base(engine), f"api_key: none{more}", f"id: {alias}-{id_}")
        for id_, engine, more in made
    )


@pytest.mark.bites("LiteLLM: a weight on one member of an alias, and none on the other", "PM501")
def test_a_member_without_a_weight_beside_one_with_gets_nothing(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", "model_list:\n" + pair(edge, ", weight: 1", ""))
    assert trap.lint(file)
    got = edge.run(file)("chat", COUNT, at_once=4)
    assert got.members == {"chat-a": COUNT}
    trap.bit(f"the member without a weight got 0 of {COUNT} requests; with weight 1 on both each got its part")
    mended = edge.platform("mended", "model_list:\n" + pair(edge, ", weight: 1", ", weight: 1"))
    got = edge.run(mended)("chat", COUNT, at_once=4)
    assert set(got.members) == {"chat-a", "chat-b"}, got.members
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: rpm or tpm on one member of an alias, and none on the other", "PM501")
def test_limits_are_shares_too(trap: Trap, edge: Edge) -> None:
    def both(limited: str, other: str = "") -> str:
        return "".join(
            pair(edge, f", {key}: {limited}", other and f", {key}: {other}", alias=key) for key in ("rpm", "tpm")
        )

    file = edge.platform("trap", "model_list:\n" + both("100000"))
    assert len(trap.lint(file)) == 2
    ask = edge.run(file)
    for key in ("rpm", "tpm"):
        assert ask(key, COUNT, at_once=4).members == {f"{key}-a": COUNT}
    trap.bit(f"a limit on one member is its share: the one without rpm, or tpm, got 0 of {COUNT} requests each")
    mended = edge.platform("mended", "model_list:\n" + both("100000", "100000"))
    ask = edge.run(mended)
    for key in ("rpm", "tpm"):
        assert set(ask(key, COUNT, at_once=4).members) == {f"{key}-a", f"{key}-b"}
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: a weight written as text", "PM502")
def test_a_weight_that_is_text_fails_every_request(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", "model_list:\n" + pair(edge, ", weight: '50'", ", weight: 50"))
    assert trap.lint(file)
    got = edge.run(file)("chat", 6, at_once=3)
    assert got.lost == 6, got.statuses
    trap.bit(f"6 of 6 requests failed with {got[0].status}: {got[0].body['error']['message'][:80]}")
    mended = edge.platform("mended", "model_list:\n" + pair(edge, ", weight: 50", ", weight: 50"))
    assert edge.run(mended)("chat", 6, at_once=3).lost == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: weight 0 is a standby, not off", "PM503")
def test_a_member_of_weight_0_that_was_meant_to_be_off_answers(trap: Trap, edge: Edge) -> None:
    config = (
        "model_list:\n"
        + pair(edge, ", weight: 1", ", weight: 0", engines=("bad", "beta"))
        + "    # off since May\n"
        + SAFE
    )
    file = edge.platform("trap", config)
    assert trap.lint(file)
    got = edge.run(file)("chat", 10, at_once=2)
    assert got.members.get("chat-b", 0) >= 9, (got.members, got.statuses)
    trap.bit(
        f"while the member of weight 1 failed, {got.members['chat-b']} of 10 went to the one that was meant to be off"
    )
    mended = edge.platform("mended", config.replace("id: chat-b", "id: chat-b, blocked: true"))
    got = edge.run(mended)("chat", 4, at_once=4)
    assert got.members == {}, "it is off now, and nobody covers"
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: an alias with a single member has no cover", "PM504")
def test_an_alias_with_one_member_loses_what_its_engine_loses(trap: Trap, edge: Edge) -> None:
    lone = entry("chat", edge.space.base("bad"), "api_key: none, weight: 1", "id: only")
    file = edge.platform("trap", f"model_list:\n{lone}{SAFE}")
    assert trap.lint(file)
    got = edge.run(file)("chat", 6, at_once=3)
    assert got.lost == 6, got.statuses
    slowest = max(one.seconds for one in got)
    trap.bit(
        f"its engine failed: 6 of 6 lost, the last told after {slowest:.1f} s; with a standby of weight 0, none of 6"
    )
    cover = entry("chat", edge.space.base("alpha"), "api_key: none, weight: 0", "id: standby")
    mended = edge.platform("mended", f"model_list:\n{lone}{cover}{SAFE}")
    assert edge.run(mended)("chat", 6, at_once=3).lost == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: two members with one address are one", "PM504")
def test_two_members_with_one_address_fail_together(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", f"model_list:\n{pair(edge, '', '', engines=('bad', 'bad'))}{SAFE}")
    assert trap.lint(file)
    got = edge.run(file)("chat", 6, at_once=3)
    assert got.lost == 6, got.statuses
    trap.bit("their engine failed: 6 of 6 lost; with one of them on another engine, none of 6")
    mended = edge.platform("mended", f"model_list:\n{pair(edge, '', '', engines=('bad', 'beta'))}{SAFE}")
    assert edge.run(mended)("chat", 6, at_once=3).lost == 0
    trap.sound(mended)
