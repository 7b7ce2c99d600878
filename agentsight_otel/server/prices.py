"""What a model call cost, from the offline price list of genai-prices."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, NamedTuple

_ALIASES = {"azure.ai.inference": "azure", "gcp.gen_ai": "google", "x_ai": "x-ai"}
"""OpenTelemetry provider names that the price list calls otherwise."""
_E8 = 10**8
_MILLION = 1_000_000


class Tokens(NamedTuple):
    """The token counts a price depends on; ``prompt`` is uncached input, audio is a part of others."""

    prompt: int = 0
    completion: int = 0
    embedding: int = 0
    cache_read: int = 0
    cache_write: int = 0
    audio_input: int = 0
    audio_output: int = 0


class Price(NamedTuple):
    """A cost in 1e-8 US dollars, and the list it was taken from."""

    usd_e8: int
    source: str


class _Rates(NamedTuple):
    """What a token of each kind costs where the price does not depend on how many there are."""

    usd: tuple[Decimal, ...]
    source: str


@functools.cache
def _library() -> ModuleType:
    import genai_prices  # noqa: PLC0415 - takes 0.4 s to import; a server that sees no model call never pays

    return genai_prices


def price(model: str, provider: str | None, tokens: Tokens, at_us: int) -> Price | None:
    """Return what a call cost at the prices of its time; None for a model without a price, which is not free.

    Args:
        model: As the provider names it.
        provider: As OpenTelemetry names it, or None.
        tokens: The counts.
        at_us: When the call was made; callers round it, for the cache's sake.
    """
    rates = _rates(model, provider, at_us)
    if rates is None:
        return None
    if rates.usd and not (tokens.audio_input or tokens.audio_output):
        total = sum((rate * count for rate, count in zip(rates.usd, tokens, strict=False)), Decimal(0))
        return Price(round(total * _E8), rates.source)
    found = _look_up(model, provider, tokens, at_us)
    return None if found is None else Price(round(found.total_price * _E8), rates.source)


@functools.lru_cache(maxsize=10_000)
def _rates(model: str, provider: str | None, at_us: int) -> _Rates | None:
    """Look a model up once an hour: the list takes 0.2 ms for each call, and most prices are one rate."""
    source = f"genai-prices/{_library().__version__}"
    found = _look_up(model, provider, Tokens(prompt=1), at_us)
    if found is None:
        return None
    listed = vars(found.model_price).values()
    if not all(value is None or isinstance(value, Decimal) for value in listed):
        return _Rates((), source)
    kinds = [Tokens(*(_MILLION if i == kind else 0 for i in range(5))) for kind in range(5)]
    costs = [_look_up(model, provider, kind, at_us) for kind in kinds]
    return _Rates(tuple(cost.total_price / _MILLION for cost in costs if cost is not None), source)


def _look_up(model: str, provider: str | None, tokens: Tokens, at_us: int) -> Any:
    library = _library()
    usage = library.Usage(
        input_tokens=tokens.prompt + tokens.embedding + tokens.cache_read + tokens.cache_write,
        output_tokens=tokens.completion,
        cache_read_tokens=tokens.cache_read or None,
        cache_write_tokens=tokens.cache_write or None,
        input_audio_tokens=tokens.audio_input or None,
        output_audio_tokens=tokens.audio_output or None,
    )
    at = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    for name in dict.fromkeys((_ALIASES.get(provider or "", provider), None)):
        try:
            return library.calc_price(usage, model, provider_id=name, genai_request_timestamp=at)
        except (LookupError, ValueError):
            continue
    return None
