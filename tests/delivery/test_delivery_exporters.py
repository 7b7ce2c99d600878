from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from delivery_helpers import INGEST, KEY, ingests, texts, transcript, turn, turns, wait_until
from opentelemetry import context as otel_context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult

from agentsight_otel.config import Config
from agentsight_otel.exporters import AgentSightSpanExporter, FileSpanExporter, spool
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.server.store.keys import create_key
from agentsight_otel.testing import LocalServer

Make = Callable[..., Delivery]


def record(provider: TracerProvider, count: int, conversation: str = "c0") -> None:
    """End native turn spans on a provider, and one span that is none of our business."""
    tracer = provider.get_tracer("test")
    for n in range(count):
        attributes = {
            "agentsight.span.kind": "turn",
            "agentsight.conversation.id": conversation,
            "agentsight.turn.complete": True,
        }
        with tracer.start_as_current_span("turn", attributes=attributes) as span:
            message = {"agentsight.message.sender": "end_user", "agentsight.message.content": f"message {n}"}
            span.add_event("agentsight.message", message)
    tracer.start_span("GET /health").end()


@pytest.fixture
def exporter(server: LocalServer) -> Iterator[AgentSightSpanExporter]:
    """Make an exporter to the server."""
    made = AgentSightSpanExporter(api_key=server.api_key, endpoint=server.url)
    yield made
    made.shutdown()
    assert made.stats().balanced


@pytest.mark.usefixtures("patient")
def test_a_stock_batch_processor_delivers(server: LocalServer, exporter: AgentSightSpanExporter) -> None:
    """Spans of any TracerProvider arrive; those of no conversation are filtered and counted."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    record(provider, 40)
    provider.shutdown()
    assert [m["content"] for m in transcript(server, "c0")] == [f"message {n}" for n in range(40)]
    stats = exporter.stats()
    assert (stats.delivered, stats.filtered) == (40, {"not_relevant": 1})
    assert len(ingests(server)) == 1


def test_export_after_shutdown_fails(exporter: AgentSightSpanExporter) -> None:
    """An exporter that is shut down says so."""
    exporter.shutdown()
    assert exporter.export([]) is SpanExportResult.FAILURE


def test_without_a_key_it_warns_once_and_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """As OTEL_TRACES_EXPORTER makes it, without a key: one warning, no error, no thread (design D5)."""
    (entry,) = entry_points(group="opentelemetry_traces_exporter", name="agentsight")
    made = entry.load()()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    record(provider, 3)
    assert made.force_flush()
    provider.shutdown()
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1


def test_a_malformed_setting_warns_and_shows_no_key(caplog: pytest.LogCaptureFixture) -> None:
    """A bad key or endpoint disables the exporter with a warning that does not quote the key."""
    AgentSightSpanExporter(api_key="ags_secret")
    AgentSightSpanExporter(api_key="ags_" + "0" * 32 + "_" + "0" * 6, endpoint="gopher://x")
    assert len(caplog.records) == 2
    assert "secret" not in caplog.text


def test_settings_arrive_as_a_mapping(server: LocalServer, tmp_path: Path) -> None:
    """The arguments of a YAML configuration are the constructor's, typed."""
    mapping: dict[str, Any] = {
        "api_key": server.api_key,
        "endpoint": server.url,
        "environment": "dev",
        "timeout": 5,
        "max_request_bytes": 65536,
        "durability": "memory",
        "export_all": True,
        "spool_dir": str(tmp_path / "y"),
    }
    made = AgentSightSpanExporter(**mapping)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    record(provider, 2)
    assert made.force_flush()
    provider.shutdown()
    assert not (tmp_path / "y").exists()
    assert server.payloads()[0]["conversations"][0]["environment"] == "development"


def test_plain_http_to_another_machine_is_a_setting_too(caplog: pytest.LogCaptureFixture) -> None:
    """A configuration file, in which the endpoint stands, can also say that it may be plain HTTP."""
    mapping: dict[str, Any] = {"endpoint": "http://gateway.internal", "durability": "memory"}
    AgentSightSpanExporter(api_key=KEY, **mapping)
    assert "must be https on another machine" in caplog.text
    caplog.clear()
    AgentSightSpanExporter(api_key=KEY, allow_plain_http=True, **mapping).shutdown()
    assert caplog.text == ""


def test_a_key_callback_is_a_key(server: LocalServer) -> None:
    """The key may come from a function."""
    made = AgentSightSpanExporter(api_key=lambda: server.api_key, endpoint=server.url)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made))
    record(provider, 2)
    assert made.force_flush()
    provider.shutdown()
    assert len(transcript(server, "c0")) == 2


def test_the_exporter_writes_no_telemetry_about_itself(
    server: LocalServer, exporter: AgentSightSpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own requests run with instrumentation suppressed, so that no span is made of them (P9)."""
    seen: list[Any] = []
    real = exporter._delivery._transport.request  # type: ignore[union-attr]  # there with a key

    def spy(*args: Any, **kwargs: Any) -> Any:
        seen.append(otel_context.get_value("suppress_instrumentation"))
        return real(*args, **kwargs)

    monkeypatch.setattr(exporter._delivery._transport, "request", spy)  # type: ignore[union-attr]  # as above
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    record(provider, 2)
    assert exporter.force_flush()
    provider.shutdown()
    assert seen
    assert all(seen)
    assert urllib.request  # the module a naive exporter would be traced through
    assert len(transcript(server, "c0")) == 2


def test_metrics_agree_with_the_counts(server: LocalServer, make_delivery: Make) -> None:
    """What the meter provider is told equals what `stats` says, by OpenTelemetry's names."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    server.faults.poison("poison")
    server.faults.respond(503, times=1, path=INGEST)
    delivery = make_delivery(server, meter_provider=meters)
    assert delivery.submit([turn(1), turn(2, "bad", "poison"), turn(3)]).wait(30)
    data = reader.get_metrics_data()
    assert data is not None
    points: dict[str, dict[str, Any]] = {}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            attributes = dict(point.attributes or {})
            value = getattr(point, "value", getattr(point, "count", None))
            points.setdefault(metric.name, {})[str(attributes.get("error.type", ""))] = value
            assert attributes["otel.component.type"] == "agentsight_http_span_exporter"
            assert attributes["server.address"] == "127.0.0.1"
    assert points["agentsight_otel.records.emitted"] == {"": 3}
    assert points["agentsight_otel.records.delivered"] == {"": 2}
    assert points["agentsight_otel.records.dead"] == {"": 1}
    assert points["agentsight_otel.records.waiting"] == {"": 0}
    assert points["otel.sdk.exporter.operation.duration"]["503"] == 1
    assert points["otel.sdk.exporter.span.inflight"] == {"": 0}
    assert points["otel.sdk.exporter.span.exported"][""] == 2
    meters.shutdown()


@pytest.mark.usefixtures("patient")
def test_the_file_exporter_writes_the_same_payloads(
    server: LocalServer, exporter: AgentSightSpanExporter, tmp_path: Path
) -> None:
    """A payload in the folder equals the body of the request, without a key or a network."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.add_span_processor(BatchSpanProcessor(FileSpanExporter(tmp_path / "out")))
    record(provider, 30)
    provider.shutdown()
    (file,) = (tmp_path / "out").iterdir()
    assert file.suffix == ".json"
    assert [json.loads(file.read_bytes())] == server.payloads()


def test_the_file_exporter_says_when_it_cannot_write(tmp_path: Path) -> None:
    """A folder that cannot be made is a FAILURE, not an exception; so is an export after shutdown."""
    (tmp_path / "file").write_text("")
    made = FileSpanExporter(tmp_path / "file" / "out")
    provider = TracerProvider()
    results: list[SpanExportResult] = []
    real = made.export
    made.export = lambda spans: results.append(real(spans)) or results[-1]  # type: ignore[method-assign,func-returns-value]
    provider.add_span_processor(SimpleSpanProcessor(made))
    record(provider, 1)
    assert results[0] is SpanExportResult.FAILURE
    provider.shutdown()
    assert real([]) is SpanExportResult.FAILURE


def config_of(server: LocalServer) -> Config:
    """Return the settings of a destination."""
    return Config.resolve(api_key=server.api_key, endpoint=server.url)


def test_spool_commands(server: LocalServer, make_delivery: Make) -> None:
    """Status shows what waits, drain delivers it, dead lists what was refused, requeue sends it again."""
    config = config_of(server)
    assert spool.status(config).waiting == {}
    server.faults.respond(503, path=INGEST)
    delivery = make_delivery(server)
    delivery.submit(turns(30))
    delivery.keep(b"an item")
    before = spool.status(config)
    assert before.waiting == {"span": 30, "item": 1}
    assert [segment.leased for segment in before.segments] == [True]
    assert before.oldest is not None
    delivery.shutdown(0)
    assert [segment.leased for segment in spool.status(config).segments] == [False]

    server.faults.clear()
    server.faults.poison("message 7")
    seen: list[tuple[int, int]] = []
    result = spool.drain(config, 30, lambda done, total: seen.append((done, total)))
    assert result
    assert (result.delivered, result.dead) == (29, 1)
    assert seen[-1] == (30, 30)
    (letter,) = spool.dead(config)
    assert "poison switch" in letter.reason
    assert spool.status(config).dead == 1

    server.faults.clear()
    assert spool.requeue(config, []) == 0
    assert spool.requeue(config) == 1
    assert spool.dead(config) == []
    assert spool.drain(config, 30)
    assert sorted(texts(server)) == sorted(f"message {n}" for n in range(30))


def test_what_an_old_key_left_is_sent_with_the_new_one(server: LocalServer, make_delivery: Make) -> None:
    """After a restart with another key of the same agent, what the first key's process left arrives (D6)."""
    first = make_delivery(server)
    assert first.submit(turns(100, size=300)).wait(30)
    wait_until(lambda: any(request.path == "/api/me/" for request in server.requests))
    server.faults.respond(401, path=INGEST)
    first.submit(turns(50, first=100)).wait(30)
    first.shutdown(0)
    server.faults.clear()
    second_key = another_key(server)
    second = make_delivery(server, api_key=second_key)
    assert second.submit(turns(100, size=300, first=150)).wait(30)
    wait_until(lambda: second.stats().delivered == 150)
    assert len(texts(server)) == 250


def another_key(server: LocalServer) -> str:
    """Make a second write key of the same agent."""
    with server.store.write() as connection:
        return create_key(connection, server.agent_id, "write", name="second")


def test_a_mask_given_later_counts_too(server: LocalServer) -> None:
    """An exporter with a mask masks what another one, made before it without a mask, sends there."""
    first = AgentSightSpanExporter(api_key=server.api_key, endpoint=server.url)
    AgentSightSpanExporter(
        api_key=server.api_key, endpoint=server.url, mask=lambda text: text.replace("secret", "***")
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(first))
    with provider.get_tracer("late").start_as_current_span(
        "turn", attributes={"agentsight.conversation.id": "late", "agentsight.span.kind": "turn"}
    ) as span:
        span.add_event(
            "agentsight.message",
            {"agentsight.message.sender": "end_user", "agentsight.message.content": "a secret"},
        )
    assert first.force_flush()
    bodies = b"".join(request.body for request in server.requests)
    assert b"secret" not in bodies
    assert b"a ***" in bodies
    provider.shutdown()
