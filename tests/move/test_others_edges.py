"""Moves behind configurations that others wrote, through the program's own edge code, in memory."""

from __future__ import annotations

import itertools

import pytest

from pointsman.errors import MoveFailedError, NeedsPersonError, RefusedError
from pointsman.move.control import Control
from pointsman.move.journal.requests import Verb
from pointsman.report.contract import Happening, Topic
from tests.world.edge_of_others import DEPLOYMENT, ProxyWorld
from tests.world.engine import Faults
from tests.world.virtual import run_virtually
from tests.world.world import lenient, quick

CLOUD = (
    "  - model_name: qwen-local\n"
    "    litellm_params: {model: azure/gpt-x, api_base: https://example.openai.azure.com, weight: 20}  # a cloud\n"
)


def test_a_move_goes_through_and_leaves_every_other_byte() -> None:
    world = ProxyWorld(model=None)
    world.model = lenient(world.model)
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert result.error is None, result.error
    assert all(one == {"http://qwen-kserve.kserve.svc.cluster.local:8000/v1": 100} for one in world.running())
    assert "# the platform's own file\n" in world.declared()


def test_others_members_keep_their_share() -> None:
    world = ProxyWorld(more=CLOUD, entry="      weight: 80\n")
    world.model = lenient(world.model)
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert result.error is None, result.error
    assert CLOUD in world.declared()
    assert [sorted(one.values()) for one in world.running()] == [[20, 80], [20, 80]]
    assert result.receipt["traffic"]["others"]["own"] > 0
    split = {one["step"]: one["observedPercent"] for one in result.receipt["split"]}
    assert split["shift-100"] == 100.0


@pytest.mark.parametrize("every", [12, 40], ids="one of {}".format)
def test_what_the_api_server_does_not_get_through_to_a_replica_is_sent_once_more(every: int) -> None:
    """It keeps connections to pods, and loses what it sends on one that the pod has just closed."""
    world = ProxyWorld()
    world.model = lenient(world.model)
    world.proxy.undelivered = itertools.cycle([True] + [False] * (every - 1))  # eight are under way at once
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert result.error is None, result.error
    assert result.receipt["traffic"]["tenants"] == 0, "engines counted no more than what of the move's own was answered"


def test_a_replica_that_the_api_server_never_gets_through_to_is_no_edge() -> None:
    world = ProxyWorld()
    world.model = lenient(world.model)
    world.proxy.undelivered = itertools.repeat(True)
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert result.error is not None
    assert result.error.code == "shift-10.split"
    assert [sorted(one) for one in world.running()] == [["http://qwen-raw-vllm.serving.svc.cluster.local:8000/v1"]] * 2


OTHER = (
    "  - model_name: gpt-4o-mini\n"
    "    litellm_params:\n"
    "      model: openai/qwen2.5-0.5b-instruct\n"
    "      api_base: http://qwen-raw-vllm.serving.svc.cluster.local:8000/v1\n"
    "      api_key: os.environ/UPSTREAM_API_KEY\n"
)


def test_another_alias_on_the_same_engines_makes_a_move_refuse_and_is_named_with_its_line() -> None:
    world = ProxyWorld(more=OTHER)
    before = world.declared()
    with pytest.raises(RefusedError) as refused:
        run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert refused.value.code == "preflight.aliases"
    assert "gpt-4o-mini (its entry, ConfigMap llm-gateway/litellm-config config.yaml:3)" in refused.value.what
    assert "--leave 'gpt-4o-mini'" in refused.value.next_action
    assert world.declared() == before


def test_aliases_that_are_named_move_together() -> None:
    world = ProxyWorld(more=OTHER)
    tenant = world.model.spec.tenant.model_copy(update={"aliases": ("gpt-4o-mini",)})
    spec = world.model.spec.model_copy(update={"tenant": tenant})
    world.model = lenient(world.model.model_copy(update={"spec": spec}))
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert result.error is None, result.error
    assert "raw-vllm.serving" not in world.declared()
    assert result.receipt["aliases"]["moved"] == ["qwen-local", "gpt-4o-mini"]


def test_an_alias_that_may_be_left_loses_its_engine_and_the_receipt_says_so() -> None:
    world = ProxyWorld(more=OTHER)
    world.model = lenient(world.model)
    result = run_virtually(world.conductor().move(world.model, "kserve", quick(leave=("gpt-4o-mini",))))
    assert result.error is None, result.error
    assert OTHER in world.declared()
    assert result.receipt["aliases"]["left"] == ["gpt-4o-mini"]


def test_leave_of_a_name_that_reaches_nothing_is_refused() -> None:
    world = ProxyWorld()
    with pytest.raises(RefusedError, match="no name gpt reaches"):
        run_virtually(world.conductor().move(world.model, "kserve", quick(leave=("gpt",))))


def test_an_alias_that_appears_during_the_move_keeps_the_source() -> None:
    world = ProxyWorld()
    world.model = lenient(world.model)

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == "hold":
            world.declare(world.declared().replace("model_list:\n", f"model_list:\n{OTHER}"))

    world.seen.react = react
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert isinstance(result.error, NeedsPersonError)
    assert result.error.code == "drain.still-reached"
    assert "gpt-4o-mini" in result.error.what
    assert world.workloads()["Deployment serving/qwen-raw-vllm"] == 1


def test_a_configuration_that_somebody_rolled_by_hand_is_the_present_state() -> None:
    world = ProxyWorld()
    world.model = lenient(world.model)
    world.declare(world.declared().replace("cooldown_time: 30", "cooldown_time: 40"))
    world.restart_edge("2026-01-01")
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert result.error is None, result.error


def test_a_replica_that_lags_is_named_with_what_it_runs() -> None:
    world = ProxyWorld()
    text = world.declared()
    world.declare(text.replace("raw-vllm.serving", "elsewhere.serving"))
    world.restart_edge("one")
    world.declare(text)
    with pytest.raises(RefusedError) as refused:
        run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert refused.value.code == "preflight.edge-healthy"
    assert "kubectl rollout restart -n llm-gateway deployment/litellm" in refused.value.next_action


def test_a_loop_that_puts_the_configuration_back_leaves_no_dead_end() -> None:
    """What selfHeal does: the text says 100 % source, the replicas run the split."""
    world = ProxyWorld()
    world.model = lenient(world.model)
    first = world.declared()

    def react(happening: Happening) -> None:
        if happening.topic is Topic.STEP_DONE and happening.step == "shift-50":
            world.declare(first)

    world.seen.react = react
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert isinstance(result.error, NeedsPersonError | MoveFailedError)
    assert len(world.running()[0]) == 2
    ended = run_virtually(Control(world.conductor("second@test/2")).ask(Verb.ROLLBACK, "qwen"))
    assert ended.error is None, ended.error
    assert ended.receipt["state"] == "undone"
    assert world.running() == [{"http://qwen-raw-vllm.serving.svc.cluster.local:8000/v1": 100}] * 2


def test_a_key_of_the_edge_that_the_target_refuses_is_found_before_any_tenant_is_moved() -> None:
    world = ProxyWorld()
    world.model = lenient(world.model)
    spec = world.cluster.objects[DEPLOYMENT]["spec"]["template"]["spec"]
    spec["containers"][0]["env"] = [{"name": "UPSTREAM_API_KEY", "value": "sk-of-last-year"}]
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert result.error is not None
    assert result.error.code == "contract.edge-key"
    assert "sk-of-last-year" not in str(result.error)
    assert result.receipt["split"] == []


def test_engines_without_a_key_are_moved_and_it_is_said() -> None:
    world = ProxyWorld()
    contract = world.model.spec.contract.model_copy(update={"auth": None})
    spec = world.model.spec.model_copy(update={"contract": contract})
    world.model = lenient(world.model.model_copy(update={"spec": spec}))
    for one in world.cluster.engines.values():
        one.faults.ignore_key = True
    world.cluster.faults["kserve"] = Faults(ignore_key=True)
    result = run_virtually(world.conductor().move(world.model, "kserve", quick()))
    assert result.error is None, result.error
    proved = next(one for one in result.receipt["steps"] if one["id"] == "contract")["evidence"]["checks"]
    assert all("whoever reaches the engine is answered" in one["no-key-refused"] for one in proved.values())
