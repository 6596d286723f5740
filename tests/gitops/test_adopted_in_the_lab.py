"""Another team's platform: its Model is adopted, what does not agree is mended, and the model moves.

Its alias goes through a Gateway that others share, which tells models by a header; clouds stand beside it.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from pointsman.lab.addons.names import GATEWAY_CLASS
from tests.adopt.other_platform import ALIAS, write_other_platform
from tests.conftest import RunningLab
from tests.docs.schemas.holding import held
from tests.gitops.ground import until
from tests.gitops.initialised import SURE, Platform
from tests.gitops.looking import found

pytestmark = pytest.mark.lab

PLACES = ("chat", "chat-kserve", "networking", "llm-proxy")
EDGE = "http://llm-proxy.llm-proxy.svc.cluster.local:4000/v1/chat/completions"
APPLICATIONS = ("llm-proxy", "chat-engine", "chat-kserve", "networking")


@pytest.fixture(scope="module")
def platform(git_lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """In a clone and in the cluster; its layers are not started yet."""
    made = Platform(git_lab, tmp_path_factory.mktemp("theirs"))
    write_other_platform(made.path, str(made.remote), GATEWAY_CLASS, pool=False, database=False)
    made.push("Theirs")
    made("git", "config", "user.name", "An Operator")
    made("git", "config", "user.email", "operator@example.com")
    try:
        for place in PLACES:
            made("kubectl", "create", "namespace", place)
            made("kubectl", "create", "secret", "generic", "chat-key", "--from-literal=token=theirs", "-n", place)
        made("kubectl", "create", "secret", "generic", "llm-proxy", "--from-literal=master=sk-theirs", "-n", PLACES[-1])
        yield made
    finally:
        gone = ("--ignore-not-found", "--wait", "--timeout=90s")
        git_lab.kubectl("delete", "applications", *APPLICATIONS, "-n", "argocd", *gone, timeout=120, check=False)
        git_lab.kubectl("delete", "inferenceservice", "--all", "-n", "chat-kserve", *gone[1:], timeout=120, check=False)
        for place in PLACES:  # a namespace that is deleted with pods in it waits for half of their grace
            git_lab.kubectl("delete", "deployment,gateway", "--all", "-n", place, *gone[1:], timeout=120, check=False)
        for place in PLACES:
            git_lab.kubectl("wait", "pod", "--all", "--for=delete", "-n", place, gone[2], timeout=120, check=False)
        git_lab.kubectl("delete", "namespace", *PLACES, *gone, timeout=120, check=False)


def test_a_model_of_another_team_is_adopted_mended_and_moved(platform: Platform) -> None:
    said = json.loads(platform("pointsman", "adopt", ".", "--fix", "--yes", "--write", "--output", "json"))
    held("adopt", said)
    assert (said["findings"], [one["path"] for one in said["files"]][-2:]) == (
        [],
        [f"models/{ALIAS}.yaml", "platform.yaml"],
    )
    model = platform.path / "models" / f"{ALIAS}.yaml"
    model.write_text(model.read_text("utf-8").replace("  layers:\n", f"{SURE}  layers:\n"), "utf-8")
    platform.push("Adopted")
    for name in APPLICATIONS:
        platform("kubectl", "apply", "-f", f"argocd/apps/{name}.yaml")
    for name in ("networking", "chat-engine"):
        platform("pointsman", "sync", name, "--yes")
    platform("pointsman", "wait", "networking", "chat-engine", "llm-proxy", "--timeout", "3m")
    until(lambda: answers(platform))
    words = ("--yes", "--output", "json", "--hold", "1")
    receipt = json.loads(platform("pointsman", "move", f"models/{ALIAS}.yaml", "--to", "kserve", *words))
    held("receipt", receipt)
    assert (receipt["state"], receipt["servedFrom"]) == ("done", "kserve")
    members = entries(platform)
    ours = [one for one in members if "chat-kserve" in str(one["litellm_params"].get("api_base"))]
    assert [one["litellm_params"]["weight"] for one in ours] == [100]
    assert [one["litellm_params"]["model"] for one in members if one not in ours] == [
        "bedrock/anthropic.claude-x",
        "azure/gpt-x",
    ]
    assert answers(platform)
    assert found(platform.lab, "deployment", "chat-engine", "chat")["spec"]["replicas"] == 0
    platform("git", "pull", "--quiet", "origin", "main")
    again = platform("pointsman", "adopt", ".", "--live")
    assert "1 model, nothing to correct" in again


def entries(platform: Platform) -> list[dict[str, Any]]:
    """The alias's members, as the remote has them."""
    text = platform("git", "show", "origin/main:proxy/values/models.yaml")
    listed = yaml.safe_load(text)["proxy_config"]["model_list"]
    return [one for one in listed if one["model_name"] == ALIAS]


def answers(platform: Platform) -> bool:
    """Is a tenant answered through the edge?"""
    said = {"model": ALIAS, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}
    request = urllib.request.Request(EDGE, json.dumps(said).encode(), {"content-type": "application/json"})
    request.add_header("authorization", "Bearer sk-theirs")
    proxy = urllib.request.ProxyHandler({"http": platform.lab.config.proxy_url})
    try:
        with urllib.request.build_opener(proxy).open(request, timeout=60) as answer:
            return bool(json.load(answer)["choices"][0]["message"]["content"])
    except OSError:
        return False
