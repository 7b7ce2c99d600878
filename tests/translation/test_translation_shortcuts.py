"""What is read in one step, or taken over from the call before, is what reading all of it gives."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsight_otel.encoding import encode_json, to_jsonable
from agentsight_otel.translation.assembly.lanes import History
from agentsight_otel.translation.dialects.containers import input_messages, output_messages
from agentsight_otel.translation.dialects.flattened import NO_OBJECTS, Flat, layout
from agentsight_otel.translation.dialects.items import messages_of_items
from agentsight_otel.translation.dialects.messages import Message, Told, read_message, read_messages
from agentsight_otel.translation.wire import iso

NAMES = ("role", "content")
MESSAGES: tuple[dict[str, Any], ...] = (
    {"role": "user", "content": "x"},
    {"role": "USER", "content": "x"},
    {"role": "user", "content": ""},
    {"role": "user", "content": None},
    {"role": "", "content": "x"},
    {"role": "tool", "content": "x"},
    {"role": "tool", "parts": [{"type": "text", "content": "x"}]},
    {"role": "system", "parts": [{"type": "text", "content": "x"}], "name": None},
    {"role": "assistant", "parts": [], "finish_reason": "stop"},
    {"role": "assistant", "parts": None, "content": "x"},
    {"role": "assistant", "parts": [{"type": "text", "content": ""}], "content": "y"},
    {"role": "assistant", "parts": [{"type": "text", "text": "x"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": None, "name": "f"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "name": "f", "arguments": '{"a": 1}'}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "f", "arguments": ""}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "arguments": {"a": [1]}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": '{"a": 1}'}]},
    {"role": "user", "parts": [{"type": "tool_call_response", "id": "c", "name": "f", "result": [1]}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": None}]},
    {"role": "assistant", "parts": [{"type": "reasoning", "content": "x"}, "y"]},
    {"role": "assistant", "content": "x", "tool_calls": [{"id": "c", "function": {"name": "f"}}]},
    {"parts": [{"type": "text", "content": "x"}]},
)
texts = st.sampled_from(["x", "", " ", "y z", "Ünïcode", "[REDACTED]"])
written = st.one_of(
    st.sampled_from(MESSAGES),
    st.builds(
        lambda role, text: {"role": role, "parts": [{"type": "text", "content": text}]},
        st.sampled_from(["user", "assistant", "system", "tool"]),
        texts,
    ),
)


def shape(messages: tuple[Message, ...] | list[Message]) -> list[tuple[Any, ...]]:
    """What messages say."""
    return [(message.role, message.parts, message.text, message.sign) for message in messages]


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_json_and_structure_say_the_same(message: dict[str, Any]) -> None:
    """A message read from JSON is the one read from its structure."""
    walked = read_message(message)
    assert shape(read_messages(json.dumps([message]))) == shape([walked] if walked is not None else [])


@given(st.lists(written, max_size=6), st.lists(written, max_size=6), st.booleans())
def test_a_history_that_goes_on(
    before: list[dict[str, Any]], after: list[dict[str, Any]], dense: bool
) -> None:
    """Taking over what the call before was told changes nothing."""
    separators = (",", ":") if dense else None
    first = json.dumps(before, separators=separators)
    second = json.dumps(before + after, separators=separators)
    told = Told(first, read_messages(first))
    whole = read_messages(second, "user", told)
    assert shape(whole) == shape(read_messages(second))
    grown, fresh = History(whole, History(whole[: len(told.messages)])), History(whole)
    for name in History.__slots__:
        assert getattr(grown, name) == getattr(fresh, name)


@given(st.lists(written, min_size=1, max_size=6), st.lists(written, max_size=6), st.integers(4000, 4200))
def test_a_long_list_that_goes_on(
    before: list[dict[str, Any]], after: list[dict[str, Any]], length: int
) -> None:
    """Nor does what a list that begins alike was read as, whoever read it."""
    start = {"role": "user", "content": "x" * length}
    for listed in ([start, *before], [start, *before, *after], [start, *after], [start, *before[1:]]):
        assert shape(read_messages(json.dumps(listed))) == shape(read_messages(listed))


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant", "tool"]), texts), max_size=6),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_a_flattened_history_that_goes_on(items: list[tuple[str, str]], known: int, lost: int) -> None:
    """The same for flattened messages, of which the first may be lost."""
    flat = flattened(items[lost:])
    before = flattened(items[:known])
    told = Told(before, messages_of_items(before, "user"))
    assert shape(messages_of_items(flat, "user", told)) == shape(messages_of_items(flat, "user"))


def flattened(items: list[tuple[str, str]]) -> Flat:
    """Messages as the attributes of a span have them."""
    values = {
        f"{n}.message.{name}": text
        for n, item in enumerate(items)
        for name, text in zip(NAMES, item, strict=True)
    }
    if not values:
        return NO_OBJECTS
    laid = layout([[(f"message.{name}", f"{n}.message.{name}") for name in NAMES] for n in range(len(items))])
    return Flat(laid.places, laid.values_of(values))


@pytest.mark.parametrize("other", ["[]", "[1", '["x"]', '[{"role":"user","content":"x"}]', "", "[[]]"])
def test_another_history_is_read_anew(other: str) -> None:
    """A text that only looks like going on is read by itself."""
    text = '[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]'
    assert shape(read_messages(text, "user", Told(other, read_messages(other)))) == shape(read_messages(text))


@pytest.mark.parametrize("key", ["messages", "chat_history", "choices"])
@pytest.mark.parametrize(
    "more", [{}, {"input": "z"}, {"kwargs": {"a": 1}}, {"role": "user"}, {"content": "w"}]
)
def test_a_run_read_as_a_list_of_messages(key: str, more: dict[str, Any]) -> None:
    """A run's input or output says the same as JSON and as a structure."""
    for listed in ([], [{"role": "user", "content": "x"}], "[]", None, [{"type": "ai", "content": "x"}]):
        value = {key: listed, **more}
        for read in (input_messages, output_messages):
            assert shape(read(json.dumps(value))) == shape(read(value))


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, None, True, "é"], "b": {"c": {}}},
        {1: "a", None: 2, 2.5: 3},
        [2**64 - 1, 2**64, -(2**63), -(2**63) - 1],
        [float("nan"), float("-inf"), 1e300],
        ["\ud800"],
        {"\ud800": 1},
        [[[[[[[[[[[["deep"]]]]]]]]]]]],
        ("a", {"b"}, b"c"),
        "text",
        7,
    ],
    ids=range(10),
)
def test_plain_values_are_encoded_as_they_are(value: object) -> None:
    """What is encoded without a copy is what a copy of plain values would be."""
    assert encode_json(value) == msgspec.json.encode(to_jsonable(value))


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_times_of_any_length(time_ns: int) -> None:
    """Slicing the digits of a time gives what the calendar says, whether its second is known or not."""
    said = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).replace(
        microsecond=time_ns // 1000 % 1_000_000
    )
    for _ in range(2):
        assert iso(time_ns) == said.isoformat(timespec="microseconds")


@pytest.mark.parametrize("time_ns", [0, -1, -1_000_000_000, 5, 10**9 - 1, 10**9, 10**22])
def test_times_beyond_the_calendar(time_ns: int) -> None:
    """A time no calendar has is held at its ends, twice alike."""
    assert iso(time_ns) == iso(time_ns)
    assert len(iso(time_ns)) == len("1970-01-01T00:00:00.000000+00:00")
