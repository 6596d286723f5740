"""``pointsman features`` and ``resolve`` as one commit of the newest tree: kept, pushed, or as a pull request."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.catalog.repository import CONFIG, made, pointsman
from tests.delivery.git.ground import IDENTITY, commit_on, git, untouched
from tests.docs.schemas.holding import held

FILES = {"clusters/ai-dev/groups.generated.yaml", "environments/ai-dev/config.yaml"}
CONFIG_FILE, GROUPS_FILE = "environments/ai-dev/config.yaml", "clusters/ai-dev/groups.generated.yaml"


class Place:
    """A platform's clone, and its remote."""

    def __init__(self, folder: Path, inside: str = "") -> None:
        self.remote, self.clone = folder / "remote.git", folder / "clone"
        self.root = self.clone / inside
        self.inside = f"{inside}/" if inside else ""
        git(folder, "init", "-q", "--bare", str(self.remote))
        git(folder, "clone", "-q", str(self.remote), str(self.clone))
        made(self.root)
        assert pointsman(self.root, "resolve").returncode == 0
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "-q", "-m", "The platform")
        git(self.clone, "push", "-q", "origin", "HEAD:main")

    def tip(self, branch: str = "main") -> str:
        return git(self.remote, "rev-parse", branch)

    def file(self, path: str, at: str = "main") -> str:
        return git(self.remote, "show", f"{at}:{self.inside}{path}") + "\n"

    def changed(self, commit: str) -> set[str]:
        return set(git(self.remote, "show", "--name-only", "--format=", commit).split())

    def branches(self) -> list[str]:
        return git(self.remote, "for-each-ref", "--format=%(refname:short)").split()

    def colleague(self, path: str, text: str) -> None:
        commit_on(self.remote, "main", {self.inside + path: text.encode()}, "Others' work")

    def on(self, at: str = "main") -> set[str]:
        """Groups that the groups file turns on."""
        rows = self.file(GROUPS_FILE, at).splitlines()
        return {row.split("name: ")[1].split(",")[0] for row in rows if '"true"' in row}


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(IDENTITY)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_push_is_one_commit_of_both_files_and_nothing_of_the_users_is_touched(place: Place) -> None:
    (place.root / CONFIG_FILE).write_text(CONFIG.replace("lab", "mine"))
    (place.root / "staged").write_text("a draft\n")
    git(place.clone, "add", "staged")
    git(place.clone, "switch", "-q", "-c", "elsewhere")
    before, base = untouched(place.clone), place.tip()
    done = pointsman(place.root, "features", "enable", "llm-d", "--push")
    assert done.returncode == 0, done.stderr
    assert git(place.remote, "rev-parse", "main^") == base
    assert place.changed("main") == FILES
    assert "  llm-d: true\n" in place.file(CONFIG_FILE)
    assert "profile: lab\n" in place.file(CONFIG_FILE)
    assert "llm-d" in place.on()
    assert untouched(place.clone) == before
    assert f"commit {place.tip()[:12]} on main" in done.stdout
    message = git(place.remote, "log", "-1", "--format=%B")
    assert message.startswith("ai-dev: enable llm-d\n\nfeatures.llm-d is true from now on")
    assert "  + group-llm-d (ApplicationSet serving)\n  + llm-d (group llm-d)" in message


def test_what_is_so_already_is_skipped_and_said(place: Place) -> None:
    for words in (("features", "enable", "kserve"), ("features", "disable", "embeddings"), ("resolve",)):
        for way in ("--commit", "--push", "--pull-request"):
            tip = place.tip()
            done = pointsman(place.root, *words, way)
            assert (done.returncode, done.stdout) == (0, "nothing to do: origin/main says it already\n"), done.stderr
            assert (place.tip(), place.branches()) == (tip, ["main"])


def test_on_off_and_on_again_are_three_commits(place: Place) -> None:
    base = place.tip()
    for verb in ("enable", "disable", "enable"):
        assert pointsman(place.root, "features", verb, "llm-d", "--push", "--yes").returncode == 0
        assert ("llm-d" in place.on()) is (verb == "enable")
    assert len(git(place.remote, "log", "--format=%H", f"{base}..main").split()) == 3


def test_a_commit_is_kept_on_a_branch_of_its_own_and_made_once(place: Place) -> None:
    tip, head = place.tip(), git(place.clone, "symbolic-ref", "HEAD")
    first = json.loads(pointsman(place.root, "features", "enable", "llm-d", "--commit", "-o", "json").stdout)
    again = json.loads(pointsman(place.root, "features", "enable", "llm-d", "--commit", "-o", "json").stdout)
    held("proposal", first)
    held("proposal", again)
    assert (first["outcome"], again["outcome"], again["commit"]) == ("made", "found", first["commit"])
    assert git(place.clone, "rev-parse", first["branch"], f"{first['branch']}^").split() == [first["commit"], tip]
    assert (place.tip(), place.branches(), git(place.clone, "symbolic-ref", "HEAD")) == (tip, ["main"], head)
    assert git(place.clone, "status", "--porcelain") == ""


def test_a_pull_request_is_a_branch_and_a_text_with_the_difference_and_what_it_does(place: Place) -> None:
    tip = place.tip()
    done = pointsman(place.root, "features", "disable", "kserve", "--pull-request")
    assert done.returncode == 0, done.stderr
    (branch,) = [one for one in place.branches() if one != "main"]
    assert (place.tip(), place.changed(branch)) == (tip, FILES)
    assert "kserve" not in place.on(branch)
    lines = done.stdout.splitlines()
    assert lines[2] == "ai-dev: disable kserve"
    assert {"  - group-kserve (ApplicationSet serving)", "  - kserve (group kserve)", "```diff"} <= set(lines)
    assert "-  kserve: true      # the CRDs" in lines
    assert "+  kserve: false      # the CRDs" in lines
    assert f"next: open a pull request: from {branch} to main, with the text above" in done.stderr
    again = pointsman(place.root, "features", "disable", "kserve", "--pull-request")
    assert "was made before" in again.stdout
    assert len(place.branches()) == 2


def test_where_the_server_says_where_to_open_it_that_is_told(place: Place) -> None:
    hook = place.remote / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    link = "https://git.example.com/ours/platform/pull/new/x"
    hook.write_text(f"#!/bin/sh\necho 'Create a pull request on our forge by visiting:' >&2\necho '  {link}' >&2\n")
    hook.chmod(0o755)
    done = pointsman(place.root, "features", "enable", "llm-d", "--pull-request")
    assert f"next: open a pull request: {link}\n" in done.stderr


def test_a_push_that_turns_groups_off_is_asked_for_first(place: Place) -> None:
    tip = place.tip()
    done = pointsman(place.root, "features", "disable", "kserve", "--push")
    assert (done.returncode, "[not-asked]" in done.stderr, place.tip()) == (2, True, tip)
    assert "- kserve (group kserve)" in done.stderr
    assert pointsman(place.root, "features", "disable", "kserve", "--push", "--yes").returncode == 0
    assert "kserve" not in place.on()


def test_decided_is_what_the_newest_commit_says_and_not_the_work_tree(place: Place) -> None:
    place.colleague(CONFIG_FILE, CONFIG.replace("embeddings: false", "embeddings: true"))
    done = pointsman(place.root, "features", "enable", "llm-d", "--push")
    assert done.returncode == 0, done.stderr
    assert {"embeddings", "llm-d"} <= place.on()
    assert "+ group-embeddings (ApplicationSet serving)" in done.stderr
    assert "embeddings: false" in (place.root / CONFIG_FILE).read_text()


def test_resolve_puts_a_stale_groups_file_right(place: Place) -> None:
    place.colleague(CONFIG_FILE, CONFIG.replace("embeddings: false", "embeddings: true"))
    done = pointsman(place.root, "resolve", "--push")
    assert done.returncode == 0, done.stderr
    assert (place.changed("main"), "embeddings" in place.on()) == ({GROUPS_FILE}, True)


def test_a_platform_in_a_folder_of_its_repository(tmp_path: Path) -> None:
    place = Place(tmp_path, "deploy/platform")
    place.colleague("platform.yaml", "apiVersion: pointsman.dev/v1alpha1\nkind: Platform\nmetadata: {name: ours}\n")
    done = pointsman(place.root, "features", "enable", "llm-d", "--push")
    assert done.returncode == 0, done.stderr
    assert place.changed("main") == {place.inside + path for path in FILES}


def test_a_platform_whose_newest_commit_has_its_files_elsewhere_is_refused(place: Place) -> None:
    head = "apiVersion: pointsman.dev/v1alpha1\nkind: Platform\nmetadata: {name: ours}\n"
    place.colleague("platform.yaml", head + "spec: {groupsFile: 'out/{env}/g.yaml'}\n")
    done = pointsman(place.root, "features", "enable", "llm-d", "--push")
    assert (done.returncode, "[platform-behind]" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("features", "--push"),
        ("features", "enable", "llm-d", "--push", "--commit"),
        ("resolve", "--check", "--push"),
        ("resolve", "--pull-request", "--push"),
    ],
)
def test_words_that_do_not_fit_together_change_nothing(place: Place, words: tuple[str, ...]) -> None:
    tip = place.tip()
    assert (pointsman(place.root, *words).returncode, place.tip()) == (2, tip)


def test_a_clone_without_a_remote_is_told_how_to_get_one(place: Place) -> None:
    git(place.clone, "remote", "rename", "origin", "other")
    done = pointsman(place.root, "features", "enable", "llm-d", "--push")
    assert (done.returncode, "next: name one of: other" in done.stderr) == (1, True)
    git(place.clone, "remote", "remove", "other")
    done = pointsman(place.root, "features", "enable", "llm-d", "--push")
    assert (done.returncode, "next: git remote add origin ADDRESS" in done.stderr) == (1, True)


def test_a_platform_in_no_repository_says_so(tmp_path: Path) -> None:
    made(tmp_path / "alone")
    done = pointsman(tmp_path / "alone", "features", "enable", "llm-d", "--push")
    assert (done.returncode, "[git-repository]" in done.stderr) == (1, True)
