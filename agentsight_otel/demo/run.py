"""The demo: a real agent tracked, delivered to a local server, read back, and a month to look at."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from typing import Any

from agentsight_otel.clients import AgentSightAPI, ConversationManager
from agentsight_otel.commands.output import progress_bar
from agentsight_otel.demo.help_desk import HelpDesk
from agentsight_otel.demo.library import Library
from agentsight_otel.enums import Sentiment
from agentsight_otel.pipeline import ConversationTracker, shutdown
from agentsight_otel.server import demo_data
from agentsight_otel.server.run import Service, serve

CONVERSATION_ID = "help-desk-demo"
QUESTIONS = (
    "How do I send a conversation to AgentSight?",
    "Can I route spans through a Collector?",
    "What can I rely on after an outage, a crash or a restart?",
    "Who won the bicycle race?",
)
PAUSE = 0.3
"""Seconds the visitor takes to read an answer."""


def demo(*, port: int, db: str, seed: int, conversations: int, stay: bool) -> None:
    """Run the whole circle and print the transcript as it is read back.

    Args:
        port: Port of the local server, 0 for any.
        db: Where it keeps what it gets.
        seed: Of the made-up month.
        conversations: How many conversations that month has.
        stay: Keep the dashboard up until interrupted.
    """
    service = serve(port=port, db=db)
    service.start()
    try:
        print(f"A local AgentSight is running at {service.url}\n", flush=True)
        with tempfile.TemporaryDirectory() as spool:
            _visit(service, spool)
        bar = progress_bar("making up a month of conversations")
        made = demo_data.fill(service.store, 1, seed=seed, conversations=conversations, progress=bar)
        print(f"A month of {made} made-up conversations is in the dashboard.")
        print(f"\nThe dashboard: {service.dashboard_url}", flush=True)
        if stay:
            print("Ctrl-C stops it.", flush=True)
            threading.Event().wait()
    finally:
        service.stop()


def _visit(service: Service, spool: str) -> None:
    """Let a visitor talk with the help desk, deliver the conversation and print it as read back."""
    tracker = ConversationTracker(api_key=service.api_key, endpoint=service.url, spool_dir=spool)
    tracker.get_or_create_conversation(
        CONVERSATION_ID, customer_id="visitor-1", device="desktop", language="en", source="demo"
    )
    with contextlib.closing(Library()) as library:
        desk = HelpDesk(tracker, library)
        for question in QUESTIONS:
            desk.ask(question)
            time.sleep(PAUSE)
        desk.rate(helpful=True)
    report = tracker.send_tracked_data()
    print(f"Sent in one request: delivered={report['delivered']}, {report['summary']}\n")
    manager = ConversationManager(api_key=service.api_key, endpoint=service.url)
    manager.rename_conversation(CONVERSATION_ID, "Questions about agentsight-otel")
    manager.submit_feedback(CONVERSATION_ID, Sentiment.POSITIVE, comment="Found what I needed.")
    api = AgentSightAPI(api_key=service.api_key, endpoint=service.url)
    _print_transcript(api.fetch_conversation(CONVERSATION_ID))
    shutdown()


def _print_transcript(conversation: dict[str, Any]) -> None:
    print(f"Read back: {conversation['name']} ({conversation['conversation_id']})\n")
    for message in conversation["messages"]:
        moment = message["timestamp"][11:23]
        who = "visitor" if message["sender"] == "end_user" else "agent"
        note = "".join(f"  [{log['duration_ms']:.1f} ms]" for log in message["action_logs"])
        print(f"  {moment}  {who:8}{message['content']}{note}")
    print(
        "\n", *(f"  feedback: {f['sentiment']}" for f in conversation["feedbacks"]), "\n", sep="", flush=True
    )
