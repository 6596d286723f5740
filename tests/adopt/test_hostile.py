"""Repositories that mean no good, or are only broken: listed, nothing changed, in time."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
import yaml

from tests.adopt.other_platform import write_other_platform
from tests.adopt.test_adopt import adopted, data, texts
from tests.adopt.test_folder import ENGINE, SERVICE, written
from tests.adopt.test_roads import RAW, entry
from tests.adopt.test_roads import SERVICE as QWEN

APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: a, namespace: argocd}
spec: {source: {repoURL: u, path: PATH}, destination: {namespace: n}}
"""


def test_a_repository_with_nothing_in_it(tmp_path: Path) -> None:
    done = adopted(tmp_path)
    assert (done.returncode, "adopt-nothing" in done.stderr) == (2, True)
    assert data(tmp_path)["error"]["code"] == "adopt-nothing"
    gone = adopted(tmp_path / "gone")
    assert (gone.returncode, "adopt-no-folder" in gone.stderr) == (2, True)


BROKEN = {
    "yaml": ({"a.yaml": "kind: Deployment\n  image: [vllm\n"}, "a.yaml:2"),
    "yaml without a kind": ({"a.yaml": "a: [\n"}, "a.yaml:1"),
    "template": ({"a.yaml": "kind: Deployment\n{{- if .Values.x }}\nspec: {}\n{{- end }}\n"}, "a.yaml:2"),
    "duplicate": ({"a.yaml": "kind: Deployment\nkind: Service\n"}, "a.yaml:2"),
    "anchors without end": (
        {
            "a.yaml": "kind: Deployment\na: &a [x]\n"
            + "".join(
                f"b{n}: &b{n} [*{'a' if not n else f'b{n - 1}'}, *{'a' if not n else f'b{n - 1}'}]\n" for n in range(40)
            )
        },
        "a.yaml",
    ),
    "nested": ({"a.json": '{"kind": "Deployment", "a": ' + "[" * 3000 + "]" * 3000 + "}"}, "a.json:1"),
    "binary": ({"a.yaml": "kind: Deployment\n\0\n"}, "a.yaml:2"),
    "path that climbs out": ({"a.yaml": APPLICATION.replace("PATH", "../../etc")}, "a.yaml:1"),
    "absolute path": ({"a.yaml": APPLICATION.replace("PATH", "/etc")}, "a.yaml:1"),
    "path that is not there": ({"a.yaml": APPLICATION.replace("PATH", "gone")}, "gone"),
    "edge": (
        {"a.yaml": "model_list: [{model_name: a, litellm_params: {api_base: !!python/object:x.y {}}}]\n"},
        "a.yaml:1",
    ),
    "kustomization": (
        {"k/kustomization.yaml": "resources: ['https://example.com/a.yaml']\nkind: Deployment\n"},
        "k/kustomization.yaml:1",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_listed_and_the_rest_is_read(name: str, tmp_path: Path) -> None:
    files, where = BROKEN[name]
    root = written(tmp_path, {**files, "fine/engine.yaml": ENGINE, "fine/service.yaml": SERVICE})
    before = texts(root)
    found = data(root)
    assert any(one["where"].startswith(where) for one in found["notRead"]), found["notRead"]
    assert [model["name"] for model in found["models"]] == ["engine"]
    assert texts(root) == before


def test_links_are_not_followed_out_and_loops_end(tmp_path: Path) -> None:
    outside = written(tmp_path / "outside", {"secret.yaml": ENGINE.replace("name: engine", "name: outside")})
    root = written(tmp_path / "root", {"fine/engine.yaml": ENGINE})
    (root / "folder").symlink_to(outside)
    (root / "file.yaml").symlink_to(outside / "secret.yaml")
    (root / "loop").symlink_to(root)
    (root / "self.yaml").symlink_to(root / "self.yaml")
    os.mkfifo(root / "pipe.yaml")
    (root / "huge.yaml").write_text("kind: Deployment\n" + "#" * (2 << 20))
    found = data(root)
    told = {one["where"] for one in found["notRead"]}
    assert {"folder", "file.yaml", "self.yaml", "huge.yaml"} <= told
    assert [model["name"] for model in found["models"]] == ["engine"]


DULL = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME}
spec: {template: {metadata: {labels: {app: NAME}}, spec: {containers: [{name: web, image: "web:1"}]}}}
"""


def test_five_thousand_files_take_five_seconds_at_most(tmp_path: Path) -> None:
    files = {f"apps/{number // 100}/{number}.yaml": DULL.replace("NAME", f"e{number}") for number in range(4000)}
    files |= {f"values/{number}.yaml": "a: {b: [c, d]}\n" * 20 for number in range(900)}
    files |= {f"broken/{number}.yaml": "kind: Service\n b: [\n" for number in range(100)}
    root = written(tmp_path, files)
    write_other_platform(root)
    before = spent()
    done = adopted(root, "--output", "json")
    assert spent() - before <= 5
    assert "chat-large" in done.stdout
    assert '"broken/99.yaml:2"' in done.stdout


def test_so_do_five_thousand_engines_and_what_was_not_read_is_told(tmp_path: Path) -> None:
    long = ENGINE.replace("          env:\n", "          env:\n" + "            - {name: X, value: y}\n" * 200)
    root = written(tmp_path, {f"{number}.yaml": long.replace("engine", f"e{number}") for number in range(5000)})
    before = spent()
    found = data(root)
    assert spent() - before <= MOST
    assert any("reading stopped after" in one["why"] for one in found["notRead"])
    assert found["models"]


def test_an_application_that_deploys_everything_does_not_take_for_ever(tmp_path: Path) -> None:
    long = ENGINE.replace("          env:\n", "          env:\n" + "            - {name: X, value: y}\n" * 200)
    files = {f"all/{number}.yaml": long.replace("engine", f"e{number}") for number in range(1500)}
    app = APPLICATION.replace("path: PATH", "path: all, directory: {recurse: true}")
    root = written(tmp_path, files | {"app.yaml": app})
    before = spent()
    found = data(root)
    assert spent() - before <= MOST
    assert any("reading stopped" in one["why"] for one in found["notRead"])


MOST = 15.0
"""Seconds of a processor, however slow it is: 5 are meant, and measured (ADR 41); all of it would take minutes."""


def spent() -> float:
    """Seconds of a processor that ended children took: others may be at the machine, too."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


@pytest.mark.parametrize("name", ["\x1b[31m", "a b", "ä"])
def test_names_of_files_do_nothing_to_a_terminal(name: str, tmp_path: Path) -> None:
    root = written(tmp_path, {f"{name}/engine.yaml": ENGINE, f"{name}/broken.yaml": "kind: Service\na: [\n"})
    done = adopted(root)
    assert "\x1b" not in done.stdout + done.stderr
    assert "Deployment" in done.stdout


def test_a_model_is_not_written_through_a_link(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_other_platform(root)
    (tmp_path / "elsewhere").mkdir()
    (root / "models").symlink_to(tmp_path / "elsewhere")
    done = adopted(root, "--fix", "--yes", "--write")
    assert (done.returncode, "platform-outside" in done.stderr) == (1, True)
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not (root / "platform.yaml").exists()


def test_the_size_that_a_file_may_have_is_told_with_its_unit(tmp_path: Path) -> None:
    root = written(tmp_path, {"fine/engine.yaml": ENGINE, "fine/service.yaml": SERVICE})
    (root / "huge.json").write_text('{"kind": "Deployment", "a": "' + "a" * (2 << 20) + '"}')
    (told,) = [one["why"] for one in data(root)["notRead"] if one["where"].startswith("huge.json")]
    assert told == "the file cannot be read: it is larger than 1 MiB"


def test_what_may_stand_in_a_file_that_was_not_read_is_not_said_to_be_missing(tmp_path: Path) -> None:
    application = APPLICATION.replace("PATH", "apps").replace("namespace: n", "namespace: serving")
    edge = entry("http://other.serving:8000/v1")
    files = {"a.yaml": application, "apps/engine.yaml": ENGINE, "apps/other.yaml": "kind: Service\n\tname: other\n"}
    found = data(written(tmp_path, files | {"edge.yaml": edge}))
    assert found["findings"] == []
    (told,) = [one["why"] for one in found["notRead"] if one["why"].startswith("chat")]
    assert told.endswith("; apps/other.yaml:2, which belongs there, was not read")


def test_a_name_ends_no_comment_of_a_model(tmp_path: Path) -> None:
    sized = "resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}\n          ports:"
    names = (
        r"""router_settings: {model_group_alias: {"a\n  replicas: 7\n#": chat, "\u001b[31mred": chat, "b # c": chat}}"""
    )
    edge = f"{entry('http://qwen.serving:8000/v1')}{names}\n"
    files = {"q/raw.yaml": RAW.replace("ports:", sized), "q/service.yaml": QWEN, "edge.yaml": edge}
    root = written(tmp_path, files)
    assert adopted(root, "--write").returncode == 0
    text = (root / "models/chat.yaml").read_text()
    assert yaml.safe_load(text)["spec"]["replicas"] == 1
    assert all(line.isprintable() for line in text.splitlines())
    assert "    # a   replicas: 7 # is another name of chat (model_group_alias), and follows by itself.\n" in text
