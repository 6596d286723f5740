"""``pointsman doctor`` against an API server: what it says, what it could not see, what it asks for, how it ends."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
import yaml

from pointsman.checks.catalogue import CHECKS
from pointsman.layers.registry import layer
from pointsman.spec.loading import load_model
from tests.checks.grid import GRID
from tests.checks.written import SERVER, objects_in
from tests.cli.cluster import ReadOnlyCluster, serving
from tests.cli.program import SPEC, run
from tests.docs.schemas.holding import held

Object = dict[str, Any]
Doctor = Callable[..., subprocess.CompletedProcess[str]]
FORBIDDEN = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "not you"}


class Running(ReadOnlyCluster):
    """Objects that run, an API server's version, and what may not be listed, or does not exist."""

    version = "v1.34.4"
    shut: tuple[str, ...] = ()
    """Plurals that may not be listed, or their whole paths."""
    unknown: tuple[str, ...] = ()
    """Plurals that nobody has heard of."""
    page = 0
    """Pods of one answer; 0: all of them."""

    def answer(self, target: str) -> Object | None:
        parts = urlsplit(target)
        plural = parts.path.rpartition("/")[2]
        if parts.path == "/version":
            self.asked[parts.path] += 1
            return {"gitVersion": self.version}
        if plural in self.shut or parts.path in self.shut:
            self.asked[parts.path] += 1
            return FORBIDDEN
        if plural in self.unknown:
            self.asked[parts.path] += 1
            return None
        found = super().answer(target)
        if self.page and plural == "pods" and found:
            start = int(parse_qs(parts.query).get("continue", ["0"])[0])
            items = found["items"][start : start + self.page]
            more = {"continue": str(start + self.page)} if start + self.page < len(found["items"]) else {}
            return {"metadata": more, "items": items}
        return found


def example(name: str) -> list[Object]:
    """What runs in an example of the grid."""
    return [one for one in objects_in(GRID / name) if one["kind"] != SERVER]


def running(*examples: str, more: Iterable[Object] = ()) -> Running:
    return Running.of([*(one for name in examples for one in example(name)), *more])  # type: ignore[return-value]


@pytest.fixture
def doctor(tmp_path: Path) -> Iterator[Doctor]:
    """Runs it against a cluster."""
    with ExitStack() as stack:
        served: dict[int, Path] = {}

        def ask(cluster: Running, *words: str) -> subprocess.CompletedProcess[str]:
            if id(cluster) not in served:
                folder = tmp_path / str(len(served))
                folder.mkdir()
                served[id(cluster)] = stack.enter_context(serving(cluster, folder))
            return run("doctor", "--kubeconfig", str(served[id(cluster)]), *words)

        yield ask


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    held("doctor", found)
    return found


def ids(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    return [(one["id"], one["where"]) for one in told(done)["findings"]]


def test_a_finding_is_told_with_its_object_its_remedy_and_what_it_cost_to_look(doctor: Doctor) -> None:
    done = doctor(running("PM719.fails"))
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "error PM719 crash-loop at Pod serving/raw-vllm-5d9c-abcde"
    assert "container vllm has crashed 14 times, the last with exit code 1" in done.stdout
    assert "next: read why: kubectl logs --previous" in done.stdout
    assert lines[-1].startswith("1 error (")
    assert lines[-1].endswith(" list calls)")


def test_each_kind_is_listed_once_and_each_list_is_counted(doctor: Doctor) -> None:
    cluster = running("PM713.fails")
    done = doctor(cluster, "-o", "json")
    assert {path: count for path, count in cluster.asked.items() if count > 1} == {}
    assert told(done)["calls"] == sum(cluster.asked.values())
    assert told(done)["calls"] <= 40


def test_what_is_not_known_names_its_object_once(doctor: Doctor) -> None:
    container = {"name": "vllm", "image": "vllm/vllm-openai:v0.23.0", "args": ["--port=8000"]}
    template = {"metadata": {"labels": {"app": "q"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "q"}}, "template": template}
    engine = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "q", "namespace": "s"}, "spec": spec}
    lines = doctor(running(more=[engine])).stdout.splitlines()
    (said,) = [one for one in lines if "which weights it loads" in one]
    assert said.count("Deployment s/q") == 1


def test_pages_are_all_read_and_each_is_counted(doctor: Doctor) -> None:
    cluster = running("PM713.fails")
    whole = told(doctor(cluster, "--check", "PM713", "-o", "json"))
    cluster.page = 1
    paged = told(doctor(cluster, "--check", "PM713", "-o", "json"))
    assert [one["where"] for one in paged["findings"]] == [one["where"] for one in whole["findings"]]
    assert paged["findings"][0]["what"] == whole["findings"][0]["what"]
    assert (whole["calls"], paged["calls"]) == (2, 3)


def test_one_check_asks_for_no_more_than_it_reads(doctor: Doctor) -> None:
    cluster = running("PM715.fails")
    assert ids(doctor(cluster, "--check", "PM715", "-o", "json")) == [("PM715", "Node gpu-1")]
    assert dict(cluster.asked) == {"/api/v1/nodes": 1}


@pytest.mark.parametrize(
    ("name", "plural"),
    [
        ("PM717.clean", "pods"),
        ("PM704.clean", "endpointslices"),
        ("PM703.clean", "endpointslices"),
        ("PM711.clean", "gatewayclasses"),
        ("PM707.clean", "gateways"),
        ("PM709.clean", "llminferenceserviceconfigs"),
        ("PM701.clean", "customresourcedefinitions"),
        ("PM733.clean", "leases"),
        ("PM724.clean", "storageclasses"),
    ],
)
def test_what_may_not_be_listed_is_not_missing(name: str, plural: str, doctor: Doctor) -> None:
    """A check that would say that something is not there says that it could not look."""
    cluster = running(name)
    cluster.shut = (plural,)
    check = name.partition(".")[0]
    done = doctor(cluster, "--check", check, "-o", "json")
    assert told(done)["findings"] == []
    (skipped,) = told(done)["notChecked"]
    assert (skipped["id"], f"you may not list {plural}" in skipped["why"]) == (check, True)
    assert done.returncode == 5


def test_what_was_found_counts_although_something_else_may_not_be_listed(doctor: Doctor) -> None:
    cluster = running("PM719.fails")
    cluster.shut = ("nodes",)
    done = doctor(cluster)
    assert done.returncode == 1
    assert "error PM719" in done.stdout
    assert "not checked:" in done.stdout


def test_where_only_a_namespace_may_be_listed_it_is_asked_for(doctor: Doctor) -> None:
    cluster = running("PM719.fails")
    cluster.shut = ("/api/v1/pods",)
    done = doctor(cluster, "--check", "PM719", "-n", "serving", "-o", "json")
    assert ids(done) == [("PM719", "Pod serving/raw-vllm-5d9c-abcde")]
    assert "outside of default, serving" in told(done)["notChecked"][0]["why"]
    assert told(done)["calls"] == 3


def test_kinds_that_the_cluster_does_not_serve_are_no_error_and_no_lack_of_rights(doctor: Doctor) -> None:
    cluster = running("PM719.clean")
    cluster.unknown = ("inferenceservices", "llminferenceservices", "gateways", "applications", "httproutes")
    done = doctor(cluster, "-o", "json")
    assert (done.returncode, told(done)["findings"], told(done)["notChecked"]) == (0, [], [])


def test_a_layer_is_asked_for_before_it_is_used(doctor: Doctor) -> None:
    """Nothing of it is there, and nothing uses it: only whoever means to use it is told."""
    nodes = example("PM719.clean")
    assert ids(doctor(running(more=nodes), "-o", "json")) == []
    found = ids(doctor(running("PM710.clean"), "--for", "llm-d", "-o", "json"))
    assert ("PM709", "the cluster") in found
    assert ("PM703", "the cluster") in found
    assert ids(doctor(running(more=nodes), "--for", "raw-vllm", "-o", "json")) == []


def test_checks_of_other_layers_are_left_out(doctor: Doctor) -> None:
    clamped = example("PM731.clean")[0]
    clamped["spec"]["predictor"]["minReplicas"] = 0
    cluster = running("PM706.fails", more=[clamped])

    def of_kserve(layer: str) -> set[str]:
        return {one for one, _ in ids(doctor(cluster, "--for", layer, "-o", "json"))} & {"PM706", "PM201"}

    assert of_kserve("kserve") == {"PM706", "PM201"}
    assert (of_kserve("llm-d"), of_kserve("raw-vllm")) == (set(), set())


def test_a_missing_definition_is_told_by_name(doctor: Doctor) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "certificates.cert-manager.io"},
    }
    found = told(doctor(running(more=[definition]), "--for", "llm-d", "--check", "PM701", "-o", "json"))["findings"]
    assert len(found) == 5
    assert any("inferencepools.inference.networking.k8s.io" in one["what"] for one in found)


def test_a_namespace_keeps_what_is_of_others_out(doctor: Doctor) -> None:
    cluster = running("PM719.fails", "PM715.fails", "PM718.fails")
    assert len(ids(doctor(cluster, "-o", "json"))) > 2
    assert {where for _, where in ids(doctor(cluster, "-n", "serving", "-o", "json"))} == {
        "Pod serving/raw-vllm-5d9c-abcde"
    }


def test_a_model_is_asked_for_with_its_own_pods_and_what_it_stands_on(doctor: Doctor) -> None:
    (crashing,) = example("PM719.fails")
    metadata = crashing["metadata"]
    own = crashing | {
        "metadata": metadata
        | {"name": "own", "labels": {"pointsman.dev/model": "qwen"}, "ownerReferences": [{"name": "own"}]}
    }
    cluster = running("PM715.fails", more=[crashing, own])
    done = doctor(cluster, "--for", SPEC, "-o", "json")
    assert ("PM719", "Pod serving/own") in ids(done)
    assert ("PM719", "Pod serving/raw-vllm-5d9c-abcde") not in ids(done)
    assert ("PM715", "Node gpu-1") in ids(done)


def test_what_a_model_names_is_looked_for_before_the_model_is_there(doctor: Doctor) -> None:
    """Its Gateway; once its object is there, that is asked, and nothing is told twice."""
    spec = load_model(Path(SPEC))
    words = ("--for", SPEC, "--check", "PM740", "-o", "json")
    (rendered,) = layer("llm-d").render(spec)
    missing = [("PM740", "LLMInferenceService llm-d/qwen-llmd")]
    assert ids(doctor(running(), *words)) == missing
    assert ids(doctor(running(more=[rendered]), *words)) == missing
    there = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway"}
    there["metadata"] = rendered["spec"]["router"]["gateway"]["refs"][0]
    assert ids(doctor(running(more=[there]), *words)) == []
    assert ids(doctor(running(), "--check", "PM740", "-o", "json")) == []
    rendered["spec"]["router"]["gateway"]["refs"] = [{"name": "another"}]
    assert ids(doctor(running(more=[there, rendered]), *words)) == missing
    shut = running()
    shut.shut = ("gateways",)
    done = doctor(shut, *words)
    assert (ids(done), [one["id"] for one in told(done)["notChecked"]], done.returncode) == ([], ["PM740"], 5)


@pytest.mark.parametrize(("words", "heard"), [((), 0), (("--patience", "0"), 1), (("--patience", "1h"), 0)])
def test_what_has_just_begun_is_told_to_whoever_is_not_patient(
    words: tuple[str, ...], heard: int, doctor: Doctor
) -> None:
    """More patience than a check has changes nothing; and less makes an old death no recent one."""
    killed = example("PM720.fails")
    killed[0]["status"]["containerStatuses"][0] |= {"state": {"running": {}}, "restartCount": 1}
    waiting = example("PM718.fails")
    waiting[1]["metadata"]["creationTimestamp"] = datetime.now(UTC).isoformat()
    found = ids(doctor(running(more=[*killed, *waiting]), "--check", "PM718", "--check", "PM720", *words, "-o", "json"))
    assert found == [("PM718", "LLMInferenceService llm-d/qwen-llmd")] * heard


def test_neither_a_layer_nor_a_model(doctor: Doctor) -> None:
    done = doctor(running(), "--for", "nothing-of-that-name")
    assert (done.returncode, "model-unknown" in done.stderr) == (2, True)


def test_thresholds_are_those_of_lint(doctor: Doctor) -> None:
    cluster = running("PM717.fails")
    assert doctor(cluster).returncode == 0
    assert doctor(cluster, "--fail", "info").returncode == 1
    quiet = doctor(cluster, "--show", "warning")
    assert (quiet.returncode, "PM717" in quiet.stdout, "1 not shown" in quiet.stdout) == (0, False, True)
    assert doctor(running("PM719.fails"), "--fail", "never").returncode == 0


def test_every_format_says_the_same(doctor: Doctor) -> None:
    cluster = running("PM719.fails")
    told_as_yaml = yaml.safe_load(doctor(cluster, "-o", "yaml").stdout)
    assert told_as_yaml == told(doctor(cluster, "-o", "json"))
    (result,) = json.loads(doctor(cluster, "-o", "sarif").stdout)["runs"][0]["results"]
    (place,) = result["locations"][0]["logicalLocations"]
    assert (result["ruleId"], place["fullyQualifiedName"]) == ("PM719", "Pod serving/raw-vllm-5d9c-abcde")
    suite = ElementTree.fromstring(doctor(cluster, "-o", "junit").stdout)
    assert suite.get("failures") == "1"


def test_the_list_names_those_that_look_at_clusters(doctor: Doctor) -> None:
    listed = json.loads(run("doctor", "--list", "-o", "json").stdout)
    held("checks", listed)
    found = listed["checks"]
    assert [one["id"] for one in found] == [one.id for one in CHECKS if "cluster" in one.sources]
    assert "PM901" not in {one["id"] for one in found}


@pytest.mark.parametrize("words", [("--context", "nowhere"), ("--kubeconfig", "/nonexistent/config")])
def test_a_wrong_context_or_kubeconfig_is_an_error_of_use(words: tuple[str, str], doctor: Doctor) -> None:
    done = doctor(running(), *words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error [")


def test_a_cluster_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\nusers: [{name: u, user: {}}]\n"
    )
    done = run("doctor", "--kubeconfig", str(config))
    assert (done.returncode, done.stdout, "cluster-unreachable" in done.stderr) == (2, "", True)


def test_objects_of_odd_shapes_break_no_check(doctor: Doctor) -> None:
    """The API server keeps out most of it, but not of definitions without a schema, and not of text in ConfigMaps."""
    odd: list[Object] = []
    shapes: tuple[Object, ...] = (
        {},
        {"spec": None, "status": None},
        {"spec": [], "status": "odd", "data": [], "webhooks": {}},
        {"spec": {"template": None, "containers": [None, 1], "replicas": "1"}, "status": {"conditions": None}},
        {"status": {"conditions": ["x", {"type": 1}], "containerStatuses": {}, "phase": 7}},
        {"status": {"used": [], "hard": {}}, "spec": {"destination": [], "gatewayClassName": []}},
        {"status": {"operationState": [], "allocatable": {"nvidia.com/gpu": "many"}, "capacity": []}},
        {"data": {"deploy": "[", "ingress": "[]", "000001": "{"}, "endpoints": [None], "provisioner": {}},
        {"spec": {"taints": {}, "canary": {}, "tolerations": "all", "nodeSelector": []}, "webhooks": [None, {}]},
    )
    labels = {"pointsman.dev/open": "yes", "app.kubernetes.io/part-of": "llminferenceservice"}
    names = ("inferenceservice-config", "argocd-application-controller", "kserve-controller-manager", "x", "y")
    from pointsman.kube.resources import KINDS

    for kind in KINDS:
        for number, shape in enumerate(shapes):
            metadata: Object = {"name": f"{names[number % 5]}{'' if number < 5 else number}", "labels": labels}
            metadata |= {"creationTimestamp": "yesterday", "annotations": None, "ownerReferences": None}
            metadata |= {"namespace": "odd"} if kind.namespaced else {}
            odd.append({"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **shape})
    done = doctor(running(more=odd), "-o", "json")
    assert told(done)["broken"] == []


@pytest.mark.parametrize("owners", [5, "x", {"kind": "ReplicaSet"}, [7], [None]])
def test_owners_that_are_none_break_nothing(owners: Any, doctor: Doctor) -> None:
    cluster = running("PM719.fails")
    for one in cluster.objects.values():
        one["metadata"]["ownerReferences"] = owners
    done = doctor(cluster, "--check", "PM719", "-o", "json")
    assert done.returncode in (1, 5)
    assert "error" not in done.stderr
