"""Where trace and span ids come from."""

from __future__ import annotations

import os
import random
from functools import lru_cache
from hashlib import sha256

from agentsight_otel.encoding import clean_text

# A generator of our own: a user's random.seed() must not make two runs share ids.
_random = random.Random(os.urandom(32))  # noqa: S311 - ids must be unique, not secret
new_seed = _random.getrandbits


def _reseed() -> None:
    _random.seed(os.urandom(32))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed)


def new_span_id() -> str:
    """Return a new id for a span."""
    return f"{new_seed(64) or 1:016x}"


@lru_cache(maxsize=256)
def conversation_trace_id(conversation_id: str) -> str:
    """Return the trace of a conversation: the same in every process and on every day."""
    return sha256(f"agentsight:trace:{clean_text(conversation_id)}".encode()).hexdigest()[:32]


def span_id(seed: int, part: str) -> str:
    """Return the id of the span that is *part* of the item with that seed."""
    return sha256(f"agentsight:span:{seed:016x}:{part}".encode()).hexdigest()[:16]


def upload_key(seed: int, index: int) -> str:
    """Return the id of the attachment at *index* of the item with that seed."""
    return sha256(f"agentsight:upload:{seed:016x}:{index}".encode()).hexdigest()[:32]
