"""What a call costs: as the price list says, and unknown where it says nothing."""

from __future__ import annotations

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from agentsight_otel.server.prices import Tokens, price

AT = 1_790_000_000_000_000
COUNTS = st.integers(0, 2_000_000)


@given(
    model=st.sampled_from(
        ["gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro", "gpt-4o-mini", "mistral-large-latest"]
    ),
    prompt=COUNTS,
    completion=COUNTS,
    read=COUNTS,
    write=COUNTS,
)
def test_as_the_list_says(model: str, prompt: int, completion: int, read: int, write: int) -> None:
    """Rates taken once give the list's own answer, also for models whose rates depend on the size."""
    usage = Usage(
        input_tokens=prompt + read + write,
        output_tokens=completion,
        cache_read_tokens=read or None,
        cache_write_tokens=write or None,
    )
    listed = calc_price(usage, model)
    found = price(model, None, Tokens(prompt, completion, 0, read, write), AT)
    assert found is not None
    assert found.usd_e8 == round(listed.total_price * 10**8)
    assert found.source.startswith("genai-prices/")


@pytest.mark.parametrize(("model", "provider"), [("in-house", None), ("in-house", "openai"), ("", "openai")])
def test_unknown_models_have_no_price(model: str, provider: str | None) -> None:
    """No price is None, never 0."""
    assert price(model, provider, Tokens(1000, 1000), AT) is None


@pytest.mark.parametrize("provider", ["openai", "azure.ai.inference", "azure.ai.openai", "nobody", None])
def test_opentelemetry_names_of_providers_are_understood(provider: str | None) -> None:
    """A provider the list calls otherwise, or does not know, does not hide the model's price."""
    found = price("gpt-4o", provider, Tokens(1_000_000), AT)
    assert found is not None
    assert found.usd_e8 == 250_000_000
