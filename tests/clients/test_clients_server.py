from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from agentsight_otel import ConversationTracker
from agentsight_otel.clients import AgentSightAPI, ConversationManager
from agentsight_otel.enums import Sentiment
from agentsight_otel.exceptions import ConversationApiException, ForbiddenException, NotFoundException
from agentsight_otel.testing import LocalServer


@pytest.fixture
def api(server: LocalServer) -> AgentSightAPI:
    """Return a reader with the read key."""
    return AgentSightAPI(server.read_key, server.url)


@pytest.fixture
def manager(server: LocalServer) -> ConversationManager:
    """Return a manager with the write key."""
    return ConversationManager(server.api_key, server.url)


def _span(kind: str, number: int, start: str, **rest: Any) -> dict[str, Any]:
    identity = {"span_id": f"{number:016x}", "trace_id": f"{number:032x}", "parent_span_id": None}
    times = {"started_at": start, "ended_at": start, "duration_ms": 5.0}
    return {**identity, **times, "kind": kind, "name": kind, "status": "ok", "events": [], **rest}


def _turn(number: int, start: str) -> dict[str, Any]:
    said = (("end_user", f"question {number}"), ("agent", f"answer {number}"))
    events = [
        {
            "name": "agentsight.message",
            "timestamp": start,
            "attributes": {"agentsight.message.sender": sender, "agentsight.message.content": text},
        }
        for sender, text in said
    ]
    return _span("turn", number, start, attributes={"agentsight.turn.complete": True}, events=events)


def _block(number: int) -> dict[str, Any]:
    start = f"2026-03-{number % 28 + 1:02}T12:00:00.000000+00:00"
    button = {
        "agentsight.button.event": "buy",
        "agentsight.button.label": "Buy",
        "agentsight.button.value": "1",
    }
    tool = {
        "agentsight.tool.name": "search",
        "agentsight.tool.arguments": "{}",
        "agentsight.tool.response": "ok",
    }
    usage = {
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
    }
    block: dict[str, Any] = {
        "conversation_id": f"conv_{number:04}",
        "customer_id": f"customer_{number % 3}",
        "device": "phone" if number % 2 else "desktop",
        "language": "en",
        "source": "web" if number % 2 else "app",
        "name": f"Conversation {number}",
        "metadata": {"plan": "pro" if number % 5 == 0 else "free", "nested": {"n": number}},
        "spans": [_turn(number * 10, start)],
    }
    if number % 4 == 0:
        block["spans"] += [
            _span("tool", number * 10 + 1, start, attributes=tool),
            _span("llm", number * 10 + 2, start, attributes=usage),
            _span("button", number * 10 + 3, start, attributes=button),
        ]
    return block


def _record(server: LocalServer, count: int) -> None:
    body = {
        "sdk": {"name": "test", "version": "1"},
        "conversations": [_block(n) for n in range(1, count + 1)],
    }
    headers = {"Authorization": f"Api-Key {server.api_key}"}
    answer = requests.post(f"{server.url}/api/ingest/", json=body, headers=headers, timeout=30)
    assert answer.status_code in {200, 201}, answer.text


def test_manage_a_conversation(server: LocalServer, api: AgentSightAPI, manager: ConversationManager) -> None:
    """Every change made through the manager is what the reader reads back."""
    _record(server, 1)
    assert manager.rename_conversation("conv_0001", " Renamed ")["name"] == "Renamed"
    pk = api.fetch_conversation("conv_0001")["id"]
    assert manager.mark_conversation(pk, True)["is_marked"] is True
    changed = manager.update_conversation("conv_0001", device="", language="de", metadata={"a": 1})
    assert set(changed["updated_fields"]) == {"device", "language", "metadata"}
    manager.update_metadata(pk, {"b": 2}, remove=["a"])
    found = api.fetch_conversation(pk)
    assert (found["name"], found["is_marked"], found["language"]) == ("Renamed", True, "de")
    assert found["metadata"] == {"b": 2}
    assert [m["content"] for m in api.fetch_messages("conv_0001")] == ["question 10", "answer 10"]


def test_fields_can_be_emptied(server: LocalServer, api: AgentSightAPI, manager: ConversationManager) -> None:
    """What is named in clear has no value afterwards, beside what is changed; the rest stays."""
    _record(server, 1)
    manager.update_conversation("conv_0001", customer_id="c", device="d", language="l", metadata={"a": 1})
    manager.update_conversation("conv_0001", device="e", clear=["customer_id", "metadata"])
    found = api.fetch_conversation("conv_0001")
    assert [found[name] for name in ("customer_id", "device", "language", "metadata")] == [
        None,
        "e",
        "l",
        None,
    ]
    message = api.fetch_messages("conv_0001")[0]["id"]
    vote = manager.submit_message_feedback(message, "positive", "good", topic="t", reason="r")
    vote = manager.update_feedback(vote["id"], clear=["comment", "topic"])
    assert (vote["comment"], vote["topic"], vote["reason"]) == ("", None, "r")
    ticket = manager.create_ticket("t", priority="low")
    assert manager.update_ticket(ticket["id"], clear=["priority"])["priority"] is None


def test_metadata_merged_at_the_same_time_is_all_there(
    server: LocalServer, api: AgentSightAPI, manager: ConversationManager
) -> None:
    """Of keys that many threads set and remove at once none is lost and none comes back."""
    _record(server, 1)
    manager.update_conversation("conv_0001", metadata={f"old{n}": n for n in range(20)})
    pk = api.fetch_conversation("conv_0001")["id"]
    with ThreadPoolExecutor(8) as pool:
        merged = [pool.submit(manager.update_metadata, pk, {f"new{n}": n}, [f"old{n}"]) for n in range(20)]
    assert {tuple(done.result()["updated_fields"]) for done in merged} == {("metadata",)}
    assert api.fetch_conversation(pk)["metadata"] == {f"new{n}": n for n in range(20)}


def test_delete_undelete_purge(server: LocalServer, api: AgentSightAPI, manager: ConversationManager) -> None:
    """A deleted conversation leaves the list, can come back, and is gone for good once purged."""
    _record(server, 1)
    pk = api.fetch_conversation("conv_0001")["id"]
    assert manager.delete_conversation("conv_0001")["is_deleted"] is True
    assert api.fetch_conversations()["count"] == 0
    assert api.fetch_conversations(include_deleted=True)["count"] == 1
    manager.undelete_conversation(pk)
    assert api.fetch_conversations()["count"] == 1
    manager.purge_conversation(pk)
    with pytest.raises(NotFoundException):
        api.fetch_conversation(pk)


def test_feedback(server: LocalServer, api: AgentSightAPI, manager: ConversationManager) -> None:
    """Feedback on conversation, message and agent is given, changed, read and deleted."""
    _record(server, 1)
    manager.submit_feedback("conv_0001", Sentiment.POSITIVE, "thanks", {"stars": 5})
    message = api.fetch_messages("conv_0001")[1]["id"]
    first = manager.submit_message_feedback(message, "negative", topic="tone")
    assert manager.submit_message_feedback(message, "neutral")["id"] == first["id"]
    manager.submit_agent_feedback("positive")
    assert {row["kind"] for row in api.iter_feedbacks()} == {"conversation", "message", "agent"}
    assert manager.update_feedback(first["id"], comment="better")["comment"] == "better"
    assert api.fetch_feedback(first["id"])["sentiment"] == "neutral"
    manager.delete_feedback(first["id"])
    with pytest.raises(NotFoundException):
        api.fetch_feedback(first["id"])
    assert api.fetch_conversations(feedback_sentiment="positive", has_feedback=True)["count"] == 1


def test_tickets_and_actions(server: LocalServer, api: AgentSightAPI, manager: ConversationManager) -> None:
    """Tickets and actions are made, changed and read."""
    _record(server, 4)
    ticket = manager.create_ticket("Broken", priority="high", tags=["billing"], conversation_id="conv_0001")
    manager.add_ticket_comment(ticket["id"], "looking")
    manager.update_ticket(ticket["id"], status="done")
    assert api.fetch_ticket(ticket["id"])["status"] == "done"
    assert [c["body"] for c in api.fetch_ticket_comments(ticket["id"])] == ["looking"]
    assert api.fetch_tickets(status=["done", "closed"])["count"] == 1
    manager.delete_ticket(ticket["id"])
    assert list(api.iter_tickets()) == []
    action = next(row for row in api.iter_actions() if row["name"] == "search")
    assert manager.update_action(action["id"], display_name="Search!")["display_name"] == "Search!"
    assert len(api.fetch_action_logs(action["id"])) == 1
    assert manager.create_action("refund")["name"] == "refund"
    with pytest.raises(ConversationApiException, match="already exists"):
        manager.create_action("refund")


def test_usage_spans_traces_buttons_and_metadata(server: LocalServer, api: AgentSightAPI) -> None:
    """What else was recorded is reachable: token usage, spans as ingested, traces, buttons, metadata keys."""
    _record(server, 8)
    assert sum(row["prompt_tokens"] for row in api.iter_token_usage()) == 20
    (summary,) = api.fetch_token_usage_summary("model")["results"]
    assert (summary["group"], summary["completion_tokens"]) == ("gpt-4o", 10)
    span = next(api.iter_spans(kind="tool"))
    assert api.fetch_span(span["id"], payload=True)["payload"]["name"] == "tool"
    assert api.fetch_trace(span["trace_id"].upper())["span_count"] == 1
    assert api.fetch_button_stats("buy")[0]["count"] == 2
    assert len(list(api.iter_buttons())) == 2
    assert "nested.n" in api.fetch_metadata_keys()
    assert set(api.fetch_metadata_values("plan")) == {"pro", "free"}
    assert api.fetch_identity()["role"] == "read"


@pytest.mark.parametrize(
    ("filters", "matching"),
    [
        ({"conversation_id": "conv_0007"}, [7]),
        ({"customer_id": "customer_1"}, [1, 4, 7, 10]),
        ({"customer_id__icontains": "ER_1"}, [1, 4, 7, 10]),
        ({"device": "desktop", "customer_id": "customer_1"}, [4, 10]),
        ({"source": "app", "customer_id": "customer_2"}, [2, 8]),
        ({"action_name": "search"}, [4, 8]),
        ({"button_event": "buy"}, [4, 8]),
        ({"message_contains": "question 30"}, [3]),
        ({"name": "conversation 9"}, [9]),
        ({"metadata": "plan:pro"}, [5, 10]),
        ({"metadata": {"plan": "pro", "nested.n": 10}}, [10]),
        ({"started_at_before": datetime(2026, 3, 3, tzinfo=UTC)}, [1]),
        ({"started_at_after": datetime(2026, 3, 10, tzinfo=UTC)}, [9, 10]),
        ({"is_marked": True}, []),
        ({"has_messages": False}, []),
        ({"environment": "development"}, []),
        ({"search": "question 60"}, [6]),
    ],
)
def test_filters_reach_the_server(
    server: LocalServer, api: AgentSightAPI, filters: dict[str, Any], matching: list[int]
) -> None:
    """Each filter selects what it says, in fetching and in iterating."""
    _record(server, 10)
    expected = {f"conv_{number:04}" for number in matching}
    assert {row["conversation_id"] for row in api.fetch_conversations(**filters)["results"]} == expected
    assert {row["conversation_id"] for row in api.iter_conversations(**filters)} == expected


def test_iterating_over_many_pages(server: LocalServer, api: AgentSightAPI) -> None:
    """Every conversation is yielded once over several pages; full rows carry the transcript."""
    _record(server, 230)
    rows = list(api.iter_conversations())
    assert len({row["id"] for row in rows}) == len(rows) == 230
    assert "messages" not in rows[0]
    assert len([r for r in server.requests if r.path == "/api/conversations/"]) == 3
    assert len(next(api.iter_conversations(full=True))["messages"]) == 2


def test_a_read_key_may_not_write_and_unknown_ids_are_not_found(server: LocalServer) -> None:
    """The server's refusals come back as the exceptions of the contract."""
    _record(server, 1)
    with pytest.raises(ForbiddenException):
        ConversationManager(server.read_key, server.url).mark_conversation(1, True)
    with pytest.raises(NotFoundException):
        ConversationManager(server.api_key, server.url).rename_conversation("conv_none", "x")
    api = AgentSightAPI(server.read_key, server.url)
    with pytest.raises(NotFoundException):
        api.fetch_conversation("conv_none")
    with pytest.raises(ConversationApiException):
        api.fetch_conversations(environment="nowhere")


def test_reads_survive_faults_and_writes_are_sent_once(
    server: LocalServer, api: AgentSightAPI, manager: ConversationManager
) -> None:
    """A reset or a 503 costs a read nothing; a write whose answer is lost is reported, not repeated."""
    _record(server, 1)
    server.faults.reset("before", times=1, path="/api/conversations/")
    server.faults.respond(503, times=1, path="/api/conversations/", retry_after=0)
    assert api.fetch_conversations()["count"] == 1
    server.faults.respond(503, times=1, path="/api/tickets/")
    with pytest.raises(ConversationApiException):
        manager.create_ticket("once")
    assert api.fetch_tickets()["count"] == 0


def test_a_transcript_of_long_texts_is_read_whole(server: LocalServer) -> None:
    """Ten texts of 2 MB in one conversation come back as they were sent."""
    texts = [f"{number}" * 2_000_000 for number in range(10)]
    tracker = ConversationTracker(server.api_key, "long", server.url)
    for text in texts:
        tracker.track_human_message(text)
    assert tracker.send_tracked_data()["delivered"]
    found = AgentSightAPI(server.read_key, server.url, timeout=60).fetch_conversation("long")
    assert [message["content"] for message in found["messages"]] == texts
