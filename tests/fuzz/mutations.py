"""Ways to spoil a text: bytes, splices, tokens that parsers trip over, and values of another kind in its structure."""

from __future__ import annotations

import copy
import datetime
import json
import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import yaml

from pointsman.move.journal.journal import digest

__all__ = ["mutated"]

TOKENS: tuple[bytes, ...] = (
    *(b"!!bool maybe", b'!!int ""', b'!!float ""', b"!!null x", b"!!binary =", b"!!set {a}", b"!!timestamp x", b"!x "),
    *(b"!!python/object/apply:os.getpid []", b"!!omap [a]", b"!!str ", b"! ", b"!<tag:x> ", b"!!merge <<"),
    *(
        b"&a ",
        b"*a",
        b"*a : 1\n",
        b"<<: *a\n",
        b"<<: [1]\n",
        b"&a [*a]",
        b"? ",
        b"? [a]\n: b\n",
        b"|\n ",
        b">-\n ",
        b"|9\n",
    ),
    *(
        b"---\n",
        b"...\n",
        b"%YAML 1.1\n---\n",
        b"%YAML 3.0\n---\n",
        b"%TAG ! x\n---\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\t",
        b" ",
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\0",
        b"\x01",
        b"\x7f",
        b"\x85",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\xed\xa0\x80",
    ),
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b"'",
        b'"',
        b"#",
        b": ",
        b":",
        b"- ",
        b",",
        b"-",
        b"\\",
        b'"\\ud800"',
        b'"\\x00"',
        b"@",
        b"`",
    ),
    *(
        b"9" * 60,
        b"9" * 5000,
        b"1e999999",
        b"-1e999999",
        b"010",
        b"0o17",
        b"0x",
        b"1:30",
        b"1_000",
        b".inf",
        b".nan",
        b"~",
    ),
    *(
        b"yes",
        b"no",
        b"null",
        b"true",
        b"2020-13-45",
        b"=",
        b"<<",
        b"*",
        b"os.environ/X",
        b"http://[::1",
        b"http://h:x/v1",
    ),
    *(
        "😀".encode(),
        "\u202e".encode(),
        "é".encode(),
        "２".encode(),
        b"{{x}}",
        b"${X}",
        b"%s",
        b"../",
        b"NaN",
        b"Infinity",
    ),
)

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 10**30, 0.5, 1e308, math.inf, -math.inf, math.nan),
    *(
        "",
        " ",
        "x",
        "x" * 3000,
        "a\nb",
        "ü😀",
        "\u202e",
        "*",
        "~",
        "none",
        "1",
        "0",
        "{{x}}",
        "os.environ/X",
        "\t",
        "=",
        "-",
    ),
    *("http://[::1/v1", "http://h:99999/v1", "http://h/v1", "--flag value", "a" * 64, "A", "..", "/", "5Gi", "1e3"),
    *([], [[]], [None], [1, "a", {}], {}, {"a": None}, {"": ""}, {"a": {"b": []}}, {1: 2}, {None: 1}, {True: 1}),
    *(datetime.date(2020, 1, 1), b"\x00\xff", {"x", "y"}),
)

Corpus = Sequence[bytes]


def mutated(random: Random, kind: str, corpus: Corpus) -> bytes:
    """One input: a seed of the corpus, spoilt one or several times."""
    data = random.choice(corpus)
    if kind != "word" and random.random() < (0.9 if kind in _JSON else 0.5):
        data = _restructured(random, kind, data)
        if random.random() < (0.95 if kind in _JSON else 0.7):
            return data
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        data = random.choice(_BYTES)(random, data, corpus)
    return data


def _at(random: Random, data: bytes) -> int:
    return random.randint(0, len(data))


_JSON = ("answer", "hub")
"""What is read as JSON: with a byte changed it is mostly none, and what stands behind that is not met."""


def _flip(random: Random, data: bytes, corpus: Corpus) -> bytes:
    at = _at(random, data)
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def _cut(random: Random, data: bytes, corpus: Corpus) -> bytes:
    return data[: _at(random, data)]


def _removed(random: Random, data: bytes, corpus: Corpus) -> bytes:
    at = _at(random, data)
    return data[:at] + data[at + random.choice((1, 1, 2, 5, 40, 300)) :]


def _doubled(random: Random, data: bytes, corpus: Corpus) -> bytes:
    at = _at(random, data)
    part = data[at : at + random.choice((1, 5, 40, 300))]
    return data[:at] + part * random.choice((2, 2, 3, 20)) + data[at + len(part) :]


def _spliced(random: Random, data: bytes, corpus: Corpus) -> bytes:
    other = random.choice(corpus)
    start = _at(random, other)
    at = _at(random, data)
    return data[:at] + other[start : start + random.choice((5, 40, 300, 3000))] + data[at + random.choice((0, 0, 40)) :]


def _with_token(random: Random, data: bytes, corpus: Corpus) -> bytes:
    spots = [at for at, byte in enumerate(data) if byte in b":- \n,[{"] or [0]
    at = min(len(data), random.choice(spots) + 1) if random.random() < 0.8 else _at(random, data)
    end = data.find(b"\n", at) if random.random() < 0.5 else at
    return data[:at] + random.choice(TOKENS) + data[max(at, end) :]


def _line_moved(random: Random, data: bytes, corpus: Corpus) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    line = lines.pop(random.randrange(len(lines)))
    pad = b" " * random.choice((0, 1, 2, 3, 7))
    lines.insert(random.randint(0, len(lines)), random.choice((line, pad + line, line.lstrip(), line * 2)))
    return b"".join(lines)


_BYTES: tuple[Callable[[Random, bytes, Corpus], bytes], ...] = (
    _flip,
    _cut,
    _removed,
    _doubled,
    _spliced,
    _with_token,
    _with_token,
    _with_token,
    _line_moved,
)


def _restructured(random: Random, kind: str, data: bytes) -> bytes:
    """The same structure with some values of another kind, written as YAML or JSON."""
    if b"&" in data:
        return data  # anchors can stand for more than fits, and only bytes are changed of them
    try:
        found = yaml.load(data, Loader=_SAFE)
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return data
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        found = _edited(random, found)
    try:
        if kind == "plan":
            return _as_plan(random, found)
        if kind in _JSON:
            return json.dumps(found, default=str, skipkeys=True).encode()
        return str(
            yaml.dump(found, Dumper=_DUMP, allow_unicode=True, default_flow_style=random.choice((None, True)))
        ).encode()
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return data


_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMP: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _as_plan(random: Random, data: Any) -> bytes:
    """Mostly with the digest that the edit would have to have, so that what stands behind it is met too."""
    if isinstance(data, dict) and random.random() < 0.8:
        line = json.dumps({**data, "digest": ""}, sort_keys=True, ensure_ascii=False, default=str, skipkeys=True)
        data["digest"] = digest(line)
    return json.dumps(data, default=str, skipkeys=True).encode()


def _edited(random: Random, data: Any) -> Any:
    """One thing in the structure replaced, taken out, doubled, renamed or wrapped."""
    places = _places(data)
    if not places:
        return random.choice(VALUES)
    inside, key = random.choice(places)
    act = random.randrange(6)
    if act == 0:
        del inside[key]
    elif act == 1 and isinstance(inside, dict):
        inside[random.choice(("x", "", "name", "spec", None, 1, f"{key}s"))] = inside.pop(key)
    elif act == 1:
        inside.insert(key, inside[key])
    elif act == 2:
        inside[key] = random.choice(([inside[key]], {"x": inside[key]}, str(inside[key])))
    elif act == 3:
        other, where = random.choice(places)
        inside[key] = copy.deepcopy(other[where])
    else:
        inside[key] = random.choice(VALUES)
    return data


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Every mapping or list with each of its keys; a structure that repeats itself is walked once."""
    found: list[tuple[Any, Any]] = []
    seen: set[int] = set()
    waiting = [data]
    while waiting and len(found) < 2000:
        inside = waiting.pop()
        if id(inside) in seen or not isinstance(inside, dict | list):
            continue
        seen.add(id(inside))
        items = list(inside.items() if isinstance(inside, dict) else enumerate(inside))
        found += [(inside, key) for key, _ in items]
        waiting += [value for _, value in items]
    return found
