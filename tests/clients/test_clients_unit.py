from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from scripted_server import KEY, Asked, Script

from agentsight_otel.clients import AgentSightAPI, ConversationManager
from agentsight_otel.config import Config
from agentsight_otel.enums import Sentiment
from agentsight_otel.exceptions import (
    AgentSightException,
    ConversationApiException,
    InvalidApiKeyException,
    InvalidChoiceException,
    InvalidConversationDataException,
    MissingConversationIdException,
    NoApiKeyException,
    NotFoundException,
)


def test_construction_needs_no_key() -> None:
    """Without a key a client can be built; the first call says what is missing."""
    with pytest.raises(NoApiKeyException) as caught:
        AgentSightAPI().fetch_conversations()
    assert caught.value.field == "api_key"


def test_key_from_the_environment_is_read_at_the_first_call(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key set after the client was built is used."""
    api = AgentSightAPI(endpoint=script.url)
    monkeypatch.setenv("AGENTSIGHT_API_KEY", KEY)
    api.fetch_identity()
    assert script.asked[0].headers["Authorization"] == f"Api-Key {KEY}"


def test_malformed_key_is_refused_at_construction_and_not_shown() -> None:
    """A malformed key raises at once and the exception does not quote it."""
    with pytest.raises(InvalidApiKeyException) as caught:
        ConversationManager(api_key="ags_secret")
    assert "ags_secret" not in str(caught.value)


def test_config_object_and_settings(script: Script) -> None:
    """A Config gives the destination; further settings go by name; an unknown one is a TypeError."""
    api = AgentSightAPI(config=Config(api_key=KEY, endpoint=script.url + "/"), timeout=3.0)
    api.fetch_identity()
    assert script.lines == ["GET /api/me/"]
    assert api.config.timeout == 3.0
    with pytest.raises(TypeError):
        AgentSightAPI(colour="red")


def test_configure_moves_the_client_to_another_destination(script: Script, api: AgentSightAPI) -> None:
    """After configure() the next call goes out with the new key; close() only closes connections."""
    api.fetch_identity()
    other = "ags_" + "1" * 32 + "_abcdef"
    api.configure(api_key=other)
    api.fetch_identity()
    api.close()
    api.fetch_identity()
    assert [r.headers["Authorization"][-len(KEY) :] for r in script.asked] == [KEY, other, other]


@pytest.mark.parametrize(
    ("call", "line", "body"),
    [
        (
            lambda m: m.rename_conversation(7, "  New  "),
            "PATCH /api/conversations/7/rename/",
            {"name": "New"},
        ),
        (lambda m: m.mark_conversation(7, True), "POST /api/conversations/7/mark/", {"is_marked": True}),
        (lambda m: m.delete_conversation(7), "DELETE /api/conversations/7/delete/", None),
        (lambda m: m.undelete_conversation(7), "POST /api/conversations/7/undelete/", None),
        (lambda m: m.purge_conversation(7), "DELETE /api/conversations/7/purge/", None),
        (
            lambda m: m.update_conversation(7, is_marked=False, device="", metadata={"n": Decimal("1.5")}),
            "PATCH /api/conversations/7/update/",
            {"is_marked": False, "device": "", "metadata": {"n": "1.5"}},
        ),
        (
            lambda m: m.submit_feedback("conv_1", Sentiment.POSITIVE, comment=""),
            "POST /api/conversation-feedbacks/",
            {"conversation_id": "conv_1", "sentiment": "positive"},
        ),
        (
            lambda m: m.submit_feedback(7, "negative", "slow", {"a": 1}),
            "POST /api/conversation-feedbacks/",
            {"conversation": 7, "sentiment": "negative", "comment": "slow", "metadata": {"a": 1}},
        ),
        (lambda m: m.update_message(3, {"a": 1}), "PATCH /api/track/3/", {"metadata": {"a": 1}}),
        (
            lambda m: m.submit_message_feedback(3, "neutral", topic="tone"),
            "POST /api/feedbacks/",
            {"kind": "message", "sentiment": "neutral", "message": 3, "topic": "tone"},
        ),
        (lambda m: m.update_feedback(4, comment="x"), "PATCH /api/feedbacks/4/", {"comment": "x"}),
        (lambda m: m.delete_feedback(4), "DELETE /api/feedbacks/4/", None),
        (
            lambda m: m.create_ticket("Broken", priority="high", tags=("a", "b"), conversation_id=7),
            "POST /api/tickets/",
            {"title": "Broken", "priority": "high", "tags": ["a", "b"], "conversation_id": 7},
        ),
        (lambda m: m.update_ticket(5, status="done"), "PATCH /api/tickets/5/", {"status": "done"}),
        (lambda m: m.delete_ticket(5), "DELETE /api/tickets/5/", None),
        (lambda m: m.add_ticket_comment(5, "seen"), "POST /api/tickets/5/comments/", {"body": "seen"}),
        (
            lambda m: m.create_action("refund", display_name="Refund"),
            "POST /api/actions/",
            {"name": "refund", "display_name": "Refund"},
        ),
        (lambda m: m.update_action(6, name="repay"), "PATCH /api/actions/6/", {"name": "repay"}),
    ],
)
def test_each_write_is_one_request_of_the_contract(
    script: Script,
    manager: ConversationManager,
    call: Callable[[ConversationManager], Any],
    line: str,
    body: object,
) -> None:
    """With an integer id every write is exactly one request with the body of the contract."""
    call(manager)
    assert script.lines == [line]
    assert script.asked[0].body == body


def test_string_id_is_looked_up(script: Script, manager: ConversationManager) -> None:
    """A string id costs one lookup, its characters quoted; then the key is used."""
    manager.mark_conversation("a&b c", 1)  # type: ignore[arg-type]  # 0.0.44 coerces
    assert script.lines == ["GET /api/conversations/lookup/", "POST /api/conversations/7/mark/"]
    assert script.asked[0].query == [("conversation_id", "a&b c")]
    assert script.asked[1].body == {"is_marked": True}


def test_lookup_without_an_id_is_an_error(script: Script, manager: ConversationManager) -> None:
    """A lookup that answers without an id is reported instead of writing to a wrong path."""
    script.then(200, {})
    with pytest.raises(ConversationApiException):
        manager.delete_conversation("conv_1")
    assert len(script.asked) == 1


def test_update_metadata_merges_and_removes(script: Script, manager: ConversationManager) -> None:
    """Where the server cannot merge, update_metadata keeps the other keys and removes the named ones."""
    script.then(404, b"<h1>Not Found</h1>")
    script.then(200, {"id": 7, "metadata": {"a": 1, "b": 2, "c": 3}})
    manager.update_metadata(7, {"a": 9, "d": 4}, remove=["b"])
    assert script.lines[1:] == ["GET /api/conversations/7/", "PATCH /api/conversations/7/update/"]
    assert script.asked[2].body == {"metadata": {"a": 9, "c": 3, "d": 4}}


def test_agent_feedback_names_the_agent_of_the_key(script: Script, manager: ConversationManager) -> None:
    """submit_agent_feedback asks whose key it is and rates that agent."""
    script.then(200, {"agent_id": 12})
    manager.submit_agent_feedback("positive", environment="staging")
    assert script.asked[1].body == {
        "kind": "agent",
        "sentiment": "positive",
        "agent": 12,
        "environment": "staging",
    }


BAD_INPUT: list[tuple[Callable[[ConversationManager], Any], type[Exception], str | None]] = [
    (lambda m: m.rename_conversation(7, " "), InvalidConversationDataException, "name"),
    (lambda m: m.rename_conversation(7, "x" * 256), InvalidConversationDataException, "name"),
    (lambda m: m.rename_conversation(7, None), InvalidConversationDataException, "name"),
    (lambda m: m.rename_conversation("  ", "x"), MissingConversationIdException, "conversation_id"),
    (lambda m: m.delete_conversation(None), ValueError, "conversation_id"),
    (lambda m: m.delete_conversation(True), ValueError, "conversation_id"),
    (lambda m: m.delete_conversation(1.5), ValueError, "conversation_id"),
    (lambda m: m.delete_conversation(0), ValueError, "conversation_id"),
    (lambda m: m.update_conversation(7), ValueError, None),
    (lambda m: m.update_conversation(7, name=""), InvalidConversationDataException, "name"),
    (lambda m: m.update_conversation(7, metadata=["a"]), InvalidConversationDataException, "metadata"),
    (lambda m: m.submit_feedback("", "positive"), ValueError, "conversation_id"),
    (lambda m: m.submit_feedback("c", "great"), InvalidChoiceException, "sentiment"),
    (lambda m: m.submit_feedback("c", None), ValueError, "sentiment"),
    (lambda m: m.submit_feedback("c", "neutral", "x" * 5001), InvalidConversationDataException, "comment"),
    (lambda m: m.submit_feedback("c", "neutral", 5), InvalidConversationDataException, "comment"),
    (lambda m: m.submit_feedback("c", "neutral", None, "x"), InvalidConversationDataException, "metadata"),
    (lambda m: m.submit_message_feedback("3", "neutral"), InvalidConversationDataException, "message_id"),
    (lambda m: m.submit_message_feedback(3, "neutral", topic="x" * 51), AgentSightException, "topic"),
    (lambda m: m.update_feedback(4), ValueError, None),
    (lambda m: m.create_ticket(""), InvalidConversationDataException, "title"),
    (lambda m: m.create_ticket("x", status="opened"), InvalidChoiceException, "status"),
    (lambda m: m.update_ticket(5, priority="urgent"), InvalidChoiceException, "priority"),
    (lambda m: m.update_metadata(7), ValueError, None),
    (lambda m: m.update_conversation(7, clear=["name"]), ValueError, "clear"),
]


@pytest.mark.parametrize(("call", "kind", "field"), BAD_INPUT)
def test_bad_input_is_refused_before_any_request(
    script: Script,
    manager: ConversationManager,
    call: Callable[[ConversationManager], Any],
    kind: type[Exception],
    field: str | None,
) -> None:
    """Wrong arguments raise the contract's exception naming field and limit; nothing is sent."""
    with pytest.raises(kind) as caught:
        call(manager)
    assert isinstance(caught.value, AgentSightException)
    assert caught.value.field == field
    assert caught.value.limit
    assert script.asked == []


def test_every_filter_reaches_the_query(script: Script, api: AgentSightAPI) -> None:
    """Filters are encoded as the contract says; None is left out; extra ones pass unchanged."""
    api.fetch_conversations(
        action_name="search",
        customer_id="c1",
        has_messages=True,
        is_marked=False,
        page=2,
        page_size=50,
        started_at_after=datetime(2026, 1, 2, tzinfo=UTC),
        metadata="plan:pro",
        feedback_sentiment=Sentiment.NEGATIVE,
        feedback_source="customer",
        customer_id__icontains="c",
        source="web",
        full=False,
    )
    assert dict(script.asked[0].query) == {
        "action_name": "search",
        "customer_id": "c1",
        "has_messages": "true",
        "is_marked": "false",
        "page": "2",
        "page_size": "50",
        "started_at_after": "2026-01-02T00:00:00+00:00",
        "metadata": "plan:pro",
        "feedback_sentiment": "negative",
        "feedback_source": "customer",
        "customer_id__icontains": "c",
        "source": "web",
        "full": "false",
    }


@pytest.mark.parametrize(
    ("metadata", "query"),
    [
        ({"plan": "pro", "vip": True, "n": None}, [("metadata", "plan:pro,vip:true,n:null")]),
        ({"url": "http://x,y"}, [("metadata_key", "url"), ("metadata_value", "http://x,y")]),
        ({}, []),
    ],
)
def test_metadata_filter_as_a_dict(
    script: Script, api: AgentSightAPI, metadata: dict[str, Any], query: list[tuple[str, str]]
) -> None:
    """A dict becomes the contract's form, or the key and value pair when it holds its separators."""
    api.fetch_conversations(metadata=metadata)
    assert script.asked[0].query == query


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"feedback_sentiment": "great"}, "feedback_sentiment"),
        ({"feedback_source": "robot"}, "feedback_source"),
        ({"metadata": {"a": "x:y", "b": 1}}, "metadata"),
        ({"device": object()}, "device"),
    ],
)
def test_bad_filters_are_refused_when_the_iterator_is_asked_for(
    script: Script, api: AgentSightAPI, filters: dict[str, Any], field: str
) -> None:
    """Fetching and iterating refuse a bad filter at the call, not at the first row."""
    for call in (api.fetch_conversations, api.iter_conversations):
        with pytest.raises(InvalidConversationDataException) as caught:
            call(**filters)
        assert caught.value.field == field
    assert script.asked == []


def test_fetch_conversation_by_key_and_by_string(script: Script, api: AgentSightAPI) -> None:
    """An integer asks for the detail, a string for the list; an empty list is NotFound."""
    script.then(200, {"id": 7, "messages": []})
    script.then(200, {"results": [{"id": 8}]})
    script.then(200, {"results": []})
    assert api.fetch_conversation(7)["id"] == 7
    assert api.fetch_conversation("conv_8")["id"] == 8
    with pytest.raises(NotFoundException):
        api.fetch_conversation("conv_9")
    assert script.lines == ["GET /api/conversations/7/", *["GET /api/conversations/"] * 2]


def _three_pages(asked: Asked) -> tuple[int, Any]:
    query = dict(asked.query)
    page = int(query["page"])
    rows = [{"id": i} for i in ([1, 2], [2, 3], [4])[page - 1]]
    return 200, {"results": rows, "next": "more" if page < 3 else None}


def test_iteration_is_lazy_and_yields_each_row_once(script: Script, api: AgentSightAPI) -> None:
    """Pages are fetched as they are needed; a row pushed onto the next page is not yielded again."""
    script.reply = _three_pages
    rows = api.iter_conversations(is_marked=True, page=9)
    assert script.asked == []
    assert next(rows)["id"] == 1
    assert len(script.asked) == 1
    assert [row["id"] for row in rows] == [2, 3, 4]
    assert [dict(r.query)["page"] for r in script.asked] == ["1", "2", "3"]
    assert dict(script.asked[0].query) == {
        "full": "false",
        "is_marked": "true",
        "page": "1",
        "page_size": "100",
    }


def test_iteration_ends_when_rows_vanish(script: Script, api: AgentSightAPI) -> None:
    """A 404 for a later page ends the iteration; a 404 for the first is an error."""
    script.then(200, {"results": [{"id": 1}], "next": "more"})
    script.then(404, {"detail": "Invalid page."})
    assert len(list(api.iter_tickets(status=["open", "done"]))) == 1
    assert [v for k, v in script.asked[0].query if k == "status"] == ["open", "done"]
    script.then(404, {"detail": "no"})
    with pytest.raises(NotFoundException):
        list(api.iter_spans())


READS: list[tuple[Callable[[AgentSightAPI], Any], str]] = [
    (lambda a: a.fetch_conversation_attachments(7), "/api/conversations/7/attachments/"),
    (lambda a: a.fetch_message(3), "/api/track/3/"),
    (lambda a: a.fetch_messages(7), "/api/conversations/7/"),
    (lambda a: a.fetch_feedbacks(kind="agent"), "/api/feedbacks/"),
    (lambda a: list(a.iter_feedbacks()), "/api/feedbacks/"),
    (lambda a: a.fetch_feedback(4), "/api/feedbacks/4/"),
    (lambda a: a.fetch_tickets(), "/api/tickets/"),
    (lambda a: a.fetch_ticket(5), "/api/tickets/5/"),
    (lambda a: a.fetch_ticket_comments(5), "/api/tickets/5/comments/"),
    (lambda a: a.fetch_actions(), "/api/actions/"),
    (lambda a: list(a.iter_actions()), "/api/actions/"),
    (lambda a: a.fetch_action(6), "/api/actions/6/"),
    (lambda a: a.fetch_action_logs(6), "/api/actions/6/logs/"),
    (lambda a: a.fetch_token_usage(), "/api/token-usage/"),
    (lambda a: list(a.iter_token_usage()), "/api/token-usage/"),
    (lambda a: a.fetch_token_usage_summary("day"), "/api/token-usage/summary/"),
    (lambda a: a.fetch_spans(kind="llm"), "/api/spans/"),
    (lambda a: a.fetch_span(9, payload=True), "/api/spans/9/"),
    (lambda a: a.fetch_trace("A" * 32), "/api/traces/" + "a" * 32 + "/"),
    (lambda a: a.fetch_metadata_keys(), "/api/conversations/metadata-keys/"),
    (lambda a: a.fetch_metadata_values("plan"), "/api/conversations/metadata-values/"),
    (lambda a: a.fetch_message_metadata_keys(), "/api/conversations/message-metadata-keys/"),
    (lambda a: a.fetch_buttons(), "/api/buttons/"),
    (lambda a: list(a.iter_buttons()), "/api/buttons/"),
    (lambda a: a.fetch_button_stats("buy"), "/api/buttons/stats/"),
]


@pytest.mark.parametrize(("call", "path"), READS)
def test_each_read_is_one_request_of_the_contract(
    script: Script, api: AgentSightAPI, call: Callable[[AgentSightAPI], Any], path: str
) -> None:
    """Every reading method asks for its route once."""
    call(api)
    assert script.lines == [f"GET {path}"]


@pytest.mark.parametrize("client", [AgentSightAPI, ConversationManager])
def test_settings_of_0_0_44_are_accepted(client: type[AgentSightAPI | ConversationManager]) -> None:
    """Code written for 0.0.44 may go on naming its log level and app address; both have no effect."""
    made = client(log_level="DEBUG", app_url="https://app.example", endpoint="http://localhost:1")
    made.configure(token_handler="langchain")
    assert made.config.endpoint == "http://localhost:1"
