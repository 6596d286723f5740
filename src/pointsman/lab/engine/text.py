"""Greedy text: what the simulated model answers, and how it counts tokens.

The answer depends on the weights (repository and revision) and on the prompt alone: not on the served name, the
layer, the time or the temperature. Two engines with the same weights therefore agree to the last character, and one
with other weights does not, which is what a comparison of words has to be able to see.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Message", "answer", "count", "decode", "encode", "render"]

Message = Mapping[str, Any]

_WORDS = tuple(Path(__file__).with_name("words.txt").read_text("utf-8").split())
_ENDINGS = (".", ".", ".", ".", ";", ",", ",", "?", "!", ":")
_SHORTEST, _SPREAD = 40, 100
_PIECE = re.compile(r"\s?\w+|\s?[^\w\s]+|\s+")
_CHUNK = 4


def answer(model: str, revision: str, prompt: str | Sequence[Message], max_tokens: int) -> list[str]:
    """The tokens of the greedy answer, at most ``max_tokens`` of them; fewer mean that the model stopped by itself."""
    text = prompt if isinstance(prompt, str) else render(prompt)
    seed = hashlib.sha256("\0".join((model, revision or "main", text)).encode()).digest()
    length = min(max_tokens, _SHORTEST + int.from_bytes(seed[:2], "big") % _SPREAD)
    stream = _numbers(seed)
    tokens: list[str] = []
    capital, since = True, 0
    while len(tokens) < length:
        if since > 4 and next(stream) % 7 == 0:
            tokens.append(_ENDINGS[next(stream) % len(_ENDINGS)])
            capital, since = tokens[-1] in ".?!", 0
            continue
        word = _WORDS[next(stream) % len(_WORDS)]
        word = word[0].upper() + word[1:] if capital else word
        tokens.append(f" {word}" if tokens else word)
        capital, since = False, since + 1
    return tokens


def render(messages: Sequence[Message]) -> str:
    """The chat template: turns a conversation into the prompt the model sees."""
    turns = [
        f"<|im_start|>{message.get('role', 'user')}\n{_content(message.get('content'))}<|im_end|>\n"
        for message in messages
    ]
    return "".join(turns) + "<|im_start|>assistant\n"


def encode(text: str) -> list[int]:
    """Token ids of a text; ``decode`` gives the text back. Words of up to four letters are one token."""
    ids: list[int] = []
    for piece in _PIECE.findall(text):
        data = piece.encode()
        ids += [int.from_bytes(b"\x01" + data[start : start + _CHUNK], "big") for start in range(0, len(data), _CHUNK)]
    return ids


def decode(ids: Sequence[int]) -> str:
    """The text of token ids made by ``encode``."""
    data = b"".join(number.to_bytes(_CHUNK + 1, "big").lstrip(b"\0")[1:] for number in ids)
    return data.decode("utf-8", "replace")


def count(text: str) -> int:
    """How many tokens a text has."""
    return sum(-(-len(piece.encode()) // _CHUNK) for piece in _PIECE.findall(text))


def _content(content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return str(content)
    parts = (part if isinstance(part, str) else str(part.get("text", "")) for part in content)
    return "\n".join(parts)


def _numbers(seed: bytes) -> Iterator[int]:
    block = 0
    while True:
        digest = hashlib.sha256(seed + block.to_bytes(4, "big")).digest()
        for start in range(0, len(digest), 2):
            yield int.from_bytes(digest[start : start + 2], "big")
        block += 1
