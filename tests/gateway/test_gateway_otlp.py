from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from otlp_requests import logs, to_json, traces

from agentsight_otel.translation.otlp import Decoded, MalformedOtlp, decode_logs, decode_traces
from agentsight_otel.translation.otlp_bounds import OversizedOtlp
from agentsight_otel.translation.otlp_json import decode_logs_json, decode_traces_json
from agentsight_otel.translation.relevance import is_relevant
from agentsight_otel.translation.span_data import SpanData

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
uint64 = st.integers(0, 2**64 - 1)
uint32 = st.integers(0, 2**32 - 1)
int64 = st.integers(-(2**63), 2**63 - 1)
values = st.recursive(
    st.one_of(
        st.just(AnyValue()),
        st.builds(AnyValue, string_value=texts),
        st.builds(AnyValue, bool_value=st.booleans()),
        st.builds(AnyValue, int_value=int64),
        st.builds(AnyValue, double_value=st.floats()),
        st.builds(AnyValue, bytes_value=st.binary(max_size=8)),
    ),
    lambda inner: st.one_of(
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(inner, max_size=3))),
        st.builds(
            AnyValue,
            kvlist_value=st.builds(
                KeyValueList, values=st.lists(st.builds(KeyValue, key=texts, value=inner), max_size=3)
            ),
        ),
    ),
    max_leaves=6,
)
keys = st.one_of(texts, st.sampled_from(["gen_ai.system", "span.type", "llm", "http.route"]))
attributes = st.lists(st.builds(KeyValue, key=keys, value=values), max_size=5)
trace_ids = st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=20), st.just(bytes(16)))
span_ids = st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=12), st.just(bytes(8)))
spans = st.builds(
    Span,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_span_id=span_ids,
    trace_state=texts,
    flags=uint32,
    name=texts,
    kind=st.integers(0, 5),
    start_time_unix_nano=uint64,
    end_time_unix_nano=uint64,
    attributes=attributes,
    dropped_attributes_count=uint32,
    dropped_events_count=uint32,
    dropped_links_count=uint32,
    events=st.lists(
        st.builds(Span.Event, name=texts, time_unix_nano=uint64, attributes=attributes), max_size=2
    ),
    links=st.lists(
        st.builds(Span.Link, trace_id=trace_ids, span_id=span_ids, attributes=attributes), max_size=2
    ),
    status=st.builds(Status, message=texts, code=st.integers(0, 2)),
)
requests = st.builds(
    ExportTraceServiceRequest,
    resource_spans=st.lists(
        st.builds(
            ResourceSpans,
            resource=st.builds(Resource, attributes=attributes),
            scope_spans=st.lists(
                st.builds(ScopeSpans, spans=st.lists(spans, max_size=3), schema_url=texts), max_size=2
            ),
        ),
        max_size=2,
    ),
)


def _outcome(decode: Any, body: bytes, *options: bool) -> Any:
    """Return what a decoder makes of a body in a form where NaN equals NaN and -0.0 is not 0.0."""
    try:
        decoded = decode(body, *options)
    except MalformedOtlp:
        return "malformed"
    return repr(decoded)


@settings(max_examples=300, deadline=None)
@given(requests)
def test_protobuf_and_json_give_the_same_spans(request: Any) -> None:
    """Any trace request decodes to the same spans, rejections and refusals in both encodings."""
    assert _outcome(decode_traces, request.SerializeToString()) == _outcome(
        decode_traces_json, to_json(request)
    )


@settings(max_examples=100, deadline=None)
@given(requests)
def test_what_is_left_out_is_about_no_agent(request: Any) -> None:
    """Both encodings leave out the same spans, those that are not relevant, and name them."""
    for decode, body in (
        (decode_traces, request.SerializeToString()),
        (decode_traces_json, to_json(request)),
    ):
        try:
            every = decode(body)
        except MalformedOtlp:
            continue
        relevant = [span for span in every.items if is_relevant(span)]
        left_out = [(span.trace_id, span.span_id) for span in every.items if not is_relevant(span)]
        expected = repr(every._replace(items=relevant, left_out=tuple(left_out)))
        assert _outcome(decode, body, False) == expected


@settings(max_examples=200, deadline=None)
@given(values, st.one_of(uint64), trace_ids, span_ids, st.sampled_from(["gen_ai.choice", "", "other"]))
def test_protobuf_and_json_give_the_same_logs(
    body: Any, time: int, trace_id: bytes, span_id: bytes, name: str
) -> None:
    """Any log record decodes to the same in both encodings, a zero time apart."""
    request = logs(name, body=body, observed_time_unix_nano=time, trace_id=trace_id, span_id=span_id)
    assert _outcome(decode_logs, request.SerializeToString()) == _outcome(decode_logs_json, to_json(request))


@settings(max_examples=100, deadline=None)
@given(requests)
def test_decoded_spans_can_be_journaled(request: Any) -> None:
    """Whatever decodes also survives the journal's encoding."""
    try:
        items = decode_traces(request.SerializeToString()).items
    except MalformedOtlp:
        return
    packed = msgspec.msgpack.encode(items)
    assert repr(msgspec.msgpack.decode(packed, type=list[SpanData])) == repr(items)


def test_every_field_of_a_span() -> None:
    """Each field of a span lands where it belongs, with its shared resource and scope."""
    request = traces()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.parent_span_id, span.flags, span.trace_state = b"\xab" * 8, 0x301, "a=b"
    span.status.code, span.status.message = 2, "boom"
    event = span.events.add(name="gen_ai.choice", time_unix_nano=5)
    event.attributes.add(key="index").value.int_value = 0
    span.links.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    span.dropped_events_count = 4
    for decoded in (decode_traces(request.SerializeToString()), decode_traces_json(to_json(request))):
        (read,) = decoded.items
        assert read.key == (b"conv_1".ljust(16, b"\x01").hex(), "0000000000000001")
        assert (read.kind, read.status, read.status_description) == ("client", "error", "boom")
        assert (read.parent_span_id, read.parent_is_remote, read.trace_flags) == ("ab" * 8, True, 1)
        assert read.resource == {"service.name": "shop"}
        assert read.scope.name == "agent"
        assert read.events[0].attributes == {"index": 0}
        assert read.links[0].span_id == "02" * 8
        assert read.dropped_events == 4


def _json_span(**fields: Any) -> bytes:
    span = {"traceId": "AB" * 16, "spanId": "cd" * 8, "startTimeUnixNano": "7", **fields}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"intValue": "-9223372036854775808"}, -(2**63)),
        ({"intValue": 42}, 42),
        ({"intValue": 42.0}, 42),
        ({"doubleValue": "Infinity"}, math.inf),
        ({"doubleValue": 3}, 3.0),
        ({"bytesValue": "AAH/"}, b"\x00\x01\xff"),
        ({"arrayValue": {"values": [{"stringValue": ""}, {}]}}, ["", None]),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}}, {"k": False}),
        ({"kvlistValue": {}}, {}),
        ({}, None),
        (None, None),
    ],
)
def test_json_values(value: object, expected: object) -> None:
    """64-bit integers come as text or number, doubles as text too, and empty values are allowed."""
    (span,) = decode_traces_json(_json_span(attributes=[{"key": "a", "value": value}])).items
    assert span.attributes == {"a": expected}


def test_json_ids_in_either_case_and_unknown_fields() -> None:
    """Ids are case-insensitive; fields we do not know are ignored; numbers may stand for texts."""
    (span,) = decode_traces_json(
        _json_span(startTimeUnixNano=7, brandNew={"x": 1}, endTimeUnixNano=None)
    ).items
    assert (span.trace_id, span.span_id, span.start_ns, span.end_ns) == ("ab" * 16, "cd" * 8, 7, 7)


def test_json_integers_of_every_size_come_as_texts_too() -> None:
    """Protobuf's mapping takes 32-bit integers as texts, and whole numbers however they are written."""
    (span,) = decode_traces_json(
        _json_span(flags="769", droppedAttributesCount="3", droppedEventsCount=2.0, startTimeUnixNano=1.7e18)
    ).items
    assert (span.trace_flags, span.parent_is_remote) == (1, True)
    assert (span.dropped_attributes, span.dropped_events) == (3, 2)
    assert span.start_ns == 1_700_000_000_000_000_000


@pytest.mark.parametrize("decode", [decode_traces_json, decode_logs_json])
@pytest.mark.parametrize("key", ["resource_spans", "resource_logs"])
def test_protobufs_own_names_are_refused(decode: Any, key: str) -> None:
    """They are not valid in OTLP's JSON; ignored as unknown, the data would be lost with a 200."""
    with pytest.raises(MalformedOtlp, match="lowerCamelCase"):
        decode(json.dumps({key: []}).encode())


def test_what_python_and_javascript_write_beyond_json() -> None:
    """Bare NaN and lone surrogates, which their encoders write, cost nothing but themselves."""
    body = _json_span(attributes=[{"key": "a", "value": {"doubleValue": math.nan}}], name="cut \ud83d")
    (span,) = decode_traces_json(body).items
    assert math.isnan(span.attributes["a"])
    assert span.name == "cut \ufffd"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"resourceSpans": 3}',
        b'{"resourceSpans": [' * 10_000,
        b"[" * 100_000,
        _json_span(startTimeUnixNano="-1"),
        _json_span(startTimeUnixNano=2**64),
        _json_span(startTimeUnixNano="soon"),
        _json_span(kind="SPAN_KIND_CLIENT"),
        _json_span(attributes=[{"key": "a", "value": {"intValue": 2**63}}]),
        _json_span(attributes=[{"key": "a", "value": {"intValue": 1.5}}]),
        _json_span(attributes=[{"key": "a", "value": {"intValue": math.inf}}]),
        _json_span(flags=-1),
        _json_span(attributes=[{"key": "a", "value": {"doubleValue": "much"}}]),
        _json_span(attributes=[{"key": "a", "value": {"bytesValue": "!"}}]),
        to_json(logs()),
        b'{"resourceMetrics": [{}]}',
    ],
)
def test_malformed_json_is_refused_without_quoting_it(body: bytes) -> None:
    """What is not a trace request in JSON is refused as a whole."""
    with pytest.raises(MalformedOtlp) as caught:
        decode_traces_json(body)
    assert "soon" not in str(caught.value)


def test_json_nested_too_deep_is_refused() -> None:
    """A value nested deeper than protobuf could carry is refused rather than recursed into."""
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(40):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(MalformedOtlp):
        decode_traces_json(_json_span(attributes=[{"key": "a", "value": value}]))


def _field(number: int, content: bytes) -> bytes:
    """Encode a length-delimited protobuf field."""
    size, length = b"", len(content)
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def _nested(levels: int) -> bytes:
    """Encode a request with one attribute value inside so many arrays."""
    value = b"\x18\x01"
    for _ in range(levels):
        value = _field(5, _field(1, value))
    span = _field(1, b"\x01" * 16) + _field(2, b"\x01" * 8) + b"\x39" + b"\x01" * 8
    span += _field(9, _field(1, b"a") + _field(2, value))
    return _field(1, _field(2, _field(2, span)))


def test_protobuf_nested_too_deep_or_broken_is_refused() -> None:
    """Protobuf that nests beyond its limit, or is cut, is refused."""
    assert len(decode_traces(_nested(20)).items) == 1
    for body in (_nested(60), _nested(20_000), traces().SerializeToString()[:-3], b"\xff\xff"):
        with pytest.raises(MalformedOtlp):
            decode_traces(body)


def test_little_that_unfolds_into_much_is_refused() -> None:
    """Bodies of nothing but empty spans, attributes or values are refused for their number."""
    empty_spans = _field(1, _field(2, b"\x12\x00" * 200_000))
    empty_attributes = _field(1, _field(2, _field(2, b"\x4a\x00" * 2_100_000)))
    empty_values = _field(9, _field(2, _field(5, b"\x0a\x00" * 2_100_000)))
    for body in (empty_spans, empty_attributes, _field(1, _field(2, _field(2, empty_values)))):
        with pytest.raises(OversizedOtlp):
            decode_traces(body)
    with pytest.raises(OversizedOtlp):
        decode_logs(_field(1, _field(2, b"\x12\x00" * 2_100_000)))
    for count in (200_000, 2_100_000):
        spans = b",".join([b"{}"] * count)
        with pytest.raises(OversizedOtlp):
            decode_traces_json(b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + spans + b"]}]}]}")


def test_large_and_ordinary_is_taken() -> None:
    """A body of several megabytes of ordinary spans is counted and taken."""
    request = traces(2, attributes=3)
    attribute = request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="long")
    attribute.value.string_value = "x" * 5_000_000
    assert len(decode_traces(request.SerializeToString()).items) == 2


def test_bad_spans_are_rejected_one_by_one() -> None:
    """A span with a bad id or no time is counted with its reason, and its neighbours are kept."""
    request = traces(5)
    bad = request.resource_spans[0].scope_spans[0].spans
    bad[0].trace_id = bytes(16)
    bad[1].span_id = b"\x01" * 7
    bad[3].start_time_unix_nano = 0
    for decoded in (decode_traces(request.SerializeToString()), decode_traces_json(to_json(request))):
        assert [span.span_id for span in decoded.items] == ["0000000000000003", "0000000000000005"]
        assert decoded.rejected == 3
        assert "trace id" in decoded.reason


def test_empty_requests_are_fine() -> None:
    """An empty request of either signal and encoding is a success with nothing in it."""
    empty: Decoded[Any] = Decoded([])
    assert decode_traces(b"") == decode_traces_json(b"{}") == empty
    assert decode_logs(b"") == decode_logs_json(b"{}") == empty
    assert decode_traces_json(b'{"resourceSpans": null}') == empty


def test_logs_sent_to_the_traces_path_are_refused() -> None:
    """A logs request has the field numbers of a traces request; it is refused, not decoded into nothing."""
    request = ExportLogsServiceRequest()
    for _ in range(3):
        request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=5, severity_text="INFO")
    with pytest.raises(MalformedOtlp):
        decode_traces(request.SerializeToString())


@pytest.mark.parametrize("decode", [decode_traces_json, decode_logs_json])
def test_metrics_sent_to_another_path_are_refused(decode: Any) -> None:
    """The sender is told what is wrong with its body, and an empty field is nothing."""
    with pytest.raises(MalformedOtlp, match="another signal"):
        decode(b'{"resourceMetrics": [{}]}')
    assert decode(b'{"resourceMetrics": null}').items == []


def test_traces_sent_to_the_logs_path_are_refused() -> None:
    """Spans at the logs path have no time there; they are refused."""
    with pytest.raises(MalformedOtlp):
        decode_logs(traces(3).SerializeToString())
    with pytest.raises(MalformedOtlp):
        decode_logs_json(to_json(traces(3)))


def test_only_genai_events_of_a_span_are_taken_from_logs() -> None:
    """A GenAI event is taken under its field or the older attribute; other records are not ours."""
    older = logs("")
    record = older.resource_logs[0].scope_logs[0].log_records[0]
    record.attributes.add(key="event.name").value.string_value = "gen_ai.user.message"
    record.body.kvlist_value.values.add(key="content").value.string_value = "hi"
    for decode, form in ((decode_logs, None), (decode_logs_json, to_json)):

        def body(request: Any, form: Any = form) -> bytes:
            return form(request) if form else request.SerializeToString()

        (log,) = decode(body(logs())).items
        assert (log.event.name, log.event.attributes) == (
            "gen_ai.evaluation.result",
            {"gen_ai.evaluation.name": "relevance"},
        )
        (log,) = decode(body(older)).items
        assert (log.event.name, log.event.body) == ("gen_ai.user.message", {"content": "hi"})
        assert decode(body(logs("http.request"))).items == []
        assert decode(body(logs(trace_id=b""))).items == []
