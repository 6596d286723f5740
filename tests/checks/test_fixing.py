"""``lint --fix``: what has an edit is mended, nothing else differs, and what is ignored stays."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pointsman.adopt.adopted import adopt
from pointsman.adopt.mending import mend
from pointsman.checks.catalogue import CHECKS, chosen
from pointsman.checks.check import Told
from pointsman.checks.repository import lint
from pointsman.checks.running import run as look
from pointsman.checks.view import View
from pointsman.cli.fixing import wanted_of
from tests.adopt.test_folder import written
from tests.adopt.test_mending import HEAD, SHARED, STYLES
from tests.adopt.test_roads import RAW, SERVICE
from tests.checks.grid import GRID
from tests.cli.program import run

FIXABLE = [one.id for one in CHECKS if one.fixable and (GRID / f"{one.id}.fails" / "manifest.yaml").is_file()]
ENGINE = """\
# ours
apiVersion: apps/v1
kind: Deployment
metadata: {name: qwen, namespace: serving}   # aligned by hand
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: qwen}}
  template:
    metadata: {labels: {app: qwen}}
    spec:
      containers:
        - name: vllm
          image: "vllm/vllm-openai:v0.23.0"
          args: [Qwen/Qwen2.5-7B-Instruct, --served-model-name=qwen, --max-model-len=8192] # a remark
          resources: {limits: {cpu: "4", memory: 16Gi, nvidia.com/gpu: "1"}}
          startupProbe: {httpGet: {path: /health, port: 8000}, periodSeconds: 10, failureThreshold: 120}
"""


def changes(before: str, after: str) -> list[str]:
    """Lines that differ, with their signs."""
    return [
        one
        for one in difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
        if one[0] in "+-"
    ]


@pytest.mark.parametrize("id", FIXABLE)
def test_what_each_check_mends_is_found_no_more_and_nothing_worse_comes_of_it(id: str) -> None:  # noqa: A002
    found, made = lint(GRID / f"{id}.fails")
    mine = [one.mendable() for one in made.counted if one.check.id == id and one.told.fixes]
    assert mine
    assert found.tree is not None
    mended = mend(found.tree, mine)
    assert mended.refused == []
    after = look(View(adopt(mended.tree)), CHECKS).counted
    left = {(one.check.id, one.what) for one in after}
    assert not left & {(id, one.what) for one in mine}
    assert {one.check.id for one in after} <= {one.check.id for one in made.counted}


def test_only_the_asked_lines_differ_and_it_reads_clean_afterwards(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text(ENGINE, "utf-8")
    done = run("lint", str(tmp_path), "--fix", "--yes", "--show", "warning", "-o", "json")
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert said["findings"] == []
    after = (tmp_path / "engine.yaml").read_text("utf-8")
    assert changes(ENGINE, after) == [
        "-           args: [Qwen/Qwen2.5-7B-Instruct, --served-model-name=qwen, --max-model-len=8192] # a remark\n",
        "+           args: [Qwen/Qwen2.5-7B-Instruct, --served-model-name=qwen, --max-model-len=8192,"
        " --shutdown-timeout=40] # a remark\n",
        "+           lifecycle: {preStop: {exec: {command: [sleep, '5']}}}\n",
        "+           readinessProbe: {httpGet: {path: /health, port: 8000}, periodSeconds: 5}\n",
        "+       terminationGracePeriodSeconds: 60\n",
    ]
    assert "+++ b/engine.yaml" in done.stderr
    assert "replaced: engine.yaml" in done.stderr


def test_where_nobody_can_be_asked_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text(ENGINE, "utf-8")
    done = run("lint", str(tmp_path), "--fix")
    assert (done.returncode, done.stdout) == (2, "")
    assert "not-asked" in done.stderr
    assert "+++ b/engine.yaml" in done.stderr
    assert (tmp_path / "engine.yaml").read_text("utf-8") == ENGINE
    assert run("lint", str(tmp_path), "--yes").returncode == 2


def test_what_is_ignored_is_never_mended(tmp_path: Path) -> None:
    text = ENGINE.replace("- name: vllm", "- name: vllm # pointsman:ignore PM102 drained by our own controller")
    (tmp_path / "engine.yaml").write_text(text, "utf-8")
    done = run("lint", str(tmp_path), "--fix", "--yes", "-o", "json")
    after = (tmp_path / "engine.yaml").read_text("utf-8")
    assert "--shutdown-timeout=40" in after
    assert "lifecycle" not in after
    assert [one["id"] for one in json.loads(done.stdout)["ignored"]] == ["PM102"]


def test_what_goes_together_with_an_ignored_one_is_not_mended_either(tmp_path: Path) -> None:
    """A name is mended together with the members that ask for it: by one alone, tenants would be told 404."""
    kserve = HEAD + STYLES["block"]
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "kserve.yaml": kserve, "edge.yaml": SHARED})
    (name,) = chosen(["PM601"])
    member = replace(name, id="PM699", name="of-a-member", run=_members)
    made = look(View(adopt(tmp_path)), [name, member])
    assert {one.check.id for one in wanted_of(made)[0]} == {"PM601", "PM699"}
    made.findings = [replace(one, ignored="why") if one.check is member else one for one in made.findings]
    wanted, refused = wanted_of(made)
    assert wanted == []
    assert [(check, why.partition(":")[0]) for check, _, why in refused] == [
        ("PM601", "it goes together with edge.yaml")
    ]


def _members(view: View) -> Iterator[Told]:
    for one in view.disagreements("adopt-model-name"):
        yield Told(None, one.what, fixes=one.fixes, where=one.where, tied=one.tied)


def test_what_cannot_be_mended_says_why(tmp_path: Path) -> None:
    """The number is an alias of another one: an edit would change both."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base/engine.yaml").write_text(
        ENGINE.replace(
            "      containers:", "      terminationGracePeriodSeconds: &seconds 30\n      containers:"
        ).replace("failureThreshold: 120", "failureThreshold: 120, timeoutSeconds: *seconds"),
        "utf-8",
    )
    done = run("lint", str(tmp_path), "--fix", "--yes", "-o", "json")
    left = {one["id"]: one["notMended"] for one in json.loads(done.stdout)["findings"]}
    assert left["PM101"] == "no edit of its files changes this alone"
    text = run("lint", str(tmp_path), "--fix", "--yes").stdout
    assert "--fix does not: no edit of its files changes this alone" in text


@pytest.mark.parametrize("line", ["\n", "\r\n"])
@pytest.mark.parametrize("end", [True, False])
def test_line_ends_and_a_missing_last_one_stay(line: str, end: bool, tmp_path: Path) -> None:
    text = ENGINE.replace("\n", line)
    text = text if end else text.rstrip()
    (tmp_path / "engine.yaml").write_bytes(text.encode())
    assert run("lint", str(tmp_path), "--fix", "--yes").returncode == 0
    after = (tmp_path / "engine.yaml").read_bytes().decode()
    assert after.count("\r\n") == (after.count("\n") if line == "\r\n" else 0)
    assert after.endswith(line) is end
    kept = [one for one in text.splitlines() if "args:" not in one]
    assert [one for one in after.splitlines() if one in kept] == kept


def test_a_single_file_is_mended_alone(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text(ENGINE, "utf-8")
    (tmp_path / "other.yaml").write_text(ENGINE.replace("name: qwen", "name: other"), "utf-8")
    run("lint", str(tmp_path / "engine.yaml"), "--fix", "--yes")
    assert "--shutdown-timeout" in (tmp_path / "engine.yaml").read_text("utf-8")
    assert (tmp_path / "other.yaml").read_text("utf-8") == ENGINE.replace("name: qwen", "name: other")


def test_a_kustomization_is_mended_in_its_sources(tmp_path: Path) -> None:
    for folder, text in {
        "base": "resources: [engine.yaml]\n",
        "over": "resources: [../base]\nnamespace: ours\n",
    }.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "kustomization.yaml").write_text(text, "utf-8")
    (tmp_path / "base/engine.yaml").write_text(ENGINE, "utf-8")
    done = run("lint", str(tmp_path), "--fix", "--yes", "--show", "warning", "-o", "json")
    said = json.loads(done.stdout)
    assert (said["findings"], said["objects"]) == ([], 1)
    assert "lifecycle" in (tmp_path / "base/engine.yaml").read_text("utf-8")


def test_json_stays_json(tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text(json.dumps(yaml.safe_load(ENGINE), indent=2), "utf-8")
    assert run("lint", str(tmp_path), "--fix", "--yes").returncode == 0
    after = json.loads((tmp_path / "engine.json").read_text("utf-8"))
    assert after["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 60


def test_a_key_that_goes_takes_nothing_else_along(tmp_path: Path) -> None:
    text = """\
apiVersion: v1
kind: Service
metadata:
  name: direct
  namespace: kserve
  labels: LABELS
spec:
  selector: {app: x}
"""
    key = "serving.kserve.io/inferenceservice: chat"
    for labels, left in {
        f"{{{key}}}": "{}",
        f"{{team: a, {key}}}": "{team: a}",
        f"{{{key}, team: a}}": "{team: a}",
        f"\n    # about it\n    {key}\n    team: a # ours": "\n    # about it\n    team: a # ours",
        f"\n    team: a\n    {key} # why": "\n    team: a",
    }.items():
        (tmp_path / "service.yaml").write_text(text.replace("LABELS", labels), "utf-8")
        assert run("lint", str(tmp_path), "--fix", "--yes", "--check", "PM215").returncode == 0
        assert (tmp_path / "service.yaml").read_text("utf-8") == text.replace("LABELS", left)


BASES = {
    "http://qwen.serving:8000": "http://qwen.serving:8000/v1",
    "http://qwen.serving:8000/": "http://qwen.serving:8000/v1",
    "http://qwen.serving:8000/v1/chat/completions": "http://qwen.serving:8000/v1",
    "http://qwen.serving:8000/v1/chat/completions/v1": "http://qwen.serving:8000/v1",
    "http://qwen.serving:8000/V1/models": "http://qwen.serving:8000/v1",
    "http://qwen.serving:8000/V1/models/v1": "http://qwen.serving:8000/v1",
    "http://qwen.serving:8000/chat/completions": "http://qwen.serving:8000/v1",
    "http://qwen.serving:8000/v2": "",
    "http://qwen.serving:8000/v1beta/openai": "",
    "http://qwen.serving:8000/#a": "",
}


@pytest.mark.parametrize("quote", ['"', "'", ""])
@pytest.mark.parametrize("base", BASES)
def test_an_address_is_cut_back_or_left_and_keeps_its_quotes(tmp_path: Path, base: str, quote: str) -> None:
    line = "  litellm_params: {{model: openai/qwen, api_base: {0}{1}{0}, api_key: os.environ/K}} # ours\n"
    text = "model_list:\n- model_name: chat\n" + line.format(quote, base) + "  model_info: {id: q}\n"
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "edge.yaml": text})
    done = run("lint", str(tmp_path), "--check", "PM510", "--fix", "--yes", "-o", "json")
    ids = [one["id"] for one in json.loads(done.stdout)["findings"]]
    wanted = BASES[base]
    after = text.replace(line.format(quote, base), line.format(quote, wanted)) if wanted else text
    assert (tmp_path / "edge.yaml").read_text("utf-8") == after
    assert ids == ([] if wanted else ["PM510"])


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", "/v1"),
        ("openai", "/kserve/qwen/v1"),
        ("openai", "/v2/v1"),
        ("hosted_vllm", "/v1"),
        ("hosted_vllm", "/v1/chat/completions"),  # LiteLLM adds nothing to it
    ],
)
def test_an_address_that_requests_are_answered_at_is_right(tmp_path: Path, provider: str, path: str) -> None:
    text = f"model_list: [{{model_name: c, litellm_params: {{model: {provider}/qwen, api_base: 'http://qwen.serving:8000{path}'}}}}]\n"
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "edge.yaml": text})
    assert "PM510" not in run("lint", str(tmp_path), "--check", "PM510").stdout
