"""``pointsman features``: what it lists, and that it changes one line or says why not."""

from __future__ import annotations

import json
import re
import stat
from difflib import SequenceMatcher
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.layouts import AROUND, BLOCKS
from tests.catalog.repository import CONFIG, made, pointsman
from tests.docs.schemas.holding import held

NAMES = ("kserve", "llm-d", "n8n")


def read_by_others(data: bytes) -> object:
    """What PyYAML makes of it, as YAML 1.1; an error is a reading too."""
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, ValueError) as error:
        return type(error)


def expected(before: object, name: str, on: bool) -> object:
    assert isinstance(before, dict)
    return {**before, "features": {**(before.get("features") or {}), name: on}}


def said(found: object, name: str, on: bool) -> object:
    """With a word in quotes taken for what it says."""
    assert isinstance(found, dict)
    features = dict(found["features"])
    assert features[name] in (on, str(on).lower())
    return {**found, "features": {**features, name: on}}


def changed_lines(before: bytes, after: bytes) -> list[bytes]:
    """What is new, in lines; nothing but one spot may differ, and at most one line may go."""
    ending = b"" if before.endswith(b"\n") else b"\r\n" if b"\r\n" in before else b"\n"
    old, new = (before + ending).splitlines(keepends=True), (after + ending).splitlines(keepends=True)
    spots = [one for one in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if one[0] != "equal"]
    assert len(spots) == 1, spots
    _, start, end, first, last = spots[0]
    assert end - start <= 1
    return new[first:last]


def check(root: Path, config: Path, name: str, on: bool) -> str:
    """Set a feature; what became of it in a word."""
    before = config.read_bytes()
    done = pointsman(root, "features", "enable" if on else "disable", name)
    after = config.read_bytes()
    assert "internal" not in done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert after == before
        assert re.search(r"error \[[a-z-]+\] at environments/ai-dev/config\.yaml:\d+: ", done.stderr), done.stderr
        return "refused"
    if after == before:
        assert f"{name} is {str(on).lower()} already" in done.stdout
        return "already"
    fresh = changed_lines(before, after)
    assert any(name.encode() in line or str(on).lower().encode() in line for line in fresh)
    assert len(fresh) <= 2
    assert (b"\r\n" in after) is (b"\r\n" in before)
    assert after.startswith(b"\xef\xbb\xbf") is before.startswith(b"\xef\xbb\xbf")
    if isinstance(read_by_others(before), dict):
        assert said(read_by_others(after), name, on) == expected(read_by_others(before), name, on)
    again = pointsman(root, "features", "enable" if on else "disable", name)
    assert (again.returncode, config.read_bytes()) == (0, after)
    return "done"


def composed(kind: str, around: tuple[str, str], ending: str, last: bool, mark: bool) -> bytes:
    head, tail = around
    block = BLOCKS[kind]
    if head.startswith("{"):
        block = block.replace("#", "").rstrip() if kind.startswith("flow") else "a: 1"
    text = (head + block + tail).replace("\n", ending)
    return (b"\xef\xbb\xbf" if mark else b"") + (text if last else text.removesuffix(ending)).encode()


def spoilt(data: bytes, random: Random) -> bytes:
    """A slip of the hand: a line twice, gone, or indented otherwise; a character more or less."""
    lines = data.split(b"\n")
    number = random.randrange(len(lines))
    kind = random.randrange(6)
    if kind == 0:
        lines.insert(number, lines[number])
    elif kind == 1:
        del lines[number]
    elif kind == 2:
        lines[number] = b" " + lines[number]
    elif kind == 3:
        lines[number] += random.choice([b" #", b":", b"\t", b"&x", b" *x", b"{", b"}", b"'", b'"', b"\xff", b"|", b","])
    elif kind == 4:
        at = random.randrange(len(lines[number]) + 1)
        lines[number] = (
            lines[number][:at] + random.choice([b" ", b"\t", b"#", b"- ", b"? ", b"!x "]) + lines[number][at:]
        )
    return b"\n".join(lines)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("platform")
    made(root)
    return root


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(sorted(BLOCKS)),
    around=st.sampled_from(AROUND),
    ending=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
    mark=st.booleans(),
    name=st.sampled_from(NAMES),
    on=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_one_line_changes_or_it_is_refused_with_the_line(
    repository: Path,
    kind: str,
    around: tuple[str, str],
    ending: str,
    last: bool,
    mark: bool,
    name: str,
    on: bool,
    seed: int,
) -> None:
    config = repository / "environments/ai-dev/config.yaml"
    data = composed(kind, around, ending, last, mark)
    config.write_bytes(data if seed % 2 else spoilt(data, Random(seed)))
    check(repository, config, name, on)


OUTCOME = {
    **dict.fromkeys(BLOCKS, "done"),
    **dict.fromkeys(("anchor-used", "anchor-away", "anchor-all", "folded", "list", "text"), "refused"),
}


@pytest.mark.parametrize("kind", BLOCKS)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("last", [True, False], ids=["end", "no-end"])
def test_a_layout_is_edited_or_refused(kind: str, ending: str, last: bool, tmp_path: Path) -> None:
    config = made(tmp_path, composed(kind, AROUND[1], ending, last, False))
    assert check(tmp_path, config, "llm-d", True) == OUTCOME[kind]


def edited(root: Path, text: str, *words: str) -> str:
    config = made(root, text)
    done = pointsman(root, "features", *words)
    assert done.returncode == 0, done.stderr
    return config.read_bytes().decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CONFIG, CONFIG + "  n8n: true\n"),
        ("features:\n  kserve: true # c", "features:\n  kserve: true # c\n  n8n: true"),
        ("features: {}", "features: {n8n: true}"),
        ("features: {a: 1}\n", "features: {n8n: true, a: 1}\n"),
        ('{"features": {"kserve": true}}\n', '{"features": {"n8n": true, "kserve": true}}\n'),
        ("features: # c\nx: 1\n", "features: # c\n  n8n: true\nx: 1\n"),
        ("x: 1\n", "x: 1\nfeatures:\n  n8n: true\n"),
        ("x: 1\n...\n", "features:\n  n8n: true\nx: 1\n...\n"),
        ("x: 1\r\n", "x: 1\r\nfeatures:\r\n  n8n: true\r\n"),
        ("features:\n  n8n: 'false' # c\n", "features:\n  n8n: 'true' # c\n"),
        ("features:\n  n8n:    no    # c\n", "features:\n  n8n:    true    # c\n"),
        ("on: &x false\nfeatures: {n8n: *x}\n", "on: &x false\nfeatures: {n8n: true}\n"),
    ],
)
def test_the_change_to_the_byte(before: str, after: str, tmp_path: Path) -> None:
    assert edited(tmp_path, before, "enable", "n8n") == after


def test_the_list_tells_value_origin_and_groups(tmp_path: Path) -> None:
    made(tmp_path, CONFIG + "gpu_stack: operator\n")
    done = pointsman(tmp_path, "features")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert rows["kserve"] == ["true", "environments/ai-dev/config.yaml:7", "kserve"]
    assert rows["dns"] == ["false", "default", "dns"]
    assert rows["gpu_stack"] == ["operator", "environments/ai-dev/config.yaml:9", "gpu-operator"]
    assert "platform-core" not in rows
    as_json = json.loads(pointsman(tmp_path, "features", "list", "-o", "json").stdout)
    assert as_json == yaml.safe_load(pointsman(tmp_path, "features", "list", "-o", "yaml").stdout)
    assert as_json["features"][6] == {
        "name": "kserve",
        "value": "true",
        "on": True,
        "from": "environments/ai-dev/config.yaml:7",
        "opensWith": "true",
        "groups": ["kserve"],
    }


@pytest.mark.parametrize(
    ("words", "exit_code", "code", "told"),
    [
        (("enable", "kserv"), 2, "feature-unknown", "did you mean 'kserve'?"),
        (("enable", "LLM_D"), 2, "feature-unknown", "did you mean 'llm-d'?"),
        (("enable", "x\x1b[2J"), 2, "feature-unknown", "use one of: autoscaling"),
        (("disable", "platform-core"), 1, "feature-not-a-switch", "is always on"),
        (("enable", "gpu-operator"), 1, "feature-not-a-switch", "gpu_stack: operator"),
        (("enable",), 2, "usage", "features enable NAME"),
        (("list", "kserve"), 2, "usage", ""),
        (("enable", ""), 2, "usage", "empty"),
        (("remove", "kserve"), 2, "usage", ""),
        (("enable", "n8n", "--env", "prod"), 2, "env-unknown", "use one of: ai-dev"),
    ],
)
def test_words_that_name_nothing(words: tuple[str, ...], exit_code: int, code: str, told: str, tmp_path: Path) -> None:
    config = made(tmp_path)
    done = pointsman(tmp_path, "features", *words)
    assert (done.returncode, f"error [{code}]" in done.stderr, told in done.stderr) == (exit_code, True, True), done
    assert config.read_text() == CONFIG


NONSENSE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "platform-not-a-mapping"),
    "comments": (b"# nothing\n", "platform-not-a-mapping"),
    "list": (b"- a\n", "platform-not-a-mapping"),
    "text": (b"hello\n", "platform-not-a-mapping"),
    "binary": (bytes(range(256)), "platform-not-text"),
    "utf-16": ("a: 1\n".encode("utf-16"), "platform-not-text"),
    "mark-inside": (b" \xef\xbb\xbffeatures:\n", "platform-not-text"),
    "two-marks": (b"\xef\xbb\xbf\xef\xbb\xbffeatures: {}\n", "platform-not-text"),
    "nul": (b"a: \0\n", "platform-not-text"),
    "5-mb": (b"#" * (5 << 20), "platform-unreadable"),
    "broken": (b"features: {kserve: true\n", "platform-yaml"),
    "tab": (b"features:\n\tkserve: true\n", "platform-yaml"),
    "two-keys": (b"features:\n  kserve: true\n  kserve: false\n", "platform-duplicate-key"),
    "two-blocks": (b"features: {}\na: 1\nfeatures: {}\n", "platform-duplicate-key"),
    "two-documents": (b"a: 1\n---\nfeatures: {}\n", "platform-yaml"),
    "deep": (b"a: " + b"[" * 2000, "platform-too-deep"),
    "tag": (b"a: !!python/object/apply:os.system [true]\n", "platform-yaml"),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_refused_with_its_place_and_left_alone(kind: str, tmp_path: Path) -> None:
    data, code = NONSENSE[kind]
    config = made(tmp_path, data)
    for words in (("features",), ("features", "enable", "n8n"), ("resolve",), ("resolve", "--check")):
        done = pointsman(tmp_path, *words)
        assert (done.returncode, f"error [{code}] at environments/ai-dev/config.yaml" in done.stderr) == (2, True), done
    assert config.read_bytes() == data
    assert not (tmp_path / "clusters/ai-dev/groups.generated.yaml").exists()


def test_a_folder_in_the_files_place(tmp_path: Path) -> None:
    config = made(tmp_path)
    out = tmp_path / "clusters/ai-dev/groups.generated.yaml"
    out.mkdir()
    done = pointsman(tmp_path, "resolve")
    assert (done.returncode, "[platform-unreadable]" in done.stderr, "it is a folder" in done.stderr) == (2, True, True)
    config.unlink()
    config.mkdir()
    assert "error [platform-missing]" in pointsman(tmp_path, "features").stderr


def test_a_read_only_file_is_not_written(tmp_path: Path) -> None:
    config = made(tmp_path)
    config.chmod(0o444)
    done = pointsman(tmp_path, "features", "enable", "n8n")
    assert (done.returncode, "error [platform-unwritable]" in done.stderr) == (2, True), done.stderr
    assert (config.read_text(), stat.S_IMODE(config.stat().st_mode)) == (CONFIG, 0o444)
    assert [one.name for one in config.parent.iterdir()] == ["config.yaml"]


def test_the_mode_stays_and_a_second_time_writes_nothing(tmp_path: Path) -> None:
    config = made(tmp_path)
    config.chmod(0o600)
    first = pointsman(tmp_path, "features", "enable", "n8n", "-o", "json")
    held("feature", json.loads(first.stdout))
    assert json.loads(first.stdout) == {
        "feature": "n8n",
        "value": True,
        "changed": True,
        "file": "environments/ai-dev/config.yaml",
        "line": 9,
    }
    number, mode = config.stat().st_ino, stat.S_IMODE(config.stat().st_mode)
    again = pointsman(tmp_path, "features", "enable", "n8n")
    assert (again.stdout, mode) == (
        "environments/ai-dev/config.yaml:9: n8n is true already; nothing was changed\n",
        0o600,
    )
    assert config.stat().st_ino == number


@pytest.mark.parametrize("features", ["features: null # nothing\n", "features:\n  ? kserve\n  : false\n"])
def test_a_mark_of_another_document_at_the_end_is_refused_with_its_place(features: str, tmp_path: Path) -> None:
    text = f"# start\nprofile: lab\n{features}# the end\n---\n"
    config = made(tmp_path, text)
    done = pointsman(tmp_path, "features", "enable", "kserve")
    assert (done.returncode, "error [feature-shape] at environments/ai-dev/config.yaml" in done.stderr) == (1, True)
    assert config.read_text("utf-8") == text
