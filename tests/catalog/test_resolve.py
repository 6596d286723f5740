"""``pointsman resolve``: the same bytes as a small resolver of its own kind, whatever the configuration says."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pointsman.catalog.repository import open_repository
from pointsman.catalog.resolution import resolve
from pointsman.errors import RefusedError
from tests.catalog.layouts import OWN
from tests.catalog.repository import CONFIG, made, pointsman
from tests.docs.schemas.holding import held

TABLE = """
platform-core     platform     on
autoscaling       platform     true
identity          platform     false
dns               platform     false
security          platform     false
opencost          platform     false
gpu-operator      platform     gpu
serving-core      serving      on
kserve            serving      true
embeddings        serving      true
coding-assistant  serving      false
llm-d             serving      false
routing-core      routing      on
public-edge       routing      false
mcp-gateway       routing      false
egress            routing      false
llm-gateway-core  llm-gateway  on
guardrails        llm-gateway  false
experience        experience   false
n8n               experience   false
demos             demos        false
"""
"""The contract's table, written once more: group, layer, default."""

ROWS = [line.split() for line in TABLE.strip().splitlines()]
FEATURES = [name for name, _, default in ROWS if default in ("true", "false")]
WRITTEN = {
    "true": True,
    "false": False,
    '"true"': True,
    "'false'": False,
    "true   # since May": True,
    "yes": None,
    "True": None,
    "1": None,
    "~": None,
    "": None,
    "[true]": None,
    '"true "': None,
}
"""How a feature may be written, and what it means; None is the default."""


def oracle(env: str, features: dict[str, str], gpu_stack: str) -> str:
    """The groups file, from the table alone."""
    lines = []
    for name, layer, default in ROWS:
        said = WRITTEN[features[name]] if name in features else None
        fallback = default in ("on", "true")
        on = gpu_stack == "operator" if default == "gpu" else fallback if said is None else said
        enabled = "true" if on else "false"
        lines.append(
            f'- {{ name: {name}, layer: {layer}, enabled: "{enabled}", catalogPath: clusters/{env}/catalog/{name} }}\n'
        )
    return "".join(lines)


def written(features: dict[str, str], gpu_stack: str, ending: str) -> str:
    lines = ["repoURL: https://git.example.com/x.git", 'domain: ""']
    lines += [f"gpu_stack: {gpu_stack}"] if gpu_stack else []
    lines += ["features:", *(f"  {name}: {value}" for name, value in features.items())] if features else []
    return ending.join(lines) + ending


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("platform")
    made(root)
    return root


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    features=st.dictionaries(st.sampled_from(FEATURES), st.sampled_from(sorted(WRITTEN))),
    gpu_stack=st.sampled_from(["", "operator", "gke-managed", "none", '"operator"  # ours']),
    ending=st.sampled_from(["\n", "\r\n"]),
)
@example(features={"kserve": "false"}, gpu_stack="operator", ending="\n")
def test_random_configurations_give_the_tables_bytes(
    repository: Path, features: dict[str, str], gpu_stack: str, ending: str
) -> None:
    config = repository / "environments/ai-dev/config.yaml"
    config.write_bytes(written(features, gpu_stack, ending).encode())
    done = pointsman(repository, "resolve")
    assert done.returncode == 0, done.stderr
    found = (repository / "clusters/ai-dev/groups.generated.yaml").read_bytes()
    assert found == oracle("ai-dev", features, "operator" if "operator" in gpu_stack else "").encode()
    odd = [name for name, value in features.items() if WRITTEN[value] is None]
    assert done.stderr.count("[feature-value]") == len(odd)
    assert all(f"features.{name} is " in done.stderr for name in odd)
    again = pointsman(repository, "resolve")
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)


def test_check_writes_nothing_shows_the_difference_and_exits_with_1(tmp_path: Path) -> None:
    config = made(tmp_path)
    out = tmp_path / "clusters/ai-dev/groups.generated.yaml"
    first = pointsman(tmp_path, "resolve", "--check")
    assert (first.returncode, out.exists()) == (1, False)
    assert first.stdout.startswith("--- /dev/null\n+++ b/clusters/ai-dev/groups.generated.yaml\n")
    pointsman(tmp_path, "resolve")
    before = out.read_bytes()
    config.write_text(CONFIG.replace("embeddings: false", "embeddings: true"))
    changed = pointsman(tmp_path, "resolve", "--check")
    assert (changed.returncode, out.read_bytes()) == (1, before)
    assert [line for line in changed.stdout.splitlines() if line[:1] in "+-"][2:] == [
        '-- { name: embeddings, layer: serving, enabled: "false", catalogPath: clusters/ai-dev/catalog/embeddings }',
        '+- { name: embeddings, layer: serving, enabled: "true", catalogPath: clusters/ai-dev/catalog/embeddings }',
    ]
    pointsman(tmp_path, "resolve")
    number = out.stat().st_ino
    assert pointsman(tmp_path, "resolve", "--check").returncode == 0
    assert (pointsman(tmp_path, "resolve").returncode, out.stat().st_ino) == (0, number)


def test_the_file_is_yaml_whose_enabled_is_text(tmp_path: Path) -> None:
    made(tmp_path)
    pointsman(tmp_path, "resolve")
    found = yaml.safe_load((tmp_path / "clusters/ai-dev/groups.generated.yaml").read_text())
    assert {type(row["enabled"]) for row in found} == {str}
    assert found[8] == {
        "name": "kserve",
        "layer": "serving",
        "enabled": "true",
        "catalogPath": "clusters/ai-dev/catalog/kserve",
    }


WARNED = {
    "identity-without-domain": ("features: {identity: true}", "warn-field", 1, "identity is on and domain is missing"),
    "dns-empty-domain": ("domain: ''\nfeatures: {dns: true}", "warn-field", 1, "dns is on and domain is empty"),
    "edge": ("domain: ~\nfeatures:\n  public-edge: true", "warn-field", 1, "public-edge is on and domain is empty"),
    "dns-none": ("domain: x\ndns: {provider: none}\nfeatures: {dns: true}", "warn-value", 2, "dns.provider is none"),
    "llm-d-alone": (
        "features:\n  kserve: false\n  llm-d: true",
        "warn-group",
        3,
        "the group kserve is off: it brings the CRD",
    ),
    "llm-d-gpus": ("features:\n  llm-d: true", "warn-gpus", 2, "at least 2 GPUs"),
    "kserve-demo": (
        "features:\n  kserve: true",
        "warn-group",
        2,
        "the group demos is off: kserve-demo is one of its Applications",
    ),
    "stray": ("features:\n  kserv: true", "feature-stray", 2, "did you mean 'kserve'?"),
    "no-mapping": ("a: 1\nfeatures: on", "feature-value", 2, "every feature has its default"),
}


@pytest.mark.parametrize("kind", WARNED)
def test_warnings_name_the_line(kind: str, tmp_path: Path) -> None:
    text, code, line, said = WARNED[kind]
    made(tmp_path, text + "\n")
    done = pointsman(tmp_path, "resolve", "--output", "json")
    assert done.returncode == 0
    head = f"warning [{code}] at environments/ai-dev/config.yaml:{line}: "
    assert any(one.startswith(head) and said in one for one in done.stderr.splitlines()), done.stderr
    found = json.loads(done.stdout)
    held("resolve", found)
    assert code in [one["code"] for one in found["warnings"]]


def test_a_platform_without_reasons_is_not_warned_of(tmp_path: Path) -> None:
    made(tmp_path, "domain: x\nfeatures: {dns: true, identity: true, public-edge: true}\n")
    done = pointsman(tmp_path, "resolve")
    assert done.stderr == "next: pointsman root --profile full --dry-run says what that deletes; push only then\n"
    assert pointsman(tmp_path, "resolve").stderr == ""


def own(root: Path, text: str = OWN, config: str = "hardware: {gpus: nvidia}\n") -> None:
    (root / "platform.yaml").write_text(text)
    (root / "conf").mkdir()
    for env in ("one", "two"):
        (root / f"conf/{env}.yaml").write_text(config)


def test_a_platform_declares_its_own_groups_gates_places_and_warnings(tmp_path: Path) -> None:
    own(tmp_path)
    done = pointsman(tmp_path, "resolve", "--env", "two")
    assert (done.returncode, "warning" in done.stderr) == (0, False)
    assert (tmp_path / "out/two/groups.yaml").read_text() == (
        '- { name: base, layer: low, enabled: "true", catalogPath: apps/two/base }\n'
        '- { name: gpu, layer: low, enabled: "true", catalogPath: apps/two/gpu }\n'
        '- { name: chat, layer: high, enabled: "true", catalogPath: apps/two/chat }\n'
        '- { name: chat-ui, layer: high, enabled: "true", catalogPath: apps/two/chat-ui }\n'
    )
    (tmp_path / "conf/two.yaml").write_text("features: {talk: true}\n")
    assert "[warn-field] at conf/two.yaml:1: chat-ui is on and hardware.gpus is missing: nobody would answer" in (
        pointsman(tmp_path, "resolve", "--env", "two").stderr
    )
    listed = json.loads(pointsman(tmp_path, "features", "--env", "two", "-o", "json").stdout)["features"]
    assert [(one["name"], one["groups"]) for one in listed] == [
        ("hardware.gpus", ["gpu"]),
        ("talk", ["chat", "chat-ui"]),
    ]


BAD = {
    "unknown-field": (OWN.replace("  catalog: apps", "  catalgo: apps"), 8, "did you mean 'catalog'?"),
    "field-of-a-group": (OWN.replace("layer: low, gate: always", "layr: low, gate: always"), 10, "'layer'"),
    "gate": (OWN.replace("gate: always", "gate: sometimes"), 10, "'sometimes' is not a gate"),
    "outside": (OWN.replace("out/{env}", "../{env}"), 7, "is not a place in the repository"),
    "absolute": (OWN.replace("out/{env}", "/out/{env}"), 7, "is not a place in the repository"),
    "twice": (OWN.replace("name: gpu", "name: base"), 11, "group base is there twice"),
    "no-layer": (OWN.replace("[low, high]", "[low, hgih]"), 16, "layer hgih, which no group is in"),
    "warning": (OWN.replace("[chat-ui]", "[chat-iu]"), 15, "no such group"),
    "no-reason": (OWN.replace("needsField: hardware.gpus, ", ""), 15, "it would never be given"),
    "shared": (OWN.replace("out/{env}/", "out/"), 7, "one file for all environments"),
    "type": (
        OWN.replace("default: true}\n    - {name: chat-ui", "default: 1}\n    - {name: chat-ui"),
        12,
        "true or false",
    ),
    "kind": (OWN.replace("kind: Platform", "kind: Model"), 2, "use one of: Platform"),
    "list": ("- a\n", 1, "a platform is a mapping"),
    "empty": ("", 1, "a platform is a mapping"),
    "broken": (OWN + "  x: [\n", 17, ""),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_wrong_platform_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    text, line, said = BAD[kind]
    own(tmp_path, text)
    done = pointsman(tmp_path, "resolve", "--env", "two")
    assert done.returncode == 2
    assert f"platform.yaml:{line}" in done.stderr
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_of_several_environments_one_has_to_be_named(tmp_path: Path) -> None:
    made(tmp_path)
    shutil.copytree(tmp_path / "environments/ai-dev", tmp_path / "environments/prod")
    (tmp_path / "clusters/prod").mkdir()
    done = pointsman(tmp_path, "resolve")
    assert (done.returncode, "[env-not-named]" in done.stderr, "ai-dev, prod" in done.stderr) == (2, True, True)
    assert pointsman(tmp_path, "resolve", "--env", "prod").returncode == 0
    unknown = pointsman(tmp_path, "resolve", "--env", "prd")
    assert (unknown.returncode, "did you mean 'prod'?" in unknown.stderr) == (2, True)
    assert pointsman(tmp_path / "clusters", "features", "--env", "ai-dev").returncode == 0


def test_no_platform_is_told(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for words in (("resolve",), ("features",), ("root", "--profile", "full"), ("resolve", "--repo", "nowhere")):
        done = pointsman(tmp_path, *words)
        assert (done.returncode, "error [platform-missing]" in done.stderr) == (2, True), done.stderr


def test_the_mode_and_a_link_inside_stay_and_nothing_else_is_left_there(tmp_path: Path) -> None:
    made(tmp_path)
    out = tmp_path / "clusters/ai-dev/groups.generated.yaml"
    (tmp_path / "kept.yaml").write_text("old\n")
    (tmp_path / "kept.yaml").chmod(0o640)
    out.symlink_to("../../kept.yaml")
    assert pointsman(tmp_path, "resolve").returncode == 0
    assert (out.is_symlink(), stat.S_IMODE((tmp_path / "kept.yaml").stat().st_mode)) == (True, 0o640)
    assert (tmp_path / "kept.yaml").read_text().startswith("- { name: platform-core")
    assert [one.name for one in tmp_path.glob(".*")] == []


def test_what_somebody_else_wrote_meanwhile_stays(tmp_path: Path) -> None:
    made(tmp_path)
    found = resolve(open_repository(tmp_path, None))
    found.path.write_text("theirs\n")
    with pytest.raises(RefusedError, match="somebody else changed") as caught:
        found.write()
    assert (caught.value.code, found.path.read_text()) == ("platform-changed", "theirs\n")


@pytest.mark.parametrize("led", ["groups", "config", "folder"])
def test_a_link_that_leads_out_is_refused(led: str, tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "repository"
    outside.mkdir()
    root.mkdir()
    config = made(root)
    (outside / "file.yaml").write_text(CONFIG)
    if led == "folder":
        shutil.copytree(root / "clusters/ai-dev", outside / "ai-dev")
        shutil.rmtree(root / "clusters/ai-dev")
        (root / "clusters/ai-dev").symlink_to(outside / "ai-dev")
    else:
        link = config if led == "config" else root / "clusters/ai-dev/groups.generated.yaml"
        link.unlink(missing_ok=True)
        link.symlink_to(outside / "file.yaml")
    for words in (("resolve",), *([("features", "enable", "n8n")] if led == "config" else [])):
        done = pointsman(root, *words)
        assert (done.returncode, "error [platform-outside]" in done.stderr) == (1, True), done.stderr
    assert (outside / "file.yaml").read_text() == CONFIG
