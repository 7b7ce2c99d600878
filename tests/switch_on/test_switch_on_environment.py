"""Switching on by environment and by configuration file: not a line of the application changes."""

from __future__ import annotations

import sys

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp_sink import otlp_sink
from world import APPS, TOKENS, WHOLE, World

APP = str(APPS / "agent.py")
QUIET = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}

DECLARED = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch:
        exporter:
          agentsight:
            api_key: ${THE_KEY}
            endpoint: ${THE_URL}
            environment: development
            max_request_bytes: 300000
"""


def test_exporter_named_in_the_environment(world: World) -> None:
    """`OTEL_TRACES_EXPORTER=agentsight` with `opentelemetry-instrument` delivers the conversation."""
    world.run(
        "opentelemetry-instrument", sys.executable, APP, "chat-1", OTEL_TRACES_EXPORTER="agentsight", **QUIET
    )
    assert world.conversations() == ["chat-1"]
    assert world.transcript("chat-1") == WHOLE
    assert world.tokens() == TOKENS


def test_beside_a_stock_otlp_exporter(world: World) -> None:
    """`otlp,agentsight` gives both the same spans: a stock receiver, and AgentSight the conversation."""
    with otlp_sink() as sink:
        world.run(
            "opentelemetry-instrument",
            sys.executable,
            APP,
            "chat-1",
            OTEL_TRACES_EXPORTER="otlp,agentsight",
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            **QUIET,
        )
    spans = [
        span
        for export in sink.exports
        for resource in ExportTraceServiceRequest.FromString(export.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert [span.name for span in spans] == ["ChatCompletion"] * 3
    received = {span.span_id.hex() for span in spans}
    assert world.transcript("chat-1") == WHOLE
    assert world.tokens() == TOKENS
    assert received <= {span["span_id"] for span in world.spans()}


def test_without_a_key_the_application_runs(world: World) -> None:
    """Without a key there is one warning, nothing is sent, and the application does its work."""
    result = world.run(
        "opentelemetry-instrument",
        sys.executable,
        APP,
        OTEL_TRACES_EXPORTER="agentsight",
        AGENTSIGHT_API_KEY="",
        **QUIET,
    )
    assert result.stdout.splitlines() == ["Good day.", "Clear over Oslo."]
    assert result.stderr.count("nothing is exported: No AgentSight API key") == 1
    assert world.server.requests == []


def test_configuration_file(world: World) -> None:
    """A declarative configuration file names the exporter and gives it arguments."""
    (world.folder / "otel.yaml").write_text(DECLARED)
    world.run(
        "opentelemetry-instrument",
        sys.executable,
        APP,
        "chat-1",
        OTEL_CONFIG_FILE=str(world.folder / "otel.yaml"),
        THE_KEY=world.server.api_key,
        THE_URL=world.server.url,
        AGENTSIGHT_API_KEY="",
        AGENTSIGHT_API_ENDPOINT="",
    )
    assert world.transcript("chat-1") == WHOLE
    assert world.tokens() == TOKENS
    assert world.api.fetch_conversation("chat-1")["environment"] == "development"


def test_without_any_id(world: World) -> None:
    """Calls that nothing joins become conversations of their own, named by their traces; no text is lost."""
    world.run("opentelemetry-instrument", sys.executable, APP, OTEL_TRACES_EXPORTER="agentsight", **QUIET)
    found = world.conversations()
    assert len(found) == 3
    assert all(name.startswith("trace:") for name in found)
    texts = {entry for name in found for entry in world.transcript(name)}
    assert texts == set(WHOLE)
    assert world.tokens() == TOKENS
