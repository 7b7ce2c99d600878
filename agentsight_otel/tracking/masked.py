"""Journal records with the user's mask applied: what is written to disk is masked already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agentsight_otel.tracking.items import File, Files, Item, Message, Record
from agentsight_otel.translation.masking import mask_span
from agentsight_otel.translation.span_data import SpanData

_STRUCTURAL = frozenset({"sender", "mode", "model"})


def masked_record(record: Record, mask: Callable[[str], str]) -> Record:
    """Return a copy of *record* with *mask* applied to every text; a mask that fails hides its text."""
    item = None if record.item is None else _masked_item(record.item, mask)
    return Record(record.timeline, record.conversation_id, item, masked_texts(record.fields, mask))


def _masked_item(item: Item, mask: Callable[[str], str]) -> Item:
    values = {name: getattr(item, name) for name in item.__struct_fields__}
    texts = {n: value for n, value in values.items() if isinstance(value, str) and n not in _STRUCTURAL}
    changes: dict[str, Any] = masked_texts(texts, mask)
    if isinstance(item, Message | Files):
        changes["files"] = tuple(_masked_file(file, mask) for file in item.files)
    if "fields" in values:
        changes["fields"] = masked_texts(values["fields"], mask)
    return msgspec.structs.replace(item, **changes)


def _masked_file(file: File, mask: Callable[[str], str]) -> File:
    return File(masked_texts({"filename": file.filename}, mask)["filename"], file.mime_type, file.data)


def masked_texts(texts: dict[str, str], mask: Callable[[str], str]) -> dict[str, str]:
    """Return *texts* with *mask* applied to each, also inside JSON."""
    return mask_span(SpanData("", "", "", 0, 0, attributes=texts), mask).attributes
