"""Feedback, tickets, actions, token usage and spans over REST."""

from __future__ import annotations

from typing import Any

import pytest
from server_api import Api, at, block, span, turn


@pytest.fixture
def talked(api: Api) -> Api:
    """Return an agent with one conversation of two messages."""
    api.ingest(block(turn(1, 1, (1, "end_user", "q"), (2, "agent", "a"))))
    return api


def feedback(api: Api, status: int = 201, **body: Any) -> Any:
    """Create feedback."""
    return api.post("/api/feedbacks/", body, status)


def test_conversation_feedback(talked: Api) -> None:
    """Feedback by string or key; its environment is the conversation's."""
    key = talked.conversation()["id"]
    one = feedback(talked, kind="conversation", conversation_id="c1", sentiment="positive", comment="good")
    assert (one["kind"], one["conversation"], one["conversation_id"]) == ("conversation", key, "c1")
    assert (one["environment"], one["agent"], one["user"]) == ("production", talked.agent_id, None)
    two = feedback(talked, kind="conversation", conversation=key, sentiment="negative")
    page = talked.get("/api/feedbacks/")
    assert [row["id"] for row in page["results"]] == [two["id"], one["id"]]
    assert page["counts"] == {"all": 2}
    assert talked.get(f"/api/feedbacks/{one['id']}/") == {**one, "ticket": None}
    assert [row["id"] for row in talked.conversation()["feedbacks"]] == [two["id"], one["id"]]


def test_one_vote_per_message(talked: Api) -> None:
    """A second vote on a message answers 200, changes the first and keeps what it does not name."""
    message = talked.conversation()["messages"][1]["id"]
    first = feedback(
        talked, kind="message", message=message, sentiment="positive", topic="facts", comment="x"
    )
    again = feedback(talked, 200, kind="message", message=message, sentiment="negative")
    assert again == {**first, "sentiment": "negative"}
    assert (again["topic"], again["reason"], again["message"]) == ("facts", None, message)
    assert talked.conversation()["messages"][1]["feedback"]["sentiment"] == "negative"
    assert talked.get(f"/api/track/{message}/")["feedback"]["id"] == first["id"]
    assert talked.get("/api/feedbacks/")["count"] == 1


def test_agent_feedback(api: Api) -> None:
    """Feedback on the agent may name an environment, and has to name the agent of the key."""
    body = {"kind": "agent", "agent": api.agent_id, "sentiment": "neutral"}
    made = feedback(api, **body, environment="dev")
    assert (made["environment"], made["conversation"]) == ("development", None)
    assert list(feedback(api, 400, **body, environment="staging")) == ["environment"]
    for wrong in (None, 999999):
        assert list(feedback(api, 400, **body | {"agent": wrong})) == ["agent"]


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ({"kind": "product", "sentiment": "positive"}, 403, "detail"),
        ({"sentiment": "positive"}, 400, "kind"),
        ({"kind": "x", "sentiment": "positive"}, 400, "kind"),
        ({"kind": "conversation", "conversation_id": "c1"}, 400, "sentiment"),
        ({"kind": "conversation", "conversation_id": "no", "sentiment": "positive"}, 404, "detail"),
        ({"kind": "conversation", "sentiment": "positive"}, 400, "conversation_id"),
        ({"kind": "message", "message": 987654, "sentiment": "positive"}, 400, "message"),
        ({"kind": "message", "sentiment": "positive"}, 400, "message"),
        ({"kind": "agent", "sentiment": "positive", "topic": "x"}, 400, "topic"),
        ({"kind": "agent", "sentiment": "positive", "comment": "x" * 5001}, 400, "comment"),
        ({"kind": "agent", "sentiment": "positive"}, 400, "agent"),
    ],
)
def test_bad_feedback(talked: Api, body: dict[str, Any], status: int, answer: str) -> None:
    """Wrong feedback is refused with the field's name."""
    assert list(feedback(talked, status, **body)) == [answer]


def test_feedback_texts_of_the_contract(talked: Api) -> None:
    """The literal texts for a bad sentiment and a derived environment."""
    body = {"kind": "conversation", "conversation_id": "c1"}
    assert feedback(talked, 400, **body, sentiment="x") == {"sentiment": ['"x" is not a valid choice.']}
    assert feedback(talked, 400, **body, sentiment="positive", environment="production") == {
        "environment": ["Derived from the conversation."]
    }


def test_changing_and_deleting_feedback(talked: Api) -> None:
    """PATCH changes what it names; DELETE is for good."""
    made = feedback(talked, kind="conversation", conversation_id="c1", sentiment="positive", comment="x")
    path = f"/api/feedbacks/{made['id']}/"
    changed = talked.call("PATCH", path, json={"sentiment": "neutral"}).json()
    assert (changed["sentiment"], changed["comment"]) == ("neutral", "x")
    assert talked.call("PATCH", path, json={"topic": "x"}).status_code == 400
    assert talked.call("PATCH", path, json={"environment": "dev"}).status_code == 400
    assert talked.call("DELETE", path).status_code == 204
    assert talked.call("GET", path).status_code == 404


def test_feedback_filters(talked: Api) -> None:
    """Each filter finds what it says."""
    message = talked.conversation()["messages"][1]["id"]
    feedback(talked, kind="message", message=message, sentiment="positive", topic="t", reason="r")
    feedback(talked, kind="conversation", conversation_id="c1", sentiment="negative", comment="Slow 100%")
    feedback(talked, kind="agent", agent=talked.agent_id, sentiment="neutral", environment="dev")

    def found(**query: Any) -> list[str]:
        return [row["kind"] for row in talked.get("/api/feedbacks/", params=query)["results"]]

    assert found() == ["agent", "conversation", "message"]
    assert found(kind="message") == ["message"]
    assert found(sentiment="negative") == ["conversation"]
    assert found(conversation_id="c1") == ["conversation", "message"]
    assert found(message=message) == ["message"]
    assert found(topic="t", reason="r") == ["message"]
    assert found(environment="development") == found(env="dev") == ["agent"]
    assert found(conversation=talked.conversation()["id"]) == ["conversation", "message"]
    assert found(category="none") == []
    assert found(created_at_after="2020-01-01T00:00:00Z") == found()
    assert found(has_comment="true") == ["conversation"]
    assert found(comment_contains="SLOW") == ["conversation"]
    assert found(search="100%") == ["conversation"]
    assert found(ordering="id") == ["message", "conversation", "agent"]
    assert found(created_at_before="2020-01-01T00:00:00Z") == []
    assert talked.call("GET", "/api/feedbacks/", params={"kind": "product"}).status_code == 403
    for name in ("has_ticket", "ticket_status"):
        answer = talked.call("GET", "/api/feedbacks/", params={name: "true"})
        assert (answer.status_code, list(answer.json())) == (400, [name])


def test_feedback_by_agent_and_user(talked: Api, other: Api) -> None:
    """The key's own agent gave all of it, another agent none, and no user any."""
    talked.post("/api/feedbacks/", {"kind": "agent", "agent": talked.agent_id, "sentiment": "neutral"})
    for query, count in (
        ({"agent": talked.agent_id}, 1),
        ({"agent": other.agent_id}, 0),
        ({"user": 1}, 0),
        ({}, 1),
    ):
        assert talked.get("/api/feedbacks/", params=query)["count"] == count


def test_tickets_made_from_feedback(talked: Api) -> None:
    """A ticket inherits its feedback's conversation; feedback lists count and show the tickets."""
    made = feedback(talked, kind="conversation", conversation_id="c1", sentiment="negative")
    feedback(talked, kind="agent", agent=talked.agent_id, sentiment="neutral")
    body = {"title": "Fix", "feedback_id": made["id"], "priority": "high", "tags": ["a", "b"]}
    ticket = talked.post("/api/tickets/", body)
    assert ticket["conversation"]["conversation_id"] == "c1"
    assert ticket["feedback"]["id"] == made["id"]
    assert (ticket["status"], ticket["priority"], ticket["tags"]) == ("open", "high", ["a", "b"])
    page = talked.get("/api/feedbacks/", params={"include_tickets": "true"})
    assert [row["ticket"]["id"] for row in page["results"]] == [ticket["id"]]
    assert page["counts"]["tickets"] == page["counts"]["open_tickets"] == page["counts"]["open"] == 1
    for more, count, still_open in (
        ({"ticket_status": "closed"}, 0, 1),
        ({"ticket_status": ["closed", "open"]}, 1, 1),
        ({"has_ticket": "true"}, 1, 1),
        ({"has_ticket": "false"}, 1, 0),
    ):
        page = talked.get("/api/feedbacks/", params={"include_tickets": "true", **more})
        assert (page["count"], page["counts"]["open"]) == (count, still_open)
    assert talked.conversation()["tickets"][0]["id"] == ticket["id"]
    assert talked.get("/api/conversations/", params={"include_tickets": "on"})["count"] == 1


def test_ticket_life(talked: Api) -> None:
    """Create, comment, change, list, delete; comments are the agent's, oldest first."""
    ticket = talked.post(
        "/api/tickets/", {"title": "T", "conversation_id": talked.conversation()["id"], "environment": "dev"}
    )
    path = f"/api/tickets/{ticket['id']}/"
    for text in ("one", "two"):
        comment = talked.post(path + "comments/", {"body": text})
        assert (comment["role"], comment["author"], comment["body"]) == ("agent", "tested", text)
    assert [c["body"] for c in talked.get(path)["comments"]] == ["one", "two"]
    assert [c["body"] for c in talked.get(path + "comments/")["results"]] == ["one", "two"]
    changed = talked.call("PATCH", path, json={"status": "done", "priority": None, "environment": "prod"})
    assert (changed.json()["status"], changed.json()["environment"]) == ("done", "development")
    assert talked.call("DELETE", path).status_code == 204
    assert talked.call("GET", path).status_code == 404
    assert talked.call("GET", path + "comments/").status_code == 404


def test_ticket_filters(talked: Api) -> None:
    """Each filter finds what it says; status repeats as OR, tags as any of them."""
    key = talked.conversation()["id"]
    talked.post("/api/tickets/", {"title": "Alpha", "status": "backlog", "tags": ["x", 'q"t']})
    talked.post("/api/tickets/", {"title": "Beta", "priority": "low", "conversation_id": key, "tags": ["xy"]})
    talked.post("/api/tickets/", {"title": "Gamma", "status": "closed"})

    def found(**query: Any) -> list[str]:
        return [row["title"] for row in talked.get("/api/tickets/", params=query)["results"]]

    assert found() == ["Gamma", "Beta", "Alpha"]
    assert found(status=["open", "closed"]) == ["Gamma", "Beta"]
    assert found(priority="low") == ["Beta"]
    assert found(conversation=key) == ["Beta"]
    assert found(conversation_id="c1") == ["Beta"]
    assert found(has_conversation="false") == ["Gamma", "Alpha"]
    assert found(has_feedback="true") == []
    assert found(tags="x") == ["Alpha"]
    assert found(tags='xy,q"t') == ["Beta", "Alpha"]
    assert found(search="AM") == ["Gamma"]
    assert found(ordering="title") == ["Alpha", "Beta", "Gamma"]
    assert found(has_conversation="true") == ["Beta"]
    for name in ("created_at", "updated_at"):
        assert found(**{f"{name}_before": "2020-01-01T00:00:00Z"}) == []
        assert found(**{f"{name}_after": "2020-01-01T00:00:00Z"}) == found()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": " "}, "title"),
        ({"title": "t", "status": "x"}, "status"),
        ({"title": "t", "priority": "x"}, "priority"),
        ({"title": "t", "tags": "x"}, "tags"),
        ({"title": "t", "environment": "x"}, "environment"),
        ({"title": "t", "conversation_id": 987654}, "conversation_id"),
        ({"title": "t", "feedback_id": 987654}, "feedback_id"),
    ],
)
def test_bad_tickets(api: Api, body: dict[str, Any], field: str) -> None:
    """A wrong field is a 400 that names it."""
    assert list(api.post("/api/tickets/", body, 400)) == [field]


def test_actions(api: Api) -> None:
    """Declare, rename, describe; a first run adopts the declaration; names are unique per agent."""
    made = api.post("/api/actions/", {"name": "search", "description": "looks"})
    assert (made["display_name"], made["agent"]) == ("search", api.agent_id)
    assert api.post("/api/actions/", {"name": "search"}, 400) == {
        "name": ['An action named "search" already exists for this agent.']
    }
    path = f"/api/actions/{made['id']}/"
    api.call("PATCH", path, json={"display_name": "Search the web"})
    api.ingest(block(span(1, "tool", 1, tool__name="search"), span(2, "tool", 2, tool__name="send")))
    assert [row["name"] for row in api.get("/api/actions/")["results"]] == ["search", "send"]
    assert api.get(path)["display_name"] == "Search the web"
    assert len(api.get(path + "logs/")) == 1
    assert api.call("PATCH", path, json={"name": "send"}).status_code == 400
    for query in ({"name": "send"}, {"name__icontains": "SEN"}, {"display_name": "SEND"}, {"search": "sen"}):
        assert [row["name"] for row in api.get("/api/actions/", params=query)["results"]] == ["send"]


def test_usage_filters_and_summary(api: Api) -> None:
    """Rows filter; sums group by model, conversation or day, biggest first."""
    tokens = {"gen_ai__usage__input_tokens": 10}
    api.ingest(
        block(span(1, "llm", 1, gen_ai__request__model="gpt-4o", **tokens), conversation_id="a"),
        block(
            span(2, "llm", 2, gen_ai__request__model="mine", **tokens),
            span(3, "llm", 3, gen_ai__request__model="mine", **tokens),
            conversation_id="b",
            environment="dev",
        ),
    )
    assert api.get("/api/token-usage/")["count"] == 3
    for query, count in (
        ({"model": "mine"}, 2),
        ({"conversation_id": "a"}, 1),
        ({"environment": "development"}, 2),
        ({"cost_source": "unpriced"}, 2),
        ({"incomplete": "true"}, 0),
        ({"incomplete": "false"}, 3),
        ({"conversation": api.conversation("b")["id"]}, 2),
        ({"turn_id": "none"}, 0),
        ({"env": "development"}, 3),
        ({"started_at_after": at(2.5)}, 1),
        ({"started_at_before": at(1.5)}, 1),
    ):
        assert api.get("/api/token-usage/", params=query)["count"] == count
    by_model = api.get("/api/token-usage/summary/")
    assert (by_model["group_by"], by_model["currency"]) == ("model", "USD")
    assert [(row["group"], row["calls"], row["total_tokens"]) for row in by_model["results"]] == [
        ("mine", 2, 20),
        ("gpt-4o", 1, 10),
    ]
    assert by_model["results"][1]["cost_usd"] == 0.000025
    by_day = api.get("/api/token-usage/summary/", params={"group_by": "day"})["results"]
    assert [(row["group"], row["rows"]) for row in by_day] == [("2026-03-04", 3)]
    by_conversation = api.get("/api/token-usage/summary/", params={"group_by": "conversation"})["results"]
    assert by_conversation[0]["group"] == api.conversation("b")["id"]
    bad = api.call("GET", "/api/token-usage/summary/", params={"group_by": "week"})
    assert bad.json() == {"group_by": "Must be one of: model, conversation, day."}


def test_span_filters(api: Api) -> None:
    """Spans filter by every field of the contract; `paginate=false` is not understood here."""
    broken = span(2, "tool", 2, 3, tool__name="x") | {"status": "error", "parent_span_id": f"{1:016x}"}
    api.ingest(block(span(1, "llm", 1), broken))
    for query, count in (
        ({"kind": "tool"}, 1),
        ({"status": "error"}, 1),
        ({"name": "llm"}, 1),
        ({"conversation_id": "c1"}, 2),
        ({"trace_id": f"{7:032x}"}, 2),
        ({"span_id": f"{2:016x}"}, 1),
        ({"parent_span_id": f"{1:016x}"}, 1),
        ({"environment": "dev"}, 0),
        ({"conversation": api.conversation()["id"]}, 2),
        ({"started_at_after": at(1.5)}, 1),
        ({"started_at_before": at(1)}, 1),
        ({"paginate": "false"}, 2),
    ):
        assert api.get("/api/spans/", params=query)["count"] == count
    newest = api.get("/api/spans/")["results"][0]
    assert (newest["kind"], newest["attributes"]) == ("tool", {"agentsight.tool.name": "x"})
    assert api.call("GET", f"/api/traces/{'0' * 32}/").status_code == 404


def test_import_documents(api: Api) -> None:
    """Schema, limits and example can be read with a key; runs cannot be started with one."""
    assert api.get("/api/imports/schema/")["properties"]["schema_version"] == {"const": 1}
    assert api.get("/api/imports/limits/")["max_conversations"] == 100_000
    assert api.get("/api/imports/example/")["conversations"]
    assert api.call("POST", "/api/imports/", json={}).status_code == 403
