"""Everything that reads a kind of input, as a command or, where a command would go on to a cluster, as its reader."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from random import Random

from pointsman.catalog.appset import appset_in
from pointsman.catalog.config import read_config
from pointsman.catalog.features import features_of
from pointsman.catalog.manifests import manifests_in
from pointsman.catalog.platform import Layout, usual_platform
from pointsman.catalog.repository import Repository, platform_in
from pointsman.catalog.resolution import resolve
from pointsman.catalog.source import read_source
from pointsman.catalog.switch import switched
from pointsman.cli.entry import run
from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_obstacles import obstacles
from pointsman.edge.litellm_reach import reaching
from pointsman.errors import PointsmanError
from pointsman.intake.yaml import read_yaml
from pointsman.kube.kubeconfig import load_access
from tests.fuzz import views
from tests.fuzz.views import told as code_of

__all__ = ["ABSENT", "READERS", "command_for", "outcome_of"]

ABSENT = ("--kubeconfig", "/nonexistent/kubeconfig")
_ERROR = re.compile(r"error \[([a-z0-9.-]+)\]")
_SERVED = "qwen"

_TAKING: tuple[tuple[str, ...], ...] = (
    ("render", "--layer", "raw-vllm"),
    ("render", "--layer", "kserve", "-o", "json"),
    ("render", "--layer", "llm-d", "-o", "text"),
    ("plan", "--to", "kserve", *ABSENT),
    ("move", "--to", "llm-d", "--yes", *ABSENT),
    *(("up", *ABSENT), ("down", "--yes", *ABSENT), ("up", "--layer", "kserve", *ABSENT)),
    *(("teardown", "--layer", "kserve", "--dry-run", *ABSENT), ("cost", *ABSENT)),
    *(("pick",), ("pick", "-o", "json"), ("compare",), ("compare", "-o", "yaml")),
    *(("status", *ABSENT), ("history", *ABSENT), ("receipt", *ABSENT)),
    *((verb, "--yes", *ABSENT) for verb in ("rollback", "abort")),
    *((verb, *ABSENT) for verb in ("resume", "pause", "promote")),
)
"""Every command that takes a MODEL; there is no cluster to go on to."""


def command_for(kind: str, named: str, random: Random) -> tuple[str, ...]:
    """A command line that reads an input of this kind under this name."""
    if kind == "plan":
        return ("apply", "--yes", *ABSENT, "--", named)
    if kind == "kubeconfig":
        return ("status", "--kubeconfig", named)
    # Most inputs are given to a command that does something with the whole of it.
    command = random.choice(_TAKING[:3]) if random.random() < 0.5 else random.choice(_TAKING)
    return (*command, "--", named)


def outcome_of(code: int, out: str, err: str, *, judges: bool = False) -> str:
    """What a command said, in a word; raises AssertionError when it may not say so. ``judges``: 1 is an answer, too."""
    found = _ERROR.search(err)
    told = found[1] if found else ""
    assert code in (0, 1, 2), f"exit {code}: {err[:500]}"
    assert "Traceback" not in out + err, err[:500]
    assert told != "internal", err[:500]
    answered = code == 0 or (judges and code == 1 and bool(out))
    assert bool(told) != answered, f"exit {code}: {err[:500]}"
    assert len(err) < 100_000, f"{len(err)} characters of errors"
    return told or "done"


def _command(words: tuple[str, ...]) -> str:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(words)
    return outcome_of(code, out.getvalue(), err.getvalue(), judges=words[0] == "pick")


def _file(kind: str) -> Callable[[bytes, Path, Random], str]:
    def read(data: bytes, path: Path, random: Random) -> str:
        return _command(command_for(kind, str(path), random))

    return read


def _kubeconfig(data: bytes, path: Path, random: Random) -> str:
    """A usable one would be used; so only one that is refused goes through a command."""
    if b"exec" in data and b"/nonexistent/plugin" not in data:
        return "skipped"  # a command to run that a mutation may have made up
    try:
        load_access(path, random.choice((None, None, "here", "other")))
    except PointsmanError as error:
        with suppress(PointsmanError):
            load_access(path)
            return error.code
        return _command(command_for("kubeconfig", str(path), random))
    return "done"


def _word(data: bytes, path: Path, random: Random) -> str:
    word = data.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    return _command(command_for("word", word, random)) if word.strip() else "skipped"


def _edge(data: bytes, path: Path, random: Random) -> str:
    """The whole edit of a configuration: what there is, what stands in the way, what is written and taken away."""
    text = data.decode("utf-8", "replace")
    names = re.findall(r"model_name:\s*[\"']?([^\s\"',}]+)", text) or ["chat"]
    bases = re.findall(r"api_base:\s*[\"']?([^\s\"',}]+)", text) or ["http://raw/v1"]
    endpoints = {"raw-vllm": random.choice(bases), "kserve": "http://kserve.example/v1", "llm-d": "http://d.example/v1"}
    terms = Terms(random.choice(names), "qwen", endpoints, aliases=tuple(names[:1]) if random.random() < 0.2 else ())
    try:
        config = ConfigText(text, "ConfigMap gw/litellm config.yaml")
        aliases = Aliases(config, terms)
        found = aliases.members()
    except PointsmanError as error:
        return code_of(error)
    for look in (lambda: obstacles(config, terms), lambda: reaching(config, terms, set(bases)), aliases.remove):
        with suppress(PointsmanError):
            look()
    with suppress(PointsmanError):
        aliases.probe_name(terms.alias)
    try:
        written = aliases.write(_shifted(aliases, found, endpoints))
        Aliases(ConfigText(written, "after"), terms).members()
    except PointsmanError as error:
        return code_of(error)
    return "done"


def _shifted(aliases: Aliases, found: tuple[Member, ...], endpoints: Mapping[str, str]) -> list[Member]:
    """What is there with other weights, and a member more."""
    group = aliases.groups[0]
    there = {member.layer for member in found if member.alias == group}
    shifted = [replace(member, weight=90) if member.ours else member for member in found]
    if "kserve" not in there:
        name = aliases.member_id(group, "kserve")
        shifted.append(Member(name, "kserve", endpoints["kserve"], _SERVED, 10, alias=group))
    return shifted


def _config(data: bytes, path: Path, random: Random) -> str:
    """A platform's configuration: what it resolves to, and a feature turned on or off in it."""
    spec = Layout(config=path.name, groups_file="absent.yaml", environments=("x",))
    platform = usual_platform().model_copy(update={"spec": spec})
    repository = Repository(path.parent.resolve(), platform, "x")
    name, on = random.choice(("kserve", "llm-d", "n8n")), random.random() < 0.5
    try:
        found, config = resolve(repository), read_config(repository)
        assert len(found.rows) == found.after.count(b"\n") == 21
        assert len(features_of(config, found.rows)) == 17
        made = switched(config.source, name, on)
    except PointsmanError as error:
        return code_of(error)
    assert read_yaml(made.text).data["features"][name] in (on, str(on).lower())
    return "done"


def _platform(data: bytes, path: Path, random: Random) -> str:
    try:
        platform_in(read_source(path, path.parent))
    except PointsmanError as error:
        return code_of(error)
    return "done"


def _appset(data: bytes, path: Path, random: Random) -> str:
    """A file of the catalog, and each of its manifests as an ApplicationSet."""
    told = "done"
    try:
        manifests = manifests_in(path, path.parent)
    except PointsmanError as error:
        return code_of(error)
    for one in manifests:
        try:
            appset_in(one, "clusters/ai-dev/groups.generated.yaml").generated([_ELEMENT])
        except PointsmanError as error:
            told = code_of(error)
    return told


_ELEMENT = {"name": "kserve", "layer": "serving", "enabled": "true", "catalogPath": "clusters/ai-dev/catalog/kserve"}


READERS: Mapping[str, Callable[[bytes, Path, Random], str]] = {
    "spec": _file("spec"),
    "edge": _edge,
    "plan": _file("plan"),
    "kubeconfig": _kubeconfig,
    "word": _word,
    "config": _config,
    "platform": _platform,
    "appset": _appset,
    **views.READERS,
}
"""By kind; each gives the outcome in a word and raises when it is none."""
