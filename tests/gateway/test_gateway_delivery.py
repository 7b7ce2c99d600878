from __future__ import annotations

import contextlib
import http.client
import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from collector_processes import gateway as gateway_process
from collector_processes import wait_until
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from otlp_receiver import run_app
from otlp_requests import JSON, KEY, PROTOBUF, logs, post, to_json, traces

from agentsight_otel.clients import AgentSightAPI
from agentsight_otel.config import Config
from agentsight_otel.exceptions import ConfigurationException, InvalidApiKeyException, NotFoundException
from agentsight_otel.gateway.app import Gateway, gateway_app
from agentsight_otel.gateway.run import read_keys
from agentsight_otel.testing import LocalServer

pytestmark = pytest.mark.usefixtures("patient")


@contextlib.contextmanager
def _gateway(bounds: dict[str, int] | None = None, **settings: Any) -> Iterator[tuple[str, Gateway]]:
    gateway = Gateway(Config.resolve(**settings), **(bounds or {}))
    with run_app(gateway_app(gateway)) as url:
        yield url, gateway


def _texts(server: LocalServer, key: str, conversation: str = "conv_1") -> list[str]:
    try:
        found = AgentSightAPI(key, server.url).fetch_conversation(conversation)
    except NotFoundException:
        return []
    return [message["content"] for message in found["messages"]]


def _said(first: int, last: int) -> list[str]:
    return [text for n in range(first, last + 1) for text in (f"question {n}", f"answer {n}")]


def test_each_key_gets_its_own(server: LocalServer) -> None:
    """Without a key of its own the gateway delivers each request with the key that came with it."""
    _, other, _ = server.add_agent("other")
    with _gateway(endpoint=server.url) as (url, gateway):
        body = to_json(traces(1))
        assert post(url, "/v1/traces", body, JSON, key=server.api_key).status == 200
        body = traces(1, first=2).SerializeToString()
        assert post(url, "/v1/traces", body, key=None, Authorization=f"Api-Key {other}").status == 200
        wait_until(lambda: gateway.stats().emitted and not gateway.stats().waiting, "delivery")
    assert _texts(server, server.api_key) == _said(1, 1)
    assert _texts(server, other) == _said(2, 2)


def test_own_key_is_the_only_one_served(server: LocalServer) -> None:
    """With a key of its own the gateway refuses every other."""
    _, other, _ = server.add_agent("other")
    with _gateway(endpoint=server.url, api_key=server.api_key) as (url, _):
        body = traces(1).SerializeToString()
        assert post(url, "/v1/traces", body, key=other).status == 401
        assert post(url, "/v1/traces", body, key=server.api_key).status == 200
    assert _texts(server, server.api_key) == _said(1, 1)


@pytest.mark.parametrize("path", ["/v1/traces/", "/v1/nothing"])
def test_no_other_path_takes_anything(server: LocalServer, path: str) -> None:
    """An address with a slash too many is an error to an exporter, which takes a redirect for success."""
    with _gateway(endpoint=server.url) as (url, _):
        for body, encoding in ((traces(1).SerializeToString(), PROTOBUF), (to_json(traces(1)), JSON)):
            answer = post(url, path, body, encoding, key=server.api_key)
            assert (answer.status, answer.headers["Content-Type"]) == (404, encoding)
        exporter = OTLPSpanExporter(url + path, headers={"Authorization": f"Bearer {server.api_key}"})
        provider = TracerProvider()
        span = provider.get_tracer("t").start_span("chat")
        span.end()
        assert exporter.export([span]) is SpanExportResult.FAILURE


def test_spans_about_no_agent_are_left_out_and_counted(server: LocalServer) -> None:
    """What a Collector without a filter sends along is counted as filtered, and the sums agree."""
    request = traces(2)
    del request.resource_spans[0].scope_spans[0].spans[0].attributes[:]
    with _gateway(endpoint=server.url) as (url, gateway):
        assert post(url, "/v1/traces", request.SerializeToString(), key=server.api_key).status == 200
        wait_until(lambda: gateway.stats().delivered == 1, "delivery")
        assert gateway.stats().filtered == {"not_relevant": 1}
        assert gateway.stats().balanced
    assert _texts(server, server.api_key) == _said(2, 2)


@pytest.mark.parametrize("status", [401, 503])
def test_trouble_with_agentsight_is_not_the_senders(server: LocalServer, tmp_path: Path, status: int) -> None:
    """While AgentSight refuses or fails the gateway takes and holds; nothing is lost when it is over."""
    server.faults.respond(status, times=None, path="/api/ingest/")
    with _gateway(endpoint=server.url, spool_dir=str(tmp_path / "gateway-spool")) as (url, gateway):
        for first in (1, 2):
            body = traces(1, first=first).SerializeToString()
            assert post(url, "/v1/traces", body, key=server.api_key).status == 200
        wait_until(lambda: gateway.stats().failures, "an attempt")
        assert gateway.stats().waiting == 2
        assert not _texts(server, server.api_key)
    server.faults.clear()
    names = tmp_path / "keys"
    names.write_text(server.api_key)
    with gateway_process(server.url, tmp_path, keys=names):
        wait_until(lambda: len(_texts(server, server.api_key)) >= 4, "delivery after a restart")
    assert _texts(server, server.api_key) == _said(1, 2)


def test_an_answer_that_never_comes_loses_and_doubles_nothing(server: LocalServer) -> None:
    """While AgentSight does not answer in time the gateway takes and tries again; it is there once."""
    server.faults.delay(20, path="/api/ingest/")
    with _gateway(endpoint=server.url, timeout=2) as (url, gateway):
        assert post(url, "/v1/traces", traces(1).SerializeToString(), key=server.api_key).status == 200
        wait_until(lambda: gateway.stats().failures, "an attempt")
        assert gateway.stats().waiting == 1
        server.faults.clear()
        wait_until(lambda: not gateway.stats().waiting, "delivery")
    assert _texts(server, server.api_key) == _said(1, 1)


def test_without_a_journal_nothing_is_acknowledged(server: LocalServer, tmp_path: Path) -> None:
    """When the journal cannot be written the sender is told to keep its data, and later it is taken."""
    spool = tmp_path / "not-a-folder"
    spool.write_text("")
    with _gateway(endpoint=server.url, spool_dir=str(spool)) as (url, gateway):
        body = traces(1).SerializeToString()
        answer = post(url, "/v1/traces", body, key=server.api_key)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        spool.unlink()
        wait_until(
            lambda: post(url, "/v1/traces", body, key=server.api_key).status == 200, "the journal", timeout=20
        )
        wait_until(lambda: not gateway.stats().waiting, "delivery")
    assert _texts(server, server.api_key) == _said(1, 1)


def test_a_full_journal_leaves_the_data_with_the_sender(server: LocalServer) -> None:
    """Near the journal's budget the gateway answers 503 rather than give up what it has acknowledged."""
    server.faults.respond(503, times=None, path="/api/ingest/")
    with _gateway(endpoint=server.url, spool_max_bytes=600_000, shutdown_timeout=0.1) as (url, gateway):
        statuses = []
        for number in range(60):
            body = traces(20, first=number * 20 + 1, attributes=5).SerializeToString()
            statuses.append(post(url, "/v1/traces", body, key=server.api_key).status)
        assert statuses[0] == 200
        assert statuses[-1] == 503
        assert gateway.stats().waiting == statuses.count(200) * 20
        assert not gateway.stats().dropped


def test_a_backlog_leaves_the_data_with_the_sender_until_it_shrinks(server: LocalServer) -> None:
    """With too many records waiting the gateway answers 503, and takes again once they are delivered."""
    server.faults.respond(503, times=None, path="/api/ingest/")
    with _gateway({"max_waiting": 5}, endpoint=server.url) as (url, gateway):
        assert post(url, "/v1/traces", traces(6).SerializeToString(), key=server.api_key).status == 200
        more = traces(1, first=7).SerializeToString()
        for body in (more, b"not decoded"):
            assert post(url, "/v1/traces", body, key=server.api_key).status == 503
        server.faults.clear()
        wait_until(lambda: not gateway.stats().waiting, "delivery")
        assert post(url, "/v1/traces", more, key=server.api_key).status == 200
    assert _texts(server, server.api_key) == _said(1, 7)


def test_log_records_without_a_span_do_not_wait_for_ever(server: LocalServer) -> None:
    """Where only logs are sent, they are assembled and settled too."""
    request = logs("gen_ai.client.inference.operation.details")
    attributes = request.resource_logs[0].scope_logs[0].log_records[0].attributes
    for pair in traces(1).resource_spans[0].scope_spans[0].spans[0].attributes:
        attributes.add().CopyFrom(pair)
    with _gateway(endpoint=server.url) as (url, gateway):
        assert post(url, "/v1/logs", request.SerializeToString(), key=server.api_key).status == 200
        wait_until(lambda: not gateway.stats().waiting, "the log record", timeout=30)
        assert gateway.stats().delivered == 1
    assert _texts(server, server.api_key) == _said(1, 1)


def test_keys_are_bounded(server: LocalServer) -> None:
    """Made-up keys cannot make the gateway open journals and threads without end."""
    with _gateway({"max_keys": 1}, endpoint=server.url) as (url, _):
        body = traces(1).SerializeToString()
        assert post(url, "/v1/traces", body, key=server.api_key).status == 200
        assert post(url, "/v1/traces", body, key=KEY).status == 503
        assert post(url, "/v1/traces", body, key=server.api_key).status == 200


def test_health_readiness_metrics_and_unknown_paths(server: LocalServer) -> None:
    """The paths for operators answer, and others say which there are."""
    with _gateway(endpoint=server.url) as (url, gateway):
        assert post(url, "/healthz", b"", method="GET").status == 200
        assert post(url, "/readyz", b"", method="GET").status == 200
        assert post(url, "/v1/traces", traces(2).SerializeToString(), key=server.api_key).status == 200
        unknown = post(url, "/v1/profiles", b"{}", JSON)
        assert (unknown.status, unknown.json["code"], unknown.headers["Content-Type"]) == (404, 5, JSON)
        wrong = post(url, "/metrics", b"")
        assert (wrong.status, set(wrong.headers["Allow"].split(", "))) == (405, {"GET", "HEAD"})
        metrics = post(url, "/metrics", b"", method="GET")
        assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = metrics.body.decode().splitlines()
        assert 'agentsight_gateway_requests_total{path="/v1/traces",status="200"} 1' in lines
        assert 'agentsight_gateway_items_total{signal="traces",result="accepted"} 2' in lines
        assert server.api_key not in metrics.body.decode()
        gateway.closing = True
        assert post(url, "/readyz", b"", method="GET").status == 503
        assert post(url, "/v1/traces", b"", key=server.api_key).status == 503


def _told_in_logs() -> tuple[bytes, bytes]:
    """Build a span without texts, and the log records that tell its texts and a verdict on it."""
    span = traces(1)
    attributes = span.resource_spans[0].scope_spans[0].spans[0].attributes
    for pair in [pair for pair in attributes if pair.key.endswith(".messages")]:
        attributes.remove(pair)
    told = logs("gen_ai.evaluation.result")
    for name, text in (("gen_ai.user.message", "hello"), ("gen_ai.choice", "hi")):
        content = {"key": "content", "value": {"string_value": text}}
        told.MergeFrom(logs(name, body={"kvlist_value": {"values": [content]}}))
    return span.SerializeToString(), told.SerializeToString()


def _evaluated(server: LocalServer) -> list[str]:
    """Return the ids of the spans that evaluations delivered so far are about."""
    spans = [span for sent in server.payloads() for block in sent["conversations"] for span in block["spans"]]
    return [
        span["attributes"]["agentsight.feedback.target_span_id"]
        for span in spans
        if span["kind"] == "evaluation"
    ]


@pytest.mark.parametrize("order", ["logs first", "span first"])
def test_logs_join_their_span_in_either_order(server: LocalServer, order: str) -> None:
    """Texts and a verdict that come as log records are told as the span's, and settled with it."""
    span, told = _told_in_logs()
    requests = [("/v1/traces", span), ("/v1/logs", told)]
    with _gateway(endpoint=server.url) as (url, gateway):
        for path, body in reversed(requests) if order == "logs first" else requests:
            assert post(url, path, body, key=server.api_key).status == 200
        wait_until(lambda: gateway.stats().emitted == 4 and not gateway.stats().waiting, "delivery")
        assert gateway.stats().delivered == 4
        assert gateway.stats().balanced
    assert _texts(server, server.api_key) == ["hello", "hi"]
    assert _evaluated(server) == ["0000000000000001"]


def test_stock_otlp_exporter_end_to_end(server: LocalServer) -> None:
    """The exporter of the OpenTelemetry SDK, unmodified, is understood."""
    with _gateway(endpoint=server.url) as (url, _):
        headers = {"Authorization": f"Bearer {server.api_key}"}
        provider = TracerProvider()
        provider.add_span_processor(
            SimpleSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces", headers=headers))
        )
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.conversation.id": "conv_1",
            "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hello"}]}]',
            "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"hi"}]}]',
        }
        provider.get_tracer("app").start_span("chat", attributes=attributes).end()
        provider.shutdown()
        wait_until(lambda: _texts(server, server.api_key) == ["hello", "hi"], "the transcript")


def test_several_gateways_give_the_result_of_one(server: LocalServer, tmp_path: Path) -> None:
    """Turns of one conversation spread over gateways, one of them sent to both, make one transcript."""
    settings = {"endpoint": server.url}
    with (
        _gateway(**settings, spool_dir=str(tmp_path / "a")) as (first, _),
        gateway_process(server.url, tmp_path) as second,
    ):
        for number, url in zip(range(1, 9), itertools.cycle([first, second.url]), strict=False):
            body = traces(1, first=number).SerializeToString()
            assert post(url, "/v1/traces", body, key=server.api_key).status == 200
        body = traces(1, first=1).SerializeToString()
        assert post(second.url, "/v1/traces", body, key=server.api_key).status == 200
        wait_until(lambda: len(_texts(server, server.api_key)) >= 16, "the transcript")
    assert _texts(server, server.api_key) == _said(1, 8)


def test_kill_9_of_the_gateway_loses_nothing_it_acknowledged(server: LocalServer, tmp_path: Path) -> None:
    """Killed at random moments while it is sent to: every turn it answered 200 for is there once."""
    rng = random.Random(9)  # noqa: S311  # reproducible, not secret
    process = gateway_process(server.url, tmp_path)
    with process:
        number = 0
        for _ in range(4):
            until = time.monotonic() + rng.uniform(0.05, 0.5)
            while time.monotonic() < until:
                number += 1
                _send_until_taken(process.url, number, server.api_key)
            process.kill()
            process.start()
        _send_until_taken(process.url, number + 1, server.api_key)
        wait_until(lambda: len(_texts(server, server.api_key)) >= 2 * (number + 1), "the transcript")
    assert _texts(server, server.api_key) == _said(1, number + 1)


def _send_until_taken(url: str, number: int, key: str) -> None:
    body = traces(1, first=number).SerializeToString()
    for _ in range(200):
        with contextlib.suppress(OSError, http.client.HTTPException):
            if post(url, "/v1/traces", body, key=key).status == 200:
                return
        time.sleep(0.02)
    pytest.fail("the gateway did not come back")


def test_keys_from_a_file_are_served_and_resumed(server: LocalServer, tmp_path: Path) -> None:
    """Only the file's keys are served, and after a restart what waits for them goes without their sender."""
    _, other, _ = server.add_agent("other")
    names = tmp_path / "keys"
    names.write_text(f"# agents\n{server.api_key}\n\n {other} \n")
    server.faults.respond(503, times=None, path="/api/ingest/")
    body = traces(1).SerializeToString()
    with gateway_process(server.url, tmp_path, keys=names) as process:
        assert post(process.url, "/v1/traces", body, key=KEY).status == 401
        for key in (server.api_key, other):
            assert post(process.url, "/v1/traces", body, key=key).status == 200
        process.kill()
        server.faults.clear()
        process.start()
        for key in (server.api_key, other):
            wait_until(lambda key=key: _texts(server, key) == _said(1, 1), "the transcript")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", ConfigurationException),
        ("# none\n", ConfigurationException),
        ("secret\n", InvalidApiKeyException),
    ],
)
def test_a_bad_file_of_keys_is_named_and_not_shown(
    content: str, error: type[Exception], tmp_path: Path
) -> None:
    """A file without keys, or with a line that is none, is refused without showing the line."""
    names = tmp_path / "keys"
    names.write_text(content)
    with pytest.raises(error, match=r"api_keys_file|line 1|has none") as raised:
        read_keys(names)
    assert "secret" not in str(raised.value)
    with pytest.raises(ConfigurationException):
        read_keys(tmp_path / "absent")
