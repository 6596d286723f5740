"""The smallest values of a spec: names, quantities, image references, each with its own message.

A value that could be wrong in a way Kubernetes only notices later is refused here, with what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

__all__ = [
    "Address",
    "AliasName",
    "Arguments",
    "EnvName",
    "HeaderName",
    "HeaderValue",
    "Image",
    "Key",
    "LayerId",
    "ModelName",
    "Money",
    "Name",
    "Path",
    "Quantity",
    "Repo",
    "Revision",
    "ServedName",
    "UpstreamKey",
    "amount",
    "is_name",
    "listed",
    "short",
    "shown",
]

_HEADER = re.compile(r"(?!(?i:authorization|cookie|host|content-\w+|.*api-?key)$)[A-Za-z][A-Za-z0-9-]{0,79}")
_HEADED = re.compile(r"[!-~]([ -~]*[!-~])?")
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?|\.\d+)(?P<unit>m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?", re.ASCII)
_IMAGE = re.compile(
    r"(?P<name>[a-z0-9]([-._:a-zA-Z0-9]*[a-z0-9])?(/[a-z0-9]([-._a-z0-9]*[a-z0-9])?)*)"
    r"(:(?P<tag>[A-Za-z0-9_][-.\w]{0,127}))?(@sha256:(?P<digest>[0-9a-f]{64}))?",
    re.ASCII,
)
_REPO = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]*/[A-Za-z0-9][-._A-Za-z0-9]*")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SERVED = re.compile(r"[A-Za-z0-9][-._:/A-Za-z0-9]*")
_ALIAS = re.compile(r"[*A-Za-z0-9][-._:/*A-Za-z0-9]*")
_REVISION = re.compile(r"[-._/A-Za-z0-9]+")
_PATH = re.compile(r"[^\s/.][^\s]*")
_MONEY = re.compile(r"[0-9]{1,7}(\.[0-9]{1,6})?")
_DEAREST = 1_000_000
_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTP", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTP", 1)},
}


def _refuse(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("pointsman", "{what}", {"what": what, "allowed": allowed})


def shown(value: Any) -> str:
    """A value as a sentence names it: short, in one line, whatever it is."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple | set):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**50:
        return "a number of more than 50 digits"
    text = repr(value[:80] if isinstance(value, str) else value) if isinstance(value, str | int | float) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return short(text)


def short(text: str) -> str:
    """Text of at most 60 characters, on one line."""
    plain = text if text.isprintable() else repr(text)[1:-1]
    return plain if len(plain) <= 60 else f"{plain[:57]}…"


@lru_cache(maxsize=1024)
def amount(quantity: str) -> Decimal:
    """A Kubernetes quantity as a number: ``500m`` is 0.5, ``1Gi`` is 1073741824."""
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise ValueError(quantity)
    return Decimal(match["number"]) * _UNITS[match["unit"] or ""]


@lru_cache(maxsize=1024)
def is_name(text: str) -> bool:
    """Can a Kubernetes object made from this name exist?"""
    return bool(_NAME.fullmatch(text)) and len(text) <= 63


def _name(value: str) -> str:
    if not is_name(value):
        raise _refuse(
            f"{shown(value)} is not a name KServe and Kubernetes accept",
            "use at most 63 lowercase letters, digits and '-', starting with a letter, not ending with '-'",
        )
    return value


def _quantity_text(value: Any) -> Any:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if plain else value


@lru_cache(maxsize=1024)
def _is_quantity(text: str) -> bool:
    return bool(_QUANTITY.fullmatch(text)) and amount(text) > 0


def _quantity(value: str) -> str:
    if not _is_quantity(value):
        raise _refuse(
            f"{shown(value)} is not a quantity", "use a number above 0 with an optional unit: 500m, 2, 4Gi, 500M"
        )
    return value


def _image(value: str) -> str:
    match = _IMAGE.fullmatch(value)
    if match is None:
        raise _refuse(f"{shown(value)} is not an image reference", "use registry/name:tag or registry/name@sha256:…")
    if not (match["tag"] or match["digest"]):
        raise _refuse(
            f"{shown(value)} has neither a tag nor a digest, so it means another image every day",
            "add a tag (:v0.23.0) or, better, a digest (@sha256:…)",
        )
    return value


def _matching(pattern: re.Pattern[str], noun: str, allowed: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise _refuse(f"{shown(value)} is not {noun}", allowed)
        return value

    return AfterValidator(check)


def _path(value: str) -> str:
    if not _PATH.fullmatch(value) or ".." in value.split("/"):
        raise _refuse(f"{shown(value)} is not a folder inside a volume", "use a relative path without '..': qwen")
    return value


def _money(value: Any) -> Decimal:
    """An amount as it stands in the file: ``2.10`` in quotes stays 2.10, a number is what it is written as."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _DEAREST
    text = format(Decimal(repr(value)), "f") if number else value
    found = Decimal(text) if isinstance(text, str) and _MONEY.fullmatch(text) else value
    if not isinstance(found, Decimal) or not 0 <= found <= _DEAREST:
        raise _refuse(
            f"{shown(value)} is no amount of money",
            "use a number from 0 to 1000000 with at most 6 digits behind the point: 2, 2.5, '2.10'",
        )
    return found


def _address(value: str) -> str:
    """An OpenAI base URL as LiteLLM takes it for ``api_base``."""
    allowed = "use http://HOST:PORT/PATH/v1, with what stands before the alias's own part of the path"
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refuse(f"{shown(value)} is not an address", allowed) from None
    clean = value.isascii() and value.isprintable() and " " not in value and len(value) <= 500
    more = parts.username is not None or parts.query or parts.fragment or value.endswith(("?", "#"))
    if parts.scheme not in ("http", "https") or not host or port == 0 or not clean or more:
        raise _refuse(f"{shown(value)} is not an address of a server", allowed)
    if not parts.path.endswith("/v1"):
        raise _refuse(f"{shown(value)} does not end in /v1, below which engines answer", allowed)
    return value


def _upstream_key(value: str) -> str:
    if not value or len(value) > 500 or not value.isprintable() or value != value.strip():
        raise _refuse(
            f"{shown(value)} is not a key",
            "use one line of at most 500 characters, as LiteLLM takes it for api_key: os.environ/UPSTREAM_API_KEY",
        )
    return value


def listed(value: Any) -> Any:
    """A list as the tuple that is kept; anything else as it is."""
    return tuple(value) if isinstance(value, list) else value


ModelName = Annotated[str, Field(max_length=40), AfterValidator(_name)]
"""A ``Name`` that leaves room for what controllers append."""

Name = Annotated[str, AfterValidator(_name)]
"""DNS-1035 label: what Services and InferenceServices may be called."""

Money = Annotated[Decimal, BeforeValidator(_money)]
"""An exact amount, as a number or as decimal text."""

LayerId = Literal["raw-vllm", "kserve", "llm-d"]
"""A serving layer."""

Quantity = Annotated[str, BeforeValidator(_quantity_text), AfterValidator(_quantity)]
"""Kubernetes quantity, kept as text; see ``amount``."""

Image = Annotated[str, AfterValidator(_image)]
"""Image reference with a tag or a digest."""

Repo = Annotated[str, _matching(_REPO, "a Hugging Face repository", "use owner/name: Qwen/Qwen2.5-0.5B-Instruct")]
"""Hugging Face repository, ``owner/name``."""

ServedName = Annotated[
    str,
    Field(max_length=120),
    _matching(_SERVED, "a model's name", "use letters, digits and '-', '.', '_', ':', '/', a letter or digit first"),
]
"""The name engines answer to."""

AliasName = Annotated[
    str,
    Field(max_length=120),
    _matching(
        _ALIAS,
        "a name of an alias",
        "use letters, digits and '-', '.', '_', ':', '/', '*', a letter, digit or '*' first",
    ),
]
"""What tenants put into ``model``; LiteLLM takes ``*`` for any text."""

Revision = Annotated[
    str, _matching(_REVISION, "a revision on the hub", "use letters, digits and '-', '.', '_', '/': main")
]
"""Commit, branch or tag."""

UpstreamKey = Annotated[str, AfterValidator(_upstream_key)]
"""What LiteLLM shows to an engine, or where it finds it."""

Address = Annotated[str, AfterValidator(_address)]
"""An OpenAI base URL, ``http`` or ``https``, ending in ``/v1``."""

Key = Annotated[str, _matching(_KEY, "a key of a Secret or ConfigMap", "use letters, digits, '-', '_' and '.'")]
"""Key inside a Secret or ConfigMap."""

EnvName = Annotated[
    str, _matching(_ENV, "a name of an environment variable", "use letters, digits and '_', no digit first")
]
"""Name of an environment variable."""

HeaderName = Annotated[str, _matching(_HEADER, "a name of an HTTP header", "use letters, digits and '-': X-Model-Name")]
"""Name of an HTTP header."""

HeaderValue = Annotated[
    str,
    Field(max_length=200),
    _matching(_HEADED, "a value of a header", "use visible characters and blanks, none first or last; no key"),
]
"""Its value. No place for keys: it is kept in plans and journals."""

Path = Annotated[str, AfterValidator(_path)]
"""Relative folder inside a volume."""

Arguments = Annotated[tuple[str, ...], BeforeValidator(listed), Field(strict=False)]
"""Command line arguments, one list item each."""
