"""The roles that ``pointsman rights`` prints give what moves ask for, and no more."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
from ruamel.yaml import YAML

from pointsman.cli.edges import edge_rights
from pointsman.demo.platform import example_model
from pointsman.kube.resources import KINDS
from pointsman.kube.rights import Right
from pointsman.layers.registry import LAYERS
from pointsman.move.plan.rights import rights_of, rights_to_know
from pointsman.move.plan.roles import controllers_among
from tests.cli.cluster import kubeconfig_for
from tests.cli.program import run
from tests.conftest import RunningLab
from tests.docs.schemas.holding import held
from tests.move.operators import OWN, operator
from tests.move.platform import MODEL, layer_of, pointsman_in, served

KIND = {(kind.group, kind.plural): kind for kind in KINDS}
UNNAMED = {"pods", "pods/log", "pods/proxy", "pods/portforward", "endpointslices"}
"""What has names that nobody knows before."""


def printed(*words: str) -> list[dict[str, Any]]:
    done = run("rights", MODEL, *words)
    assert done.returncode == 0, done.stderr
    return list(YAML(typ="safe").load_all(done.stdout))


def given(role: dict[str, Any]) -> Iterator[Right]:
    """Every single right that a role gives."""
    for rule in role.get("rules", ()):
        for group, resource, verb, name in itertools.product(
            rule["apiGroups"], rule["resources"], rule["verbs"], rule.get("resourceNames", [""])
        ):
            plural, _, subresource = resource.partition("/")
            yield Right(verb, KIND[group, plural], role["metadata"].get("namespace"), subresource, name)


def asked() -> set[Right]:
    """By moves of the example between all layers, both ways."""
    model = example_model()
    return {
        right
        for source, target in itertools.permutations(LAYERS, 2)
        for right in rights_of(model, edge_rights(model), to=[target], source=[source]).all()
    }


def test_the_roles_give_what_moves_ask_for_and_only_that() -> None:
    roles = [one for one in printed() if one["kind"].endswith("Role")]
    assert {one["metadata"]["name"] for one in roles} == {
        f"pointsman-{part}" for part in ("view", "own", "edge", "layers")
    }
    found = {right for role in roles for right in given(role)}
    wanted, known = asked(), set(rights_to_know())
    assert wanted <= found
    more = {
        right for right in found - wanted - known if not (right.verb in ("get", "list") and right.namespace is None)
    }
    assert more == set()


def test_an_object_of_a_layer_or_an_edge_is_named() -> None:
    for role in printed():
        if role["metadata"]["name"] in ("pointsman-edge", "pointsman-layers"):
            open_ = {one.resource for one in given(role) if not one.name}
            assert open_ <= UNNAMED, role["metadata"]
            assert not {"create", "delete"} & {one.verb for one in given(role) if one.resource == "pods"}


def test_for_models_to_come_layers_are_not_held_to_names_and_the_edge_is() -> None:
    for role in printed("--any-name"):
        names = {one.name for one in given(role)}
        if role["metadata"]["name"] == "pointsman-layers":
            assert names == {""}
        if role["metadata"]["name"] == "pointsman-edge":
            assert "litellm-config" in names


def test_roles_of_one_layer_alone_know_no_other() -> None:
    spaces = {one["metadata"].get("namespace") for one in printed("--layer", "kserve")}
    assert spaces == {None, OWN, "llm-gateway", "kserve"}


def test_roles_are_bound_to_whom_they_are_for() -> None:
    found = printed("--for", "group:llm-operators", "--for", "serviceaccount:ci/mover", "--name", "team-a")
    bindings = {(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")): one for one in found}
    for role in found:
        if role["kind"].endswith("Role"):
            bound = bindings[f"{role['kind']}Binding", role["metadata"]["name"], role["metadata"].get("namespace")]
            assert bound["roleRef"]["name"] == role["metadata"]["name"]
            assert [one["name"] for one in bound["subjects"]] == ["llm-operators", "mover"]
            assert role["metadata"]["name"].startswith("team-a-")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--for", "somebody"), "--for 'somebody' names nobody"),
        (("--for", "serviceaccount:x"), "names nobody"),
        (("--for", "user:"), "names nobody"),
        (("--name", "Team A"), "cannot be a role's name"),
        (("--layer", "swarm"), "there is no layer 'swarm'"),
        (("--check", "--any-name"), "--check prints no roles"),
    ],
)
def test_nonsense_is_refused_with_what_to_give(words: tuple[str, ...], said: str) -> None:
    done = run("rights", MODEL, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "  next: " in done.stderr


def test_no_model_means_all_in_the_model_folders(tmp_path: Path) -> None:
    none = run("rights", shell=f'cd "{tmp_path}" && exec "$@"')
    assert none.returncode == 2
    assert "name spec files, or models that the cluster knows" in none.stderr
    text = Path(MODEL).read_text(encoding="utf-8")
    (tmp_path / "models").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"models/{name}.yaml").write_text(text.replace("name: qwen", f"name: {name}", 1), encoding="utf-8")
    both = run("rights", "-o", "text", shell=f'cd "{tmp_path}" && exec "$@"')
    assert both.returncode == 0, both.stderr


@contextmanager
def hanging_up(folder: Path) -> Iterator[tuple[list[str], Path]]:
    """An API server that ends every connection, each that it had, and a kubeconfig for it."""
    had: list[str] = []

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            had.append(self.request.recv(4096).decode().partition("\r\n")[0])

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        config = folder / "kubeconfig"
        config.write_text(kubeconfig_for(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield had, config
        finally:
            server.shutdown()
            thread.join()


def test_a_check_of_an_api_server_that_is_not_there_ends_with_its_first_question(tmp_path: Path) -> None:
    with hanging_up(tmp_path) as (had, config):
        done = run("rights", MODEL, "--check", "--kubeconfig", str(config))
    assert (done.returncode, done.stdout, "error [cluster-unreachable]" in done.stderr) == (2, "", True)
    assert len(set(had)) == 1, had


def test_a_namespace_where_controllers_run_is_warned_of() -> None:
    done = run("rights", MODEL)
    assert "warning: controllers run in namespace kserve" in done.stderr
    assert "namespace serving" not in done.stderr


def allowed(lab: RunningLab, config: Path, *words: str) -> bool:
    """What the API server says that somebody may do."""
    done = lab.kubectl("--kubeconfig", str(config), "auth", "can-i", *words, check=False)
    return done.stdout.strip() == "yes"


@pytest.mark.lab
def test_whoever_has_the_roles_may_plan_every_move_and_nothing_beside(lab: RunningLab, tmp_path: Path) -> None:
    served(lab)
    config = operator(lab, tmp_path, "narrow")
    program = pointsman_in(lab)
    done = program("rights", MODEL, "--check", "--kubeconfig", str(config))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rights are there" in done.stdout
    for layer in {"raw-vllm", "kserve", "llm-d"} - {layer_of(lab)}:
        plan = program("plan", MODEL, "--to", layer, "--kubeconfig", str(config))
        assert plan.returncode == 0, plan.stderr
    assert allowed(lab, config, "patch", "deployments.apps/litellm", "-n", "llm-gateway")
    for forbidden in (
        ("patch", "deployments.apps/kserve-controller-manager", "-n", "kserve"),
        ("create", "deployments.apps", "-n", "serving"),
        ("get", "secrets/other", "-n", "serving"),
        ("list", "secrets", "-n", "llm-gateway"),
        ("delete", "pods", "-n", "serving"),
        ("create", "pods/portforward", "-n", "llm-gateway"),
        ("create", "pods/exec", "-n", "serving"),
        ("patch", "configmaps/other", "-n", "llm-gateway"),
    ):
        assert not allowed(lab, config, *forbidden), forbidden


@pytest.mark.lab
def test_a_right_that_was_taken_away_is_named_by_the_check_and_by_a_plan(lab: RunningLab, tmp_path: Path) -> None:
    served(lab)
    config = operator(lab, tmp_path, "lacking")
    lab.kubectl("delete", "rolebinding", "lacking-edge", "-n", "llm-gateway")
    program, told = pointsman_in(lab), ("--kubeconfig", str(config))
    check = program("rights", MODEL, "--check", "-o", "json", *told)
    assert check.returncode == 1, check.stderr
    held("rights", json.loads(check.stdout))
    (found,) = json.loads(check.stdout)["models"]
    assert {one["namespace"] for one in found["missing"]} == {"llm-gateway"}
    assert {"secrets", "pods/proxy", "deployments"} <= {one["resource"] for one in found["missing"]}
    text = program("rights", MODEL, "--check", *told)
    assert "patch configmaps litellm-config in namespace llm-gateway" in text.stdout
    target = "kserve" if layer_of(lab) != "kserve" else "raw-vllm"
    plan = program("plan", MODEL, "--to", target, *told)
    assert plan.returncode != 0
    assert "litellm-config" in plan.stderr


def test_a_namespace_that_answers_the_api_servers_webhooks_has_controllers() -> None:
    hooks: list[dict[str, Any]] = [
        {"webhooks": [{"clientConfig": {"service": {"namespace": "models", "name": "x"}}}]},
        {"webhooks": [{"clientConfig": {"service": None, "url": "https://x"}}, {"clientConfig": None}, {}]},
        {"webhooks": None},
        {},
    ]
    assert controllers_among({"models", "serving", "kube-system", "openshift-x"}, hooks) == [
        *("kube-system", "models", "openshift-x"),
    ]
