"""What the scripted server answers without a script: OpenAI's embeddings, and what is created on its side."""

from __future__ import annotations

import base64
import struct
import time
from hashlib import sha256

from handrail.testing.turns import Json, Request, as_dict

DIMENSIONS = 8
"""Length of a vector where the request names none."""
CREATED = ("/assistants", "/agents")
"""Ends of the paths at which an agent is created."""


def embeddings(request: Request) -> Json:
    """A vector for each input, the same for the same text: four characters count as a token."""
    size = request.body.get("dimensions")
    vectors = [_vector(message.text, size if isinstance(size, int) else DIMENSIONS) for message in request.messages]
    packed = request.body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(max(1, len(message.text) // 4) for message in request.messages)
    used = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": request.model, "usage": used}


def created(kind: str, body: Json) -> Json:
    """An agent as the provider gives it back: what was asked for, with an id."""
    text = "".join(str(body.get(name, "")) for name in ("name", "model", "instructions"))
    name = f"{'asst' if kind == 'assistants' else 'agent'}_{sha256(text.encode()).hexdigest()[:12]}"
    unset: Json = {"name": None, "description": None, "instructions": None, "tools": [], "metadata": as_dict(None)}
    return {**unset, **body, "id": name, "object": kind.removesuffix("s"), "created_at": int(time.time())}


def _vector(text: str, size: int) -> list[float]:
    stretched = b"".join(sha256(f"{part} {text}".encode()).digest() for part in range(size // 32 + 1))
    return [byte / 256 for byte in stretched[:size]]


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
