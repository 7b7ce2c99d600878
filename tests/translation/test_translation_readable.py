from __future__ import annotations

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState
from translation_spans import START, S, record

from agentsight_otel.translation.readable import from_readable_span, plain_attributes


def test_every_public_field_arrives() -> None:
    """What the SDK's span says publicly is in the SpanData."""
    context = SpanContext(0xA, 0xB, False, TraceFlags(1), TraceState([("k", "v")]))
    parent = SpanContext(0xA, 0xC, True, TraceFlags(1))
    span = ReadableSpan(
        "chat",
        context,
        parent,
        attributes={"a": 1},
        links=[Link(SpanContext(1, 2, False), {"why": "retry"})],
        kind=SpanKind.CLIENT,
        status=Status(StatusCode.ERROR, "broken"),
        start_time=START,
        end_time=START + 5,
    )
    data = from_readable_span(span)
    assert (data.trace_id, data.span_id, data.parent_span_id) == (f"{10:032x}", f"{11:016x}", f"{12:016x}")
    assert (data.kind, data.status, data.status_description) == ("client", "error", "broken")
    assert (data.start_ns, data.end_ns, data.trace_state, data.parent_is_remote) == (
        START,
        START + 5,
        "k=v",
        True,
    )
    assert data.links[0].span_id == f"{2:016x}"
    assert data.links[0].attributes == {"why": "retry"}


def test_nested_values_become_plain() -> None:
    """Tuples and mappings, which the SDK makes of lists and dicts, become lists and dicts again."""
    [span] = record(S("x", {"messages": [{"role": "user", "parts": ["a", 1, None]}], "raw": b"\xff"}))
    assert span.attributes["messages"] == [{"role": "user", "parts": ["a", 1, None]}]
    assert span.attributes["raw"] == b"\xff"


def test_what_no_encoder_takes_is_made_safe() -> None:
    """Lone surrogates and integers beyond 64 bits cannot break the journal or the wire."""
    assert plain_attributes({"t": "a\ud800b", "n": 2**70, "deep": [2**70]}) == {
        "t": "a\ufffdb",
        "n": str(2**70),
        "deep": [str(2**70)],
    }


def test_resource_and_scope_are_shared() -> None:
    """Spans of one provider share one resource dict, which the wire encoder caches by."""
    one, two = record(S("x", scope="lib"), S("y", scope="lib"))
    assert one.resource is two.resource
    assert one.scope.name == "lib"
    assert one.resource["service.name"] == "shop"


def test_drops_are_counted() -> None:
    """A span that lost attributes to the SDK's limit says how many."""
    [span] = record(S("x", {f"k{i}": i for i in range(9)}), limits=SpanLimits(max_span_attributes=4))
    assert span.dropped_attributes == 5


class Scrubbed(ReadableSpan):
    """A span that shows less than it holds."""

    @property
    def attributes(self) -> dict[str, str]:
        """Only what may leave."""
        return {"text": "[hidden]"}


def test_what_another_class_hides_stays_hidden() -> None:
    """A span of a class of the application's is read through its properties."""
    context = SpanContext(0xA, 0xB, False, TraceFlags(1))
    limited = BoundedAttributes(attributes={"text": "secret"})
    assert from_readable_span(Scrubbed("chat", context, attributes=limited)).attributes == {
        "text": "[hidden]"
    }
    assert from_readable_span(ReadableSpan("chat", context, attributes=limited)).attributes == {
        "text": "secret"
    }


def test_attributes_that_were_exchanged_are_read() -> None:
    """A plain dict that a redacting processor put in place of the SDK's own mapping is what counts."""
    context = SpanContext(0xA, 0xB, False, TraceFlags(1))
    span = ReadableSpan("chat", context, attributes=BoundedAttributes(attributes={"text": "secret"}))
    span._attributes = {"text": "[hidden]"}
    assert from_readable_span(span).attributes == {"text": "[hidden]"}
