"""Every route of the table against every kind of key: nobody sees or changes another agent's rows."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from server_api import Api, at, block, span, turn

from agentsight_otel.server.api.routes import ROUTES
from agentsight_otel.server.api.routing import Route
from agentsight_otel.server.store.keys import list_keys, revoke_key

SECRET = "sentinel-of-the-owner"
TRACE = f"{7:032x}"
KEYED = [route for route in ROUTES if route.role is not None]


def name_of(route: Route) -> str:
    """Return a test id."""
    return f"{route.method} {route.path}"


def fill(api: Api) -> dict[str, int]:
    """Give an agent one of everything; return the keys by the path they belong to."""
    made = turn(1, 1, (1, "end_user", SECRET), (2, "agent", SECRET))
    made["events"][0]["attributes"]["agentsight.message.metadata"] = f'{{"{SECRET}": 1}}'
    llm = span(3, "llm", 3, gen_ai__request__model=SECRET, gen_ai__usage__input_tokens=5)
    button = span(4, "button", 4, button__event=SECRET, button__label=SECRET, button__value=SECRET)
    tool = span(2, "tool", 2, tool__name=SECRET, tool__response=SECRET)
    owned = block(
        made, tool, llm, button, conversation_id=SECRET, customer_id=SECRET, metadata={SECRET: SECRET}
    )
    api.ingest(owned)
    detail = api.conversation(SECRET)
    message = detail["messages"][0]["id"]
    body = {"kind": "message", "message": message, "sentiment": "positive", "comment": SECRET}
    feedback = api.post("/api/feedbacks/", body)["id"]
    ticket = api.post("/api/tickets/", {"title": SECRET, "feedback_id": feedback})["id"]
    api.post(f"/api/tickets/{ticket}/comments/", {"body": SECRET})
    data = base64.b64encode(SECRET.encode()).decode()
    files = {"conversation": detail["id"], "attachments": [{"filename": SECRET, "data": data}]}
    api.post("/api/attachments/", {"timestamp": at(9), **files})
    return {
        "conversations": detail["id"],
        "track": message,
        "feedbacks": feedback,
        "tickets": ticket,
        "actions": api.get("/api/actions/")["results"][0]["id"],
        "spans": api.get("/api/spans/")["results"][0]["id"],
        "imports": 1,
    }


def request(api: Api, route: Route, keys: dict[str, int], key: str) -> Any:
    """Send a route's request at the keys of the owner."""
    place = route.path.split("/")[2]
    path = route.path.replace("{pk:int}", str(keys.get(place, 0))).replace("{trace_id}", TRACE)
    pk = {"conversation": keys["conversations"], "message": keys["track"], "feedback_id": keys["feedbacks"]}
    body = {
        **pk,
        "conversations": [],
        "kind": "message",
        "sentiment": "negative",
        "is_marked": True,
        "name": "taken",
        "metadata": {"taken": 1},
        "title": "taken",
        "body": "taken",
        "content": "taken",
        "sender": "agent",
        "action_name": "taken",
        "button_event": "taken",
        "label": "taken",
        "value": "taken",
        "attachments": [{"filename": "taken", "data": ""}],
    }
    if route.path == "/api/conversations/":
        body = {"conversation_id": "own"}
    if route.path == "/api/tickets/":
        body["conversation_id"] = keys["conversations"]
    query = {"conversation_id": SECRET, "key": SECRET} if "lookup" in path or "values" in path else {}
    json = body if route.method in {"POST", "PATCH"} else None
    return api.call(route.method, path, key=key, params=query, json=json)


@pytest.fixture
def owned(api: Api) -> tuple[Api, dict[str, int]]:
    """Return an agent with one of everything."""
    return api, fill(api)


def everything(api: Api, keys: dict[str, int]) -> list[Any]:
    """Return all that the owner sees, without the signed links and the times of use."""
    tickets = api.get("/api/tickets/")["results"]
    detail = api.get(f"/api/conversations/{keys['conversations']}/")
    for message in detail["messages"]:
        for attachment in message["attachments"]:
            del attachment["file_url"]
    lists = ("actions", "feedbacks", "spans", "token-usage", "buttons")
    return [detail, tickets, *(api.get(f"/api/{name}/")["results"] for name in lists)]


@pytest.mark.parametrize("route", KEYED, ids=name_of)
def test_another_agent_sees_and_changes_nothing(
    owned: tuple[Api, dict[str, int]], other: Api, route: Route
) -> None:
    """With another agent's key no route shows the owner's texts or changes the owner's rows."""
    api, keys = owned
    before = everything(api, keys)
    answer = request(other, route, keys, other.key)
    assert SECRET not in answer.text.replace(f'"key":"{SECRET}"', "")
    assert everything(api, keys) == before
    if "{pk:int}" in route.path and "imports" not in route.path:
        assert answer.status_code == 404
    assert answer.status_code < 500


@pytest.mark.parametrize("route", KEYED, ids=name_of)
def test_bad_keys_and_wrong_roles(owned: tuple[Api, dict[str, int]], route: Route) -> None:
    """No key and a revoked key are refused on every route; a reading key on every writing one."""
    api, keys = owned
    before = everything(api, keys)
    store = api.server.store
    with store.read() as connection:
        key_ids = {row["role"]: row["id"] for row in list_keys(connection, api.agent_id)}
    if route.role == "write":
        assert request(api, route, keys, api.read_key).status_code == 403
    with store.write() as connection:
        revoke_key(connection, api.agent_id, key_ids["read"])
    refused = request(api, route, keys, api.read_key)
    assert refused.status_code == route.refused_status
    assert refused.json() == {"detail": "API key is inactive, expired or revoked."}
    assert request(api, route, keys, "ags_none").status_code == route.refused_status
    assert everything(api, keys) == before


@pytest.mark.parametrize("route", KEYED, ids=name_of)
def test_own_key_is_let_in(owned: tuple[Api, dict[str, int]], route: Route) -> None:
    """The owner's key is let in everywhere: the isolation above is not that everything is refused."""
    api, keys = owned
    answer = request(api, route, keys, api.key)
    if "imports.refused" in f"{route.handler.__module__.rpartition('.')[2]}.{route.handler.__name__}":
        assert answer.status_code == 403
    else:
        assert answer.status_code in {200, 201, 204, 400}
        assert answer.status_code != 400 or route.path in {
            "/api/actions/",
            "/api/feedbacks/",
            "/api/imports/",
        }


def test_only_signed_links_need_no_key() -> None:
    """The one route without a key is the download, which checks its signature."""
    assert [route.path for route in ROUTES if route.role is None] == ["/api/files/{pk:int}/"]
