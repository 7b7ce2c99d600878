from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc
import zlib
from typing import Any
from urllib.parse import urlsplit

import pytest
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otlp_receiver import Receiver, run_receiver
from otlp_requests import JSON, KEY, PROTOBUF, Answer, logs, post, to_json, traces

from agentsight_otel.gateway.answers import Encoding, Refused, partial_success
from agentsight_otel.gateway.bodies import Limits, inflate


def _body(encoding: str, message: Any) -> bytes:
    return to_json(message) if encoding == JSON else bytes(message.SerializeToString())


def _status(answer: Answer) -> tuple[int, str]:
    """Read the google.rpc.Status of an error in the encoding it says it has."""
    if answer.headers["Content-Type"] == JSON:
        return answer.json["code"], answer.json["message"]
    assert answer.headers["Content-Type"] == PROTOBUF
    status = Status.FromString(answer.body)
    return status.code, status.message


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
def test_both_encodings_with_and_without_gzip(receiver: Receiver, encoding: str, zipped: bool) -> None:
    """A traces and a logs request are taken and answered as OTLP says, to the exact content type."""
    for path, message, empty in (("/v1/traces", traces(3), b""), ("/v1/logs", logs(), b"")):
        answer = post(receiver.url, path, _body(encoding, message), encoding, zipped=zipped)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == encoding
        assert answer.body == (b"{}" if encoding == JSON else empty)
    assert len(receiver.spans) == 3
    assert len(receiver.batches[1].logs) == 1
    assert receiver.counts.items == {
        ("traces", "accepted"): 3,
        ("traces", "rejected"): 0,
        ("logs", "accepted"): 1,
        ("logs", "rejected"): 0,
    }


def test_content_type_parameters_are_tolerated_and_not_returned(receiver: Receiver) -> None:
    """Parameters and case of the request's content type do not matter."""
    answer = post(receiver.url, "/v1/traces", b"{}", "Application/JSON; charset=utf-8")
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)


def test_api_key_scheme_is_taken_too(receiver: Receiver) -> None:
    """`Api-Key` is as good as `Bearer`, in any case."""
    for value in (f"Api-Key {KEY}", f"bearer  {KEY}", f"API-KEY {KEY}"):
        assert post(receiver.url, "/v1/traces", b"", key=None, Authorization=value).status == 200


def test_metrics_are_taken_and_ignored(receiver: Receiver) -> None:
    """SDKs pointed at the base address send metrics too; they get a success, whatever is in them."""
    answer = post(receiver.url, "/v1/metrics", b"anything")
    assert (answer.status, answer.body) == (200, b"")
    assert receiver.batches == []


@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
def test_partial_success_counts_the_bad_spans(receiver: Receiver, encoding: str) -> None:
    """Good spans are taken, bad ones counted with a reason, and full success leaves the field unset."""
    message = traces(3)
    message.resource_spans[0].scope_spans[0].spans[1].span_id = b""
    answer = post(receiver.url, "/v1/traces", _body(encoding, message), encoding)
    assert answer.status == 200
    if encoding == JSON:
        partial = answer.json["partialSuccess"]
        assert partial["rejectedSpans"] == "1"
        assert "span id" in partial["errorMessage"]
    else:
        response = ExportTraceServiceResponse.FromString(answer.body)
        assert response.partial_success.rejected_spans == 1
        assert "span id" in response.partial_success.error_message
    assert len(receiver.spans) == 2


@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        ({"key": None}, 401, 16),
        ({"key": "ags_nonsense"}, 401, 16),
        ({"key": "ags_" + "1" * 32 + "_abcdef"}, 401, 16),
        ({"key": "ags_" + "1" * 32 + "_000000"}, 403, 7),
        ({"key": None, "Authorization": "Basic dTpw"}, 401, 16),
        ({"method": "GET"}, 405, 12),
        ({"method": "DELETE"}, 405, 12),
        ({"Content_Encoding": "zstd"}, 415, 3),
        ({"Content_Encoding": "gzip"}, 400, 3),
        ({}, 400, 3),
    ],
)
def test_refusals_carry_a_status_in_the_requests_encoding(
    receiver: Receiver, encoding: str, arguments: dict[str, Any], status: int, code: int
) -> None:
    """Each refusal has its HTTP status and a google.rpc.Status in the encoding of the request."""
    answer = post(receiver.url, "/v1/traces", b"\xff not an OTLP body", encoding, **arguments)
    assert answer.status == status
    assert _status(answer)[0] == code
    assert _status(answer)[1]
    assert answer.headers["Content-Type"] == encoding
    assert (answer.headers["Allow"] == "POST") == (status == 405)
    assert (answer.headers["WWW-Authenticate"] == "Bearer") == (status == 401)
    assert receiver.batches == []


def test_other_content_types_are_refused(receiver: Receiver) -> None:
    """A body that is neither encoding is refused with a Status in JSON."""
    for content_type in ("text/plain", "", "application/x-www-form-urlencoded"):
        answer = post(receiver.url, "/v1/traces", b"x", content_type)
        assert answer.status == 415
        assert _status(answer)[0] == 3


def test_a_logs_body_at_the_traces_path_is_refused(receiver: Receiver) -> None:
    """A logs request posted to the traces path is a 400, not a silent success."""
    for encoding in (PROTOBUF, JSON):
        answer = post(receiver.url, "/v1/traces", _body(encoding, logs()), encoding)
        assert answer.status == 400


def test_sink_that_cannot_keep_answers_with_retry_after(receiver: Receiver) -> None:
    """What the sink refuses is passed on with whole seconds of Retry-After, and counted."""

    def refuse() -> None:
        raise Refused(503, "no room", retry_after=7)

    receiver.on_accept = refuse
    answer = post(receiver.url, "/v1/traces", _body(PROTOBUF, traces()))
    assert (answer.status, answer.headers["Retry-After"], _status(answer)) == (503, "7", (14, "no room"))
    assert receiver.counts.requests["/v1/traces", 503] == 1
    assert receiver.counts.items["traces", "accepted"] == 0


@pytest.mark.parametrize("encoding", [PROTOBUF, JSON])
def test_an_error_of_our_own_is_a_503(receiver: Receiver, encoding: str) -> None:
    """A sender drops its data on a 500, so that even a bug is answered with a status it tries again."""

    def fail() -> None:
        raise RuntimeError("the words of a customer")

    receiver.on_accept = fail
    answer = post(receiver.url, "/v1/traces", _body(encoding, traces()), encoding)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert (answer.headers["Content-Type"], _status(answer)) == (encoding, (14, "internal error"))
    assert receiver.counts.requests["/v1/traces", 503] == 1
    receiver.on_accept = lambda: None
    assert post(receiver.url, "/v1/traces", _body(encoding, traces()), encoding).status == 200


def test_wire_limit_applies_to_declared_and_to_chunked_bodies() -> None:
    """A body over the wire limit is a 413 whether it says its length or not."""
    with run_receiver(Limits(wire_bytes=100_000)) as receiver:
        body = b"\x00" * 100_001
        assert post(receiver.url, "/v1/traces", body).status == 413
        chunked = post(receiver.url, "/v1/traces", iter([body[:60_000], body[60_000:]]))  # type: ignore[arg-type]
        assert chunked.status == 413
        assert _status(chunked)[0] == 3


def test_too_many_bytes_at_once_is_a_429() -> None:
    """Beyond the bytes held for all requests a sender is asked to come again, and room is given back."""
    with run_receiver(Limits(held_bytes=200_000)) as receiver:
        body = _body(PROTOBUF, traces(20))
        held = threading.Event()
        release = threading.Event()

        def wait() -> None:
            held.set()
            assert release.wait(10)

        receiver.on_accept = wait
        padded = traces(1, attributes=2000)
        first = threading.Thread(target=post, args=(receiver.url, "/v1/traces", _body(PROTOBUF, padded)))
        first.start()
        assert held.wait(10)
        answer = post(receiver.url, "/v1/traces", b"\x00" * 150_000)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        release.set()
        first.join(10)
        receiver.on_accept = lambda: None
        assert post(receiver.url, "/v1/traces", body).status == 200


def test_slow_body_is_given_up() -> None:
    """A body that does not arrive in time is answered with a 503, and the others are served meanwhile."""
    with run_receiver(Limits(body_seconds=0.3)) as receiver:
        host, port = urlsplit(receiver.url).netloc.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(_head(1000) + b"\x00")
            assert post(receiver.url, "/v1/traces", b"").status == 200
            assert slow.recv(4096).startswith(b"HTTP/1.1 503")


def _head(length: int, *extra: str) -> bytes:
    lines = ["POST /v1/traces HTTP/1.1", "Host: x", f"Content-Type: {PROTOBUF}", f"Content-Length: {length}"]
    if not extra:
        extra = (f"Authorization: Bearer {KEY}",)
    return "\r\n".join([*lines, *extra, "", ""]).encode()


def test_without_a_key_the_body_is_not_waited_for(receiver: Receiver) -> None:
    """The 401 comes before a single byte of the body is sent; so does the 413 of a declared length."""
    host, port = urlsplit(receiver.url).netloc.split(":")
    for head, status in ((_head(1000, "X-None: 1"), b"401"), (_head(10**9), b"413")):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head)
            assert connection.recv(4096).startswith(b"HTTP/1.1 " + status)


def _bomb(inflated: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(inflated >> 20)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("members", [1, 4])
def test_gzip_bomb_is_a_413_for_little_memory(receiver: Receiver, members: int) -> None:
    """400 KB that inflate to 400 MB, in one gzip member or several, cost under 32 MB of memory."""
    body = _bomb((400 // members) << 20) * members
    assert len(body) < 450_000
    tracemalloc.start()
    try:
        answer = post(receiver.url, "/v1/traces", body, Content_Encoding="gzip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert peak < 32 << 20


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4), st.integers(0, 8000))
def test_inflate_gives_back_what_was_packed_or_refuses(parts: list[bytes], limit: int) -> None:
    """Any number of members inflate to their contents exactly, or are refused when those exceed the limit."""
    packed = b"".join(map(gzip.compress, parts))
    whole = b"".join(parts)
    if len(whole) <= limit:
        assert inflate(packed, limit) == whole
    else:
        with pytest.raises(Refused) as caught:
            inflate(packed, limit)
        assert caught.value.status == 413


def test_inflate_large_and_broken() -> None:
    """More than is kept at first is inflated whole; a cut or foreign body is a 400."""
    whole = bytes(range(256)) * 40_000
    assert inflate(gzip.compress(whole, 1), len(whole)) == whole
    for broken in (gzip.compress(whole)[:-1], gzip.compress(b"x") + b"tail", b"\x1f\x8b", b"x"):
        with pytest.raises(Refused) as caught:
            inflate(broken, 1 << 30)
        assert caught.value.status == 400


def test_partial_success_of_logs_has_its_own_field() -> None:
    """A logs answer names rejected log records, in both encodings."""
    message = ExportLogsServiceResponse.FromString(
        bytes(partial_success(Encoding.PROTOBUF, "logs", 2, "why").body)
    )
    assert message.partial_success.rejected_log_records == 2
    answer = bytes(partial_success(Encoding.JSON, "logs", 2, "why").body)
    assert answer == b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"why"}}'
