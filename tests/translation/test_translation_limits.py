from __future__ import annotations

from collections import Counter

import pytest

from agentsight_otel.translation.limits import block_fields, clamp_id, normalize_environment, parse_object


def fields(**attributes: object) -> tuple[dict[str, object], Counter[str]]:
    """The block fields of attributes of the conversation, and what was counted."""
    notices: Counter[str] = Counter()
    names = {f"agentsight.conversation.{name}": value for name, value in attributes.items()}
    return block_fields(names, notices), notices


def test_every_field_of_the_block_is_read() -> None:
    """Each conversation attribute has its field."""
    found, notices = fields(
        customer_id="c", customer_ip="203.0.113.7", device="d", source="s", language="l", name="n",
        environment=" Prod ", metadata='{"plan": "gold"}',
    )  # fmt: skip
    assert found == {
        "customer_id": "c",
        "device": "d",
        "source": "s",
        "language": "l",
        "name": "n",
        "customer_ip_address": "203.0.113.7",
        "environment": "production",
        "metadata": {"plan": "gold"},
    }
    assert not notices


def test_long_fields_are_cut_and_counted() -> None:
    """255 characters pass, the 256th is cut and somebody can say so once."""
    found, notices = fields(customer_id="x" * 256, device="y" * 255)
    assert (len(str(found["customer_id"])), len(str(found["device"]))) == (255, 255)
    assert notices == {"clamped:customer_id": 1}


@pytest.mark.parametrize("ip", ["300.1.1.1", "not an ip", "1.2.3"])
def test_a_bad_address_is_dropped_and_counted(ip: str) -> None:
    """It would cost the whole block."""
    found, notices = fields(customer_ip=ip)
    assert found == {}
    assert notices == {"dropped:customer_ip_address": 1}


def test_blank_fields_are_absent() -> None:
    """Absent means no change on the backend, blank would erase."""
    assert fields(customer_id="  ", environment="", customer_ip="")[0] == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [("dev", "development"), ("PROD", "production"), ("eu-staging", "eu-staging"), (3, None), (" ", None)],
)
def test_environments(given: object, expected: str | None) -> None:
    """Shorthands are spelled out, an agent's own slugs pass."""
    assert normalize_environment(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1]", {"value": [1]}),
        ("not json", {"value": "not json"}),
        ({"n": float("nan")}, {"n": "NaN"}),
        ("", {}),
    ],
)
def test_metadata_is_always_an_object(given: object, expected: dict[str, object]) -> None:
    """The block takes nothing else."""
    assert parse_object(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"), [("", ""), ("  ", ""), (None, ""), (7, ""), ("id", "id"), ("x" * 300, "x" * 255)]
)
def test_conversation_ids(given: object, expected: str) -> None:
    """Blank is missing, long is cut."""
    assert clamp_id(given, Counter()) == expected
