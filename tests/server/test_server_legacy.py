"""The write routes of the 0.0.x SDKs."""

from __future__ import annotations

from typing import Any

import pytest
from server_api import Api, at, block, said, shown


def message(seconds: float, content: str, sender: str = "end_user", **more: Any) -> dict[str, Any]:
    """Return the body of a tracked message."""
    body = {"timestamp": at(seconds), "content": content, "sender": sender, "metadata": {}}
    return {**body, "conversation": None, "conversation_id": "c1", **more}


def test_upsert_keeps_what_is_stored(api: Api) -> None:
    """A second POST fills gaps but overrides nothing, except that it may make the conversation used."""
    first = {
        "conversation_id": "c1",
        "customer_id": None,
        "device": "tv",
        "is_used": False,
        "timestamp": at(5),
    }
    made = api.post("/api/conversations/", first)
    assert api.conversation()["is_used"] is False
    second = {"conversation_id": "c1", "customer_id": "bob", "device": "phone", "is_used": True}
    again = api.post("/api/conversations/", second, 200)
    assert (again["id"], again["customer_id"], again["device"]) == (made["id"], "bob", "tv")
    detail = api.conversation()
    assert (detail["customer_id"], detail["device"], detail["is_used"]) == ("bob", "tv", True)
    assert detail["started_at"] == shown(5)
    api.post("/api/conversations/", {"conversation_id": "c1"}, 200)
    assert api.conversation()["is_used"] is True


def test_a_location_goes_with_its_address(api: Api) -> None:
    """It changes with the address, and is not that of an address that was not taken."""
    api.ingest(block(conversation_id="c1", customer_ip_address="8.8.8.8"))
    assert api.conversation()["geo_location"]["ip_address"] == "8.8.8.8"
    api.ingest(block(conversation_id="c1", device="tv"))
    assert api.conversation()["geo_location"]["country"] == "US"
    api.ingest(block(conversation_id="c1", customer_ip_address="10.0.0.1"))
    other = {"conversation_id": "c1", "customer_ip_address": "8.8.8.8"}
    assert api.post("/api/conversations/", other, 200)["customer_ip_address"] == "10.0.0.1"
    detail = api.conversation()
    assert (detail["customer_ip_address"], detail["geo_location"]) == ("10.0.0.1", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "conversation_id"),
        ({"conversation_id": " "}, "conversation_id"),
        ({"conversation_id": "x" * 256}, "conversation_id"),
        ({"conversation_id": "x", "environment": "staging"}, "environment"),
        ({"conversation_id": "x", "customer_ip_address": "nowhere"}, "customer_ip_address"),
        ({"conversation_id": "x", "name": "n" * 256}, "name"),
        ({"conversation_id": {"a": 1}}, "conversation_id"),
    ],
)
def test_bad_conversations_are_refused(api: Api, body: dict[str, Any], field: str) -> None:
    """A wrong field is a 400 with a map that names it, and nothing is made."""
    assert list(api.post("/api/conversations/", body, 400)) == [field]
    assert api.get("/api/conversations/")["count"] == 0


def test_messages_actions_and_buttons_in_order_of_time(api: Api) -> None:
    """Whatever order they arrive in, they are read in order of their own times."""
    api.post("/api/track/", message(3, "answer", "agent"))
    api.post("/api/track/", message(1, "question"))
    action = {"timestamp": at(2), "action_name": "look", "duration_ms": "12.5", "error_msg": "x"}
    more = {"tools_used": {"a": 1}, "response": "r", "conversation_id": "c1", "metadata": {"k": 1}}
    made = api.post("/api/action_logs/", action | more | {"conversation": "None"})
    click = {"timestamp": at(4), "button_event": "e", "label": "L", "value": "v", "conversation_id": "c1"}
    api.post("/api/buttons/", click)
    detail = api.conversation()
    assert said(detail) == [
        (shown(1), "end_user", "question"),
        (shown(2), "agent", "Action look performed"),
        (shown(3), "agent", "answer"),
        (shown(4), "end_user", "Button clicked: L"),
    ]
    run = detail["messages"][1]["action_logs"][0]
    assert (run["id"], run["duration_ms"], run["error_message"]) == (made["id"], 12.5, "x")
    assert (run["tools_used"], run["response"], run["metadata"]) == ({"a": 1}, "r", {"k": 1})
    assert detail["messages"][3]["button"]["button_event"] == "e"
    assert (detail["is_used"], detail["ended_at"]) == (True, shown(4))


def test_replayed_bodies_make_one_row(api: Api) -> None:
    """0.0.44 sends a body again after a broken connection; the same body is the same row."""
    for route, body in (
        ("/api/track/", message(1, "once")),
        ("/api/action_logs/", {"timestamp": at(2), "action_name": "a", "conversation_id": "c1"}),
        (
            "/api/buttons/",
            {"timestamp": at(3), "button_event": "e", "label": "l", "value": "v", "conversation_id": "c1"},
        ),
        (
            "/api/action_logs/",
            {
                "timestamp": at(4),
                "action_name": "token_usage",
                "conversation_id": "c1",
                "metadata": {"prompt_tokens": 5},
            },
        ),
    ):
        first = api.post(route, body)
        assert api.post(route, body, 200)["id"] == first["id"]
    assert len(api.conversation()["messages"]) == 3
    assert api.get("/api/token-usage/")["results"][0]["prompt_tokens"] == 5


def test_same_words_at_another_time_are_another_message(api: Api) -> None:
    """Only the same time makes it the same message; without a time each is new."""
    api.post("/api/track/", message(1, "hi"))
    api.post("/api/track/", message(2, "hi"))
    for _ in range(2):
        api.post("/api/track/", message(2, "hi", timestamp=None))
    assert len(api.conversation()["messages"]) == 4


def test_token_report_is_usage_and_not_transcript(api: Api) -> None:
    """The action token_usage becomes token counts with a derived total, and no row of the transcript."""
    counts = {"prompt_tokens": 45, "completion_tokens": 32, "total_tokens": 0, "embedding_tokens": 0}
    body = {"timestamp": at(1), "action_name": "token_usage", "conversation_id": "c1", "metadata": counts}
    api.post("/api/action_logs/", body)
    detail = api.conversation()
    assert detail["messages"] == []
    assert detail["token_usage"]["totals"] == {
        "prompt_tokens": 45,
        "completion_tokens": 32,
        "total_tokens": 77,
    }


@pytest.mark.parametrize(
    ("route", "body", "field"),
    [
        ("/api/track/", message(1, ""), "content"),
        ("/api/track/", message(1, "x", "ghost"), "sender"),
        ("/api/track/", message(1, "x", conversation_id="None"), "conversation_id"),
        ("/api/track/", message(1, "x", conversation="abc"), "conversation"),
        ("/api/track/", message(1, "x", timestamp="noon"), "timestamp"),
        ("/api/action_logs/", {"conversation_id": "c1"}, "action_name"),
        (
            "/api/action_logs/",
            {"action_name": "a", "conversation_id": "c1", "duration_ms": "x"},
            "duration_ms",
        ),
        ("/api/action_logs/", {"action_name": "a", "conversation_id": "c1", "started_at": "x"}, "started_at"),
        ("/api/buttons/", {"conversation_id": "c1", "label": "l", "value": "v"}, "button_event"),
    ],
)
def test_bad_bodies_are_refused(api: Api, route: str, body: dict[str, Any], field: str) -> None:
    """A wrong field is a 400 that names it, and nothing is written."""
    assert list(api.post(route, body, 400)) == [field]
    assert api.get("/api/conversations/")["count"] == 0


def test_a_key_of_nobody_is_not_found(api: Api) -> None:
    """A conversation or message key the agent does not have is a 404."""
    assert api.post("/api/track/", message(1, "x", conversation=999999), 404)
    files = {"attachments": [{"filename": "a", "mime_type": "a/b", "data": ""}], "message": 987}
    assert api.post("/api/attachments/", files, 404) == {"detail": "Message 987 not found"}


def test_numbers_as_content_are_text(api: Api) -> None:
    """0.0.44 does not check types: a number as content is stored as its text, odd metadata is wrapped."""
    api.post("/api/track/", message(1, 123, metadata=[1]))  # type: ignore[arg-type] - what 0.0.44 lets through
    row = api.conversation()["messages"][0]
    assert (row["content"], row["metadata"]) == ("123", {"value": [1]})


def test_message_route(api: Api) -> None:
    """One message can be read, and its metadata replaced."""
    made = api.post("/api/track/", message(1, "x", metadata={"a": 1}))
    path = f"/api/track/{made['id']}/"
    assert api.get(path) == api.conversation()["messages"][0]
    answer = api.call("PATCH", path, json={"metadata": {"b": 2}, "content": "changed"})
    assert (answer.json()["metadata"], answer.json()["content"]) == ({"b": 2}, "x")
    assert api.call("PATCH", path, json={}).status_code == 400
