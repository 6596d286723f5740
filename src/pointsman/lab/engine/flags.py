"""vLLM's own command line: every flag that vLLM 0.23 has, and none that it has not.

``vllm-flags.json`` lists the options of ``vllm serve`` with the release they were taken from. A flag that is in
there is accepted and mostly ignored; any other ends the program with code 2, as argparse does in vLLM, since a
misspelt flag in a manifest must fail here too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pointsman.lab.engine import VLLM_VERSION
from pointsman.lab.engine.weights import shown

__all__ = ["Arguments", "parse_serve"]

_DEFAULT_MODEL = "Qwen/Qwen3-0.6B"
_SCALES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the simulator heeds of a command line."""

    model: str
    root: str
    served_names: list[str]
    revision: str | None
    host: str
    port: int
    max_model_len: int | None
    api_keys: list[str]
    shutdown_timeout: int
    tls: tuple[str, str] | None
    access_log: bool
    silent_paths: frozenset[str]
    transfers_cache: bool
    lora: bool
    """Are LoRA adapters switched on?"""
    adapters: Mapping[str, str]
    """LoRA adapters: the path of each, by the name that it is served by."""
    pooling: bool
    """Does it make vectors, and nothing else?"""

    def logs_access_to(self, path: str) -> bool:
        """Whether a request belongs in the access log."""
        return self.access_log and path not in self.silent_paths


def parse_serve(words: Sequence[str], env: Mapping[str, str]) -> Arguments:
    """The arguments of ``vllm serve``; ends the program with code 2 where vLLM would."""
    given = vars(_parser().parse_args(_fold(list(_with_config(words)))))
    model = str(given["model_tag"] or given["model"] or _DEFAULT_MODEL)
    seen = shown(model, env)
    keys = given["api_key"] or [env.get("VLLM_API_KEY", "")]
    tls = (given["ssl_certfile"], given["ssl_keyfile"]) if given["ssl_certfile"] else None
    length = given["max_model_len"]
    return Arguments(
        model=model,
        root=seen,
        served_names=given["served_model_name"] or [seen],
        revision=given["revision"],
        host=given["host"] or "0.0.0.0",
        port=given["port"] or 8000,
        max_model_len=length if length and length > 0 else None,
        api_keys=[key for key in keys if key],
        shutdown_timeout=given["shutdown_timeout"] or 0,
        tls=tls,
        access_log=not given["disable_uvicorn_access_log"],
        silent_paths=frozenset(filter(None, (given["disable_access_log_for_endpoints"] or "").split(","))),
        transfers_cache=bool(given["kv_transfer_config"]),
        lora=bool(given["enable_lora"]),
        adapters=dict(_adapter(one, env) for one in given["lora_modules"] or []) if given["enable_lora"] else {},
        pooling=given["runner"] == "pooling",
    )


def _adapter(said: str, env: Mapping[str, str]) -> tuple[str, str]:
    """``NAME=PATH``, or JSON with both."""
    if said.startswith("{"):
        told = json.loads(said)
        return str(told["name"]), shown(str(told["path"]), env)
    name, _, path = said.partition("=")
    return name, shown(path, env)


class _Parser(argparse.ArgumentParser):
    """Refuses as ``vllm serve`` does."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"usage: {self.prog} [model_tag] [options]\n{self.prog}: error: {message}\n")
        raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    data = json.loads(Path(__file__).with_name("vllm-flags.json").read_text())
    parser = _Parser(
        prog="vllm serve",
        description=f"Simulated vLLM {VLLM_VERSION}: an OpenAI-compatible server that needs no GPU.",
        usage="vllm serve [model_tag] [options]",
    )
    parser.add_argument("model_tag", nargs="?")
    for name, option in data["options"].items():
        parser.add_argument(*option.get("also", ()), f"--{name}", **_behaviour(option))
    return parser


def _behaviour(option: Mapping[str, Any]) -> dict[str, Any]:
    kind = option["kind"]
    if kind == "flag":
        return {"action": argparse.BooleanOptionalAction}
    if kind == "switch":
        return {"action": "store_true"}
    if kind == "maybe":
        return {"nargs": "?", "const": True}
    behaviour: dict[str, Any] = {"type": _TYPES[option.get("of", kind)]}
    if "choices" in option:
        behaviour["choices"] = option["choices"]
    if kind == "texts":
        behaviour["nargs"] = option.get("count", "+")
    if option.get("repeat"):
        behaviour["action"] = "append"
    return behaviour


def _human_int(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmMgGtT]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"invalid size {text!r}")
    return int(float(found[1]) * _SCALES.get(found[2], 1))


def _human_int_or_auto(text: str) -> int:
    return -1 if text in ("-1", "auto") else _human_int(text)


def _json(text: str) -> Any:
    if text in ("", "None"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"Value {text} cannot be converted to valid JSON.") from None


_TYPES: dict[str, Callable[[str], Any]] = {
    "text": str,
    "texts": str,
    "int": int,
    "float": float,
    "json": _json,
    "human-int": _human_int,
    "human-int-or-auto": _human_int_or_auto,
}


def _fold(words: Sequence[str]) -> list[str]:
    """Underscores in flags become dashes, ``-O3`` a level, and ``--flag.key value`` pairs one JSON value per flag."""
    plain: list[str] = []
    nested: dict[str, dict[str, Any]] = {}
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if re.fullmatch(r"-O=?[0-3]", word):
            plain.append(f"--optimization-level={word[-1]}")
        elif word.startswith("-") and "." in flag and not re.fullmatch(r"-[\d.]+", word):
            flag, *keys = flag.split(".")
            text = value if equals else next(rest, "")
            _nest(nested.setdefault(_dashed(flag), {}), keys, text)
        elif word.startswith("--"):
            plain.append(_dashed(flag) + equals + value)
        else:
            plain.append(word)
    return plain + [word for flag, value in nested.items() for word in (flag, json.dumps(value))]


def _nest(into: dict[str, Any], keys: Sequence[str], text: str) -> None:
    *path, last = keys
    for key in path:
        into = into.setdefault(key, {})
    if last.endswith("+"):
        into.setdefault(last[:-1], []).extend(text.split(","))
        return
    try:
        into[last] = json.loads(text)
    except ValueError:
        into[last] = text


def _dashed(flag: str) -> str:
    return flag.replace("_", "-")


def _with_config(words: Sequence[str]) -> Iterator[str]:
    """The command line with the options of a ``--config`` file put in front of those given by hand."""
    path = _config_path(words)
    if path is None:
        return iter(words)
    from ruamel.yaml import YAML

    options = YAML(typ="safe").load(Path(path)) or {}
    model = [words[0]] if words and not words[0].startswith("-") else []
    return iter([*model, *_from_config(options), *words[len(model) :]])


def _config_path(words: Sequence[str]) -> str | None:
    for index, word in enumerate(words):
        if word == "--config":
            return words[index + 1] if index + 1 < len(words) else None
        if word.startswith("--config="):
            return word.partition("=")[2]
    return None


def _from_config(options: Mapping[str, Any]) -> Iterator[str]:
    for key, value in options.items():
        if value is False:
            continue
        yield f"--{key}"
        if isinstance(value, list):
            yield from map(str, value)
        elif isinstance(value, dict):
            yield json.dumps(value)
        elif value is not True:
            yield str(value)
