"""``pointsman teardown`` of a model, a layer and everything, as a person runs it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.whole import Wanted
from pointsman.cli.words import Output
from pointsman.kube.resources import ref_of
from pointsman.layers.registry import layer
from pointsman.teardown.scope import Scope
from tests.cli.cluster import serving
from tests.cli.program import run
from tests.cli.terminal import terminal
from tests.cost.paid import PaidCluster
from tests.docs.schemas.holding import held
from tests.root.cluster import ArgoCluster
from tests.root.tenants import MODEL, tenants
from tests.teardown.ground import QWEN, everywhere, tear
from tests.teardown.test_open_teardown import begun

SPEC = Path(__file__).parents[2] / "examples/platform/models/qwen.yaml"
Object = dict[str, Any]


class AllowingCluster(PaidCluster):
    """Whoever asks what they may do may do everything; what they do then is refused all the same."""

    def posted(self, target: str, body: Object) -> tuple[int, Object]:
        if target.endswith("selfsubjectrulesreviews"):
            rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            return 201, {"status": {"resourceRules": [rule], "incomplete": False}}
        if target.endswith("selfsubjectaccessreviews"):
            return 201, {"status": {"allowed": True}}
        self.applied.append(target)
        return 403, {"kind": "Status", "code": 403, "message": "it can only be read"}


def platform(*more: Object) -> ArgoCluster:
    """Tenants are served from raw vLLM, and KServe is there beside it."""
    objects = [one for name in ("raw-vllm", "kserve") for one in layer(name).render(MODEL)]
    return PaidCluster.of_things(*tenants({"raw-vllm": 100}), *objects, *more)


def told(folder: Path, *words: str, cluster: ArgoCluster | None = None) -> subprocess.CompletedProcess[str]:
    with serving(cluster or platform(), folder) as kubeconfig:
        return run("teardown", *words, "--kubeconfig", str(kubeconfig), "--repo", str(folder))


def test_what_would_go_is_shown_and_nothing_is_taken(tmp_path: Path) -> None:
    done = told(tmp_path, "qwen", "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "model qwen goes:"
    assert "    alias qwen-local: withdrawn first" in lines
    assert "      - PersistentVolumeClaim serving/raw-vllm-cache" in lines
    assert "  tenants lose: qwen-local (requests running now: 0)" in lines
    kept = told(tmp_path, "qwen", "--dry-run", "--keep-volumes").stdout
    assert "  stays: PersistentVolumeClaim serving/raw-vllm-cache (--keep-volumes)" in kept


@pytest.mark.parametrize("words", [("qwen",), (str(SPEC),), ("--all",)], ids=["name", "file", "all"])
def test_what_would_go_is_data_too(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = told(tmp_path, *words, "--dry-run", "-o", "json")
    assert done.returncode == 0, done.stderr
    found: Object = json.loads(done.stdout)
    held("teardown-preview", found)
    assert (found["aliases"], found["running"]) == (["qwen-local"], 0)
    assert [one["layer"] for one in found["models"][0]["layers"]] == ["raw-vllm", "kserve"]


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        ((), "usage", 2),
        (("qwen", "--all"), "usage", 2),
        (("qwen", "--forget"), "usage", 2),
        (("qwen", "--layer", "kserve", "--withdraw", "qwen-local"), "usage", 2),
        (("kserve", "--layer", "kserve"), "usage", 2),
        (("kserve", "--withdraw", "qwen-local"), "usage", 2),
        (("absent",), "model-unknown", 2),
        (("qwen", "--abort"), "no-open-teardown", 1),
        (("qwen", "--yes"), "teardown-withdraw", 1),
        (("--all", "--yes"), "teardown-withdraw", 1),
        (("qwen", "--yes", "--withdraw", "all"), "withdraw-unknown", 2),
        (("qwen", "--yes", "--withdraw", "other"), "withdraw-unknown", 2),
        (("raw-vllm", "--yes"), "alias-points", 1),
    ],
)
def test_what_does_not_fit_or_was_not_agreed_to_is_refused(
    tmp_path: Path, words: tuple[str, ...], code: str, exit_code: int
) -> None:
    cluster = platform()
    done = told(tmp_path, *words, cluster=cluster)
    assert (done.returncode, f"error [{code}]" in done.stderr) == (exit_code, True), done.stderr
    assert cluster.applied == []


def test_what_was_said_is_repeated_in_the_command_that_agrees_to_more(tmp_path: Path) -> None:
    words = ("qwen", "--keep-volumes", "--drain-timeout", "2m", "--leave", "a name", "--yes", "--context", "test")
    done = told(tmp_path, *words)
    place = f"--context test --kubeconfig {tmp_path / 'kubeconfig'} --repo {tmp_path}"
    given = "--keep-volumes --leave 'a name' --drain-timeout 120s --withdraw qwen-local"
    assert f": pointsman teardown {place} qwen {given}\n" in done.stderr, done.stderr


def test_what_was_said_of_a_layer_counts_for_the_whole_model_that_is_suggested(tmp_path: Path) -> None:
    edge = tenants({"kserve": 100})
    cluster = PaidCluster.of_things(*edge, *layer("raw-vllm").render(MODEL), *layer("kserve").render(MODEL))
    done = told(tmp_path, "raw-vllm", "--keep-volumes", "--yes", cluster=cluster)
    assert "error [teardown-declared]" in done.stderr, done.stderr
    assert done.stderr.endswith(" qwen --keep-volumes\n")


def test_a_teardown_is_said_again_with_all_that_was_agreed_to() -> None:
    said = {"withdraw": ["a", "b"], "keep_volumes": True, "forget": True, "drain_timeout": 90.0}
    reach = (None, None)
    one = Wanted(Scope("all"), "", said, Path(), None, reach, Output.text, dry_run=False, yes=True, abort=False)
    assert (
        one.command == "pointsman teardown --all --withdraw a --withdraw b --keep-volumes --forget --drain-timeout 90s"
    )
    assert one.name == "pointsman teardown --all"


def test_where_nothing_is_there_that_is_said(tmp_path: Path) -> None:
    done = told(tmp_path, "--all", "--yes", cluster=PaidCluster.of_things())
    assert (done.returncode, done.stdout) == (0, "nothing that pointsman knows of is there\n")
    again = told(tmp_path, "--all", "--yes", "-o", "json", cluster=PaidCluster.of_things())
    held("teardown", json.loads(again.stdout))


def test_an_open_one_is_told_with_its_next_step_and_another_choice_is_refused(tmp_path: Path) -> None:
    world = asyncio.run(begun(QWEN))
    (found,) = [one for ref, one in world.cluster.objects.items() if ref.name.startswith("teardown-2")]
    cluster = platform(found)
    assert ref_of(found) in cluster.objects
    done = told(tmp_path, "qwen", "--dry-run", cluster=cluster)
    assert "teardown of model qwen is open: 1 of 12 steps done, next: drain:qwen/raw-vllm" in done.stdout
    held("teardown-preview", json.loads(told(tmp_path, "qwen", "--dry-run", "-o", "json", cluster=cluster).stdout))
    for words, code in ((("--keep-volumes",), "teardown-choices"), ((), "not-asked"), (("--abort",), "not-asked")):
        refused = told(tmp_path, "qwen", *words, cluster=cluster)
        assert f"error [{code}]" in refused.stderr
    other = told(tmp_path, "--all", "--yes", "--withdraw", "all", cluster=cluster)
    assert "error [teardown-open]" in other.stderr


@pytest.mark.parametrize(("typed", "goes_on"), [("qwen", False), ("qwen-local", True)])
def test_at_a_terminal_the_alias_is_typed_and_nothing_else_will_do(tmp_path: Path, typed: str, goes_on: bool) -> None:
    cluster = AllowingCluster(platform().objects)
    words = ("teardown", "qwen", "--yes", "--repo", str(tmp_path))
    with serving(cluster, tmp_path) as kubeconfig, terminal(*words, "--kubeconfig", str(kubeconfig)) as one:
        shown = one.until("type its name to withdraw it")
        os.write(one.end, f"{typed}\n".encode())
        shown += one.rest()
    assert "tenants lose: qwen-local" in shown
    assert ("error [stopped]" in shown) is not goes_on, shown
    assert bool(cluster.applied) is goes_on, "the first thing that is written is the lock"


def test_what_is_gone_but_for_its_claims_is_gone_whatever_was_to_be_withdrawn(tmp_path: Path) -> None:
    claims = [one for one in layer("kserve").render(MODEL) if one["kind"] == "PersistentVolumeClaim"]
    words = (str(SPEC), "--withdraw", "qwen-local", "--yes")
    for more in ((), ("--keep-volumes",)):
        cluster = PaidCluster.of_things(*(claims if more else ()))
        done = told(tmp_path, *words, *more, cluster=cluster)
        stays = " but what stays: PersistentVolumeClaim kserve/qwen-cache" if more else ""
        assert (done.returncode, done.stdout) == (0, f"nothing of model qwen is there{stays}\n"), done.stderr
        assert cluster.applied == []
    done = told(tmp_path, *words, cluster=PaidCluster.of_things(*claims))
    assert "withdraw-unknown" not in done.stderr, "the alias was withdrawn by whoever kept the claims"


def test_what_was_kept_is_told_once_in_full_with_the_whole_commands_that_go_on(tmp_path: Path) -> None:
    metadata = {"name": "old", "namespace": "kserve", "labels": {"pointsman.dev/model": "gone"}, "uid": "uid-old"}
    claim: Object = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {}}
    done = told(tmp_path, "--all", "--withdraw", "all", "--yes", cluster=PaidCluster.of_things(claim, kept(claim)))
    assert "error [teardown-kept]: 1 thing that an earlier teardown was told to keep would go: " in done.stderr
    assert done.stderr.count("an earlier teardown was told to keep it (--keep-volumes, teardown-") == 1
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("  next: ")]
    for option in ("--take-kept takes it away", "--keep-volumes leaves it"):
        assert re.search(rf"pointsman teardown \S.* --all --withdraw all {option}", line), line


def kept(claim: Object) -> Object:
    """The journal of a finished teardown that was told to keep it."""

    async def told_to_keep() -> Object:
        world = await everywhere()
        world.put(claim)
        await tear(world, keep_volumes=True)
        (found,) = [one for ref, one in world.cluster.objects.items() if ref.name.startswith("teardown-")]
        return {"apiVersion": "v1", "kind": "ConfigMap", **found}

    return asyncio.run(told_to_keep())
