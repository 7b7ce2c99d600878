"""An agent with one of everything, and a request for every route of the table."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import requests
from server_api import Api, at, block, span, turn
from starlette.datastructures import URL, Headers, QueryParams

from agentsight_otel.server.api.http import ApiError, Call
from agentsight_otel.server.api.routing import Route
from agentsight_otel.server.store.keys import find_key

SECRET = "sentinel-of-the-owner"
TRACE = f"{7:032x}"


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
    tool["parent_span_id"] = made["span_id"]
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
    upload = api.post("/api/attachments/", {"timestamp": at(9), **files})
    return {
        "conversations": detail["id"],
        "track": message,
        "feedbacks": feedback,
        "tickets": ticket,
        "actions": api.get("/api/actions/")["results"][0]["id"],
        "spans": api.get("/api/spans/")["results"][0]["id"],
        "files": upload["attachments"][0]["id"],
        "imports": 1,
    }


def place_of(route: Route) -> str:
    """Return what the route's integer key belongs to."""
    return route.path.removeprefix("/api/").partition("/")[0]


def path_of(route: Route, keys: dict[str, int]) -> str:
    """Return a path with its parameters filled in."""
    path: str = route.path.replace("{pk:id}", str(keys.get(place_of(route), 0)))
    return path.replace("{trace_id}", TRACE)


def request(api: Api, route: Route, keys: dict[str, int], key: str | None) -> requests.Response:
    """Send a route's request at the keys of the owner; no key at all for None."""
    path = path_of(route, keys)
    json = body_of(route, keys) if route.method in {"POST", "PATCH"} else None
    query = {"conversation_id": SECRET, "key": SECRET} if "lookup" in path or "values" in path else {}
    if key is None:
        url = api.server.url + path
        return requests.request(route.method, url, params=query, json=json, timeout=30)
    return api.call(route.method, path, key=key, params=query, json=json)


def ask(
    api: Api, route: Route, keys: dict[str, int], query: Mapping[str, str], body: bytes = b""
) -> tuple[int, Any]:
    """Hand a query and a body to a route's handler, without HTTP around it; return status and body."""
    with api.server.store.read() as connection:
        principal = find_key(connection, api.key)
    path = {"pk": keys.get(place_of(route), 0), "trace_id": TRACE}
    url = URL(api.server.url + path_of(route, keys))
    call = Call(api.server.store, principal, path, QueryParams(query), body, Headers(), url)
    try:
        answer = route.handler(call)
    except ApiError as error:
        return error.status, error.body
    return answer.status, answer.body


def body_of(route: Route, keys: dict[str, int]) -> dict[str, Any]:
    """Return the body of a route's request."""
    if route.path == "/api/conversations/":
        return {"conversation_id": "own"}
    body = {
        "conversation": keys["conversations"],
        "message": keys["track"],
        "feedback_id": keys["feedbacks"],
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
    return body | {"conversation_id": keys["conversations"]} if route.path == "/api/tickets/" else body


def everything(api: Api, keys: dict[str, int]) -> list[Any]:
    """Return all that the owner sees, without the signed links and the times of use."""
    tickets = api.get("/api/tickets/")["results"]
    detail = api.get(f"/api/conversations/{keys['conversations']}/")
    for message in detail["messages"]:
        for attachment in message["attachments"]:
            del attachment["file_url"]
    lists = ("actions", "feedbacks", "spans", "token-usage", "buttons")
    return [detail, tickets, *(api.get(f"/api/{name}/")["results"] for name in lists)]
