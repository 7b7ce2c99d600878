"""A turn that pauses, below a request that is about no agent: told of once, whole, through every door."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import Tracer

import agentsight_otel
from agentsight_otel import AgentSightAPI
from agentsight_otel.exporters import AgentSightSpanExporter, FileSpanExporter
from agentsight_otel.testing import LocalServer

PAUSE = 7.0
"""Seconds a model thinks: longer than spans wait for news of a run that has ended, which is 5."""
WITHIN = 45.0
"""Seconds until everything must be told of; a request that nobody hears of would be waited for for 120."""
QUESTION = {"role": "user", "parts": [{"type": "text", "content": "Where is it?"}]}
ANSWER = {"role": "assistant", "parts": [{"type": "text", "content": "Here."}]}
ASKS = {"role": "assistant", "parts": [{"type": "tool_call", "id": "t", "name": "find", "arguments": {}}]}
FOUND = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t", "response": "here"}]}


@contextlib.contextmanager
def doors(server: LocalServer) -> Iterator[dict[str, Tracer]]:
    """Open the three ways into the package: its processor, its exporter, and OTLP."""
    destination = {"api_key": server.api_key, "endpoint": server.url}
    headers = {"Authorization": f"Bearer {server.api_key}"}
    exporters = {
        "exporter": AgentSightSpanExporter(**destination),
        "otlp": OTLPSpanExporter(f"{server.url}/v1/traces", headers=headers),
    }
    providers = {name: TracerProvider(shutdown_on_exit=False) for name in ("processor", *exporters)}
    for name, exporter in exporters.items():
        providers[name].add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=200))
    agentsight_otel.configure(tracer_provider=providers["processor"], **destination)
    yield {name: provider.get_tracer("shop") for name, provider in providers.items()}
    for provider in providers.values():
        provider.shutdown()


def chat(tracer: Tracer, history: list[Any], answer: Any) -> None:
    """Record one model call."""
    said = {"gen_ai.input.messages": json.dumps(history), "gen_ai.output.messages": json.dumps([answer])}
    about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7}
    tracer.start_span("chat m", attributes={**about, **said}).end()


def turn(tracer: Tracer, conversation_id: str, pause: float = PAUSE) -> None:
    """Record a request that is about no agent, and the turn below it, in which a model takes its time."""
    about = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": conversation_id}
    with (
        tracer.start_as_current_span("POST /chat"),
        tracer.start_as_current_span("invoke_agent shop", attributes=about),
    ):
        chat(tracer, [QUESTION], ASKS)
        time.sleep(pause)
        chat(tracer, [QUESTION, ASKS, FOUND], ANSWER)


@pytest.mark.usefixtures("patient")
def test_a_turn_whose_model_thinks_is_told_of_once(server: LocalServer) -> None:
    """One conversation each, with the question, the action and the answer once, soon after the turn."""
    api = AgentSightAPI(server.read_key, server.url)

    def told() -> list[str]:
        return sorted(one["conversation_id"] for one in api.fetch_conversations()["results"])

    with doors(server) as tracers, ThreadPoolExecutor(len(tracers)) as threads:
        list(threads.map(turn, tracers.values(), tracers))
        deadline = time.monotonic() + WITHIN
        while len(told()) < len(tracers) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert told() == sorted(tracers)
    for name in tracers:
        messages = api.fetch_conversation(name)["messages"]
        assert [(m["sender"], m["content"]) for m in messages if m["content"]] == [
            ("end_user", "Where is it?"),
            ("agent", "Action find performed"),
            ("agent", "Here."),
        ]
    assert told() == sorted(tracers)


def test_a_turn_below_a_request_is_written_to_a_file(tmp_path: Path) -> None:
    """The exporter to files waits for no span that it leaves out itself."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(tmp_path)))
    tracer = provider.get_tracer("shop")
    turn(tracer, "file", pause=0)
    deadline = time.monotonic() + WITHIN
    while not list(tmp_path.glob("*.json")) and time.monotonic() < deadline:
        tracer.start_span("GET /health").end()  # it looks when spans come
        time.sleep(0.1)
    [written] = tmp_path.glob("*.json")
    provider.shutdown()
    assert [one["conversation_id"] for one in json.loads(written.read_bytes())["conversations"]] == ["file"]
