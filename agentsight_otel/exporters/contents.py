"""What records hold: in memory, or read back from the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentsight_otel.exporters.entries import Entry, decode, encoded, opened
from agentsight_otel.journal import Journal


def payload(journal: Journal, entry: Entry) -> bytes:
    """Return a record's bytes, empty when they are gone."""
    if entry.value is not None:
        return encoded(entry.value)
    return (journal.read(entry.ref, entry.size) if entry.ref is not None else None) or b""


def values(journal: Journal, taken: Sequence[tuple[Entry, Any]]) -> list[Any]:
    """Return what records hold, decoded; None for what is gone or cannot be read.

    Args:
        journal: Where they are.
        taken: Each with its value as it was in memory.
    """
    on_disk = [(entry.ref, entry.size) for entry, value in taken if value is None and entry.ref is not None]
    payloads = iter(journal.read_many(on_disk))
    found: list[Any] = []
    for entry, value in taken:
        if value is not None:
            found.append(opened(value))
        elif entry.ref is not None:
            found.append(decode(entry.kind, next(payloads) or b""))
        else:
            found.append(None)
    return found
