from __future__ import annotations

from typing import Any

import pytest
from delivery_helpers import ingests
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from agentsight_otel.exporters import AgentSightSpanExporter
from agentsight_otel.exporters.entries import decode
from agentsight_otel.exporters.packed import UNUSUAL, is_packed, pack, unpack
from agentsight_otel.journal import Kind
from agentsight_otel.testing import LocalServer
from agentsight_otel.translation.readable import from_readable_span

PROVIDER = TracerProvider(span_limits=SpanLimits(max_span_attributes=8, max_events=4))
TRACER = PROVIDER.get_tracer("packed", "1.2", attributes={"a": 1})

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
scalars = (
    texts
    | st.integers(-(2**63), 2**64 - 1)
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.binary(max_size=9)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)
attributes = st.dictionaries(names, values, max_size=10)


def ended(span: Any) -> Any:
    """End a span and return what the SDK gives to its processors."""
    span.end()
    return span._readable_span()


def check(span: ReadableSpan) -> None:
    """Both ways to read a span must give the same."""
    packed = pack(span)
    assert packed is not None
    key, payload = packed
    wanted = from_readable_span(span)
    assert key.hex() == wanted.trace_id + wanted.span_id
    assert is_packed(payload)
    assert unpack(payload) == wanted
    assert decode(Kind.SPAN, payload) == wanted


@given(
    name=texts,
    given_=attributes,
    events=st.lists(st.tuples(texts, attributes), max_size=6),
    kind=st.sampled_from(list(SpanKind)),
    status=st.none() | st.sampled_from(list(StatusCode)),
    child=st.booleans(),
    remote=st.booleans(),
    flags=st.sampled_from([1, 3]),
    linked=st.booleans(),
)
def test_a_packed_span_is_the_span(
    name: str,
    given_: dict[str, Any],
    events: list[tuple[str, dict[str, Any]]],
    kind: SpanKind,
    status: StatusCode | None,
    child: bool,
    remote: bool,
    flags: int,
    linked: bool,
) -> None:
    """A span that went through the journal's short form is what the long way makes of it."""
    parent = NonRecordingSpan(SpanContext(0xA, 0xB, is_remote=remote, trace_flags=TraceFlags(flags)))
    span: Any = TRACER.start_span(
        name,
        context=set_span_in_context(parent) if child else None,
        kind=kind,
        attributes=given_,
        links=[Link(parent.get_span_context(), {"why": "because"})] if linked else None,
    )
    for event, more in events:
        span.add_event(event, more)
    if status is not None:
        span.set_status(Status(status, "text" if status is StatusCode.ERROR else None))
    check(ended(span))


def test_what_spans_share_is_of_each_resource() -> None:
    """A tracer whose resource changes, as it does in a forked process, packs the new one."""
    tracer = TracerProvider(resource=Resource({"of": "parent"})).get_tracer("forked")
    check(ended(tracer.start_span("x")))
    tracer.resource = Resource({"of": "child"})
    check(ended(tracer.start_span("x")))


@pytest.mark.parametrize("value", ["\ud800", 2**64], ids=["surrogate", "too large"])
def test_what_cannot_be_packed_says_so(value: Any) -> None:
    """A value no encoder takes as it is sends the span the long way."""
    span = ended(TRACER.start_span("x", attributes={"gen_ai.x": value}))
    with pytest.raises(UNUSUAL, match=r"surrogates|overflow|range|too large|64"):
        pack(span)


def test_only_what_concerns_agents_is_packed() -> None:
    """A span of something else is left out unless all are asked for."""
    span = ended(TRACER.start_span("GET /", attributes={"http.route": "/"}))
    assert pack(span, False) is None
    assert pack(span, True) is not None
    about = ended(TRACER.start_span("x", attributes={"http.route": "/", "gen_ai.system": "x"}))
    assert pack(about, False) is not None


class Scrubbed(ReadableSpan):
    """A turn of a class of the application's, which shows less than it holds."""

    @property
    def attributes(self) -> dict[str, str]:
        """Only what may leave."""
        return {**(super().attributes or {}), "gen_ai.input.messages": "[hidden]"}


@pytest.mark.parametrize("durability", ["process", "memory"])
def test_what_another_class_hides_is_not_delivered(server: LocalServer, durability: str) -> None:
    """Neither on disk nor on the wire is what its properties do not show."""
    given_ = BoundedAttributes(
        attributes={
            "agentsight.span.kind": "turn",
            "agentsight.conversation.id": "c1",
            "gen_ai.input.messages": "secret",
        }
    )
    context = SpanContext(0xA, 0xB, is_remote=False, trace_flags=TraceFlags(1))
    span = Scrubbed("turn", context, attributes=given_, start_time=1, end_time=2)
    with pytest.raises(UNUSUAL):
        pack(span)
    exporter = AgentSightSpanExporter(api_key=server.api_key, endpoint=server.url, durability=durability)
    exporter.export([span])
    assert exporter.force_flush()
    exporter.shutdown()
    sent = b"".join(request.body for request in ingests(server))
    assert b"[hidden]" in sent
    assert b"secret" not in sent
