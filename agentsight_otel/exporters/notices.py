"""Notices: what a delivery has to tell the user once, and then never again."""

from __future__ import annotations

import logging
from collections.abc import Iterable

logger = logging.getLogger("agentsight_otel")

_TEXTS = {
    "content_not_captured": (
        "agentsight-otel: model calls arrive without the texts of their messages, so transcripts stay empty; "
        "set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, or the instrumentation's own setting, to "
        "record them"
    ),
    "clamped": "agentsight-otel: %s was longer than the backend takes and was cut",
    "dropped": "agentsight-otel: %s was malformed and was left out",
}


class Notices:
    """Logs each kind of notice once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def tell(self, notices: Iterable[str]) -> None:
        """Log the notices that are new: ``kind`` or ``kind:field``, as the assembler counts them."""
        for notice in notices:
            if notice in self._told:
                continue
            self._told.add(notice)
            kind, _, field = notice.partition(":")
            if kind in _TEXTS:
                logger.warning(_TEXTS[kind], *([field] if field else []))
