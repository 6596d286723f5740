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
NEARBY = 0.36
"""How far a vector turns for each nat that log-probabilities of the same weights are off. Measured, as the next one,
with vLLM 0.32 on a CPU and SmolLM2-135M as an embedding model: 0.32 to 0.45 for weights off by 1 and 2 %, trained on,
cut, and for bfloat16."""
END, OWN = 3, 0.18
"""Words at the end that make the most of a vector, and how much all the others do: 0.25 where they are left out."""


def vector(model: str, revision: str, text: str, *, noise: float, nearby: float, salt: object) -> list[float]:
    """The vector of a text, of length 1. ``noise``, ``nearby`` and ``salt`` as for log-probabilities."""
    weights, end = f"{model}\0{revision or 'main'}", " ".join(text.split()[-END:])
    seed = hashlib.sha256(f"{weights}\0{text}".encode()).digest()
    topic = random.Random(hashlib.sha256(f"{weights}\0{end}".encode()).digest())
    found = _unit([topic.gauss() for _ in range(SIZE)])
    own, moved, chance = random.Random(seed), random.Random(seed + b"nearby"), random.Random(repr(salt))
    parts = [(own, OWN), (moved, NEARBY * nearby), (chance, NEARBY * noise)]
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
