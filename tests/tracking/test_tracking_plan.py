from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentsight_otel.tracking import ids
from agentsight_otel.tracking.items import (
    Action,
    Button,
    File,
    Files,
    Item,
    Message,
    Opened,
    Record,
    Tokens,
    decode_record,
    encode_record,
)
from agentsight_otel.tracking.limits import kept_of
from agentsight_otel.tracking.plan import Ambient, Planner
from agentsight_otel.tracking.timeline import Timeline, Timelines

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is not a failure."""

TEXT = st.text(min_size=1, max_size=8)
METADATA = st.sampled_from(["", '{"a":1}'])
FILE = st.builds(File, TEXT, TEXT, st.binary(max_size=4))
FILES = st.lists(FILE, max_size=2).map(tuple)
SOME_FILES = st.lists(FILE, min_size=1, max_size=2).map(tuple)
SEED = st.integers(0, 2**64 - 1)
TIME = st.integers(1_700_000_000_000_000, 1_700_000_000_000_020)
ITEMS = st.lists(
    st.one_of(
        st.builds(
            Message,
            TIME,
            SEED,
            st.sampled_from(["end_user", "agent"]),
            TEXT,
            METADATA,
            st.just("base64"),
            FILES,
        ),
        st.builds(
            Action, TIME, SEED, TEXT, duration_ms=st.none() | st.floats(0, 1000), error=st.none() | TEXT
        ),
        st.builds(Button, TIME, SEED, TEXT, TEXT, TEXT, METADATA),
        st.builds(Files, TIME, SEED, st.just("agent"), st.just("base64"), SOME_FILES, METADATA),
        st.builds(Tokens, TIME, SEED, *[st.integers(0, 9)] * 4, st.none() | TEXT, METADATA),
        st.builds(Opened, TIME, SEED, st.dictionaries(st.sampled_from(["name", "device"]), TEXT)),
    ),
    max_size=30,
    unique_by=lambda item: item.seed,
)


def taken(items: list[Item]) -> list[tuple[int, Item]]:
    """Return *items* with the times a timeline gives them."""
    timeline = Timeline(Timelines(10**9, lambda _: None), "c")
    for item in items:
        timeline.add(item, 1)
    return timeline.take().items


@UNHURRIED
@given(ITEMS, st.integers(1, 5))
def test_a_plan_keeps_every_item_and_its_order(items: list[Item], limit: int) -> None:
    """Each item is in exactly one place, messages in order, times strictly increasing, ids unique."""
    stamped = taken(items)
    stamps = [stamp for stamp, _ in stamped]
    assert stamps == sorted(set(stamps))
    spans, uploads = Planner("c", {}, max_messages=limit).plan(stamped)
    assert len({span.span_id for span in spans}) == len(spans)
    events = [event for span in spans for event in span.events]
    messages = [(stamp, item) for stamp, item in stamped if isinstance(item, Message)]
    assert [(event.time_ns // 1000, event.attributes["agentsight.message.content"]) for event in events] == [
        (stamp, item.content) for stamp, item in messages
    ]
    assert all(len(span.events) <= limit for span in spans)
    expected = sum(len(getattr(item, "files", ())) for item in items)
    assert len(uploads) == len({upload.key for upload in uploads}) == expected
    children = sorted(s.attributes["agentsight.span.kind"] for s in spans if not s.events)
    kinds = {Action: "tool", Button: "button", Files: "attachment", Tokens: "llm", Opened: "conversation"}
    wanted = [kinds[type(item)] for item in items if type(item) in kinds]
    wanted += ["attachment" for item in items if isinstance(item, Message) and item.files]
    turns_without_messages = children.count("turn")
    assert children == sorted(wanted + ["turn"] * turns_without_messages)


@UNHURRIED
@given(ITEMS)
def test_a_plan_is_a_pure_function(items: list[Item]) -> None:
    """The same items give the same spans, before and after a round trip through the journal's format."""
    copies = [decode_record(encode_record(Record("t", "c", item))) for item in items]
    again = [copy.item for copy in copies if copy is not None and copy.item is not None]
    assert Planner("c", {}).plan(taken(again)) == Planner("c", {}).plan(taken(items))


@UNHURRIED
@given(ITEMS)
def test_children_lie_in_their_turn(items: list[Item]) -> None:
    """Each child of a turn names it as parent and as turn, and starts while it runs."""
    spans, _ = Planner("c", {}).plan(taken(items))
    turns = {s.span_id: s for s in spans if s.attributes["agentsight.span.kind"] == "turn"}
    for span in spans:
        turn = turns.get(span.parent_span_id or "")
        if turn is not None:
            assert span.attributes["agentsight.turn.id"] == turn.span_id
            assert turn.start_ns <= span.start_ns <= turn.end_ns


def message(sender: str, text: str) -> Message:
    """Make a message."""
    return Message(0, random.getrandbits(64), sender, text)


def test_turns_start_at_what_the_user_says() -> None:
    """A greeting forms a turn of its own; each user message starts another."""
    items: list[Item] = [
        message("agent", "welcome"),
        message("end_user", "q1"),
        message("agent", "a1"),
        message("agent", "a2"),
        message("end_user", "q2"),
    ]
    spans, _ = Planner("c", {}).plan(taken(items))
    texts: list[list[Any]] = [
        [event.attributes["agentsight.message.content"] for event in span.events] for span in spans
    ]
    assert texts == [["welcome"], ["q1", "a1", "a2"], ["q2"]]


def test_a_long_turn_goes_on_in_further_spans() -> None:
    """Three hundred messages of one turn are all there, at most 100 in a span."""
    items: list[Item] = [message("agent", str(number)) for number in range(301)]
    spans, _ = Planner("c", {}).plan(taken(items))
    assert [len(span.events) for span in spans] == [100, 100, 100, 1]
    texts = [event.attributes["agentsight.message.content"] for span in spans for event in span.events]
    assert texts == [str(number) for number in range(301)]


def test_the_event_limit_of_the_environment_counts() -> None:
    """A lower OTEL_SPAN_EVENT_COUNT_LIMIT lowers ours; nonsense and zero do not break it."""
    limits = [kept_of(raw) for raw in ("7", "1000", "x", "", "0", " 8 ")]
    assert limits == [7, 100, 100, 100, 1, 8]


def test_an_ambient_span_is_joined() -> None:
    """Inside a sampled span the conversation joins its trace; otherwise it has its own, and no parent."""
    stamped = taken([message("end_user", "q")])
    joined = Planner("c", {}, ambient=Ambient("a" * 32, "b" * 16)).plan(stamped).spans[0]
    own = Planner("c", {}).plan(stamped).spans[0]
    assert (joined.trace_id, joined.parent_span_id) == ("a" * 32, "b" * 16)
    assert (own.trace_id, own.parent_span_id) == (ids.conversation_trace_id("c"), None)


def test_another_versions_record_is_passed_over() -> None:
    """A record that cannot be read is None, never an error."""
    for data in (b"", b"\xc1", b"\x93\x01\x02\x03", encode_record(Record("t", None))[:-1]):
        assert decode_record(data) is None
