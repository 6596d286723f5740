"""Which texts are secrets: by the name of the field or variable, and by the marks that issuers give to tokens.

What looks like a stand-in, a reference or a template is none. A value is looked at and never told.
"""

from __future__ import annotations

import re

from pointsman.edge.litellm_params import DUMMIES

__all__ = ["is_plain_secret", "looks_issued", "names_secret"]

_NAME = re.compile(
    r"(?:^|[_.-])(?:api[_-]?key|(?:secret|access|master|private|encryption|salt|license)[_-]?key|token|"
    r"password|passwd|secret|client[_-]?secret)$",
    re.IGNORECASE,
)
_ISSUED = re.compile(
    r"(?<![A-Za-z0-9])(?:hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{20,}|"
    r"glpat-[\w-]{18,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|nvapi-[\w-]{20,}|AIza[\w-]{30,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_REFERENCE = re.compile(r"^os\.environ/|\$\(|\$\{|\{\{|^<|^ENC\[|^vault:|^ref\+|^/|://|^(?:true|false|[0-9.]+)$")
_STAND_IN = re.compile(
    r"change[-_ ]?me|placeholder|your[-_ ]|replace|dummy|example|redacted|x{6,}|\*{3,}", re.IGNORECASE
)
_IN_URL = re.compile(r"://[^/\s:@]*:(?P<password>[^@\s/]+)@")
_FILLED_IN = re.compile(r"\$|\{\{|^[<\[]|%[(s]|^ENC\[|^vault:|^ref\+")
"""What is put into an address later."""
_SHORTEST = 8


def names_secret(name: str) -> bool:
    """Is it the name of something secret: ``HF_TOKEN``, ``api_key``?"""
    return bool(_NAME.search(name))


def looks_issued(text: str) -> bool:
    """Does it hold a token with an issuer's mark?"""
    return bool(_ISSUED.search(text))


def is_plain_secret(name: str, value: object) -> bool:
    """Is a value under this name a secret that stands there for everybody to read?"""
    if not isinstance(value, str):
        return False
    text = value.strip()
    if looks_issued(text):
        return True
    inside = _IN_URL.search(text)
    if inside is not None:
        return not _left_open(inside["password"])
    return names_secret(name) and not _stands_in(text)


def _left_open(password: str) -> bool:
    """In an address nothing else than a password stands there, however short it is."""
    return password.lower() in DUMMIES or bool(_STAND_IN.search(password) or _FILLED_IN.search(password))


def _stands_in(text: str) -> bool:
    if text.lower() in DUMMIES or len(text) < _SHORTEST:
        return True
    return bool(_STAND_IN.search(text) or _REFERENCE.search(text))
