"""POST /api/ingest/: what becomes of spans, what is refused, and that nothing happens twice."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from server_api import Api, at, block, said, shown, span, turn, without_keys
from sqlalchemy import select

from agentsight_otel.server.store.tables import messages
from agentsight_otel.testing import LocalServer

FEW = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
"""Without shrinking: each example writes to a database that is never emptied."""


def test_turn_becomes_messages_in_order_of_time(api: Api) -> None:
    """The messages of a turn are the transcript, to the microsecond, in any order."""
    made = turn(1, 10, (10.000001, "end_user", "hello"), (12.5, "agent", "hi"), (11, "system", "note"))
    assert api.ingest(block(made)) == {"accepted": 1, "duplicate": 0}
    expected = [(10.000001, "end_user", "hello"), (11, "system", "note"), (12.5, "agent", "hi")]
    assert said(api.conversation()) == [(shown(when), *rest) for when, *rest in expected]


def test_tool_becomes_an_action_with_its_own_message(api: Api) -> None:
    """A tool span is an action, a run with parsed arguments and measured time, and a transcript row."""
    tool = span(
        2,
        "tool",
        5,
        5.25,
        tool__name="search",
        tool__arguments='{"q": "x"}',
        tool__response="found",
        tool__error="slow",
    )
    api.ingest(block(tool))
    message = api.conversation()["messages"][0]
    assert (message["sender"], message["content"]) == ("agent", "Action search performed")
    assert message["action_name"] == "search"
    run = message["action_logs"][0]
    assert run["tools_used"] == {"q": "x"}
    assert (run["response"], run["error_message"], run["duration_ms"]) == ("found", "slow", 250.0)
    assert api.get("/api/actions/")["results"][0]["name"] == "search"
    assert [row["id"] for row in api.get(f"/api/actions/{run['action']}/logs/")] == [run["id"]]


def test_stated_place_wins_over_the_start(api: Api) -> None:
    """agentsight.timestamp places an action in the transcript; the run keeps its own times."""
    api.ingest(
        block(
            turn(1, 10, (10, "end_user", "a"), (12, "agent", "b")),
            span(2, "tool", 3, 4, tool__name="early", timestamp=at(11)),
        )
    )
    messages = api.conversation()["messages"]
    assert [row["content"] for row in messages] == ["a", "Action early performed", "b"]
    assert messages[1]["action_logs"][0]["started_at"] == shown(3)


def test_button_becomes_a_message_and_can_be_queried(api: Api) -> None:
    """A button span shows in the transcript, in the list of clicks, in the stats and as a filter."""
    api.ingest(block(span(3, "button", 1, button__event="helpful", button__label="👍", button__value="yes")))
    message = api.conversation()["messages"][0]
    assert (message["sender"], message["content"]) == ("end_user", "Button clicked: 👍")
    assert message["button"]["value"] == "yes"
    assert api.get("/api/buttons/stats/", params={"event": "helpful"}) == [
        {"button_event": "helpful", "value": "yes", "label": "👍", "count": 1}
    ]
    assert api.get("/api/conversations/", params={"button_event": "helpful"})["count"] == 1
    assert api.get("/api/conversations/", params={"button_event": "other"})["count"] == 0
    assert api.get("/api/buttons/")["count"] == 1


def test_feedback_span_becomes_feedback(api: Api) -> None:
    """A feedback span is the customer's feedback on the conversation."""
    api.ingest(block(span(4, "feedback", 1, feedback__sentiment="negative", feedback__comment="slow")))
    row = api.conversation()["feedbacks"][0]
    assert (row["kind"], row["sentiment"], row["comment"], row["source"]) == (
        "conversation",
        "negative",
        "slow",
        "customer",
    )


def test_incomplete_turn_stays_out_of_the_transcript(api: Api) -> None:
    """Neither the messages nor the actions of an incomplete turn show, whichever came first; tokens count."""
    tool = span(2, "tool", 2, tool__name="t", turn__id=f"{1:016x}")
    llm = span(3, "llm", 2, gen_ai__request__model="m", gen_ai__usage__input_tokens=5, turn__id=f"{1:016x}")
    broken = turn(1, 1, (1, "end_user", "x"), turn__complete=False, turn__incomplete_reason="abandoned")
    late = span(4, "tool", 3, tool__name="late", turn__id=f"{1:016x}")
    api.ingest(block(tool, llm))
    assert len(api.conversation()["messages"]) == 1
    api.ingest(block(broken))
    api.ingest(block(late))
    detail = api.conversation()
    assert detail["messages"] == []
    assert api.get("/api/conversations/", params={"full": "false"})["results"][0]["message_count"] == 0
    usage = api.get("/api/token-usage/")["results"][0]
    assert (usage["incomplete"], usage["incomplete_reason"]) == (True, "abandoned")
    assert api.get("/api/spans/")["count"] == 4


def test_token_usage_adds_up_per_turn_and_model(api: Api) -> None:
    """Calls of one turn and model are one row, also over two requests; total and cost are derived."""
    model = {"gen_ai__request__model": "gpt-4o", "gen_ai__provider__name": "openai", "turn__id": f"{9:016x}"}
    counts = {"gen_ai__usage__input_tokens": 1000, "gen_ai__usage__output_tokens": 100}
    api.ingest(block(span(1, "llm", 1, 2, **model, **counts), span(2, "llm", 2, 3, **model, **counts)))
    api.ingest(block(span(3, "llm", 4, 5, **model, **counts, llm__cache_read_tokens=50)))
    page = api.get("/api/token-usage/")
    assert page["count"] == 1
    row = page["results"][0]
    assert (row["calls"], row["prompt_tokens"], row["completion_tokens"], row["cache_read_tokens"]) == (
        3,
        3000,
        300,
        50,
    )
    assert row["total_tokens"] == 3350
    assert (row["started_at"], row["ended_at"]) == (shown(1), shown(5))
    assert row["cost_source"] == "backend"
    assert row["cost_usd"] == "0.01056250"
    total = api.conversation()["token_usage"]
    assert total["totals"] == {
        "prompt_tokens": 3000,
        "completion_tokens": 300,
        "cache_read_tokens": 50,
        "total_tokens": 3350,
    }
    assert total["cost_usd"] == "0.01056250"


def test_unknown_model_is_unpriced_and_never_free(api: Api) -> None:
    """A model without a price has no cost anywhere; sums leave it out and say so."""
    api.ingest(block(span(1, "llm", 1, gen_ai__request__model="in-house-7", gen_ai__usage__input_tokens=9)))
    row = api.get("/api/token-usage/")["results"][0]
    assert (row["cost_usd"], row["cost_source"]) == (None, "unpriced")
    summary = api.get("/api/token-usage/summary/")
    assert summary["results"][0]["cost_usd"] is None
    assert api.conversation()["token_usage"]["cost_usd"] is None


def test_only_opening_a_conversation_does_not_use_it(api: Api) -> None:
    """A conversation of only `conversation` spans is unused; any other span makes it used."""
    api.ingest(block(span(1, "conversation", 1)))
    assert api.conversation()["is_used"] is False
    api.ingest(block(span(2, "made-up-kind", 2)))
    detail = api.conversation()
    assert detail["is_used"] is True
    assert detail["messages"] == []


def test_block_fields_overwrite_and_absent_fields_stay(api: Api) -> None:
    """The last write wins; what a block does not name stays; an empty metadata object clears."""
    api.ingest(block(customer_id="a", device="mobile", metadata={"k": 1}, environment="dev", source="web"))
    api.ingest(block(customer_id="b"))
    detail = api.conversation()
    assert (detail["customer_id"], detail["device"], detail["metadata"]) == ("b", "mobile", {"k": 1})
    assert (detail["environment"], detail["source"]) == ("development", "web")
    api.ingest(block(metadata={}))
    assert api.conversation()["metadata"] == {}


def test_times_of_a_conversation_span_everything(api: Api) -> None:
    """A conversation starts with the first span or message and ends with the last."""
    api.ingest(block(turn(1, 50, (50, "end_user", "a"), end=60)))
    api.ingest(block(span(2, "tool", 20, 30, tool__name="t")))
    detail = api.conversation()
    assert (detail["started_at"], detail["ended_at"]) == (shown(20), shown(60))


def test_vendor_sdk_gets_latency_and_nobody_else(api: Api) -> None:
    """The vendor's SDK gets latency_ms on the last answer of a turn; others keep their metadata as sent."""
    made = turn(1, 1, (1, "end_user", "q"), (2, "agent", "x"), (3, "agent", "y"), end=4)
    api.ingest(block(made), sdk="agentsight-python")
    api.ingest(block(made, conversation_id="c2"), sdk="agentsight-otel")
    assert [row["metadata"] for row in api.conversation()["messages"]] == [None, None, {"latency_ms": 3000.0}]
    assert [row["metadata"] for row in api.conversation("c2")["messages"]] == [None, None, None]


def test_payload_is_archived_byte_for_byte(api: Api) -> None:
    """A span can be had back exactly as it was sent, spaces and all; lists never carry the payload."""
    raw = json.dumps(span(1, "custom", 1, weird=[1, 2.5, "é\u0000"]), indent=3)
    body = f'{{"conversations": [{{"conversation_id": "c1", "spans": [ {raw} ]}}]}}'
    assert api.call("POST", "/api/ingest/", data=body.encode()).status_code == 201
    row = api.get("/api/spans/")["results"][0]
    assert "payload" not in row
    answer = api.call("GET", f"/api/spans/{row['id']}/", params={"payload": "true"})
    assert f'"payload":{raw}' in answer.text


def test_trace_is_a_tree_and_orphans_are_roots(api: Api) -> None:
    """A trace's spans nest by parent; a span without its parent is a root; a cycle loses no span."""
    child, grandchild, orphan = span(2, "tool", 2), span(3, "llm", 3), span(4, "tool", 4)
    child["parent_span_id"], grandchild["parent_span_id"] = f"{1:016x}", f"{2:016x}"
    orphan["parent_span_id"] = "f" * 16
    loop, pool = span(5, "task", 5), span(6, "task", 6)
    loop["parent_span_id"], pool["parent_span_id"] = f"{6:016x}", f"{5:016x}"
    api.ingest(block(span(1, "turn", 1), child, grandchild, orphan, loop, pool))
    trace = api.get(f"/api/traces/{7:032x}/")
    assert (trace["span_count"], trace["truncated"]) == (6, False)

    def count(nodes: list[Any]) -> int:
        return sum(1 + count(node["children"]) for node in nodes)

    assert count(trace["roots"]) == 6
    assert trace["roots"][0]["children"][0]["children"][0]["kind"] == "llm"


def test_one_bad_block_refuses_the_payload_and_writes_nothing(api: Api) -> None:
    """A rejection names every bad block by index and id, and the good one is not there either."""
    body = api.ingest(
        block(turn(1, 1, (1, "end_user", "a")), conversation_id="good"),
        block(conversation_id="bad", environment="staging"),
        block(conversation_id="longer", device="d" * 256),
        block(conversation_id="ip", customer_ip_address="999.1.1.1"),
        block(conversation_id="extra", colour="red"),
        status=400,
    )
    assert body["detail"].startswith("4 of 5 conversation blocks failed validation.")
    assert "truncated" not in body
    assert [(b["index"], b["conversation_id"]) for b in body["conversations"]] == [
        (1, "bad"),
        (2, "longer"),
        (3, "ip"),
        (4, "extra"),
    ]
    assert [list(b["errors"]) for b in body["conversations"]] == [
        ["environment"],
        ["device"],
        ["customer_ip_address"],
        ["colour"],
    ]
    assert body["conversations"][0]["errors"]["environment"] == ["Unknown environment: 'staging'."]
    assert api.get("/api/conversations/")["count"] == 0


def test_rejection_names_twenty_blocks_at_most(api: Api) -> None:
    """More than 20 bad blocks are cut, and the answer says so."""
    body = api.ingest(*(block(conversation_id="") for _ in range(21)), status=400)
    assert len(body["conversations"]) == 20
    assert body["truncated"] is True


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"span_id": "XYZ"}, "span_id"),
        ({"trace_id": "0"}, "trace_id"),
        ({"parent_span_id": "zz"}, "parent_span_id"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"ended_at": "0001-01-01T00:00:00Z"}, "ended_at"),
        ({"status": "fine"}, "status"),
        ({"attributes": []}, "attributes"),
        ({"events": [{"name": "x", "timestamp": 5}]}, "timestamp"),
        (
            {
                "events": [
                    {
                        "name": "agentsight.message",
                        "timestamp": at(1),
                        "attributes": {"agentsight.message.sender": "ghost"},
                    }
                ]
            },
            "sender",
        ),
    ],
)
def test_bad_span_is_refused_with_its_place(api: Api, change: dict[str, Any], words: str) -> None:
    """What is wrong with a span is said, with the span's index and the field."""
    body = api.ingest(block(span(1, "tool", 1), span(2, "tool", 2) | change), status=400)
    text = body["conversations"][0]["errors"]["spans"][0]
    assert text.startswith("Span 1: ")
    assert words in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", {"conversations": "This field is required."}),
        (b'{"conversations": 5}', {"conversations": "Expected a list of conversation blocks."}),
        (b"[]", {"detail": "Expected a JSON object."}),
    ],
)
def test_errors_without_a_block(api: Api, body: bytes, expected: dict[str, str]) -> None:
    """A payload that is no envelope is refused with the contract's bodies."""
    answer = api.call("POST", "/api/ingest/", data=body)
    assert (answer.status_code, answer.json()) == (400, expected)


@pytest.mark.parametrize(
    "body",
    [
        b'{"conversations": [NaN]}',
        b"nonsense",
        b"",
        b'{"conversations": ["\xff"]}',
        b"[" * 100_000,
        b'{"conversations": [{"conversation_id": "\\ud800"}]}',
        b'{"conversations": [{"conversation_id": "a", "metadata": {"n": 1e999}}]}',
    ],
)
def test_json_is_strict(api: Api, body: bytes) -> None:
    """NaN, broken UTF-8, lone surrogates and nesting without end are a 400, never a 500."""
    assert api.call("POST", "/api/ingest/", data=body).status_code == 400


def test_gzip_is_inflated_and_capped(api: Api) -> None:
    """A gzip body is taken, in several members too; broken gzip is a 400, a bomb a 413, deflate a 415."""
    body = json.dumps({"conversations": [block(span(1, "tool", 1, tool__name="zip"))]}).encode()
    half = len(body) // 2

    def send(data: bytes, encoding: str = "gzip") -> int:
        return api.call("POST", "/api/ingest/", data=data, headers={"Content-Encoding": encoding}).status_code

    assert send(gzip.compress(body)) == 201
    assert send(gzip.compress(body[:half]) + gzip.compress(body[half:])) == 201
    assert send(gzip.compress(body)[:-5]) == 400
    assert send(b"not gzip") == 400
    assert send(gzip.compress(b" " * 65 * 1024 * 1024)) == 413
    assert send(body, "deflate") == 415
    assert api.get("/api/spans/")["count"] == 1


def test_who_may_ingest(api: Api) -> None:
    """A bad, missing or reading key is refused with 403, before the body is read."""
    for key in ("ags_bad", api.read_key):
        answer = api.call("POST", "/api/ingest/", data=b"x", key=key)
        assert answer.status_code == 403
        assert list(answer.json()) == ["detail"]
    assert api.session.post(f"{api.server.url}/api/ingest/", timeout=30).status_code == 403


def _spans() -> list[dict[str, Any]]:
    turn_id = f"{1:016x}"
    tool = span(4, "tool", 11, 12, tool__name="search", turn__id=turn_id)
    return [
        turn(1, 10, (10, "end_user", "one"), (13, "agent", "two")),
        turn(2, 20, (20, "end_user", "three"), (25, "agent", "four"), (26, "agent", "five")),
        turn(3, 30, (30, "end_user", "lost"), turn__complete=False, turn__incomplete_reason="error"),
        tool,
        span(5, "llm", 11, gen_ai__request__model="m", gen_ai__usage__input_tokens=3, turn__id=turn_id),
        span(6, "llm", 12, gen_ai__request__model="m", gen_ai__usage__input_tokens=4, turn__id=turn_id),
        span(7, "tool", 31, tool__name="lost", turn__id=f"{3:016x}"),
        span(8, "llm", 31, gen_ai__request__model="m", gen_ai__usage__input_tokens=5, turn__id=f"{3:016x}"),
        span(9, "button", 27, button__event="e", button__label="l", button__value="v"),
        span(10, "feedback", 28, feedback__sentiment="positive"),
        span(11, "attachment", 29),
        span(12, "conversation", 5),
    ]


def _everything(api: Api) -> Any:
    detail = api.conversation()
    counts = api.get("/api/conversations/", params={"full": "false"})["results"][0]
    usage = api.get("/api/token-usage/", params={"ordering": "total_tokens"})["results"]
    spans = api.get("/api/spans/", params={"ordering": "started_at"})
    return without_keys([detail, counts, usage]), spans["count"]


@FEW
@given(data=st.data())
def test_any_order_any_batches_any_repeats_make_the_same_rows(
    engine_server: LocalServer, data: st.DataObject
) -> None:
    """The same spans, shuffled, split over requests and sent again, give the same rows and sums."""
    once, shuffled = Api(engine_server), Api(engine_server)
    try:
        once.ingest(block(*_spans()))
        order = data.draw(st.permutations(_spans()))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1), max_size=5)))
        batches = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
        repeats = data.draw(st.lists(st.sampled_from(batches), max_size=3))
        accepted = sum(shuffled.ingest(block(*batch))["accepted"] for batch in [*batches, *repeats])
        assert accepted == len(order)
        assert _everything(shuffled) == _everything(once)
    finally:
        once.close()
        shuffled.close()


def test_the_same_payload_ten_times(api: Api) -> None:
    """Ten times the same payload counts one acceptance and nine times duplicates."""
    answers = [api.ingest(block(*_spans())) for _ in range(10)]
    assert answers[0] == {"accepted": 12, "duplicate": 0}
    assert answers[1:] == [{"accepted": 0, "duplicate": 12}] * 9
    assert len(api.conversation()["messages"]) == 7


def _response_times(api: Api) -> dict[str, float | None]:
    columns = (messages.c.content, messages.c.response_ms)
    with api.server.store.read() as connection:
        return dict(connection.execute(select(*columns).where(messages.c.agent_id == api.agent_id)).all())


def test_response_times_do_not_depend_on_arrival(api: Api) -> None:
    """response_ms is the wait since the last user message, also when the question arrives late."""
    pieces = [
        turn(1, 1, (1, "agent", "greeting")),
        turn(2, 2, (2, "end_user", "a")),
        turn(3, 3, (3, "end_user", "b")),
        turn(4, 5, (5.5, "agent", "answer")),
        turn(5, 6, (6, "agent", "more")),
        turn(6, 7, (7, "end_user", "c")),
        turn(7, 90_000 - 3700, (90_000 - 3700, "agent", "same day")),
    ]
    shuffled = random.Random(7).sample(pieces, len(pieces))  # noqa: S311 - an order, not a secret
    for piece in shuffled:
        api.ingest(block(piece))
    assert _response_times(api) == {
        "greeting": None,
        "a": None,
        "b": None,
        "answer": 2500.0,
        "more": None,
        "c": None,
        "same day": 86_293_000.0,
    }
