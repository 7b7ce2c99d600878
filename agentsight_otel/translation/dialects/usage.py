"""Token counts: totals that include their parts, whatever the convention counts."""

from __future__ import annotations

from typing import Any

import msgspec

from agentsight_otel.translation.dialects.values import as_count


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one model call; None is not reported, 0 is a number.

    Attributes:
        input: All input tokens, cached ones included.
        output: All output tokens, reasoning included.
        cache_read: Part of the input that was read from a cache.
        cache_write: Part of the input that was written to a cache.
        reasoning: Part of the output.
        audio_input: Part of the input.
        audio_output: Part of the output.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None

    @property
    def reported(self) -> bool:
        """Whether the span says how many tokens were used."""
        return self.input is not None or self.output is not None

    def filled_from(self, other: Usage) -> Usage:
        """Return these counts, with what is missing taken from *other*."""
        return Usage(
            *(
                mine if mine is not None else theirs
                for mine, theirs in zip(
                    msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True
                )
            )
        )


def read_usage(fields: dict[str, Any]) -> Usage:
    """Return the counts among a walk's fields."""
    cache_read = as_count(fields.get("cache_read_tokens"))
    cache_write = as_count(fields.get("cache_write_tokens"))
    total_input = as_count(fields.get("input_tokens"))
    bare = as_count(fields.get("input_tokens_without_cache"))
    if total_input is None and bare is not None:
        total_input = bare + (cache_read or 0) + (cache_write or 0)
    return Usage(
        total_input,
        as_count(fields.get("output_tokens")),
        cache_read,
        cache_write,
        as_count(fields.get("reasoning_tokens")),
        as_count(fields.get("audio_input_tokens")),
        as_count(fields.get("audio_output_tokens")),
    )
