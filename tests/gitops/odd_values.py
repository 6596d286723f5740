"""The edge's file in an odd layout, and what commits changed of it, in bytes."""

from __future__ import annotations

import re

__all__ = ["odd", "only_weights", "taken_out"]

KEY = "os.environ/UPSTREAM_API_KEY"
LIST = re.compile(r"(?<=  model_list:\n).*?(?=^  router_settings:)", re.DOTALL | re.MULTILINE)
WEIGHT = re.compile(rb"(?<=weight: )[0-9.]+")


def odd(usual: bytes) -> bytes:
    """The same values: entries as flow maps, the key by an anchor, trailing comments, CRLF, no final newline."""
    text = LIST.sub(lambda block: "".join(map(_flow, block[0].split("    - ")[1:])), usual.decode())
    text = f"x-key: &key {KEY}  # one for all\n{text}".replace(f"api_key: {KEY}", "api_key: *key")
    text = text.replace("cooldown_time: 30\n", "cooldown_time: 30   # seconds\n")
    return text.rstrip("\n").replace("\n", "\r\n").encode()


def _flow(entry: str) -> str:
    """An entry of two levels in one line."""
    parts: list[tuple[str, list[str]]] = []
    for line in entry.splitlines():
        if line.startswith("        "):
            parts[-1][1].append(line.strip())
        else:
            parts.append((line.strip(), []))
    told = (f"{head} {{{', '.join(inner)}}}" if inner else head for head, inner in parts)
    return f"    - {{{', '.join(told)}}}  # where tenants go\n"


def taken_out(text: bytes) -> bytes:
    """All but the lines of the model's own entries."""
    return b"".join(line for line in text.splitlines(keepends=True) if b"id: qwen-" not in line)


def only_weights(before: bytes, after: bytes) -> bool:
    """Do they differ in the digits of weights, and in nothing else?"""
    return before != after and WEIGHT.sub(b"", before) == WEIGHT.sub(b"", after)
