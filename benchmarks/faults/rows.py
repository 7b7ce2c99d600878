"""Requests of ours, given to a real local server: how many rows do they make?"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import requests

from agentsight_otel.testing import LocalServer
from benchmarks.faults.ingest import EVENT, Taken

_KEPT = ("content-type", "content-encoding", "idempotency-key")


def stored(taken: Iterable[Taken]) -> Counter[int]:
    """Post requests as they came, also those that came twice; return how often each event is stored."""
    with LocalServer() as server, requests.Session() as session:
        for request in taken:
            headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
            headers["Authorization"] = f"Api-Key {server.api_key}"
            answer = session.post(server.url + request.path, data=request.body, headers=headers, timeout=60)
            answer.raise_for_status()
        return Counter(number for text in texts(server, session) for number in numbers(text))


def texts(server: LocalServer, session: requests.Session) -> Iterable[str]:
    """Return the text of every message."""
    headers = {"Authorization": f"Api-Key {server.read_key}"}

    def get(path: str, **params: int) -> Any:
        answer = session.get(server.url + path, params=params, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    page: int | None = 1
    while page is not None:  # one conversation each, for the list has their messages too
        listed = get("/api/conversations/", page=page, page_size=1)
        page = page + 1 if listed["next"] else None
        for conversation in listed["results"]:
            for message in get(f"/api/conversations/{conversation['id']}/")["messages"]:
                yield message["content"]


def numbers(text: str) -> list[int]:
    """Return the numbers of the events in a text."""
    return [int(number) for number in re.findall(EVENT.pattern.decode(), text)]
