"""What the caller may do, as an API server tells it: by lists of rules, one by one, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.kube.resources import kind_of
from pointsman.kube.rights import Right, missing, rights
from tests.kube.peer import Peer, client_for

PODS, SECRETS = kind_of("Pod"), kind_of("Secret")
LIST = Right("list", PODS, "serving")


def rules(*found: dict[str, Any], incomplete: bool = False) -> tuple[int, dict[str, str], dict[str, Any]]:
    return (201, {}, {"status": {"resourceRules": list(found), "incomplete": incomplete}})


def allowed(answer: bool) -> tuple[int, dict[str, str], dict[str, Any]]:
    return (201, {}, {"status": {"allowed": answer}})


def rule(verbs: str, groups: str, resources: str, *names: str) -> dict[str, Any]:
    named = {"resourceNames": list(names)} if names else {}
    return {"verbs": verbs.split(), "apiGroups": [groups], "resources": resources.split(), **named}


@pytest.mark.parametrize(
    ("right", "given", "covered"),
    [
        (LIST, rule("get list", "", "pods"), True),
        (LIST, rule("*", "*", "*"), True),
        (LIST, rule("get", "", "pods"), False),
        (LIST, rule("list", "apps", "pods"), False),
        (LIST, rule("list", "", "pods", "one"), False),
        (Right("get", PODS, "serving", "log"), rule("get", "", "pods"), False),
        (Right("get", PODS, "serving", "log"), rule("get", "", "pods/log"), True),
        (Right("get", PODS, "serving", "log"), rule("get", "", "*/log"), True),
        (Right("get", SECRETS, "serving", name="key"), rule("get", "", "secrets", "key"), True),
        (Right("get", SECRETS, "serving", name="key"), rule("get", "", "secrets", "other"), False),
    ],
)
def test_what_a_rule_gives(right: Right, given: dict[str, Any], covered: bool) -> None:
    assert right.covered_by(given) is covered


async def test_a_right_that_the_rules_show_is_not_asked_for_again() -> None:
    peer = Peer([rules(rule("get list watch", "", "pods"))])
    async with client_for(peer) as client:
        assert await missing(client, rights(["get", "list"], PODS, "serving")) == []
    assert [path.rsplit("/", 1)[-1] for _, path in peer.seen] == ["selfsubjectrulesreviews"]


async def test_a_right_that_the_rules_do_not_show_is_asked_for_by_itself() -> None:
    for answer, expected in ((True, []), (False, [LIST])):
        peer = Peer([rules(incomplete=True), allowed(answer)])
        async with client_for(peer) as client:
            assert await missing(client, [LIST, LIST]) == expected
        assert len(peer.seen) == 2


async def test_a_right_in_the_whole_cluster_is_asked_for_by_itself() -> None:
    peer = Peer([allowed(False)])
    async with client_for(peer) as client:
        found = await missing(client, rights(["list"], kind_of("Node")))
    assert [str(one) for one in found or []] == ["list nodes"]


async def test_a_review_that_fails_for_a_moment_is_asked_for_again() -> None:
    peer = Peer(["reset", (500, {}, {"message": "etcd"}), allowed(True)])
    async with client_for(peer) as client:
        assert await missing(client, rights(["list"], kind_of("Node"))) == []


async def test_an_api_server_that_does_not_say_is_not_taken_for_a_no() -> None:
    async with client_for(Peer()) as client:
        assert await missing(client, [LIST]) is None


def test_a_right_in_words() -> None:
    assert str(LIST) == "list pods in namespace serving"
    assert str(Right("get", kind_of("Deployment"), None, "", "vllm")) == "get deployments.apps vllm"
    assert str(Right("create", PODS, "llm-d", "portforward")) == "create pods/portforward in namespace llm-d"
