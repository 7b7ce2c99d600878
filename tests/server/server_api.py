"""What the tests of the server room share: a client, and builders of ingest payloads."""

from __future__ import annotations

from typing import Any

import requests

from agentsight_otel.testing import LocalServer

TIMEOUT = 30
DAY = "2026-03-04T"
"""All tests happen on one day."""


class Api:
    """One agent of a running server, seen through HTTP."""

    def __init__(self, server: LocalServer, name: str = "tested") -> None:
        self.server = server
        self.agent_id, self.key, self.read_key = server.add_agent(name)
        self.session = requests.Session()

    def call(self, method: str, path: str, *, key: str | None = None, **kwargs: Any) -> requests.Response:
        """Send a request with the key that may write, or another."""
        headers = {"Authorization": f"Api-Key {key or self.key}", **kwargs.pop("headers", {})}
        url = path if path.startswith("http") else self.server.url + path
        return self.session.request(method, url, headers=headers, timeout=TIMEOUT, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Any:
        """Return the JSON of a GET that must succeed."""
        answer = self.call("GET", path, **kwargs)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 201, **kwargs: Any) -> Any:
        """Return the JSON of a POST that must have a status."""
        answer = self.call("POST", path, json=body, **kwargs)
        assert answer.status_code == status, answer.text
        return answer.json()

    def ingest(self, *blocks: dict[str, Any], status: int = 201, sdk: str = "tests") -> Any:
        """Send an ingest payload."""
        return self.post("/api/ingest/", {"sdk": {"name": sdk}, "conversations": list(blocks)}, status)

    def conversation(self, conversation_id: str = "c1") -> Any:
        """Return a conversation's detail by its string id."""
        found = self.get("/api/conversations/lookup/", params={"conversation_id": conversation_id})
        return self.get(f"/api/conversations/{found['id']}/")

    def close(self) -> None:
        """Close the connections."""
        self.session.close()


def at(seconds: float) -> str:
    """Return a time on the tests' day, as the wire carries it."""
    whole = int(seconds)
    micros = round((seconds - whole) * 1_000_000)
    return f"{DAY}{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{micros:06d}+00:00"


def shown(seconds: float) -> str:
    """Return the same time as the server shows it."""
    return at(seconds).replace("+00:00", "Z")


def block(*spans: dict[str, Any], conversation_id: str = "c1", **fields: Any) -> dict[str, Any]:
    """Return a block of an ingest payload."""
    return {"conversation_id": conversation_id, "spans": list(spans), **fields}


def span(number: int, kind: str, start: float, end: float | None = None, **attributes: Any) -> dict[str, Any]:
    """Return a span; ``__`` in a keyword stands for a dot, and names get the prefix ``agentsight.``."""
    named = {
        name.replace("__", ".")
        if name.startswith("gen_ai")
        else f"agentsight.{name.replace('__', '.')}": value
        for name, value in attributes.items()
    }
    end = start if end is None else end
    return {
        "span_id": f"{number:016x}",
        "trace_id": f"{7:032x}",
        "parent_span_id": None,
        "kind": kind,
        "name": kind,
        "started_at": at(start),
        "ended_at": at(end),
        "duration_ms": round((end - start) * 1000, 3),
        "status": "ok",
        "attributes": named,
        "events": [],
        "otel": {"trace_flags": 1},
    }


def turn(
    number: int, start: float, *said: tuple[float, str, str], end: float | None = None, **attributes: Any
) -> dict[str, Any]:
    """Return a turn with messages of (time, sender, content)."""
    last = max((when for when, _, _ in said), default=start)
    made = span(number, "turn", start, last if end is None else end, **attributes)
    made["attributes"].setdefault("agentsight.turn.id", made["span_id"])
    made["events"] = [
        {
            "name": "agentsight.message",
            "timestamp": at(when),
            "attributes": {"agentsight.message.sender": sender, "agentsight.message.content": content},
        }
        for when, sender, content in said
    ]
    return made


def said(detail: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return a transcript as (time, sender, content)."""
    return [(row["timestamp"], row["sender"], row["content"]) for row in detail["messages"]]


def without_keys(value: Any) -> Any:
    """Return an answer without what differs between two runs: keys, signed URLs, times of writing."""
    if isinstance(value, dict):
        dropped = {
            "id",
            "message",
            "action",
            "conversation",
            "file_url",
            "created_at",
            "agent",
            "environment_id",
        }
        return {name: without_keys(item) for name, item in value.items() if name not in dropped}
    if isinstance(value, list):
        return [without_keys(item) for item in value]
    return value
