from __future__ import annotations

import json
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsight_otel.translation.shorten import SHED_KEY, SUFFIX, shorten
from agentsight_otel.translation.span_data import EventData, LinkData, ScopeData, SpanData
from agentsight_otel.translation.wire import encode_span, iso

START = 1_790_000_000_123_456_789


def span(**changes: object) -> SpanData:
    """A native turn."""
    base = SpanData(
        "a" * 32, "b" * 16, "turn", START, START + 1_234_567, attributes={"agentsight.span.kind": "turn"}
    )
    return msgspec.structs.replace(base, **changes)


def test_fields_are_those_of_the_contract() -> None:
    """Names, order and forms of section 5.3."""
    document = json.loads(encode_span(span(scope=ScopeData("lib", "1"), resource={"service.name": "s"})))
    assert list(document) == [
        "span_id", "trace_id", "parent_span_id", "kind", "name", "started_at", "ended_at", "duration_ms",
        "status", "attributes", "events", "otel",
    ]  # fmt: skip
    assert document["started_at"] == "2026-09-21T14:13:20.123456+00:00"
    assert document["duration_ms"] == 1.235
    assert document["otel"] == {
        "span_kind": "internal",
        "trace_flags": 1,
        "trace_state": "",
        "is_remote": False,
        "status_description": "",
        "links": [],
        "resource": {"service.name": "s"},
        "dropped": {"attributes": 0, "events": 0, "links": 0},
        "scope": {"name": "lib", "version": "1", "schema_url": ""},
    }


def test_otel_part_is_not_confused_between_spans() -> None:
    """Cached parts belong to their resource, scope and kind."""
    one = json.loads(encode_span(span(resource={"service.name": "one"})))
    two = json.loads(encode_span(span(resource={"service.name": "two"}, kind="client")))
    linked = json.loads(encode_span(span(links=(LinkData("c" * 32, "d" * 16, {"x": 1}),), dropped_events=3)))
    assert (one["otel"]["resource"], two["otel"]["resource"]) == (
        {"service.name": "one"},
        {"service.name": "two"},
    )
    assert two["otel"]["span_kind"] == "client"
    assert linked["otel"]["links"] == [{"trace_id": "c" * 32, "span_id": "d" * 16, "attributes": {"x": 1}}]
    assert linked["otel"]["dropped"]["events"] == 3


def test_a_span_without_kind_is_unknown() -> None:
    """The contract's word for a missing kind."""
    assert json.loads(encode_span(span(attributes={})))["kind"] == "unknown"


def test_values_are_flat() -> None:
    """Lists of scalars stay lists, nested values become JSON text, bytes base64, None goes."""
    values = {
        "list": ["a", 1, 2.5, True],
        "nested": [{"a": 1}],
        "object": {"b": [1]},
        "raw": b"hi",
        "none": None,
    }
    attributes = json.loads(encode_span(span(attributes=values)))["attributes"]
    assert attributes == {
        "list": ["a", 1, 2.5, True],
        "nested": '[{"a":1}]',
        "object": '{"b":[1]}',
        "raw": "aGk=",
    }


def test_nan_is_text_and_not_null() -> None:
    """Strict JSON has no NaN; a silent null would be a lie."""
    attributes = json.loads(encode_span(span(attributes={"n": float("nan"), "i": [float("-inf")]})))[
        "attributes"
    ]
    assert attributes == {"n": "NaN", "i": ["-Infinity"]}


def test_lone_surrogates_do_not_break_the_span() -> None:
    """A text that UTF-8 cannot carry is mended, the rest is kept."""
    document = json.loads(encode_span(span(name="a\ud800", attributes={"t": "b\udfff"})))
    assert (document["name"], document["attributes"]["t"]) == ("a\ufffd", "b\ufffd")


def test_message_attributes_are_not_repeated_beside_message_events() -> None:
    """The same texts travel once; without message events they stay."""
    attributes = {"gen_ai.input.messages": "[]", "gen_ai.output.messages": "[]", "x": 1}
    event = EventData("agentsight.message", START, {"agentsight.message.content": "hi"})
    assert json.loads(encode_span(span(attributes=attributes, events=(event,))))["attributes"] == {"x": 1}
    assert len(json.loads(encode_span(span(attributes=attributes)))["attributes"]) == 3


@pytest.mark.parametrize("time_ns", [0, 1, 999, 10**9 - 1, 4_102_444_800 * 10**9])
def test_times_have_microseconds_and_offset(time_ns: int) -> None:
    """ISO 8601 with six digits, truncated and not rounded."""
    text = iso(time_ns)
    assert text.endswith(f".{time_ns % 10**9 // 1000:06d}+00:00")


@pytest.mark.parametrize("time_ns", [-1, -(2**63), 2**80])
def test_impossible_times_are_clamped(time_ns: int) -> None:
    """A broken clock in somebody's span cannot stop the export."""
    assert len(iso(time_ns)) == 32


def test_a_span_that_ends_before_it_starts_has_no_duration() -> None:
    """The contract allows null and no negative number."""
    assert json.loads(encode_span(span(end_ns=START - 1)))["duration_ms"] is None


def test_texts_are_never_cut_unless_asked() -> None:
    """100,000 characters arrive; with a limit they end in the contract's mark."""
    long = "x" * 100_000
    event = EventData("agentsight.message", START, {"agentsight.message.content": long})
    assert (
        json.loads(encode_span(span(events=(event,))))["events"][0]["attributes"][
            "agentsight.message.content"
        ]
        == long
    )
    cut = json.loads(encode_span(span(events=(event,)), max_text_length=50))["events"][0]["attributes"]
    assert cut["agentsight.message.content"] == "x" * (50 - len(SUFFIX)) + SUFFIX


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(string.printable, max_size=60),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=30,
)


@given(
    st.dictionaries(st.text(max_size=12), JSON, max_size=8) | st.lists(JSON, max_size=8), st.integers(2, 400)
)
def test_shortened_json_is_still_json_within_the_limit(value: object, limit: int) -> None:
    """Whatever is cut, a JSON attribute parses and fits."""
    text = json.dumps(value)
    shortened = shorten(text, limit)
    assert len(shortened) <= limit
    json.loads(shortened)
    if len(text) <= limit:
        assert shortened == text


def test_shedding_names_what_is_gone() -> None:
    """Entries that had to go are counted and named."""
    shortened = json.loads(shorten(json.dumps({f"key{i}": i for i in range(100)}), 300))
    assert shortened[SHED_KEY]["dropped_count"] + len(shortened) - 1 == 100
    assert shortened[SHED_KEY]["dropped_keys"]
