"""``pointsman init``: what it takes, what it refuses, and that it writes all or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pointsman.blueprint.origin import repository_url
from pointsman.demo.platform import example_root
from pointsman.edge.config_render import scalar
from pointsman.errors import UsageError
from tests.blueprint.folders import files, git, refused, written
from tests.catalog.repository import pointsman

NOWHERE = ("--kubeconfig", "/nonexistent")


def urls(folder: Path) -> set[str]:
    """Every repository that a manifest names."""
    texts = (path.read_text("utf-8") for path in (folder / "clusters").rglob("*.yaml"))
    lines = (line.strip().removeprefix("- ") for text in texts for line in text.splitlines())
    return {str(yaml.safe_load(line)["repoURL"]) for line in lines if line.startswith("repoURL: ")}


def test_it_makes_the_folder_and_those_above_and_tells_what_is_next(tmp_path: Path) -> None:
    done = pointsman(tmp_path, "init", "a/b", "--repository-url", "https://git.example.com/x.git")
    assert done.returncode == 0, done.stderr
    assert "files into a/b: environment ai-dev, model qwen, https://git.example.com/x.git at main" in done.stdout
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["next"] * 3
    assert files(tmp_path / "a") > {"b/platform.yaml", "b/clusters/ai-dev/groups.generated.yaml"}
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o777 & ~umask()
    assert urls(tmp_path / "a/b") == {"https://git.example.com/x.git"}


def umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


def test_what_is_next_works_as_it_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "--bare", "--initial-branch=main", "ours.git")
    url = (tmp_path / "ours.git").as_uri()
    found = written(pointsman(tmp_path, "init", "it's new", "--repository-url", url, "-o", "json"))
    assert len(found["next"]) == 3
    named = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(
        ["sh", "-ec", found["next"][0]], cwd=tmp_path, env=os.environ | named, check=True, capture_output=True
    )
    git(tmp_path, "clone", "ours.git", "theirs")
    theirs = {name for name in files(tmp_path / "theirs") if (tmp_path / "theirs" / name).is_file()}
    assert {name for name in theirs if not name.startswith(".git/")} == set(found["files"])


def test_an_empty_clone_says_the_url_and_its_password_goes_nowhere(tmp_path: Path) -> None:
    git(tmp_path, "init", "clone")
    git(tmp_path / "clone", "remote", "add", "origin", "https://passerby:s3cret@git.example.com/team/platform.git")
    done = pointsman(tmp_path, "init", "clone", "-o", "json")
    found = written(done)
    assert (found["repositoryUrl"], found["repositoryUrlFrom"]) == (
        "https://git.example.com/team/platform.git",
        "origin",
    )
    assert urls(tmp_path / "clone") == {found["repositoryUrl"]}
    told = done.stdout + done.stderr + "".join((tmp_path / "clone" / name).read_text() for name in found["files"])
    assert "s3cret" not in told
    assert "passerby" not in told


@pytest.mark.parametrize(
    ("word", "url"),
    [
        ("git@github.com:team/platform.git", "git@github.com:team/platform.git"),
        ("ssh://git:pw@host:22/x.git", "ssh://git@host:22/x.git"),
        ("http://token@10.0.0.1:3000/x", "http://10.0.0.1:3000/x"),
        ("/srv/git/x.git", "file:///srv/git/x.git"),
        ("file:///srv/git/x.git", "file:///srv/git/x.git"),
    ],
)
def test_a_url_is_taken_as_argo_cd_can_be_told_it(tmp_path: Path, word: str, url: str) -> None:
    done = pointsman(tmp_path, "init", "new", "--repository-url", word)
    assert ("user and password were left out" in done.stderr) is ("token@" in word)
    assert urls(tmp_path / "new") == {url}
    config = yaml.safe_load((tmp_path / "new/environments/ai-dev/config.yaml").read_text())
    assert config["repoURL"] == url


@given(st.text(st.sampled_from("htps:/@.\\?#[]%ab1 -\n'\"é"), max_size=40) | st.text(max_size=20))
@example("https://a@b@c/d")
@example("https://[::1]:80/x")
def test_whatever_is_given_as_a_url_no_user_of_http_is_left_and_yaml_reads_it_back(word: str) -> None:
    try:
        url = repository_url(word, Path("/"))
    except UsageError:
        return
    assert yaml.safe_load(f"repoURL: {scalar(url)}") == {"repoURL": url}
    if url.startswith("http"):
        assert "@" not in url.split("/")[2]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--repository-url", "https://u:p/w@host/x.git"), "init-repository-url"),
        (("--repository-url", "https://host"), "init-repository-url"),
        (("--repository-url", ""), "init-repository-url"),
        (("--repository-url", "ext::sh -c x"), "init-repository-url"),
        (("--repository-url", "javascript://x/y"), "init-repository-url"),
        (("--environment", "../x"), "init-environment"),
        (("--environment", ""), "init-environment"),
        (("--branch", "a..b"), "init-branch"),
        (("--branch", "-f"), "init-branch"),
        (("--model", "missing.yaml"), "spec-missing"),
    ],
)
def test_a_wrong_word_writes_nothing(tmp_path: Path, words: tuple[str, str], code: str) -> None:
    assert "p/w" not in refused(pointsman(tmp_path, "init", "new", *words), code, 2)
    assert files(tmp_path) == set()


def test_an_empty_name_is_no_folder(tmp_path: Path) -> None:
    assert pointsman(tmp_path, "init", "").returncode == 2
    assert files(tmp_path) == set()


def test_without_a_remote_root_refuses_until_the_url_is_put_in(tmp_path: Path) -> None:
    done = pointsman(tmp_path, "init", ".")
    assert "no repository URL is known" in done.stderr
    applied = pointsman(tmp_path, "root", "--profile", "full", "--yes", *NOWHERE)
    told = refused(applied, "root-placeholder", 1)
    assert "clusters/ai-dev/appsets/platform.yaml:" in told
    assert "make repository-url URL=" in told
    dry = pointsman(tmp_path, "root", "--profile", "full", "--dry-run", *NOWHERE)
    assert (dry.returncode, "warning [root-placeholder]" in dry.stderr) == (0, True)
    subprocess.run(["make", "repository-url", "URL=https://git.example.com/x.git"], cwd=tmp_path, check=True)
    assert urls(tmp_path) == {"https://git.example.com/x.git"}
    after = pointsman(tmp_path, "root", "--profile", "full", "--dry-run", *NOWHERE)
    assert after.stderr == ""


def test_root_warns_where_the_configuration_names_another_repository(tmp_path: Path) -> None:
    pointsman(tmp_path, "init", ".", "--repository-url", "https://git.example.com/x.git")
    config = tmp_path / "environments/ai-dev/config.yaml"
    config.write_text(config.read_text().replace("x.git", "y.git").replace("repoBranch: main", "repoBranch: dev"))
    done = pointsman(tmp_path, "root", "--profile", "full", "--dry-run", *NOWHERE)
    assert done.returncode == 0
    assert "repoURL is https://git.example.com/y.git, and ApplicationSet platform reads https://git" in done.stderr
    assert "repoBranch is dev, and ApplicationSet platform reads main" in done.stderr


def test_it_says_that_a_folder_inside_another_repository_is_not_at_its_root(tmp_path: Path) -> None:
    git(tmp_path, "init")
    found = written(pointsman(tmp_path, "init", "below", "-o", "json"))
    assert "Argo CD reads paths from a repository's root" in found["notes"][0]
    assert found["repositoryUrlFrom"] == "placeholder"


OTHER = """\
# Ours, with its comments.
apiVersion: pointsman.dev/v1alpha1
kind: Model
metadata: {name: chat}
spec:
  layer: kserve
  servedModelName: chat-7b
  weights: {huggingFace: {repo: team/chat-7b}}
  engine: {image: vllm/vllm-openai:v0.23.0}
  accelerator: {gpusPerReplica: 2}
  resources: {requests: {cpu: "1", memory: 4Gi}, limits: {cpu: "4", memory: 12Gi}}
  replicas: 2
  contract: {maxModelLen: 4096, streaming: true}
  tenant:
    alias: "chat-*"
    aliases: [gpt-4o-mini]
    edge: {namespace: edge, deployment: proxy, service: front, configMap: conf, key: litellm.yaml, port: 8080}
  layers:
    raw-vllm: {namespace: models}
    kserve: {namespace: models, name: talk}
"""


def test_a_model_of_ones_own_is_what_everything_is_about(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OTHER)
    words = ("--model", "mine.yaml", "--environment", "prod", "--branch", "1.0", "-o", "json")
    found = written(pointsman(tmp_path, "init", "new", *words))
    new = tmp_path / "new"
    assert (found["model"], (new / "models/chat.yaml").read_text()) == ("chat", OTHER)
    assert "models/qwen.yaml" not in found["files"]
    assert not [name for name in found["files"] if "qwen" in (new / name).read_text().replace("a small Qwen", "")]
    values = yaml.safe_load((new / "platform/litellm/values.yaml").read_text())
    assert [one["model_name"] for one in values["proxy_config"]["model_list"]] == ["chat-*", "gpt-4o-mini"]
    base = {one["litellm_params"]["api_base"] for one in values["proxy_config"]["model_list"]}
    assert base == {"http://talk-predictor.models.svc.cluster.local/v1"}
    assert (values["deployment"], values["configMap"], values["port"]) == (
        "proxy",
        {"name": "conf", "key": "litellm.yaml"},
        8080,
    )
    assert [one["secret"] for one in values["secretEnv"]] == ["vllm-api-key"]
    project = yaml.safe_load((new / "clusters/prod/projects/platform.yaml").read_text())
    assert [one["namespace"] for one in project["spec"]["destinations"]] == ["argocd", "models", "llm-d", "edge"]
    sets = yaml.safe_load((new / "clusters/prod/appsets/serving.yaml").read_text())
    assert sets["spec"]["template"]["spec"]["source"]["targetRevision"] == "1.0"
    for line in ("resolve --check", "root --profile full --dry-run --kubeconfig /nonexistent"):
        assert pointsman(new, *line.split()).returncode == 0
    subprocess.run(["sh", "-n", "platform/secrets.sh"], cwd=new, check=True)


def test_a_wrong_model_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OTHER.replace("layer: kserve", "layer: nomad"))
    done = pointsman(tmp_path, "init", "new", "--model", "mine.yaml")
    assert (done.returncode, "mine.yaml:6" in done.stderr) == (2, True)
    assert files(tmp_path) == {"mine.yaml"}


def test_the_model_of_the_example_is_the_one_of_an_installed_package(tmp_path: Path) -> None:
    pointsman(tmp_path, "init", ".")
    assert (tmp_path / "models/qwen.yaml").read_bytes() == (example_root() / "models/qwen.yaml").read_bytes()


def test_it_takes_less_than_a_second(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pointsman", "init"]
    subprocess.run([*words, "warm"], cwd=tmp_path, check=True, capture_output=True)
    took = []
    for number in range(5):
        before = time.monotonic()
        subprocess.run([*words, str(number)], cwd=tmp_path, check=True, capture_output=True)
        took.append(time.monotonic() - before)
    assert min(took) < 1.0
