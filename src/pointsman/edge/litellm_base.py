"""The address that LiteLLM puts an endpoint behind: it ends in ``/v1``, once, and holds no endpoint itself.

LiteLLM adds ``/chat/completions`` and the like to ``api_base``; engines answer below ``/v1``, in lower case. What
stands before that is a Gateway's own path, and may be anything.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["base_of", "ends_in_version", "leads_astray"]

_ENDPOINT = "chat/completions|completions|embeddings|models|responses|messages|rerank|score|audio/transcriptions"
_BELOW = re.compile(rf"(?P<root>.*?)/v1(?:/v1|/(?:{_ENDPOINT}))*", re.IGNORECASE)
_BARE = re.compile(r"(?P<root>.*?)/chat/completions", re.IGNORECASE)
_VERSION = re.compile(r"/v[0-9]+[a-z0-9]*(?:/|$)", re.IGNORECASE)


def leads_astray(url: str, provider: str) -> bool:
    """Do requests to it, with the endpoint that LiteLLM adds, get 404?

    ``hosted_vllm`` takes an address with ``chat/completions`` in it as it stands (LiteLLM 1.106, get_complete_url).
    """
    wanted, ends = base_of(url), ends_in_version(url)
    if provider == "hosted_vllm" and wanted is not None and url == f"{wanted}/chat/completions":
        return False
    return wanted != url and not (wanted is None and ends)


def ends_in_version(url: str) -> bool:
    """Is ``/v1`` the end of its path? Of what is no address nothing is said, so it is taken as it stands."""
    try:
        return urlsplit(url).path.rstrip("/").endswith("/v1")
    except ValueError:
        return True


def base_of(url: str) -> str | None:
    """The address as it should be written; None where that is not certain.

    Cut back to its ``/v1`` where nothing but endpoints stands behind, and lengthened where no version is named.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.query or parts.fragment:
        return None
    path = parts.path.rstrip("/")
    found = _BELOW.fullmatch(path) or _BARE.fullmatch(path)
    if found is None and _VERSION.search(path):
        return url.rstrip("/") if path.endswith("/v1") else None
    root = found["root"] if found else path
    return f"{url.removesuffix(parts.path)}{root}/v1"
