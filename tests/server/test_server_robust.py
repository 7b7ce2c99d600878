"""Whatever is sent, the server answers below 500, and the next request works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from server_api import Api, block, span, turn

from agentsight_otel.server.api.routes import ROUTES
from agentsight_otel.testing import LocalServer

FUZZ = settings(max_examples=120, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "\x00", "a\x00b", "None", "null", "é\u202e", "'; DROP TABLE messages; --", "%_\\", "x" * 300]
    ),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
WRITES = [route for route in ROUTES if route.method in {"POST", "PATCH"}]
LISTS = [route for route in ROUTES if route.method == "GET" and route.role]
FIELDS = [
    "conversation_id",
    "conversation",
    "message",
    "timestamp",
    "content",
    "sender",
    "metadata",
    "name",
    "action_name",
    "duration_ms",
    "tools_used",
    "button_event",
    "label",
    "value",
    "kind",
    "sentiment",
    "comment",
    "topic",
    "title",
    "tags",
    "status",
    "priority",
    "feedback_id",
    "body",
    "attachments",
    "conversations",
    "environment",
    "is_marked",
    "is_used",
    "customer_ip_address",
]
FILTERS = [
    "metadata",
    "metadata_key",
    "metadata_value",
    "search",
    "message_contains",
    "customer_id__icontains",
    "ordering",
    "page",
    "page_size",
    "started_at_after",
    "conversation",
    "conversation_id",
    "env",
    "tags",
    "status",
    "event",
    "key",
    "name",
    "turn_id",
    "trace_id",
    "group_by",
    "include_tickets",
]


@pytest.fixture(scope="module")
def fuzzed(engine_server: LocalServer) -> Iterator[Api]:
    """Return an agent that has something to find."""
    api = Api(engine_server)
    api.ingest(block(turn(1, 1, (1, "end_user", "x")), span(2, "tool", 2, tool__name="t"), metadata={"a": 1}))
    api.post("/api/tickets/", {"title": "t"})
    yield api
    api.close()


def path_of(route: Any, key: int) -> str:
    """Return a path with its parameters filled in."""
    path: str = route.path.replace("{pk:id}", str(key)).replace("{trace_id}", "0" * 32)
    return path


@FUZZ
@given(
    route=st.sampled_from(WRITES),
    body=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8),
    key=st.integers(0, 5),
)
def test_any_body(fuzzed: Api, route: Any, body: dict[str, Any], key: int) -> None:
    """Any JSON on any writing route is an answer below 500."""
    answer = fuzzed.call(route.method, path_of(route, key), data=json.dumps(body).encode())
    assert answer.status_code < 500, answer.text


@FUZZ
@given(route=st.sampled_from(LISTS), query=st.dictionaries(st.sampled_from(FILTERS), TEXTS, max_size=4))
def test_any_query(fuzzed: Api, route: Any, query: dict[str, str]) -> None:
    """Any value of any filter on any reading route is an answer below 500."""
    answer = fuzzed.call("GET", path_of(route, 1), params=query)
    assert answer.status_code < 500, answer.text


@FUZZ
@given(
    fields=st.dictionaries(
        st.sampled_from(["customer_id", "metadata", "spans", "device", "environment", "name", "x"]), VALUES
    ),
    attributes=st.dictionaries(
        st.sampled_from(
            [
                "agentsight.turn.id",
                "agentsight.tool.name",
                "agentsight.tool.arguments",
                "agentsight.metadata",
                "agentsight.timestamp",
                "gen_ai.request.model",
                "gen_ai.usage.input_tokens",
                "agentsight.llm.total_tokens",
                "agentsight.button.label",
                "agentsight.tool.duration_ms",
            ]
        ),
        VALUES,
    ),
    kind=st.sampled_from(["turn", "tool", "task", "llm", "button", "feedback", "conversation", "odd"]),
    number=st.integers(1, 2**63),
)
def test_any_payload(
    fuzzed: Api, fields: dict[str, Any], attributes: dict[str, Any], kind: str, number: int
) -> None:
    """Any block and any attributes are either taken whole or refused, and can be read back."""
    made = span(number, kind, 1) | {"attributes": attributes}
    payload = {"conversations": [{"conversation_id": "fuzz", "spans": [made], **fields}]}
    answer = fuzzed.call("POST", "/api/ingest/", data=json.dumps(payload).encode())
    assert answer.status_code in {201, 400}, answer.text
    if answer.status_code == 201:
        fuzzed.conversation("fuzz")
        fuzzed.get("/api/spans/", params={"conversation_id": "fuzz", "page_size": 1})
        fuzzed.get("/api/token-usage/summary/")


@FUZZ
@given(body=st.binary(max_size=200), route=st.sampled_from(WRITES))
def test_any_bytes(fuzzed: Api, body: bytes, route: Any) -> None:
    """Any bytes as a body are an answer below 500."""
    answer = fuzzed.call(route.method, path_of(route, 1), data=body)
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "attack", ["' OR 1=1 --", '"; --', "a')) OR ((1=1", "%", "_", "\\", "$.a", '$."a"', "*"]
)
def test_filters_are_values_never_code(fuzzed: Api, attack: str) -> None:
    """SQL and JSON-path text in a filter matches literally: nothing."""
    # Its own: the tests above may have written any text into the first one.
    said, ran = turn(10**6, 1, (1, "end_user", "x")), span(10**6 + 1, "tool", 2, tool__name="t")
    fuzzed.ingest(block(said, ran, conversation_id="own", metadata={"a": 1}))
    assert fuzzed.get("/api/conversations/", params={"conversation_id": "own"})["count"] == 1
    for query in (
        {"customer_id": attack},
        {"name": attack},
        {"message_contains": attack},
        {"metadata_key": attack, "metadata_value": "1"},
        {"metadata_key": "a", "metadata_value": attack},
        {"search": attack},
        {"action_name": attack},
    ):
        found = fuzzed.get("/api/conversations/", params=query | {"conversation_id": "own"})
        assert found["count"] == 0


ODD = [
    pytest.param("a\0b", id="NUL"),
    pytest.param("a\ud800b", id="surrogate"),
    pytest.param("x" * 300, id="long"),
]
PLACES = [
    "conversation_id",
    "customer_id",
    "name",
    "environment",
    "kind",
    "span name",
    "event name",
    "agentsight.message.content",
    "agentsight.turn.id",
    "agentsight.turn.incomplete_reason",
    "agentsight.tool.name",
    "agentsight.tool.response",
    "agentsight.tool.error",
    "agentsight.button.event",
    "agentsight.button.label",
    "agentsight.feedback.comment",
    "agentsight.metadata",
    "gen_ai.request.model",
    "gen_ai.provider.name",
]


def odd_payload(place: str, text: str, number: int) -> dict[str, Any]:
    """Return a payload with a span of every kind and the text in one place of all of them."""
    made = [turn(number + 1, 1, (1, "end_user", "x"))]
    kinds = ("tool", "llm", "button", "feedback", "conversation")
    made += [span(number + 2 + i, kind, 1, feedback__sentiment="positive") for i, kind in enumerate(kinds)]
    for one in made:
        if place in {"kind", "span name"}:
            one[place.removeprefix("span ")] = text
        else:
            one["attributes"][place] = {text: text} if place == "agentsight.metadata" else text
        for event in one["events"]:
            if place == "event name":
                event["name"] = text
            event["attributes"][place] = text
    top = {place: text} if place in {"conversation_id", "customer_id", "name", "environment"} else {}
    return {"conversations": [{"conversation_id": "odd", "spans": made, **top}]}


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("place", PLACES)
def test_an_odd_text_is_taken_or_refused(api: Api, place: str, text: str) -> None:
    """NUL, a lone surrogate or 300 characters anywhere: taken whole and only once, or a 400."""
    for number in (0, 16):  # the second time, everything with a name of its own is there already
        payload = json.dumps(odd_payload(place, text, number)).encode()
        answers = [api.call("POST", "/api/ingest/", data=payload) for _ in range(2)]
        assert {answer.status_code for answer in answers} in ({201}, {400}), answers[0].text
        if answers[0].status_code == 201:
            assert [answer.json() for answer in answers] == [
                {"accepted": 6, "duplicate": 0},
                {"accepted": 0, "duplicate": 6},
            ]
    for path in ("conversations", "messages", "actions", "token-usage", "feedbacks", "spans"):
        answer = api.call("GET", f"/api/{path}/", params={"conversation_id": "odd"})
        assert answer.status_code < 500, path
