"""1xx: what an engine is told on its command line, and what is not told there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pointsman.adopt.findings import ReplaceText
from pointsman.adopt.words import source_said
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.engine_pod import EnginePod, engine_pods, own_pods
from pointsman.checks.view import View
from pointsman.spec.arguments import MANY, REPEATED, Flag, flags

__all__ = ["CHECKS"]

_JOINED = re.compile(r"(--[A-Za-z][-\w.]*)\s+(\S.*)")


def _no_context(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        if one.whole and one.engine.context is None and one.flag("max-model-len") is None:
            what = "no --max-model-len: the context is what the weights' own configuration says, and so is its memory"
            yield one.told(what, one.place)


def _path_as_name(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        source = source_said(one.words)
        named = one.flag("served-model-name") is not None
        if one.whole and not named and source is not None and source.known and source.value.startswith("/"):
            what = f"no --served-model-name: tenants have to ask for a model called {source.value}"
            yield one.told(what, one.at(source))


def _lost(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        for first, last in _twice(one, several=True):
            lost = _shown(one, first)
            what = f"--{last.name} is given twice, and the last one alone counts: {lost} is lost"
            yield one.told(what, (*one.place, *one.words[last.start].place))


def _overruled(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        for first, last in _twice(one, several=False):
            if _shown(one, first) != _shown(one, last):
                said = (
                    "the last one counts"
                    if _secret(last)
                    else f"{_shown(one, last)} counts, {_shown(one, first)} does not"
                )
                yield one.told(f"--{last.name} is given twice: {said}", (*one.place, *one.words[last.start].place))


def _twice(one: EnginePod, *, several: bool) -> Iterator[tuple[Flag, Flag]]:
    """The first and the last of a flag that is given again; ``several``: of those that take several values."""
    found: dict[str, list[Flag]] = {}
    for flag in flags([word.text for word in one.words]):
        if flag.name not in REPEATED and "." not in flag.name and not flag.name.endswith("+"):
            found.setdefault(flag.name, []).append(flag)
    for name, given in found.items():
        if len(given) > 1 and (name in MANY) is several and not (several and _secret(given[0])):
            yield given[0], given[-1]


def _secret(flag: Flag) -> bool:
    return "key" in flag.name or flag.name == "token" or "password" in flag.name


def _shown(one: EnginePod, flag: Flag) -> str:
    words = [word.text for word in one.words[flag.start : flag.end]]
    return " ".join([*([words[0].partition("=")[2]] if "=" in words[0] else []), *words[1:]]) or "on"


def _joined(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        if not one.plain:
            continue
        args = one.container.get("args")
        for at, item in enumerate(args if isinstance(args, list) else []):
            found = _JOINED.fullmatch(item.strip()) if isinstance(item, str) else None
            if found is None:
                continue
            place = (*one.place, "args", at)
            name = found[1]
            fix = ReplaceText(one.engine.standing, place, item, f"{name}={found[2]}")
            simple = " " not in found[2] and item == item.strip()
            what = f"{name} and its value are one item of args: vLLM takes both for the name of a flag, and exits"
            yield one.told(what, place, f"write {name}=VALUE, or two items", (fix,) if simple else ())


def _no_parser(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        asked = one.flag("enable-auto-tool-choice")
        if asked is not None and one.whole and one.flag("tool-call-parser") is None:
            what = "--enable-auto-tool-choice without --tool-call-parser: vLLM exits when it starts"
            yield one.told(what, one.at(asked))


def _no_tokenizer(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        source = source_said(one.words)
        gguf = source is not None and source.value.endswith(".gguf")
        if source is not None and gguf and one.whole and one.flag("tokenizer") is None:
            what = f"{source.value.rpartition('/')[2]} has no --tokenizer: one is made of the file at each start"
            yield one.told(what, one.at(source))


CHECKS = (
    Check(
        "PM104",
        "context-not-set",
        Level.info,
        frozenset({"engines"}),
        cause="without --max-model-len the weights' configuration decides: another revision, or layer, another context",
        remedy="add --max-model-len with what tenants are promised",
        sure=Sure.source,
        fact="vLLM, EngineArgs.max_model_len: derived from the model's config when it is not given",
        run=_no_context,
    ),
    Check(
        "PM105",
        "path-as-name",
        Level.warning,
        frozenset({"engines"}),
        cause="the served name is what is loaded, unless it is said: a path, which differs on every layer",
        remedy="add --served-model-name with the name that tenants' requests carry",
        sure=Sure.source,
        fact="vLLM, vllm/entrypoints/openai: the model's own path is its name where none is given",
        run=_path_as_name,
    ),
    Check(
        "PM106",
        "values-lost",
        Level.error,
        frozenset({"engines"}),
        cause="a flag that takes several values keeps those of its last mention: names and adapters of others are gone",
        remedy="write the flag once, and all values behind it",
        sure=Sure.source,
        fact="vLLM 0.23: nargs=+, and argparse sets the attribute again",
        run=_lost,
    ),
    Check(
        "PM107",
        "flag-overruled",
        Level.warning,
        frozenset({"engines"}),
        cause="of a flag that is given twice the last one counts, which is seldom what the reader of the first thinks",
        remedy="keep one of them",
        sure=Sure.source,
        fact="vLLM 0.23, argparse",
        run=_overruled,
    ),
    Check(
        "PM108",
        "flag-and-value-in-one-item",
        Level.error,
        frozenset({"engines"}),
        cause="each item of args is one word for vLLM; a word with a blank in it is no flag it knows, and it exits",
        remedy="write --flag=value, or the flag and its value as two items",
        sure=Sure.source,
        fact="Kubernetes gives args to the process as they are; vLLM's argparse: unrecognized arguments",
        run=_joined,
        fixable=True,
    ),
    Check(
        "PM109",
        "tool-parser-missing",
        Level.error,
        frozenset({"engines"}),
        cause="vLLM refuses to start with --enable-auto-tool-choice and without a parser for the model's tool calls",
        remedy="add --tool-call-parser with the parser of the model's family",
        sure=Sure.source,
        fact="vLLM, vllm/entrypoints/openai/cli_args.py: validate_parsed_serve_args",
        run=_no_parser,
    ),
    Check(
        "PM110",
        "gguf-without-tokenizer",
        Level.warning,
        frozenset({"engines"}),
        cause="a tokenizer made of a GGUF file takes long to make, and its texts are not always those of the real one",
        remedy="add --tokenizer with the repository of the base model",
        sure=Sure.source,
        fact="vLLM's documentation, features/quantization/gguf",
        run=_no_tokenizer,
    ),
)
