"""What of a conversation goes into the headers of a request, and what is read out of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import baggage, context, propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator

from agentsight_otel import conversation, turn
from agentsight_otel.config import Config
from agentsight_otel.enums import Propagation
from agentsight_otel.exceptions import ConfigurationException
from agentsight_otel.tracking import propagation
from agentsight_otel.tracking.context import from_context
from agentsight_otel.tracking.propagation import MAX_METADATA_BYTES, Policy, bind_policy, left_out


@pytest.fixture
def policy() -> Iterator[None]:
    """Put back who decides what travels."""
    before = propagation._State.policy
    yield
    bind_policy(before)


def headers(**fields: object) -> dict[str, str]:
    """The headers of a request made inside a turn of a conversation."""
    carrier: dict[str, str] = {}
    with conversation("c-1", **fields), turn():  # type: ignore[arg-type] # fields of any kind
        propagate.inject(carrier)
    return carrier


def arrived(carrier: dict[str, str]) -> dict[str, str] | None:
    """What another service reads from the headers; None when there is no conversation in them."""
    found = from_context(propagate.extract(carrier, context.Context()))
    return None if found is None else found.fields


def test_values_arrive_as_they_were_given() -> None:
    """Types and characters of metadata survive the header."""
    fields = arrived(headers(customer_id="ada", metadata={"n": 3, "ok": True, "x": None, "t": "é; %,\n"}))
    assert fields == {"customer_id": "ada", "metadata": '{"n":3,"ok":true,"x":null,"t":"é; %,\\n"}'}


@pytest.mark.parametrize("spare", [0, -1], ids=["largest", "one byte more"])
def test_largest_metadata(spare: int) -> None:
    """Metadata travels up to the limit and not beyond it, as sent; the rest travels in any case."""
    note = "y" * (MAX_METADATA_BYTES - len("%7B%22note%22%3A%22%22%7D") - spare)
    before = left_out()
    fields = arrived(headers(customer_id="ada", metadata={"note": note}))
    assert fields is not None
    assert ("metadata" in fields) is (spare == 0)
    assert fields["customer_id"] == "ada"
    assert left_out() - before == (spare != 0)


def test_the_hosts_baggage_comes_first() -> None:
    """Metadata that would push the header over its limit stays at home; nothing of the host's is lost."""
    filled = context.Context()
    for number in range(2):
        filled = baggage.set_baggage(f"host.{number}", "x" * 3600, filled)
    token = context.attach(filled)
    try:
        carrier = headers(customer_id="ada", metadata={"note": "y" * 1000})
    finally:
        context.detach(token)
    assert len(carrier["baggage"]) <= W3CBaggagePropagator._MAX_HEADER_LENGTH
    assert arrived(carrier) == {"customer_id": "ada"}
    assert carrier["baggage"].count("x" * 3600) == 2
    assert "agentsight.turn.id=" in carrier["baggage"]


@pytest.mark.parametrize(
    ("propagate_what", "expected"),
    [(Propagation.ALL, {"customer_id", "metadata"}), (Propagation.IDS, set()), (Propagation.NONE, None)],
)
@pytest.mark.usefixtures("policy")
def test_setting(propagate_what: Propagation, expected: set[str] | None) -> None:
    """The setting decides what travels; what another conversation left behind never does."""
    token = context.attach(
        baggage.set_baggage("agentsight.conversation.metadata", '{"stale":1}', context.Context())
    )
    bind_policy(lambda: Policy(propagate_what))
    try:
        carrier = headers(customer_id="ada", metadata={"plan": "gold"})
    finally:
        context.detach(token)
    found = arrived(carrier)
    assert (set(found) if found is not None else None) == expected
    assert "stale" not in carrier.get("baggage", "")
    assert (expected is None) == ("agentsight" not in carrier.get("baggage", ""))


@pytest.mark.usefixtures("policy")
def test_mask_that_fails_hides_what_travels() -> None:
    """A mask is applied before anything leaves, and one that raises hides the texts."""

    def fail(text: str) -> str:
        raise ValueError(text)

    bind_policy(lambda: Policy(Propagation.ALL, fail))
    assert "SECRET" not in headers(metadata={"note": "SECRET"})["baggage"]


def test_a_conversation_inside_another_one_leaves_nothing_of_it() -> None:
    """The inner conversation's headers have its own fields only."""
    with conversation("outer", customer_id="ada", metadata={"plan": "gold"}):
        carrier = headers()
    assert arrived(carrier) == {}
    assert "outer" not in carrier["baggage"]


@pytest.mark.parametrize(("environ", "given"), [({"AGENTSIGHT_PROPAGATE": "some"}, None), ({}, "some")])
def test_setting_that_is_none(environ: dict[str, str], given: str | None) -> None:
    """A value that the setting cannot have is refused by name, wherever it comes from."""
    with pytest.raises(ConfigurationException) as caught:
        Config.resolve(environ, propagate=given)
    assert caught.value.field == "propagate"
