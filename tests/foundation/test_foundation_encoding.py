"""Metadata can hold anything and is always strict JSON afterwards."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsight_otel.encoding import CYCLE_MARKER, DEPTH_MARKER, decode_json, encode_json, to_jsonable
from agentsight_otel.tracking.items import Message
from agentsight_otel.translation.span_data import EventData, SpanData


@dataclasses.dataclass
class Order:
    """Something an application has lying around."""

    number: int
    tags: set[str]


class Colour(Enum):
    """An enum whose value is not text."""

    RED = 1


class Opaque:
    """Something no encoder knows, with a repr that must not leak."""

    def __repr__(self) -> str:
        return "secret"


def refuse(_: str) -> None:
    """Fail on what strict JSON does not have."""
    raise AssertionError


def decoded(value: object) -> Any:
    """Encode, and decode as a strict parser would."""
    return json.loads(encode_json(value), parse_constant=refuse)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 11, 23, 1, 2, 3, 4, tzinfo=UTC), "2026-11-23T01:02:03.000004+00:00"),
        (date(2026, 11, 23), "2026-11-23"),
        (timedelta(milliseconds=1500), 1.5),
        (Decimal("0.10"), "0.10"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (b"\xff\x00", "/wA="),
        ({"b", "a"}, ["a", "b"]),
        ((1, None, True), [1, None, True]),
        (Order(7, {"x"}), {"number": 7, "tags": ["x"]}),
        (Colour.RED, 1),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (2**80, str(2**80)),
        ({1: "a", None: "b", (1, 2): "c", False: "d"}, {"1": "a", "null": "b", "1,2": "c", "false": "d"}),
        (Opaque(), "<Opaque>"),
        ("\ud83d alone", "\ufffd alone"),
    ],
)
def test_each_kind_of_value(value: object, expected: object) -> None:
    """Each kind of value becomes what a reader would expect."""
    assert decoded(value) == expected


def test_a_cycle_is_marked_and_the_rest_kept() -> None:
    """A value that contains itself is cut where it repeats; a value used twice is not."""
    shared = ["shared"]
    value: dict[str, Any] = {"one": shared, "two": shared}
    value["self"] = value
    assert decoded(value) == {"one": ["shared"], "two": ["shared"], "self": CYCLE_MARKER}


def test_depth_is_bounded() -> None:
    """Nesting past the limit becomes a marker instead of a crash."""
    value: Any = "bottom"
    for _ in range(5000):
        value = [value]
    text = encode_json(value).decode()
    assert DEPTH_MARKER in text
    assert "bottom" not in text


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner)
)


@given(VALUES)
def test_everything_becomes_strict_json(value: object) -> None:
    """Whatever the value, the result is strict JSON and converting it again changes nothing."""
    first = to_jsonable(value)
    assert decoded(value) == first
    assert to_jsonable(first) == first


def test_an_integer_too_long_to_write_in_decimal_is_hexadecimal() -> None:
    """Python refuses to write over 4,300 digits; metadata never fails for it."""
    assert decode_json(encode_json({"n": 10**5000})) == {"n": hex(10**5000)}
    assert decode_json(encode_json({10**5000: 1})) == {hex(10**5000): 1}


def test_no_struct_shows_what_it_holds() -> None:
    """A span, an item or an upload in a log line says nothing of the conversation."""
    event = EventData("agentsight.message", 1, {"agentsight.message.content": "the secret"})
    span = SpanData("0" * 32, "0" * 16, "turn", 1, 2, events=(event,), attributes={"text": "the secret"})
    item = Message(1, 2, "end_user", "the secret")
    shown = f"{event!r} {span!r} {item!r} {[span]!r}"
    assert "secret" not in shown
    assert "SpanData" in shown
