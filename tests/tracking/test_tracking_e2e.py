"""The tracking room with the real delivery and the real local server behind it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import agentsight_otel
from agentsight_otel import (
    AgentSightAPI,
    ConversationTracker,
    agent_message,
    conversation,
    tool,
    turn,
    user_message,
)
from agentsight_otel.config import Config
from agentsight_otel.exceptions import ConversationApiException, UnauthorizedException
from agentsight_otel.exporters.registry import delivery_for
from agentsight_otel.testing import LocalServer

MESSAGES = 2_000

CRASH = """
import os, signal
from agentsight_otel import ConversationTracker
tracker = ConversationTracker()
tracker.get_or_create_conversation("crashed", customer_id="ada")
tracker.track_human_message("question", attachments=[{"filename": "a.txt", "data": b"bytes"}],
                            attachment_mode="form_data")
with tracker.track_action("search") as action:
    action.response = "found"
tracker.track_agent_message("answer")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def tracker(server: LocalServer) -> ConversationTracker:
    """Make a tracker whose destination is the test's server."""
    return ConversationTracker(api_key=server.api_key, endpoint=server.url)


@pytest.fixture
def api(server: LocalServer) -> Iterator[AgentSightAPI]:
    """Make a reader of the test's server."""
    return AgentSightAPI(api_key=server.read_key, endpoint=server.url)


def transcript(api: AgentSightAPI, conversation_id: str) -> list[str]:
    """Return the texts of a conversation as the server has them."""
    pk = api.fetch_conversation(conversation_id)["id"]
    return [message["content"] for message in api.fetch_conversation(pk)["messages"]]


def test_a_killed_process_loses_nothing(server: LocalServer, api: AgentSightAPI) -> None:
    """What was tracked and never sent before a SIGKILL is sent by the next process, once."""
    environment = {**os.environ, **server.env()}
    killed = subprocess.run([sys.executable, "-c", CRASH], env=environment, check=False, timeout=60)
    assert killed.returncode == -9
    assert server.requests == []
    tracker = ConversationTracker(api_key=server.api_key, endpoint=server.url)
    tracker.configure(conversation_id="crashed")
    tracker.track_human_message("after the crash")
    report = tracker.send_tracked_data()
    assert [item["type"] for item in report["items"]] == [
        "conversation",
        "question",
        "action",
        "answer",
        "question",
    ]
    assert report["delivered"] is True
    assert transcript(api, "crashed") == [
        "question",
        "Action search performed",
        "answer",
        "after the crash",
    ]
    assert api.fetch_conversation_attachments("crashed")["attachment_count"] == 1


def test_an_outage_queues_and_the_next_send_delivers_once(
    server: LocalServer, tracker: ConversationTracker, api: AgentSightAPI
) -> None:
    """During 503s the report says queued; afterwards both sends are there once, in order."""
    tracker.configure(conversation_id="outage", send_timeout=0.3)
    server.faults.respond(503, times=None, path="/api/ingest/")
    tracker.track_human_message("one")
    report = tracker.send_tracked_data()
    assert (report["delivered"], report["queued"]) == (False, 1)
    server.faults.clear()
    tracker.configure(send_timeout=10.0)
    tracker.track_agent_message("two")
    report = tracker.send_tracked_data()
    assert (report["delivered"], report["queued"], len(report["items"])) == (True, 0, 2)
    assert transcript(api, "outage") == ["one", "two"]


def test_a_refused_key_is_said_at_once(server: LocalServer) -> None:
    """initialize_conversation raises for a key the server does not know."""
    unknown = "ags_" + "f" * 32 + "_" + "f" * 6
    tracker = ConversationTracker(api_key=unknown, endpoint=server.url)
    with pytest.raises((UnauthorizedException, agentsight_otel.exceptions.ForbiddenException)):
        tracker.initialize_conversation("shown")
    assert tracker.get_tracked_data_summary()["conversation_id"] is None


def test_once_a_key_is_refused_every_caller_hears_it_at_once(
    server: LocalServer, tracker: ConversationTracker
) -> None:
    """Other conversations get the reason without a request; once the key is good, the next send delivers."""
    tracker.configure(send_timeout=60.0)
    server.faults.respond(401, times=None, path="/api/ingest/")
    for name in ("first", "second"):
        tracker.configure(conversation_id=name)
        tracker.track_human_message("hi")
        assert [item["error"] for item in tracker.send_tracked_data()["items"]] == ["queued: HTTP 401"]
    assert asyncio.run(_said_in_a_loop(tracker)) == ["queued: HTTP 401"]
    with pytest.raises(UnauthorizedException):
        tracker.initialize_conversation("widget")
    assert [request.status for request in server.requests] == [401]
    server.faults.clear()
    tracker.track_agent_message("good day")
    report = tracker.send_tracked_data()
    assert (report["delivered"], len(report["items"])) == (True, 2)


async def _said_in_a_loop(tracker: ConversationTracker) -> list[str]:
    tracker.configure(conversation_id="third")
    tracker.track_human_message("hi")
    return [item["error"] for item in (await tracker.send_tracked_data_async())["items"]]


def test_an_opened_widget_is_not_used_yet(tracker: ConversationTracker, api: AgentSightAPI) -> None:
    """initialize_conversation makes a row that nobody has used; the first message uses it."""
    tracker.initialize_conversation("widget", device="mobile")
    assert api.fetch_conversation("widget")["is_used"] is False
    tracker.configure(conversation_id="widget")
    tracker.track_human_message("hi")
    tracker.send_tracked_data()
    row = api.fetch_conversation("widget")
    assert (row["is_used"], row["device"]) == (True, "mobile")


def test_files_tracked_by_one_call_are_on_one_message(
    tracker: ConversationTracker, api: AgentSightAPI
) -> None:
    """Each call of track_attachments is one message of the transcript, with all of its files."""
    files = [{"filename": f"{number}.txt", "data": b"%d" % number} for number in range(3)]
    tracker.configure(conversation_id="files")
    tracker.track_attachments(files, sender="agent", mode="form_data")
    tracker.track_attachments(files[:1], mode="form_data")
    assert tracker.send_tracked_data()["summary"]["attachments"] == 2
    messages = api.fetch_messages(api.fetch_conversation("files")["id"])
    assert [(row["sender"], [file["filename"] for file in row["attachments"]]) for row in messages] == [
        ("agent", ["0.txt", "1.txt", "2.txt"]),
        ("end_user", ["0.txt"]),
    ]


def test_a_refused_environment_is_named(tracker: ConversationTracker) -> None:
    """The report and the exception say which field the backend refuses."""
    tracker.get_or_create_conversation("misspelled", environment="prodution")
    tracker.track_human_message("hi")
    report = tracker.send_tracked_data()
    assert {item["error"] for item in report["items"]} == {"HTTP 400: the backend refuses environment"}
    with pytest.raises(ConversationApiException, match="environment") as caught:
        tracker.initialize_conversation("misspelled", environment="prodution")
    assert caught.value.status_code == 400


def test_a_report_has_nothing_of_what_the_server_quotes(
    server: LocalServer, tracker: ConversationTracker
) -> None:
    """The server's own words stay in the dead letter, as they may quote a text."""
    refusal = {"conversations": [{"index": 0, "errors": {"spans": ["bad text: my secret"]}}]}
    server.faults.respond(400, times=None, path="/api/ingest/", body=refusal)
    tracker.configure(conversation_id="quoted")
    tracker.track_human_message("my secret")
    report = tracker.send_tracked_data()
    assert report["items"][0]["error"] == "HTTP 400: the backend refuses spans"


def test_the_live_api_ends_in_the_transcript(server: LocalServer, api: AgentSightAPI) -> None:
    """A turn of 150 messages with a tool is read back complete and in order."""
    agentsight_otel.configure(api_key=server.api_key, endpoint=server.url)
    with conversation("live", customer_id="ada"), turn():
        user_message("question")
        with tool("search") as call:
            call.response = {"hits": 1}
        for number in range(150):
            agent_message(f"part {number}")
    # Not all of the process: destinations of other tests may never answer again.
    assert delivery_for(Config.resolve(api_key=server.api_key, endpoint=server.url)).flush(60)
    texts = transcript(api, "live")
    assert texts[:2] == ["question", "Action search performed"]
    assert texts[2:] == [f"part {number}" for number in range(150)]


def test_threads_and_tasks_end_in_their_own_transcripts(
    tracker: ConversationTracker, api: AgentSightAPI
) -> None:
    """Threads and tasks, each with a conversation of its own, through to the server: nothing mixed."""

    def in_thread(worker: int) -> None:
        tracker.configure(conversation_id=f"thread-{worker}")
        for number in range(MESSAGES // 8):
            tracker.track_agent_message(f"thread-{worker} {number}")
        tracker.send_tracked_data()

    async def in_task(worker: int) -> None:
        tracker.configure(conversation_id=f"task-{worker}")
        for number in range(MESSAGES // 50):
            tracker.track_agent_message(f"task-{worker} {number}")
            await asyncio.sleep(0)
        assert (await tracker.send_tracked_data_async())["delivered"]

    async def tasks() -> None:
        await asyncio.gather(*(in_task(worker) for worker in range(50)))

    threads = [threading.Thread(target=in_thread, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    asyncio.run(tasks())
    for thread in threads:
        thread.join(60)
    names = [f"thread-{w}" for w in range(8)] + [f"task-{w}" for w in range(50)]
    found: dict[str, Any] = {name: transcript(api, name) for name in names}
    counts = {"thread": MESSAGES // 8, "task": MESSAGES // 50}
    assert found == {name: [f"{name} {n}" for n in range(counts[name.split("-")[0]])] for name in names}


def test_a_cancelled_send_is_reported_by_the_next(
    server: LocalServer, tracker: ConversationTracker, api: AgentSightAPI
) -> None:
    """A send cancelled at once leaves nothing unreported: what its thread submitted is the next one's."""
    server.faults.respond(503, times=None, path="/api/ingest/")

    def first_request() -> None:
        for _ in range(1_000):
            if server.requests:
                return
            time.sleep(0.01)

    async def cancelled_then_sent() -> dict[str, Any]:
        tracker.configure(conversation_id="cancelled")
        tracker.track_human_message("one")
        sending = asyncio.create_task(tracker.send_tracked_data_async())
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.to_thread(first_request)
        server.faults.clear()
        return await tracker.send_tracked_data_async()

    report = asyncio.run(asyncio.wait_for(cancelled_then_sent(), 30))
    assert [item["type"] for item in report["items"]] == ["question"]
    assert report["delivered"] is True
    assert transcript(api, "cancelled") == ["one"]


def test_a_tracker_takes_the_settings_of_0_0_44(server: LocalServer) -> None:
    """The constructor, like configure(), accepts 0.0.44's settings that have no effect here."""
    tracker = ConversationTracker(
        endpoint=server.url, app_url="https://app.example", token_handler="llamaindex"
    )
    assert tracker.config.endpoint == server.url


@pytest.mark.usefixtures("patient")
def test_a_shutdown_delivers_what_every_tracker_holds(
    tracker: ConversationTracker, api: AgentSightAPI
) -> None:
    """A tracker that the application made itself is not forgotten at the end."""
    tracker.configure(conversation_id="held")
    tracker.track_human_message("unsent")
    agentsight_otel.shutdown()
    assert transcript(api, "held") == ["unsent"]
