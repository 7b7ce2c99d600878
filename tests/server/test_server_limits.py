"""How many requests a key may send, and how much may be asked for at once."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from server_api import Api, at, block, turn
from sqlalchemy import insert

from agentsight_otel import AgentSightAPI, ConversationTracker
from agentsight_otel.exceptions import RateLimitedException
from agentsight_otel.exporters.registry import delivery_for
from agentsight_otel.server.api.limiting import BURST_SECONDS, MAX_KEYS, RateLimit
from agentsight_otel.server.api.params import MAX_BARE
from agentsight_otel.server.store.tables import actions
from agentsight_otel.testing import LocalServer


class Clock:
    """A clock that goes when it is told to."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_an_allowance_fills_up_steadily() -> None:
    """A burst is let through, then one request for each share of a minute; the wait is exact."""
    clock = Clock()
    limit = RateLimit(60, clock)
    taken = [limit.take(1) for _ in range(12)]
    assert taken == [None] * int(BURST_SECONDS) + [1, 1]
    clock.now += 0.5
    assert limit.take(1) == 1
    clock.now += 0.5
    assert [limit.take(1), limit.take(1)] == [None, 1]
    clock.now += 10**6
    assert [limit.take(1) for _ in range(11)] == [None] * 10 + [1]


def test_a_small_allowance_says_how_long_to_wait() -> None:
    """One request a minute is one request a minute, and each key has its own."""
    limit = RateLimit(1, Clock())
    assert [limit.take(1), limit.take(1), limit.take(2), limit.take(2)] == [None, 60, None, 60]


def test_the_memory_of_keys_is_bounded() -> None:
    """However many keys come, so many are remembered."""
    limit = RateLimit(1, Clock())
    for key in range(MAX_KEYS + 5):
        limit.take(key)
    assert limit.take(MAX_KEYS + 4) == 60
    assert limit.take(0) is None


@pytest.fixture
def limited() -> Iterator[LocalServer]:
    """Run a server that lets 60 requests a minute through, ten at once."""
    with LocalServer(rate_limit=60) as server:
        yield server


def test_too_many_requests_are_a_429_and_other_keys_are_served(limited: LocalServer) -> None:
    """Ten times as many as allowed: 429 with whole seconds to wait, for this key and for no other."""
    noisy, quiet = Api(limited), Api(limited, "quiet")
    answers = [noisy.call("GET", "/api/me/") for _ in range(100)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert len(refused) >= 50
    assert all(answer.headers["Retry-After"].isdigit() for answer in refused)
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert "throttled" in refused[0].json()["detail"]
    assert quiet.call("GET", "/api/me/").status_code == 200
    assert noisy.call("GET", "/api/me/", key=noisy.read_key).status_code == 200
    assert requests.get(f"{limited.url}/openapi.json", timeout=30).status_code == 200
    noisy.close()
    quiet.close()


def test_our_clients_wait_as_long_as_they_are_told(limited: LocalServer) -> None:
    """A tracker delivers everything and a reader reads it, each after being told to wait."""
    api = Api(limited)
    tracker = ConversationTracker(api_key=api.key, endpoint=limited.url, conversation_id="waited")
    said: list[str] = []

    def refused() -> bool:
        return any(r.status == 429 for r in limited.requests if r.path == "/api/ingest/")

    while not refused() and len(said) < 20:  # a slow machine may be allowed one more by the time it asks
        while api.call("GET", "/api/me/").status_code != 429:
            pass
        said.append(f"Hello {len(said)}")
        tracker.track_human_message(said[-1])
        assert tracker.send_tracked_data()["delivered"]
    assert refused()
    while api.call("GET", "/api/me/").status_code != 429:
        pass
    found = AgentSightAPI(api_key=api.key, endpoint=limited.url).fetch_conversation("waited")
    assert [message["content"] for message in found["messages"]] == said
    assert {r.status for r in limited.requests if r.path == "/api/ingest/"} == {429, 201}
    api.close()


def test_a_wait_too_long_to_sit_out_is_an_error() -> None:
    """A reader that would have to wait a minute says so at once."""
    with LocalServer(rate_limit=1) as server:
        reader = AgentSightAPI(api_key=server.api_key, endpoint=server.url)
        reader.fetch_identity()
        with pytest.raises(RateLimitedException) as error:
            reader.fetch_identity()
    assert error.value.retry_after is not None
    assert error.value.retry_after > 30


@pytest.fixture
def small(engine_url: str) -> Iterator[Api]:
    """Return a new agent on a server that keeps 100 bytes of attachments for each."""
    with LocalServer(engine_url, attachment_quota=100) as server:
        api = Api(server)
        yield api
        api.close()


def test_an_agent_keeps_no_more_than_its_quota(small: Api) -> None:
    """An upload that would exceed it is a 413 and leaves nothing; a purge makes room; each has its own."""

    def upload(conversation_id: str, size: int, status: int, api: Api = small) -> Any:
        file = {"filename": "a.bin", "data": base64.b64encode(b"x" * size).decode()}
        body = {"conversation_id": conversation_id, "timestamp": at(size), "attachments": [file]}
        return api.post("/api/attachments/", body, status)

    upload("first", 60, 201)
    assert "100 bytes" in upload("second", 41, 413)["detail"]
    assert small.get("/api/conversations/")["count"] == 1
    upload("second", 40, 201)
    upload("first", 60, 200)
    other = Api(small.server, "another")
    upload("third", 100, 201, other)
    other.close()
    key = small.conversation("first")["id"]
    assert small.call("DELETE", f"/api/conversations/{key}/").status_code == 200
    upload("fourth", 1, 413)
    assert small.call("DELETE", f"/api/conversations/{key}/purge/").status_code == 204
    upload("fourth", 60, 201)


def test_a_file_over_the_quota_holds_nothing_up(small: Api) -> None:
    """Its message and what is said later arrive; the file is a dead letter."""
    tracker = ConversationTracker(api_key=small.key, endpoint=small.server.url, conversation_id="c")
    file = {"filename": "a.bin", "mime_type": "text/plain", "data": base64.b64encode(b"x" * 200).decode()}
    tracker.track_human_message("Look", attachments=[file])
    tracker.send_tracked_data()
    tracker.track_agent_message("I cannot")
    assert tracker.send_tracked_data()["delivered"]
    delivery = delivery_for(tracker.config)
    delivery.flush(30)
    assert [message["content"] for message in small.conversation("c")["messages"]] == ["Look", "I cannot"]
    assert ["413" in letter.reason for letter in delivery.dead_letters()] == [True]


ABUSES = [
    pytest.param({"page_size": "1000000000"}, 200, id="page size"),
    pytest.param({"page": "99999999999999999999"}, 404, id="page"),
    pytest.param(
        {"started_at_after": "1970-01-01", "started_at_before": "9999-12-30"}, 200, id="all of time"
    ),
    pytest.param({"started_at_after": "0001-01-01"}, 400, id="before time"),
    pytest.param({"search": "(a+)+$" * 500}, 200, id="regular expression"),
    pytest.param({"search": "%" * 3000}, 200, id="wildcards"),
    pytest.param({"metadata": ",".join(f"k{n}:1" for n in range(5000))}, 400, id="5,000 conditions"),
    pytest.param({"metadata_key": ".".join("a" * 2000), "metadata_value": "1"}, 400, id="deep path"),
    pytest.param([("tags", "x")] * 1000, 200, id="1,000 parameters"),
    pytest.param({"ordering": ",".join(["id", "-id"] * 2000)}, 200, id="4,000 orderings"),
    pytest.param({"search": "a" * 1_000_000}, 431, id="1 MB search"),
]


@pytest.mark.parametrize(("query", "status"), ABUSES)
def test_a_greedy_query_is_bounded(api: Api, query: object, status: int) -> None:
    """Pages stay at 100 rows, and what cannot be meant is refused."""
    api.ingest(block(turn(1, 1, (1, "end_user", "x")), metadata={"a": 1}))
    answer = api.call("GET", "/api/conversations/", params=query)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["page_size"] <= 100


@pytest.mark.parametrize("path", ["/api/tickets/", "/api/feedbacks/", "/api/spans/", "/api/actions/"])
def test_many_repeated_filters_are_bounded(api: Api, path: str) -> None:
    """A filter given 3,000 times is an answer below 500."""
    for name in ("status", "ticket_status", "tags", "kind"):
        query = [("include_tickets", "true"), *[(name, "open")] * 3000]
        assert api.call("GET", path, params=query).status_code in {200, 400}


def test_a_bare_list_is_bounded(api: Api) -> None:
    """`paginate=false` is refused where it would return more rows than one answer may have."""
    names = [f"action-{number}" for number in range(MAX_BARE + 1)]
    columns = {"agent_id": api.agent_id, "created_at": 1}
    rows = [{"name": name, "display_name": name, **columns} for name in names]
    with api.server.store.write() as connection:
        connection.execute(insert(actions), rows[:-1])
    assert len(api.get("/api/actions/", params={"paginate": "false"})) == MAX_BARE
    with api.server.store.write() as connection:
        connection.execute(insert(actions), rows[-1:])
    answer = api.call("GET", "/api/actions/", params={"paginate": "false"})
    assert answer.status_code == 400
    assert "ask for pages" in answer.json()["paginate"][0]


def test_a_field_orders_but_once(api: Api) -> None:
    """Of a field that is named twice the first counts."""
    for name in ("b", "a", "c"):
        api.post("/api/actions/", {"name": name})
    found = api.get("/api/actions/", params={"ordering": "-name,name,id,-id"})["results"]
    assert [row["name"] for row in found] == ["c", "b", "a"]
