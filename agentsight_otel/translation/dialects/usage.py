"""Token counts: totals that include their parts, whatever the convention counts."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from agentsight_otel.translation.dialects.values import as_count, load

_CACHED = re.compile(r"""\bcached_tokens\\?["']?\s*[:=]\s*(\d{1,9})\b""")
_MAX_ANSWER_CHARS = 100_000


class Usage(msgspec.Struct, frozen=True, gc=False):
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


_NOTHING = Usage()
_RARE = frozenset(
    {
        "input_tokens_without_cache",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "audio_input_tokens",
        "audio_output_tokens",
    }
)


def read_usage(fields: dict[str, Any]) -> Usage:
    """Return the counts among a walk's fields, or in a recorded answer of the provider."""
    given = fields.get
    total_input, output = as_count(given("input_tokens")), as_count(given("output_tokens"))
    plain = _RARE.isdisjoint(fields) and "usage_json" not in fields
    if plain and total_input is None and output is None and "input_tokens" not in fields:
        return _NOTHING
    rare = {} if plain else {field: as_count(fields[field]) for field in _RARE.intersection(fields)}
    cache_read = rare.get("cache_read_tokens")
    if cache_read is None and "input_tokens" in fields:
        cache_read = _cached_in_answer(given("output_value"))
    if plain:
        return Usage(total_input, output, cache_read)
    cache_write = rare.get("cache_write_tokens")
    bare = rare.get("input_tokens_without_cache")
    if bare is not None and total_input in (None, bare):
        total_input = bare + (cache_read or 0) + (cache_write or 0)
    usage = Usage(
        total_input,
        output,
        cache_read,
        cache_write,
        rare.get("reasoning_tokens"),
        rare.get("audio_input_tokens"),
        rare.get("audio_output_tokens"),
    )
    return usage.filled_from(_usage_object(fields["usage_json"])) if "usage_json" in fields else usage


_OBJECT_KEYS = {
    "input": ("prompt_tokens", "input_tokens", "inputTokens", "input"),
    "output": ("completion_tokens", "output_tokens", "outputTokens", "output"),
    "cache_read": (
        "cached_tokens",
        "cache_read_input_tokens",
        "input_cached_tokens",
        "input_cache_read",
        "cache_read",
        "cachedContentTokens",
    ),
    "cache_write": (
        "cache_creation_input_tokens",
        "cache_write_tokens",
        "input_cache_creation",
        "cache_creation",
    ),
    "reasoning": ("reasoning_tokens", "output_reasoning_tokens", "reasoning", "thoughtsTokens"),
}
_DETAILS = (
    "prompt_tokens_details",
    "input_tokens_details",
    "completion_tokens_details",
    "output_tokens_details",
    "input_token_details",
    "output_token_details",
)


def _usage_object(value: Any) -> Usage:
    """Read counts from an object as providers return it."""
    counts = load(value)
    if not isinstance(counts, dict):
        return Usage()
    whole = counts.get("usage")
    counts = whole if isinstance(whole, dict) else counts
    if "total" in counts:
        counts = _added_up(counts)
    for details in _DETAILS:
        inner = counts.get(details)
        if isinstance(inner, dict):
            counts = {**inner, **counts}
    found = {
        name: next((count for key in keys if (count := as_count(counts.get(key))) is not None), None)
        for name, keys in _OBJECT_KEYS.items()
    }
    return Usage(**found)


def _added_up(counts: dict[str, Any]) -> dict[str, Any]:
    """Add the parts to the whole where each token is counted once, as Langfuse's handlers do."""
    numbers = {
        key: count for key in counts if key != "total" and (count := as_count(counts[key])) is not None
    }
    if sum(numbers.values()) != as_count(counts["total"]):
        return counts
    sides: dict[str, Any] = {
        side: sum(count for key, count in numbers.items() if key.startswith(side))
        for side in ("input", "output")
        if side in numbers
    }
    return {**counts, **sides}


def _cached_in_answer(answer: Any) -> int | None:
    if not isinstance(answer, str) or "cached_tokens" not in answer or len(answer) > _MAX_ANSWER_CHARS:
        return None
    found = _CACHED.search(answer)
    return int(found.group(1)) if found else None
