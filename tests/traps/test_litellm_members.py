"""What entries of LiteLLM's aliases say of keys, ids, prices and addresses: on the real LiteLLM proxy."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.traps.gateway import Edge
from tests.traps.manifests import ENGINE_KEY, entry
from tests.traps.tenants import Asking
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


def alone(edge: Edge, params: str = "api_key: none", info: str = "id: a", engine: str = "alpha") -> str:
    """A configuration with one entry."""
    return "model_list:\n" + entry("chat", edge.space.base(engine), params, info)


@pytest.mark.bites("LiteLLM: a stand-in where the engine asks for a key", "PM505")
def test_a_stand_in_for_a_key_is_told_401(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", alone(edge, "api_key: dummy", engine="keyed"))
    assert trap.lint(file)
    got = edge.run(file)("chat")
    assert got.statuses == {401: 1}
    trap.bit("the engine refused the stand-in, and the tenant was told 401")
    mended = edge.platform("mended", alone(edge, "api_key: os.environ/ENGINE_KEY", engine="keyed"))
    assert edge.run(mended)("chat").lost == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: a key in plain text in its ConfigMap", "PM506")
def test_whoever_may_read_the_configuration_has_the_key(trap: Trap, edge: Edge) -> None:
    space, who = edge.space, f"{edge.name}-reader"
    file = edge.platform("trap", alone(edge, f"api_key: {ENGINE_KEY}", engine="keyed"))
    assert trap.lint(file)
    space.serve(*yaml.safe_load_all(file.read_text(encoding="utf-8")))
    space.lab.kubectl("create", "role", who, "-n", space.name, "--verb=get", "--resource=configmaps")
    user = f"system:serviceaccount:{space.name}:{who}"
    bound = (f"--role={who}", f"--serviceaccount={space.name}:{who}")
    space.lab.kubectl("create", "rolebinding", who, "-n", space.name, *bound)
    try:
        refused = space.lab.kubectl("get", "secret", "engine", "-n", space.name, "--as", user, check=False)
        assert "forbidden" in refused.stderr
        found = read_key(edge, user)
        assert space.asking("keyed")("qwen").statuses == {401: 1}
        assert space.asking("keyed", found)("qwen").lost == 0
        trap.bit(
            "a ServiceAccount that may read ConfigMaps and no Secrets took the key there, and the engine answered it"
        )
        mended = edge.platform("mended", alone(edge, "api_key: os.environ/ENGINE_KEY", engine="keyed"))
        assert edge.run(mended)("chat").lost == 0
        assert space.asking("keyed", read_key(edge, user))("qwen").statuses == {401: 1}
        trap.sound(mended)
    finally:
        space.delete(f"role/{who}", f"rolebinding/{who}")


def read_key(edge: Edge, user: str) -> str:
    """What this user reads in the ConfigMap."""
    words = ("get", "configmap", f"{edge.name}-config", "-n", edge.space.name, "--as", user, "-o", "json")
    text = json.loads(edge.space.lab.kubectl(*words).stdout)["data"]["config.yaml"]
    return str(yaml.safe_load(text)["model_list"][0]["litellm_params"]["api_key"])


@pytest.mark.bites("LiteLLM: an entry without an id is another one after each edit", "PM507")
def test_without_an_id_nobody_can_tell_which_member_answered(trap: Trap, edge: Edge) -> None:
    def answering(kind: str, info: str) -> list[str]:
        seen = []
        for rpm in (1000, 2000):
            file = edge.platform(f"{kind}-{rpm}", alone(edge, f"api_key: none, rpm: {rpm}", info))
            assert bool(trap.lint(file)) is not bool(info)
            seen.append(edge.run(file)("chat")[0].member)
        return seen

    first, second = answering("trap", "")
    assert first != second
    trap.bit(f"after its rpm was edited the same member answers as {second[:8]}… in place of {first[:8]}…")
    assert answering("mended", "id: a") == ["a", "a"]
    trap.sound(edge.platform("mended", alone(edge)))


BUDGET = "api_key: none, max_budget: 0.000001, budget_duration: 1d"
PRICES = ", input_cost_per_token: 0.001, output_cost_per_token: 0.001"


def answered(ask: Asking) -> list[int]:
    """Four requests one after another: a budget that is spent refuses the last."""
    return [ask("chat")[0].status for _ in range(4)]


@pytest.mark.bites("LiteLLM: without a price budgets never bind", "PM508")
def test_a_budget_never_binds_for_an_alias_without_a_price(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", alone(edge, BUDGET))
    assert trap.lint(file)
    ask = edge.run(file)
    assert "x-litellm-response-cost" not in ask("chat")[0].headers
    assert answered(ask) == [200] * 4
    trap.bit(
        "each answer cost nothing, and a budget of 0.000001 let all of them pass; with a price it refused with 429"
    )
    mended = edge.platform("mended", alone(edge, BUDGET + PRICES))
    assert 429 in answered(edge.run(mended))
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: the address of an engine without /v1", "PM510")
def test_an_address_without_v1_is_answered_with_404_and_then_429(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", alone(edge).replace(":8000/v1", ":8000"))
    assert trap.lint(file)
    ask = edge.run(file)
    told = [ask("chat")[0].status for _ in range(3)]
    assert told == [404, 429, 429]
    trap.bit("the first request was told 404, and the next ones 429, since the alias rests for 5 s")
    mended = edge.platform("mended", alone(edge))
    assert edge.run(mended)("chat", 3).lost == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: an entry reads its key from a variable that its pods do not have", "PM526")
def test_a_variable_that_is_not_there_fails_every_request(trap: Trap, edge: Edge) -> None:
    file = edge.platform("trap", alone(edge, "api_key: os.environ/ENGINE_KYE"))
    assert trap.lint(file)
    got = edge.run(file)("chat", 3, at_once=3)
    assert got.statuses == {500: 3}
    assert "Missing credentials" in got[0].text
    trap.bit(
        f"3 of 3 requests were told 500, Missing credentials, the last after {max(one.seconds for one in got):.1f} s"
    )
    mended = edge.platform("mended", alone(edge, "api_key: os.environ/ENGINE_KEY"))
    assert edge.run(mended)("chat").lost == 0
    trap.sound(mended)
