from __future__ import annotations

import http.client
import random
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from collector_processes import (
    CONFIGS,
    chain,
    collector,
    collector_binary,
    gateway,
    kafka_broker,
    wait_until,
)
from local_ports import free_ports
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, set_span_in_context
from otlp_receiver import run_receiver
from otlp_requests import KEY, PROTOBUF, logs, post, traces

from agentsight_otel.cli import parser
from agentsight_otel.clients import AgentSightAPI
from agentsight_otel.exceptions import NotFoundException
from agentsight_otel.exporters import AgentSightSpanExporter
from agentsight_otel.testing import LocalServer
from agentsight_otel.translation.relevance import PREFIXES, SCOPES

pytestmark = [pytest.mark.collector, pytest.mark.usefixtures("patient")]

FILES = sorted(
    path.name for path in CONFIGS.glob("*.yaml") if "builder" not in path.name and path.name != "compose.yaml"
)
FULL_ONLY = {"kafka.yaml", "load-balanced.yaml"}
CORE = {"otlp", "memory_limiter", "otlp_http"}
"""Of the components in the core distribution `otelcol`, those that we use."""


@pytest.mark.parametrize(
    ("binary", "name"),
    [
        *(("agentsight-otelcol", name) for name in FILES if name not in FULL_ONLY),
        *(("agentsight-otelcol-full", name) for name in FILES),
    ],
)
def test_every_configuration_is_valid(binary: str, name: str, tmp_path: Path) -> None:
    """`validate` passes for each file with each Collector that has its components."""
    environ = {"AGENTSIGHT_API_KEY": KEY, "AGENTSIGHT_QUEUE_DIR": str(tmp_path)}
    command = [str(collector_binary(binary)), "validate", f"--config={CONFIGS / name}"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr


def test_minimal_needs_only_the_core_distribution() -> None:
    """`minimal.yaml` has no component that `otelcol` is without."""
    config = yaml.safe_load((CONFIGS / "minimal.yaml").read_text())
    parts = [config[section] for section in ("receivers", "processors", "exporters")]
    assert {name.partition("/")[0] for part in parts for name in part} <= CORE
    assert config.keys() == {"receivers", "processors", "exporters", "service"}


def test_unit_compose_file_and_builders_agree() -> None:
    """Names, folders, versions and arguments are those of what they start."""
    builders = [yaml.safe_load((CONFIGS / f"builder{name}.yaml").read_text()) for name in ("", "-full")]
    newest, oldest = (each["dist"]["version"] for each in builders)
    readme = (CONFIGS / "README.md").read_text()
    assert f"oldest Collector they are tested with is **{oldest}**" in readme
    assert f"builds of {oldest} and {newest}" in readme
    unit = (CONFIGS / "agentsight-otelcol.service").read_text()
    folder = f"StateDirectory={builders[0]['dist']['name']}"
    assert folder in unit
    for name in ("agent.yaml", "gateway.yaml"):
        assert f"/var/lib/{builders[0]['dist']['name']}" in (CONFIGS / name).read_text()
    services = yaml.safe_load((CONFIGS / "compose.yaml").read_text())["services"]
    front, behind = services["collector"], services["gateway"]
    assert front["image"].endswith(f":{newest}")
    program, *arguments = behind["command"]
    parsed = parser().parse_args(arguments)
    assert (program, arguments[0]) == ("agentsight-otel", "gateway")
    assert front["environment"]["AGENTSIGHT_OTLP_ENDPOINT"] == f"http://gateway:{parsed.port}"
    assert f"localhost:{parsed.port}/readyz" in behind["healthcheck"]["test"][-1]
    mounted = [volume.split(":")[0] for volume in front["volumes"] if volume.startswith("./")]
    assert mounted
    assert all((CONFIGS / path).is_file() for path in mounted)


@pytest.mark.parametrize("name", ["gateway.yaml", "mixed.yaml"])
def test_the_filter_names_every_convention_we_translate(name: str) -> None:
    """The filter's patterns are those of our own relevance rule, so that it drops nothing we would keep."""
    text = (CONFIGS / name).read_text()
    (spans,) = re.findall(r'IsMatch\(span\.attributes, "\\"\((.*)\)"\)', text)
    (scopes,) = re.findall(r'IsMatch\(scope\.name, "\^\((.*)\)"\)', text)
    assert set(spans.replace("\\\\", "").split("|")) == {*PREFIXES, 'span.type\\"'}
    pattern = re.compile("(" + scopes.replace("\\\\", "\\") + ")")
    assert all(pattern.match(scope) for scope in SCOPES)


def _agent_run(provider: TracerProvider, conversation: str, turns: int) -> None:
    """Do what an instrumented agent does: a span per turn with a model call and a tool in it."""
    tracer = provider.get_tracer("some.agent.framework")
    named = {"gen_ai.conversation.id": conversation, "gen_ai.provider.name": "openai"}
    for number in range(turns):
        question = f'[{{"role":"user","parts":[{{"type":"text","content":"question {number}"}}]}}]'
        answer = f'[{{"role":"assistant","parts":[{{"type":"text","content":"answer {number}"}}]}}]'
        turn = tracer.start_span(
            "invoke_agent shop", attributes={**named, "gen_ai.operation.name": "invoke_agent"}
        )
        context = set_span_in_context(turn)
        tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "stock", **named}
        tracer.start_span("execute_tool stock", context, attributes=tool).end()
        chat = {
            **named,
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 7,
            "gen_ai.input.messages": question,
            "gen_ai.output.messages": answer,
        }
        tracer.start_span("chat gpt-4o", context, kind=SpanKind.CLIENT, attributes=chat).end()
        turn.end()


def _transcript(server: LocalServer, key: str, conversation: str) -> list[tuple[str, str, str]]:
    try:
        found = AgentSightAPI(key, server.url).fetch_conversation(conversation)
    except NotFoundException:
        return []
    return [(m["timestamp"], m["sender"], m["content"]) for m in found["messages"]]


def _provider(*exporters: Any) -> TracerProvider:
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
    return provider


@pytest.mark.parametrize("config", ["agent.yaml", "gateway.yaml"])
def test_application_through_a_collector_equals_direct(
    config: str, server: LocalServer, tmp_path: Path
) -> None:
    """The transcript through stock exporter, Collector and gateway is the one recorded directly."""
    _, direct_key, _ = server.add_agent("direct")
    with chain(config, server.url, server.api_key, tmp_path) as (front, _):
        direct = AgentSightSpanExporter(api_key=direct_key, endpoint=server.url)
        provider = _provider(OTLPSpanExporter(endpoint=f"{front.url}/v1/traces"), direct)
        _agent_run(provider, "conv_both", 5)
        provider.shutdown()
        wait_until(lambda: len(_transcript(server, server.api_key, "conv_both")) == 15, "the transcript")
    transcript = _transcript(server, server.api_key, "conv_both")
    assert transcript == _transcript(server, direct_key, "conv_both")
    assert [text for _, sender, text in transcript if sender == "end_user"] == [
        f"question {number}" for number in range(5)
    ]


@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.parametrize("encoding", ["proto", "json"])
def test_the_collectors_exporter_in_every_encoding(
    encoding: str, compression: str, server: LocalServer, tmp_path: Path
) -> None:
    """What the real otlp_http exporter sends is taken in both encodings, compressed or not."""
    overrides = tuple(
        f"exporters::otlp_http/agentsight::{setting}"
        for setting in (f"encoding: {encoding}", f"compression: {compression}")
    )
    with chain("minimal.yaml", server.url, server.api_key, tmp_path, overrides=overrides) as (front, behind):
        assert post(front.url, "/v1/traces", traces(4).SerializeToString()).status == 200
        wait_until(lambda: len(_transcript(server, server.api_key, "conv_1")) == 8, "the transcript")
        metrics = post(behind.url, "/metrics", b"", method="GET").body.decode()
    assert 'agentsight_gateway_items_total{signal="traces",result="accepted"} 4' in metrics


def test_mixed_leaves_the_other_backend_its_data(server: LocalServer, tmp_path: Path) -> None:
    """Another OTLP backend gets every span; AgentSight gets those about agents, as if recorded directly."""
    _, direct_key, _ = server.add_agent("direct")
    header = f"exporters::otlp_http/other::headers::Authorization: Bearer {KEY}"
    with (
        run_receiver() as receiver,
        chain(
            "mixed.yaml",
            server.url,
            server.api_key,
            tmp_path,
            overrides=(header,),
            OTHER_OTLP_ENDPOINT=receiver.url,
        ) as (front, behind),
    ):
        direct = AgentSightSpanExporter(api_key=direct_key, endpoint=server.url)
        provider = _provider(OTLPSpanExporter(endpoint=f"{front.url}/v1/traces"), direct)
        _agent_run(provider, "conv_both", 5)
        request = provider.get_tracer("web").start_span("GET /", attributes={"http.request.method": "GET"})
        request.end()
        provider.shutdown()
        wait_until(lambda: len(receiver.spans) == 16, "the other backend")
        wait_until(lambda: len(_transcript(server, server.api_key, "conv_both")) == 15, "the transcript")
        metrics = post(behind.url, "/metrics", b"", method="GET").body.decode()
    assert _transcript(server, server.api_key, "conv_both") == _transcript(server, direct_key, "conv_both")
    assert 'agentsight_gateway_items_total{signal="traces",result="accepted"} 15' in metrics


def test_gateway_tier_redacts_texts_and_keeps_ids(tmp_path: Path) -> None:
    """The redaction of gateway.yaml masks inside JSON messages and leaves the conversation's id alone."""
    request = traces(1, conversation="ann@example.com")
    attributes = request.resource_spans[0].scope_spans[0].spans[0].attributes
    attributes.add(key="app.api_key").value.string_value = "hunter2"
    nested = attributes.add(key="app.form").value.kvlist_value.values.add(key="mail")
    nested.value.string_value = "bob@example.com"
    span = request.resource_spans[0].scope_spans[0].spans[0]
    choice = span.events.add(name="gen_ai.choice", time_unix_nano=5)
    choice.attributes.add(key="message").value.string_value = "write to bob@example.com"
    spoken = logs("gen_ai.user.message")
    record = spoken.resource_logs[0].scope_logs[0].log_records[0]
    record.attributes.add(key="content").value.string_value = "I am bob@example.com"
    body = record.body.kvlist_value.values.add(key="content")
    body.value.string_value = "I am bob@example.com"
    said = next(pair for pair in attributes if pair.key == "gen_ai.input.messages")
    said.value.string_value = said.value.string_value.replace(
        "question 1", "bob@example.com 4111111111111111"
    )
    with run_receiver() as receiver:
        settings = {"AGENTSIGHT_API_KEY": KEY, "AGENTSIGHT_OTLP_ENDPOINT": receiver.url}
        with collector("gateway.yaml", settings, tmp_path) as front:
            assert post(front.url, "/v1/traces", request.SerializeToString()).status == 200
            assert post(front.url, "/v1/logs", spoken.SerializeToString()).status == 200
            wait_until(lambda: len(receiver.batches) == 2, "the span and the log record")
    (span,) = receiver.spans
    (log,) = (log for batch in receiver.batches for log in batch.logs)
    assert span.events[0].attributes == {"message": "write to ****"}
    assert log.event.attributes["content"] == "I am ****"
    assert "bob@" not in str(log.event.body)
    assert "I am" in str(log.event.body)
    assert span.attributes["gen_ai.conversation.id"] == "ann@example.com"
    assert span.attributes["app.api_key"] != "hunter2"
    assert "bob@" not in span.attributes["gen_ai.input.messages"]
    assert "4111" not in span.attributes["gen_ai.input.messages"]
    assert span.attributes["app.form"] == '{"mail":"****"}'
    assert '"role": "user"' in span.attributes["gen_ai.input.messages"]


def test_two_tiers_by_conversation(tmp_path: Path) -> None:
    """The first tier hands every span on to the second, which delivers them."""
    (tier2_port,) = free_ports(1)
    with run_receiver() as receiver:
        settings = {
            "AGENTSIGHT_API_KEY": KEY,
            "AGENTSIGHT_OTLP_ENDPOINT": receiver.url,
            "AGENTSIGHT_TIER2": "127.0.0.1",
            "AGENTSIGHT_TIER2_PORT": str(tier2_port),
        }
        listen = {"OTLP_GRPC_LISTEN": f"127.0.0.1:{tier2_port}"}
        first = collector("load-balanced.yaml", settings, tmp_path, binary="agentsight-otelcol-full")
        with collector("gateway.yaml", settings | listen, tmp_path), first:
            for name in ("conv_a", "conv_b"):
                assert (
                    post(first.url, "/v1/traces", traces(3, conversation=name).SerializeToString()).status
                    == 200
                )
            assert post(first.url, "/v1/logs", logs().SerializeToString()).status == 200
            wait_until(lambda: len(receiver.spans) == 6, "the spans")
            wait_until(lambda: any(batch.logs for batch in receiver.batches), "the log record")


def test_balanced_over_two_gateways_equals_direct(server: LocalServer, tmp_path: Path) -> None:
    """Balanced over two Collectors with a gateway each, conversations equal those recorded directly."""
    _, direct_key, _ = server.add_agent("direct")
    first, second = tmp_path / "first", tmp_path / "second"
    with gateway(server.url, first) as gateway_a, gateway(server.url, second) as gateway_b:
        ports = free_ports(2)
        tiers = [
            collector(
                "gateway.yaml",
                {
                    "AGENTSIGHT_API_KEY": server.api_key,
                    "AGENTSIGHT_OTLP_ENDPOINT": behind.url,
                    "OTLP_GRPC_LISTEN": f"127.0.0.1:{port}",
                },
                folder,
            )
            for behind, folder, port in ((gateway_a, first, ports[0]), (gateway_b, second, ports[1]))
        ]
        resolver = ", ".join(f"127.0.0.1:{port}" for port in ports)
        overrides = (
            "exporters::load_balancing::resolver: null",
            f"exporters::load_balancing::resolver::static::hostnames: [{resolver}]",
        )
        front = collector(
            "load-balanced.yaml", {}, tmp_path, overrides=overrides, binary="agentsight-otelcol-full"
        )
        with tiers[0], tiers[1], front:
            stock = OTLPSpanExporter(endpoint=f"{front.url}/v1/traces")
            direct = AgentSightSpanExporter(api_key=direct_key, endpoint=server.url)
            provider = _provider(stock, direct)
            names = [f"conv_{number}" for number in range(12)]
            for name in names:
                _agent_run(provider, name, 5)
            provider.shutdown()
            wait_until(
                lambda: all(len(_transcript(server, server.api_key, name)) == 15 for name in names),
                "the transcripts",
            )
            taken = [
                post(each.url, "/metrics", b"", method="GET").body.decode() for each in (gateway_a, gateway_b)
            ]
    assert all('items_total{signal="traces",result="accepted"}' in metrics for metrics in taken)
    for name in names:
        assert _transcript(server, server.api_key, name) == _transcript(server, direct_key, name)


def test_through_kafka_equals_direct(server: LocalServer, tmp_path: Path) -> None:
    """Through a Kafka topic, writer and reader restarted on the way, it is what was recorded directly."""
    _, direct_key, _ = server.add_agent("direct")
    with kafka_broker() as broker, gateway(server.url, tmp_path) as behind:
        settings = {
            "AGENTSIGHT_API_KEY": server.api_key,
            "AGENTSIGHT_OTLP_ENDPOINT": behind.url,
            "KAFKA_BROKER": broker,
        }
        with collector("kafka.yaml", settings, tmp_path, binary="agentsight-otelcol-full") as front:
            assert post(front.url, "/v1/logs", logs().SerializeToString()).status == 200
            for name in ("conv_before", "conv_after"):
                stock = OTLPSpanExporter(endpoint=f"{front.url}/v1/traces")
                provider = _provider(stock, AgentSightSpanExporter(api_key=direct_key, endpoint=server.url))
                _agent_run(provider, name, 5)
                provider.shutdown()
                front.stop()
                front.start()
            for name in ("conv_before", "conv_after"):
                wait_until(
                    lambda name=name: len(_transcript(server, server.api_key, name)) == 15, "the transcript"
                )
                assert _transcript(server, server.api_key, name) == _transcript(server, direct_key, name)
            accepted = re.compile(
                r'items_total{signal="logs",result="accepted"} [1-9]'
            )  # Kafka may bring it twice
            wait_until(
                lambda: accepted.search(post(behind.url, "/metrics", b"", method="GET").body.decode()),
                "the log record",
            )


class _Load:
    """Applications that send turns and try each again until the Collector has it, as SDKs should."""

    def __init__(self, url: str, conversations: int) -> None:
        self.url = url
        self.stop = threading.Event()
        self.turns: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(f"conv_load_{n}",)) for n in range(conversations)
        ]

    def start(self) -> None:
        """Start sending."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Finish the turns begun."""
        self.stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _run(self, conversation: str) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            body = traces(1, conversation=conversation, first=number).SerializeToString()
            while not self._sent(body):
                time.sleep(0.05)
            self.turns[conversation] = number
            time.sleep(0.01)

    def _sent(self, body: bytes) -> bool:
        try:
            return post(self.url, "/v1/traces", body, PROTOBUF).status == 200
        except (OSError, http.client.HTTPException):
            return False


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kills", "outage"), [(3, 2.0), pytest.param(20, 60.0, marks=pytest.mark.soak)])
def test_kill_9_and_outage_under_load(kills: int, outage: float, server: LocalServer, tmp_path: Path) -> None:
    """Gateway and Collector killed at random moments and a backend that is away: 0 lost, 0 twice."""
    rng = random.Random(4)  # noqa: S311  # reproducible, not secret
    with chain("agent.yaml", server.url, server.api_key, tmp_path) as (front, behind):
        load = _Load(front.url, 4)
        load.start()
        try:
            server.faults.respond(503, times=None, path="/api/ingest/")
            time.sleep(outage)
            server.faults.clear()
            for _ in range(kills):
                for victim in rng.sample([front, behind], 2):
                    time.sleep(rng.uniform(0.1, 1.5))
                    victim.kill()
                    victim.start()
        finally:
            load.join()
        expected = {
            name: [text for n in range(1, turns + 1) for text in (f"question {n}", f"answer {n}")]
            for name, turns in load.turns.items()
        }
        assert sum(map(len, expected.values())) > 100
        for name, texts in expected.items():
            wait_until(
                lambda name=name, texts=texts: len(_transcript(server, server.api_key, name)) >= len(texts),
                f"{len(texts)} messages of {name}",
                timeout=120,
            )
    for name, texts in expected.items():
        assert [text for _, _, text in _transcript(server, server.api_key, name)] == texts
