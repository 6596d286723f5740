"""Text of files on its way to people, without the secrets that stand in it: keys, tokens, passwords.

A diff shows lines beside those that change, and whoever reads it may keep it, or hand it on. What only names a secret
(a variable, a Secret) stays.
"""

from __future__ import annotations

import re

from pointsman.delivery.git.wording import redacted

__all__ = ["hidden"]

_NAME = r"(?<![-.\w])[\w.-]{0,80}?(?:key|token|passw(?:or)?d|passphrase|secret|credentials?|authorization)"
_VALUE = r"""(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'{\[&*|>#,}\]](?:[^\n,}\]#]|(?<=\S)[#])*)"""
_SEEN = re.compile(
    r"""["']?(?:os\.environ/|\$[({\w]|(?:null|~|none|true|false|empty)?["']?\s*$|[\d.]+(?:e[-+]?\d+)?["']?\s*$)""",
    re.IGNORECASE,
)
"""Values that are no secret: variables, nothing, numbers as prices are."""
_NAMES_ONLY = re.compile(
    r"(?:key|secret|existing\w*|\w*per_?token|(?:pad|eos|bos|stop)_token|public\w*key)", re.IGNORECASE
)
"""Keys whose values name a place, or cost something."""
_FLAGS = re.compile(
    r"""--(?:api-key|hf-token|ssl-keyfile-password)(?:=|["']?,?\s+(?:-\s+)?)"""
    r"""(?P<value>"[^"\n]*"|'[^'\n]*'|[^\s"'\[{,}\]-][^\s"',}\]]*)"""
)
_PAIRS = re.compile(rf"""(?P<key>{_NAME})(?:["'])?:[ \t]+{_VALUE}""", re.IGNORECASE)
_LINE = r"(?:[ \t]*,[ \t]*|[ \t]*\r?\n[ \t]*)"
_MARK = r"""["']?"""
_VARIABLES = (
    re.compile(rf"{_MARK}name{_MARK}:[ \t]*{_MARK}{_NAME}{_MARK}{_LINE}{_MARK}value{_MARK}:[ \t]*{_VALUE}", re.I),
    re.compile(rf"(?<!\w)value{_MARK}:[ \t]*{_VALUE}{_LINE}{_MARK}name{_MARK}:[ \t]*{_MARK}{_NAME}(?!\w)", re.I),
)
_SHAPES = re.compile(
    r"(?<![\w-])(?P<value>(?:sk|nvapi|glpat|xox[abp])-[\w-]{8,}|hf_\w{16,}|gh[opsu]_\w{20,}|AKIA[A-Z0-9]{16}|AIza[\w-]{30,}"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+|(?<=Bearer )[^\s\"']{6,})"
)
_BLOCK = re.compile(
    rf"^(?P<pad>[ \t-]*){_MARK}{_NAME}{_MARK}:[ \t]*[|>][-+\d]*[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_SECRET = re.compile(r"^[ \t-]*[\"']?kind[\"']?:[ \t]*[\"']?Secret\b", re.MULTILINE)
_DATA = re.compile(r"^(?P<pad>[ \t]*)(?:data|stringData):[ \t]*\r?$", re.MULTILINE)
_ANY = re.compile(rf"[\w.-]+:[ \t]+{_VALUE}")
_STARS = "***"


def hidden(text: str) -> str:
    """The text, line by line as it was, with stars in the place of every secret that is seen in it."""
    for pattern in (_FLAGS, _PAIRS, *_VARIABLES, _SHAPES):
        text = pattern.sub(_starred, text)
    text = _below(text, _BLOCK, _whole)
    parts = re.split(r"(?m)^(?=---)", text)
    return redacted("".join(_of_secret(part) if _SECRET.search(part) else part for part in parts))


def _starred(found: re.Match[str]) -> str:
    key = found.groupdict().get("key")
    value = found["value"]
    if _SEEN.match(value) or (key is not None and _NAMES_ONLY.fullmatch(key)):
        return found[0]
    start = found.start("value") - found.start()
    end = start + len(value.rstrip())
    return found[0][:start] + _STARS + found[0][end:]


def _of_secret(document: str) -> str:
    """A Secret's own values, whatever they are called."""
    text = _below(document, _DATA, lambda line: _ANY.sub(_starred, line) if _ANY.search(line) else _whole(line))
    return re.sub(r"(?<!\w)(?:data|stringData): *\{[^}]*\}", lambda found: _ANY.sub(_starred, found[0]), text)


def _whole(line: str) -> str:
    """A line of a text; one that begins another text shows its name."""
    if re.fullmatch(r"\s*[\w.-]+:\s*[|>]?[-+]?\s*", line):
        return line
    return re.sub(r"\S.*\S|\S", _STARS, line, count=1)


def _below(text: str, head: re.Pattern[str], change: object) -> str:
    """With every line below a head, as far as they stand further in, changed."""
    assert callable(change)
    lines, pad = text.split("\n"), -1
    for at, line in enumerate(lines):
        inner = len(line) - len(line.lstrip(" \t-"))
        if pad >= 0 and line.strip() and inner <= pad:
            pad = -1
        if pad >= 0 and line.strip():
            lines[at] = str(change(line))
        elif match := head.match(line):
            pad = len(match["pad"])
    return "\n".join(lines)
