"""Collect wire spans into one block per conversation, in the order they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from agentsight_otel.translation.block import Block, Upload
from agentsight_otel.translation.limits import BLOCK_ATTRIBUTES, block_fields
from agentsight_otel.translation.span_data import SpanData, SpanKey
from agentsight_otel.translation.wire import encode_span

NOT_GENAI = "not_genai"
"""Why a span is filtered that says nothing about an agent or a conversation."""
NO_CONVERSATION = "no_conversation"
"""Why one is that does, when nobody speaks and none is named."""


class Assembled(NamedTuple):
    """What became ready.

    Attributes:
        blocks: One per conversation, in the order of their first span.
        filtered: Spans that belong to no conversation, each with the reason.
    """

    blocks: list[Block]
    filtered: list[tuple[SpanKey, str]]


class BlockBuilder:
    """Gathers what one call of the assembler makes ready."""

    def __init__(self, environment: str | None, max_text_length: int | None, notices: Counter[str]) -> None:
        self._environment = environment
        self._max_text_length = max_text_length
        self._notices = notices
        self._blocks: dict[str, Block] = {}
        self._filtered: list[tuple[SpanKey, str]] = []

    def add_span(self, conversation_id: str, span: SpanData, source: SpanKey | None = None) -> None:
        """Append a wire span; the block fields its attributes state win over earlier ones."""
        self.add_spans(conversation_id, [span])
        if source is not None:
            self.sources(conversation_id).append(source)

    def add_spans(self, conversation_id: str, spans: Iterable[SpanData]) -> None:
        """Append wire spans, in their order."""
        block = self.block(conversation_id)
        append, limit = block.spans.append, self._max_text_length
        for span in spans:
            if not span.attributes.keys().isdisjoint(BLOCK_ATTRIBUTES):
                block.fields.update(block_fields(span.attributes, self._notices))
            append(encode_span(span, max_text_length=limit))

    def sources(self, conversation_id: str) -> list[SpanKey]:
        """Return the list of source spans that are done when the block is, to add to."""
        return self.block(conversation_id).sources

    def add_upload(self, conversation_id: str, upload: Upload) -> None:
        """Append an attachment's bytes."""
        self.block(conversation_id).uploads.append(upload)

    def filter(self, key: SpanKey, reason: str) -> None:
        """Say that a source span belongs to no conversation."""
        self._filtered.append((key, reason))

    def block(self, conversation_id: str) -> Block:
        """Return the conversation's block, made on first use."""
        block = self._blocks.get(conversation_id)
        if block is None:
            fields = {"environment": self._environment} if self._environment else {}
            block = self._blocks[conversation_id] = Block(conversation_id, fields, [])
        return block

    def build(self) -> Assembled:
        """Return everything gathered; sources that nothing became of are filtered."""
        blocks = []
        for block in self._blocks.values():
            if block.spans or block.uploads:
                blocks.append(block)
            else:
                self._filtered += [(key, NOT_GENAI) for key in block.sources]
        return Assembled(blocks, self._filtered)
