"""The main job: what is tracked arrives in one request and is read back as it was."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import agentsight_otel
from agentsight_otel import AgentSightAPI, ConversationTracker
from agentsight_otel.exceptions import NoDataToSendException
from agentsight_otel.exporters import AgentSightSpanExporter
from agentsight_otel.testing import LocalServer


@pytest.fixture
def tracker(server: LocalServer) -> ConversationTracker:
    """Make a tracker whose destination is the test's server."""
    return ConversationTracker(api_key=server.api_key, endpoint=server.url)


@pytest.fixture
def api(server: LocalServer) -> AgentSightAPI:
    """Make a reader of the test's server."""
    return AgentSightAPI(api_key=server.read_key, endpoint=server.url)


@pytest.fixture
def seen() -> Iterator[InMemorySpanExporter]:
    """See what any other exporter on the provider sees."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    agentsight_otel.configure(tracer_provider=provider)
    yield exporter
    provider.shutdown()


def ingests(server: LocalServer) -> list[Any]:
    """Return the ingest requests the server got."""
    return [request for request in server.requests if request.path == "/api/ingest/"]


def moment(text: str) -> datetime:
    """Read a time; ``Z`` and ``+00:00`` say the same."""
    return datetime.fromisoformat(text)


def shown(item: dict[str, Any]) -> tuple[datetime, str, str]:
    """Say what the transcript should show for a tracked item: time, sender, content."""
    data, kind = item["data"], item["type"]
    if kind == "action":
        return moment(item["timestamp"]), "agent", f"Action {data['action_name']} performed"
    return moment(item["timestamp"]), data["sender"], data["content"]


def test_fifty_messages_and_twenty_actions_in_one_request(
    server: LocalServer, tracker: ConversationTracker, api: AgentSightAPI
) -> None:
    """One ingest request, and the transcript equals what was tracked, in order, to the microsecond."""
    tracker.get_or_create_conversation("long-one", customer_id="ada")
    for number in range(25):
        tracker.track_human_message(f"question {number}", metadata={"number": number})
        if number < 20:
            tracker.track_action(f"tool_{number % 3}", duration_ms=150, response={"row": number})
        tracker.track_agent_message(f"answer {number}")
    tracked = [
        shown(item) for item in tracker.get_tracked_data_summary()["items"] if item["type"] != "conversation"
    ]
    report = tracker.send_tracked_data()
    assert report["delivered"] is True
    assert report["summary"] == {
        "questions": 25,
        "answers": 25,
        "attachments": 0,
        "actions": 20,
        "buttons": 0,
        "errors": 0,
    }
    assert len(ingests(server)) == 1
    read = api.fetch_conversation("long-one")["messages"]
    assert [(moment(m["timestamp"]), m["sender"], m["content"]) for m in read] == tracked
    assert len(tracked) == 70


def test_other_exporters_see_the_same_conversation(
    seen: InMemorySpanExporter, tracker: ConversationTracker
) -> None:
    """A tracked conversation carries both names on the provider's spans, in one trace."""
    tracker.configure(conversation_id="both-names")
    tracker.track_human_message("What is the time?")
    tracker.track_action("clock", tools_used={"zone": "UTC"}, response="noon")
    tracker.track_token_usage(prompt_tokens=5, completion_tokens=7, model="gpt-4o")
    tracker.track_agent_message("Noon.")
    tracker.send_tracked_data()
    spans: dict[str, ReadableSpan] = {span.name: span for span in seen.get_finished_spans()}
    assert {"execute_tool clock", "chat gpt-4o"} <= set(spans)
    assert len({span.context.trace_id for span in spans.values() if span.context}) == 1
    for span in spans.values():
        assert span.attributes is not None
        assert span.attributes["agentsight.conversation.id"] == "both-names"
        assert span.attributes["gen_ai.conversation.id"] == "both-names"


def test_our_exporter_on_the_provider_delivers_nothing_twice(
    server: LocalServer, tracker: ConversationTracker, api: AgentSightAPI
) -> None:
    """configure() and a BatchSpanProcessor with our exporter together deliver each message once."""
    provider = TracerProvider()
    exporter = AgentSightSpanExporter(api_key=server.api_key, endpoint=server.url)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    agentsight_otel.configure(tracer_provider=provider)
    tracker.configure(conversation_id="once")
    tracker.track_human_message("hello")
    tracker.send_tracked_data()
    provider.force_flush()
    assert exporter.force_flush()
    assert [m["content"] for m in api.fetch_conversation("once")["messages"]] == ["hello"]
    assert len(ingests(server)) == 1
    provider.shutdown()


def test_a_failing_backend_loses_nothing(
    server: LocalServer, tracker: ConversationTracker, api: AgentSightAPI
) -> None:
    """A refused send says so and keeps the data; the next one delivers everything exactly once."""
    tracker.configure(conversation_id="kept", endpoint=server.url)
    tracker.track_human_message("first")
    server.faults.respond(503)
    impatient = ConversationTracker(
        api_key=server.api_key, endpoint=server.url, conversation_id="kept-2", send_timeout=0.5
    )
    impatient.track_human_message("first")
    report = impatient.send_tracked_data()
    assert report["delivered"] is False
    assert report["queued"] >= 1
    server.faults.clear()
    impatient.configure(send_timeout=60)
    impatient.track_agent_message("second")
    report = impatient.send_tracked_data()
    assert report["delivered"] is True
    assert report["queued"] == 0
    assert [m["content"] for m in api.fetch_conversation("kept-2")["messages"]] == ["first", "second"]
    with pytest.raises(NoDataToSendException):
        impatient.send_tracked_data()


def test_attachments_of_messages_and_alone(tracker: ConversationTracker, api: AgentSightAPI) -> None:
    """Bytes sent with a message hang on that message; bytes sent alone get a message of their own."""
    tracker.configure(conversation_id="files")
    encoded = base64.b64encode(b"hello").decode()
    tracker.track_human_message(
        "see this", attachments=[{"filename": "a.txt", "mime_type": "text/plain", "data": encoded}]
    )
    tracker.track_attachments([{"data": b"\x89PNG\r\n\x1a\n", "filename": "b.png"}], mode="form_data")
    tracker.track_agent_message("thanks")
    assert tracker.send_tracked_data()["delivered"]
    agentsight_otel.force_flush(10)
    messages = api.fetch_conversation("files")["messages"]
    files = [(m["content"], [a["filename"] for a in m["attachments"]]) for m in messages]
    assert files == [("see this", ["a.txt"]), ("[Attachments]", ["b.png"]), ("thanks", [])]


def test_threads_and_tasks_never_mix(tracker: ConversationTracker) -> None:
    """Eight threads and two hundred tasks, each its own conversation: none misfiled, lost or out of order."""
    each = 100

    def in_thread(number: int) -> None:
        for turn in range(each):
            tracker.configure(conversation_id=f"thread-{number}")
            tracker.track_human_message(f"thread-{number} {turn}")

    async def in_task(number: int) -> None:
        with agentsight_otel.conversation(f"task-{number}"):
            for turn in range(each):
                tracker.track_human_message(f"task-{number} {turn}")
                await asyncio.sleep(0)

    async def all_tasks() -> None:
        await asyncio.gather(*(in_task(number) for number in range(200)))

    threads = [threading.Thread(target=in_thread, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    asyncio.run(all_tasks())
    for thread in threads:
        thread.join()
    for name in [f"thread-{n}" for n in range(8)] + [f"task-{n}" for n in range(200)]:
        with agentsight_otel.conversation(name):
            items = tracker.get_tracked_data_summary()["items"]
        assert [item["data"]["content"] for item in items if item["type"] == "question"] == [
            f"{name} {turn}" for turn in range(each)
        ]
