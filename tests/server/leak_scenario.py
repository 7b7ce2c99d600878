"""Run by test_server_leaks with everything logged: does all that the package does, well and badly.

The key, the texts and a password come from the environment; none may be in what this process prints.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import requests
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import agentsight_otel
from agentsight_otel import AgentSightAPI, Config, ConversationManager, ConversationTracker
from agentsight_otel.cli import main
from agentsight_otel.exporters import AgentSightSpanExporter, FileSpanExporter
from agentsight_otel.server.store.keys import create_key
from agentsight_otel.testing import LocalServer, capture_payloads

KEY, TEXT, WORD = os.environ["SENTINEL_KEY"], os.environ["SENTINEL_TEXT"], os.environ["SENTINEL_WORD"]
FILE = {"filename": f"{TEXT}.txt", "mime_type": "text/plain", "data": "aGk="}
FOLDER = Path.cwd()


def show(*things: object) -> None:
    """Print what things say of themselves."""
    for thing in things:
        sys.stderr.write(f"{thing} {thing!r}\n")


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Show an error as an application would that logs everything."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        show(error)
        logging.getLogger("application").exception("it failed")


def talk(tracker: ConversationTracker, conversation_id: str) -> None:
    """Record and send one of everything."""
    tracker.get_or_create_conversation(conversation_id, customer_id=TEXT, name=TEXT, metadata={TEXT: TEXT})
    tracker.track_human_message(TEXT, attachments=[FILE], metadata={TEXT: TEXT})
    with contextlib.suppress(ValueError), tracker.track_action(TEXT) as action:
        action.response = TEXT
        raise ValueError(TEXT)
    tracker.track_button(TEXT, TEXT, TEXT)
    tracker.track_agent_message(TEXT)
    show(tracker)
    with shown():
        show(tracker.send_tracked_data()["delivered"])


def live() -> None:
    """Record with the live API, ending in an error."""

    @agentsight_otel.tool
    def look(text: str) -> str:
        raise ValueError(text)

    named = agentsight_otel.conversation("live", customer_id=TEXT)
    with named, contextlib.suppress(ValueError), agentsight_otel.turn() as turn:
        show(turn)
        turn.user_message(TEXT)
        look(TEXT)
    agentsight_otel.force_flush(10)


def misuse(server: LocalServer) -> None:
    """Call everything with what it refuses."""
    tracker = ConversationTracker(api_key=KEY, endpoint=server.url)
    manager = ConversationManager(api_key=KEY, endpoint=server.url)
    api = AgentSightAPI(api_key=KEY, endpoint=server.url)
    show(Config.resolve(), manager, api, server)
    for call in (
        lambda: ConversationTracker(api_key=f"{KEY}x"),
        lambda: Config.resolve({"AGENTSIGHT_API_KEY": f"{KEY}x"}).require_api_key(),
        lambda: Config.resolve({"AGENTSIGHT_TIMEOUT": WORD}),
        lambda: AgentSightSpanExporter(api_key=f"{KEY}x"),
        lambda: tracker.track_human_message("", metadata={TEXT: object()}),
        lambda: tracker.track_action(TEXT, duration_ms=TEXT),
        lambda: tracker.track_attachments([{"data": TEXT, "filename": TEXT}]),
        lambda: manager.rename_conversation("c", TEXT),
        lambda: manager.submit_feedback("c", "positive", TEXT * 5000),
        lambda: manager.submit_feedback("c", TEXT),
        lambda: api.fetch_conversation(987_654_321),
        lambda: api.fetch_conversations(feedback_sentiment=TEXT),
        lambda: AgentSightAPI(api_key=KEY, endpoint="http://127.0.0.1:9").fetch_identity(),
        lambda: AgentSightAPI(api_key="ags_" + "0" * 32 + "_000000", endpoint=server.url).fetch_identity(),
    ):
        with shown():
            call()


def post(server: LocalServer, path: str, body: str) -> None:
    """Send a body of another client; its answer is its own business."""
    headers = {"Authorization": f"Api-Key {KEY}", "Content-Type": "application/json"}
    requests.post(server.url + path, data=body, headers=headers, timeout=30)


def trouble(server: LocalServer, tracker: ConversationTracker) -> None:
    """Let the backend refuse, break and come back."""
    faults = server.faults
    for number, fault in enumerate(
        (
            lambda: faults.respond(401, times=1, body={"detail": "no"}),
            lambda: faults.respond(500, times=1, body="no"),
            lambda: faults.poison(TEXT, times=1),
            lambda: faults.reset("before"),
            faults.truncate,
            lambda: faults.limit_body(10, times=1),
        )
    ):
        fault()
        talk(tracker, f"trouble-{number}")
        faults.clear()
    for path in ("/api/ingest/", "/api/track/", "/api/feedbacks/", "/api/tickets/", "/v1/traces"):
        for body in (
            f'{{"content": "{TEXT}", "sender": "{TEXT}", "conversations": ["{TEXT}"]}}',
            f'{{"{TEXT}',
        ):
            post(server, path, body)


def other_exporters() -> None:
    """Export with a mask that fails, and into files."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(AgentSightSpanExporter(mask=break_down)))
    provider.add_span_processor(BatchSpanProcessor(FileSpanExporter(FOLDER / "files")))
    attributes = {"gen_ai.conversation.id": "c", "gen_ai.prompt": TEXT, "gen_ai.input.messages": TEXT}
    with provider.get_tracer("my.agent").start_as_current_span("chat", attributes=attributes):
        pass
    provider.shutdown()


def break_down(text: str) -> str:
    """Fail and quote what was given."""
    raise ValueError(text)


def main_scenario() -> None:
    """Do it all."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    with LocalServer(str(FOLDER / "a.db")) as server:
        with server.store.write() as connection:
            create_key(connection, server.agent_id, "write", key=KEY, name="sentinel")
        os.environ |= {"AGENTSIGHT_API_KEY": KEY, "AGENTSIGHT_API_ENDPOINT": server.url}
        agentsight_otel.configure(api_key=KEY, endpoint=server.url, send_timeout=0.5)
        tracker = agentsight_otel.conversation_tracker
        talk(tracker, "plain")
        live()
        other_exporters()
        misuse(server)
        trouble(server, tracker)
        with capture_payloads() as captured:
            talk(tracker, "captured")
        show(captured, captured.payloads, captured.conversation("captured"), captured.files)
        show(server.requests, agentsight_otel.stats())
        for command in (
            ["doctor"],
            ["spool", "status"],
            ["spool", "drain", "--timeout", "5"],
            ["keys", "list", "--db", str(FOLDER / "a.db")],
            ["keys", "list", "--db", f"postgresql://u:{WORD}@127.0.0.1:9/x"],
            ["export", "--output", str(FOLDER / "all.jsonl")],
        ):
            with shown():
                main(command)
        agentsight_otel.shutdown()
    sys.stdout.write("the end was reached\n")


if __name__ == "__main__":
    main_scenario()
