"""capture_payloads: what a block of code would send, as objects, without a key or a network."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import agentsight_otel
from agentsight_otel import AgentSightAPI, ConversationTracker
from agentsight_otel.exceptions import ConfigurationException, NoApiKeyException
from agentsight_otel.exporters import AgentSightSpanExporter
from agentsight_otel.exporters.registry import delivery_for
from agentsight_otel.pipeline import (
    get_agentsight_api,
    get_conversation_manager,
    get_conversation_tracker,
)
from agentsight_otel.testing import LocalServer, capture_payloads

KEY = "ags_" + "a" * 32 + "_" + "b" * 6


@pytest.fixture(autouse=True)
def as_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave alone what other tests of this process made and tracked."""
    for singleton in (get_agentsight_api, get_conversation_manager, get_conversation_tracker):
        monkeypatch.setattr(singleton, "made", None)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no socket connect."""

    def refuse(*_: object) -> None:
        raise AssertionError("something opens a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("no_network")
def test_the_tracker_the_live_api_and_files_are_captured() -> None:
    """Whatever records: messages, actions, fields and files are there as objects, in order."""
    file = {"filename": "a.txt", "mime_type": "text/plain", "data": "aGk="}
    with capture_payloads() as captured:
        agentsight_otel.conversation_tracker.get_or_create_conversation(
            "tracked", customer_id="ada", metadata={"plan": "pro"}
        )
        agentsight_otel.conversation_tracker.track_human_message(
            "Hello", metadata={"n": 1}, attachments=[file]
        )
        agentsight_otel.conversation_tracker.track_action("look_up", response="found")
        agentsight_otel.conversation_tracker.track_agent_message("Hi")
        assert agentsight_otel.conversation_tracker.send_tracked_data()["delivered"]
        assert len(captured.payloads) == 1
        with agentsight_otel.conversation("live"), agentsight_otel.turn() as turn:
            turn.user_message("Hello?")
    tracked = captured.conversation("tracked")
    assert (tracked.customer_id, tracked.metadata, tracked.device) == ("ada", {"plan": "pro"}, None)
    assert [(m.sender, m.content, m.metadata) for m in tracked.messages] == [
        ("end_user", "Hello", {"n": 1}),
        ("agent", "Hi", None),
    ]
    assert tracked.messages[0].timestamp.tzinfo == UTC
    assert tracked.messages[0].timestamp <= datetime.now(UTC)
    assert [action.attributes["agentsight.tool.name"] for action in tracked.actions] == ["look_up"]
    assert [(f.filename, f.data, f.sender) for f in captured.files] == [("a.txt", b"hi", "end_user")]
    assert [m.content for m in captured.conversation("live").messages] == ["Hello?"]
    assert [len(payload.conversations) for payload in captured.payloads] == [1, 1]
    with pytest.raises(KeyError):
        captured.conversation("another")


@pytest.mark.usefixtures("no_network")
def test_an_exporter_of_its_own_is_captured(tmp_path: Path) -> None:
    """An exporter with a key of its own delivers into the block too, and a client reads from it."""
    with capture_payloads() as captured:
        exporter = AgentSightSpanExporter(api_key=KEY, spool_dir=str(tmp_path), durability="memory")
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "exported"}
        with provider.get_tracer("my.agent").start_as_current_span("chat", attributes=attributes):
            pass
        provider.shutdown()
        api = AgentSightAPI(api_key=KEY)
        assert api.fetch_conversation("exported")["conversation_id"] == "exported"
    assert "chat" in [span.name for span in captured.conversation("exported").spans]


@pytest.mark.usefixtures("no_network")
def test_payloads_over_the_size_of_compression_are_read() -> None:
    """A payload that travels compressed is there in full."""
    with capture_payloads() as captured:
        agentsight_otel.conversation_tracker.get_or_create_conversation("long")
        agentsight_otel.conversation_tracker.track_human_message("Hello " * 20_000)
        agentsight_otel.conversation_tracker.send_tracked_data()
    assert captured.conversation("long").messages[0].content == "Hello " * 20_000


def test_afterwards_everything_is_as_before(server: LocalServer) -> None:
    """The settings come back: what is sent next goes to the real destination, or needs a key again."""
    tracker = ConversationTracker(api_key=server.api_key, endpoint=server.url)
    with capture_payloads() as captured:
        tracker.get_or_create_conversation("inside")
        tracker.track_human_message("captured")
        tracker.send_tracked_data()
    tracker.get_or_create_conversation("outside")
    tracker.track_human_message("sent")
    assert tracker.send_tracked_data()["delivered"]
    assert [m.content for m in captured.conversation("inside").messages] == ["captured"]
    assert [p["conversations"][0]["conversation_id"] for p in server.payloads()] == ["outside"]
    without_key = ConversationTracker()
    without_key.track_human_message("x")
    with pytest.raises(NoApiKeyException):
        without_key.send_tracked_data()
    with pytest.raises(NoApiKeyException):
        agentsight_otel.agentsight_api.fetch_conversation("inside")


@pytest.mark.usefixtures("no_network")
def test_clients_of_the_process_need_no_key() -> None:
    """The clients of the process, one made before the block and one inside it, work without a key."""
    before = agentsight_otel.agentsight_api
    with capture_payloads():
        agentsight_otel.conversation_tracker.get_or_create_conversation("inside")
        agentsight_otel.conversation_tracker.track_human_message("Hello")
        agentsight_otel.conversation_tracker.send_tracked_data()
        assert agentsight_otel.conversation_manager.rename_conversation("inside", "New")["name"] == "New"
        assert before.fetch_conversation("inside")["name"] == "New"
        agentsight_otel.conversation_manager.purge_conversation("inside")
        assert before.fetch_conversations()["count"] == 0
    with pytest.raises(NoApiKeyException):
        before.fetch_conversation("inside")


def test_what_is_made_in_the_block_has_the_real_settings_afterwards(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process's own tracker and clients, first used inside the block, go on with the settings outside."""
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    with capture_payloads() as captured:
        tracker = agentsight_otel.conversation_tracker
        api = agentsight_otel.agentsight_api
        tracker.get_or_create_conversation("inside")
        tracker.track_human_message("captured")
        tracker.send_tracked_data()
    tracker.get_or_create_conversation("outside")
    tracker.track_human_message("sent")
    assert tracker.send_tracked_data()["delivered"]
    assert api.fetch_conversation("outside")["conversation_id"] == "outside"
    assert [m.content for m in captured.conversation("inside").messages] == ["captured"]


def test_an_error_in_the_block_ends_the_capture() -> None:
    """The block's own error comes out, and the next capture works."""
    with pytest.raises(ZeroDivisionError), capture_payloads():
        _ = 1 / 0
    with capture_payloads() as captured:
        pass
    assert captured.payloads == []


def test_one_capture_at_a_time() -> None:
    """A second one inside is refused, and the first goes on."""
    with capture_payloads() as captured:
        with pytest.raises(ConfigurationException), capture_payloads():
            pass
        with agentsight_otel.conversation("still"), agentsight_otel.turn() as turn:
            turn.user_message("here")
    assert [m.content for m in captured.conversation("still").messages] == ["here"]
    assert "here" not in repr(captured.payloads)


def test_the_same_key_is_captured_again() -> None:
    """A key that only captured blocks have used is captured in the next one too."""
    for name in ("first", "second"):
        with capture_payloads() as captured:
            tracker = ConversationTracker(api_key="ags_" + "c" * 32 + "_" + "d" * 6, conversation_id=name)
            tracker.track_human_message("Hello")
            assert tracker.send_tracked_data()["delivered"]
        assert [m.content for m in captured.conversation(name).messages] == ["Hello"]


def test_what_waits_for_a_real_destination_goes_on_waiting(server: LocalServer) -> None:
    """A block takes nothing that was to go elsewhere; it arrives there when the block is over."""
    server.faults.respond(503, times=None, path="/api/ingest/")
    tracker = ConversationTracker(
        api_key=server.api_key, endpoint=server.url, conversation_id="real", send_timeout=1
    )
    tracker.track_human_message("waits")
    assert not tracker.send_tracked_data()["delivered"]
    with capture_payloads() as captured:
        agentsight_otel.conversation_tracker.get_or_create_conversation("inside")
        agentsight_otel.conversation_tracker.track_human_message("captured")
        assert agentsight_otel.conversation_tracker.send_tracked_data()["delivered"]
    assert len(captured.payloads) == 1
    server.faults.clear()
    assert delivery_for(tracker.config).flush(30)
    assert [p["conversations"][0]["conversation_id"] for p in server.payloads()] == ["real"]
