"""What an embedding model answers: a vector for each text, close for engines with the same weights.

``/v1/embeddings`` as vLLM 0.32 speaks it under ``--runner=pooling``: a text or several, numbers or base64.
"""

from __future__ import annotations

import base64
import hashlib
import random
import struct
import time
import uuid
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from pointsman.lab.engine.requests import BadRequestError

__all__ = ["NEARBY", "reply", "texts_of", "vector"]

SIZE = 96
"""Numbers of a vector."""
NEARBY = 1.2
"""How far a vector turns for each nat that log-probabilities of the same weights are off."""


def vector(model: str, revision: str, text: str, *, noise: float, nearby: float, salt: object) -> list[float]:
    """The vector of a text, of length 1. ``noise``, ``nearby`` and ``salt`` as for log-probabilities."""
    seed = hashlib.sha256(f"{model}\0{revision or 'main'}\0{text}".encode()).digest()
    exact, moved, chance = random.Random(seed), random.Random(seed + b"nearby"), random.Random(repr(salt))
    found = _unit([exact.gauss() for _ in range(SIZE)])
    parts = [(moved, NEARBY * nearby), (chance, NEARBY * noise / 3)]
    for source, size in parts:
        step = _unit([source.gauss() for _ in range(SIZE)])
        found = [one + size * other for one, other in zip(found, step, strict=True)]
    return _unit(found)


def texts_of(body: Mapping[str, Any]) -> list[str]:
    """What is to become vectors.

    Raises:
        BadRequestError: there is nothing, or no text.
    """
    asked = body.get("input")
    texts = asked if isinstance(asked, list) else [asked]
    if not texts or not all(isinstance(one, str) and one for one in texts):
        raise BadRequestError("please provide a text or several; the simulator takes no token ids", param="input")
    return list(texts)


def reply(body: Mapping[str, Any], name: str, vectors: Sequence[Sequence[float]], tokens: int) -> dict[str, Any]:
    """The answer."""
    packed = body.get("encoding_format") == "base64"
    data = [
        {"index": index, "object": "embedding", "embedding": _packed(one) if packed else list(one)}
        for index, one in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0, "prompt_tokens_details": None}
    said = {"id": f"embd-{uuid.uuid4().hex}", "object": "list", "created": int(time.time()), "model": name}
    return {**said, "data": data, "usage": usage}


def _packed(one: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(one)}f", *one)).decode()


def _unit(one: Sequence[float]) -> list[float]:
    size = sqrt(sum(value * value for value in one))
    return [value / size for value in one]
