"""Numbers with their nouns, for terminals and pages."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return ``1 message`` or ``12,480 messages``; what follows `` with `` stays as it is."""
    if count == 1:
        return f"1 {noun}"
    one, rest, more = noun.partition(" with ")
    return f"{count:,} {one}s{rest}{more}"
