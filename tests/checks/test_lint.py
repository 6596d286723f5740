"""``pointsman lint`` as continuous integration uses it: formats, thresholds, exit codes that say which end it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from tests.cli.program import run
from tests.docs.schemas.holding import held

BAD = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: qwen, namespace: kserve}
spec:
  predictor:
    minReplicas: 0
    containers: [{name: kserve-container, image: example.invalid/engine:1}]
"""
CLEAN = "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {ports: [{port: 80}]}\n"


def lint(folder: Path, text: str, *words: str) -> tuple[int, str]:
    (folder / "manifest.yaml").write_text(text, "utf-8")
    done = run("lint", str(folder), "--check", "PM201", "--check", "PM9", *words)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_the_end_says_which_one_it_was(tmp_path: Path) -> None:
    assert lint(tmp_path, BAD)[0] == 1
    assert lint(tmp_path, BAD, "--fail", "error")[0] == 0
    assert lint(tmp_path, BAD, "--fail", "never")[0] == 0
    code, said = lint(tmp_path, CLEAN)
    assert (code, said.splitlines()[-1].partition(" (")[0]) == (0, "no problems found")
    code, said = lint(tmp_path, "a: 1\n")
    assert (code, said.splitlines()[-1].partition(" (")[0]) == (5, "nothing here to check")
    assert run("lint", str(tmp_path), "--check", "PM000").returncode == 2


def test_what_is_not_shown_still_fails_and_is_counted(tmp_path: Path) -> None:
    code, said = lint(tmp_path, BAD, "--show", "error")
    assert code == 1
    assert "PM201" not in said
    assert "1 not shown" in said


@pytest.mark.parametrize(("text", "results"), [(BAD, 1), (CLEAN, 0)])
def test_sarif_has_a_result_for_each_finding_and_an_empty_list_for_none(
    text: str, results: int, tmp_path: Path
) -> None:
    (log,) = json.loads(lint(tmp_path, text, "-o", "sarif")[1])["runs"]
    assert [one["ruleId"] for one in log["results"]] == ["PM201"] * results
    assert {one["id"] for one in log["tool"]["driver"]["rules"]} == {one["ruleId"] for one in log["results"]}
    for one in log["results"]:
        (place,) = one["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "manifest.yaml"
        assert place["physicalLocation"]["region"]["startLine"] == 6


def test_what_is_ignored_is_suppressed_in_sarif_and_counts_nowhere(tmp_path: Path) -> None:
    text = BAD.replace("minReplicas: 0", "minReplicas: 0 # pointsman:ignore PM201 it never sleeps")
    code, said = lint(tmp_path, text, "-o", "sarif")
    (only,) = json.loads(said)["runs"][0]["results"]
    assert (code, only["suppressions"][0]["justification"]) == (0, "it never sleeps")
    assert ElementTree.fromstring(lint(tmp_path, text, "-o", "junit")[1]).get("failures") == "0"


@pytest.mark.parametrize(("fail", "failures", "kind"), [("warning", "1", "failure"), ("error", "0", "system-out")])
def test_junit_fails_what_fails_and_tells_the_rest(fail: str, failures: str, kind: str, tmp_path: Path) -> None:
    suite = ElementTree.fromstring(lint(tmp_path, BAD, "-o", "junit", "--fail", fail)[1])
    assert (suite.get("tests"), suite.get("failures")) == ("1", failures)
    assert [one.tag for one in suite.iter() if one.tag not in ("testsuite", "testcase")] == [kind]


def test_a_clean_run_is_a_test_that_passed(tmp_path: Path) -> None:
    suite = ElementTree.fromstring(lint(tmp_path, CLEAN, "-o", "junit")[1])
    assert [one.get("name") for one in suite] == ["no problems found"]


def test_yaml_is_the_data_that_json_is(tmp_path: Path) -> None:
    found: Any = json.loads(lint(tmp_path, BAD, "-o", "json")[1])
    held("lint", found)
    assert yaml.safe_load(lint(tmp_path, BAD, "-o", "yaml")[1]) == found
    assert [(one["id"], one["where"]) for one in found["findings"]] == [("PM201", "manifest.yaml:6")]


@pytest.mark.parametrize(
    ("comment", "action"),
    [
        ("# pointsman:ignore PM124 retired", "name the id of the finding"),
        ("# pointsman:ignore PM000 none such", "pointsman lint --list"),
        ("# Pointsman:Ignore pm201 letters", "write # pointsman:ignore PM201 why it is so"),
        ("# nolint pointsman:ignore PM201 behind", "write # pointsman:ignore PM201 why it is so"),
    ],
)
def test_an_ignore_that_hides_nothing_says_what_would(comment: str, action: str, tmp_path: Path) -> None:
    said = json.loads(lint(tmp_path, BAD.replace("minReplicas: 0", f"minReplicas: 0 {comment}"), "-o", "json")[1])
    found = {one["id"]: one["next"] for one in said["findings"]}
    assert set(found) == {"PM201", "PM901"}
    assert action in found["PM901"]


APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: gone, namespace: argocd}
spec:
  project: default
  source: {repoURL: "https://git.example.invalid/ml/infra.git", targetRevision: REVISION, path: gone}
  destination: {server: "https://kubernetes.default.svc", namespace: serving}
"""


@pytest.mark.parametrize(
    ("origin", "revision", "found"),
    [
        ("https://git.example.invalid/ml/infra.git", "main", True),
        ("git@git.example.invalid:ml/infra", "main", True),
        ("git@git.example.invalid:ml/infra", "HEAD", True),
        ("https://git.example.invalid/ml/infra.git", "next", False),
        ("https://git.example.invalid/ml/other.git", "main", False),
    ],
)
def test_the_only_application_of_a_clone_is_held_against_its_origin(
    origin: str, revision: str, found: bool, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n", "utf-8")
    (tmp_path / ".git" / "config").write_text(f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {origin}\n', "utf-8")
    said = json.loads(lint(tmp_path, APPLICATION.replace("REVISION", revision), "--check", "PM420", "-o", "json")[1])
    assert [one["id"] for one in said["findings"]] == (["PM420"] if found else [])


def test_sarif_names_files_as_references_that_may_stand_in_a_url(tmp_path: Path) -> None:
    place = tmp_path / "of many" / "näme [1]#%20?.yaml"
    place.parent.mkdir()
    place.write_text(BAD, "utf-8")
    (log,) = json.loads(run("lint", str(tmp_path), "-o", "sarif").stdout)["runs"]
    (said,) = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in log["results"]}
    assert said == "of%20many/n%C3%A4me%20%5B1%5D%23%2520%3F.yaml"


LITELLM = """\
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/gpt-4o, api_base: "https://corp.openai.azure.com", api_key: os.environ/AZURE_KEY}
    model_info: {id: azure-gpt4o}
"""
MODEL = """\
apiVersion: pointsman.dev/v1alpha1
kind: Model
metadata: {name: a}
spec: {}
"""


def test_a_file_of_litellm_alone_is_something_that_was_looked_at(tmp_path: Path) -> None:
    code, said = lint(tmp_path, LITELLM)
    assert (code, said.partition(" (")[0], said.partition(" on ")[2]) == (0, "no problems found", "1 LiteLLM file)\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "service.yaml").write_text(CLEAN, "utf-8")
    assert lint(tmp_path, LITELLM)[1].endswith("on 1 object and 1 LiteLLM file)\n")
    found = json.loads(lint(tmp_path, LITELLM, "-o", "json")[1])
    assert [found[one] for one in ("objects", "configurations", "models")] == [1, 1, 0]


def test_so_is_a_model(tmp_path: Path) -> None:
    code, said = lint(tmp_path, MODEL)
    assert (code, said.partition(" (")[0], said.partition(" on ")[2]) == (0, "no problems found", "1 Model)\n")


def test_in_a_config_map_it_is_counted_as_that_object(tmp_path: Path) -> None:
    data = json.dumps({"config.yaml": LITELLM})
    held = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: e}}\ndata: {data}\n"
    assert lint(tmp_path, held)[1].endswith("on 1 object)\n")
