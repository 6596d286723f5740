"""3xx: LLMInferenceServices (llm-d), whose pods are laid over KServe's presets."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place, flag_said, words_of
from pointsman.checks.applied import applied, managed
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.view import View, entries, get, listed

__all__ = ["CHECKS", "KIND", "based", "mains"]

KIND = "LLMInferenceService"
_PARTS: tuple[tuple[str, Place], ...] = (("decode", ("spec", "template")), ("prefill", ("spec", "prefill", "template")))


def based(one: Standing) -> bool:
    """Is it laid over presets of somebody, which say what is not known here?"""
    return bool(get(one.data, "spec", "baseRefs"))


def mains(one: Standing) -> Iterator[tuple[str, Place, Mapping[str, Any]]]:
    """The engines that it writes something of: ``decode`` or ``prefill``, where it stands, and the container."""
    for role, place in _PARTS:
        for at, container in enumerate(entries(one.data, *place, "containers")):
            if isinstance(container, Mapping) and container.get("name") == "main":
                yield role, (*place, "containers", at), container


def _old_version(view: View) -> Iterator[Told]:
    """A cluster answers in the version that it is asked for; what was applied stands beside it."""
    for one in view.of(KIND):
        by = [name for name, entry, _ in managed(one) if entry.get("operation") == "Apply" and _old(entry)]
        if _old(one.data) or _old(applied(one)) or by:
            said = f" by {by[0]}" if by else ""
            yield Told(one, f"it is written as v1alpha1{said}, and KServe stores v1alpha2", ("apiVersion",))


def _old(said: Mapping[str, Any]) -> bool:
    return said.get("apiVersion") == "serving.kserve.io/v1alpha1"


def _nothing_sent(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        if get(one.data, "spec", "prefill") is None or based(one) or _shared_files(one):
            continue
        connected = {role for role, _, container in mains(one) if _connects(container)}
        missing = [role for role, _ in _PARTS if role not in connected]
        if missing:
            what = (
                f"{' and '.join(missing)} without --kv-transfer-config: nothing of what prefill computes reaches decode"
            )
            yield Told(one, what, ("spec", "prefill"))


def _shared_files(one: Standing) -> bool:
    """Does it offload its cache to files, which another engine may find?"""
    return bool(get(one.data, "spec", "kvCacheOffloading", "secondary"))


def _connects(container: Mapping[str, Any]) -> bool:
    said = " ".join(str(word.text) for word in words_of(container, preset=True))
    given = "--kv-transfer-config" in said or "--kv_transfer_config" in said
    alone = "OffloadingConnector" in said and "MultiConnector" not in said
    return (given and not alone) or bool(container.get("envFrom"))


def _no_main(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for role, place in _PARTS:
            names = [str(each.get("name")) for each in listed(one.data, *place, "containers")]
            if names and "main" not in names and not based(one):
                what = f"no container of {role} is called main: {names[0]} runs beside the preset's engine, not as it"
                yield Told(one, what, (*place, "containers", 0, "name"))


def _unquoted(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for _, place, container in mains(one):
            if container.get("command"):
                continue  # no preset's shell runs then
            for at, item in enumerate(entries(container, "args")):
                if isinstance(item, str) and _loses(item):
                    what = f"the shell of the preset takes the quotes out of {item[:60]}: vLLM is given no JSON"
                    yield Told(one, what, (*place, "args", at))


def _loses(item: str) -> bool:
    """Is it JSON as it is written, and none any more behind a shell?"""
    value = item.partition("=")[2] if item.startswith("--") else item
    if not value.startswith(("{", "[")) or not _is_json(value):
        return False
    try:
        words = shlex.split(item)
    except ValueError:
        return True
    return not any(_is_json(word.partition("=")[2] if word.startswith("--") else word) for word in words)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


def _taken_port(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        if get(one.data, "spec", "prefill") is None or based(one):
            continue
        for role, place, container in mains(one):
            if role != "decode":
                continue
            said = flag_said(words_of(container, preset=True), "port")
            if said is not None and said.value == "8000":
                what = "decode is told to listen on 8000, which its routing sidecar has: it cannot start"
                yield Told(one, what, (*place, *said.place))


def _none_ready(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        if (
            get(one.data, "spec", "replicas") == 0
            and str(get(one.data, "metadata", "annotations", "serving.kserve.io/stop")) != "true"
        ):
            yield Told(one, "replicas is 0, and its status will say Ready", ("spec", "replicas"))


_READS = frozenset({KIND})

CHECKS = (
    Check(
        "PM301",
        "version-of-old",
        Level.warning,
        _READS,
        cause="v1alpha1 is converted at each read and write; it goes some day, and what is stored reads otherwise",
        remedy="write serving.kserve.io/v1alpha2, which KServe has since 0.19",
        sure=Sure.source,
        fact="KServe v0.20.0, its CRD: both are served, v1alpha2 is stored",
        run=_old_version,
    ),
    Check(
        "PM302",
        "prefill-without-connector",
        Level.error,
        _READS,
        cause="no preset connects the two (kvCacheOffloading's stays in one pod): decode computes every prompt again",
        remedy="give both --kv-transfer-config with NixlConnector and kv_role kv_both, quoted for a shell",
        sure=Sure.measured,
        fact="KServe v0.20.0, config/llmisvcconfig; vLLM's documentation, NixlConnector; seen in the lab",
        run=_nothing_sent,
    ),
    Check(
        "PM303",
        "no-container-called-main",
        Level.error,
        _READS,
        cause="presets are laid under a template by the names of containers; the engine's is main",
        remedy="call the engine's container main",
        sure=Sure.measured,
        fact="KServe v0.20.0, config/llmisvcconfig; seen in the lab",
        run=_no_main,
    ),
    Check(
        "PM304",
        "json-loses-quotes",
        Level.error,
        _READS,
        cause="args pass a shell's eval in the preset, which takes double quotes away: vLLM refuses what is left",
        remedy="put single quotes around it, inside the item: \"'--flag={...}'\"",
        sure=Sure.measured,
        fact='KServe v0.20.0, config/llmisvcconfig: eval "exec vllm serve … $@"; seen in the lab',
        run=_unquoted,
    ),
    Check(
        "PM305",
        "port-of-sidecar",
        Level.error,
        _READS,
        cause="with prefill, a routing sidecar listens on 8000 of decode's pod, and the engine behind it on 8001",
        remedy="take --port out: the preset sets it",
        sure=Sure.measured,
        fact="KServe v0.20.0, config-llm-decode-template; seen in the lab",
        run=_taken_port,
    ),
    Check(
        "PM306",
        "ready-with-none",
        Level.warning,
        _READS,
        cause="an LLMInferenceService without replicas reads Ready: whoever waits for that goes on, and tenants fail",
        remedy="park it with serving.kserve.io/stop, which its status tells",
        sure=Sure.measured,
        fact="KServe v0.20.0, pkg/controller/v1alpha2/llmisvc; seen in the lab",
        run=_none_ready,
    ),
)
