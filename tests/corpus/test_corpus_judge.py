"""The judge of the corpus: it must see every kind of fault."""

from __future__ import annotations

import json
from typing import Any

from agentsight_otel.translation.block import Block
from tests.corpus.compare import Score, compare
from tests.corpus.view import conversation_view


def wire(
    span_id: str, kind: str, second: int, attributes: dict[str, Any], *messages: tuple[str, str]
) -> bytes:
    """A wire span; its messages are one microsecond apart."""
    at = f"2026-01-01T00:00:{second:02}"
    events = [
        {
            "name": "agentsight.message",
            "timestamp": f"{at}.{number:06}+00:00",
            "attributes": {"agentsight.message.sender": sender, "agentsight.message.content": text},
        }
        for number, (sender, text) in enumerate(messages)
    ]
    span = {"span_id": span_id, "kind": kind, "name": kind, "started_at": f"{at}.000000+00:00"}
    return json.dumps(span | {"attributes": attributes, "events": events}).encode()


def turn(*messages: tuple[str, str], second: int = 1) -> bytes:
    """A complete turn."""
    return wire(f"turn{second}", "turn", second, {"agentsight.turn.complete": True}, *messages)


def tool(result: str = "12", span_id: str = "tool") -> bytes:
    """An action."""
    attributes = {
        "agentsight.tool.name": "stock",
        "agentsight.tool.arguments": '{"sku": "a"}',
        "agentsight.tool.response": result,
    }
    return wire(span_id, "tool", 2, attributes)


def model(uncached: int = 36, span_id: str = "llm") -> bytes:
    """A model call with 64 cached tokens."""
    attributes = {
        "gen_ai.usage.input_tokens": uncached,
        "gen_ai.usage.output_tokens": 7,
        "agentsight.llm.cache_read_tokens": 64,
    }
    return wire(span_id, "llm", 3, attributes)


TALK = (("end_user", "Hello"), ("agent", "Hi"))
TRUTH: dict[str, Any] = {
    "conversation_id": "c",
    "customer_id": "k",
    "messages": [{"sender": sender, "text": text} for sender, text in TALK],
    "actions": [{"name": "stock", "arguments": {"sku": "a"}, "result": "12", "error": None}],
    "attachments": [],
    "tokens": {"input": 100, "output": 7, "cache_read": 64, "calls": 1},
}


def judge(*spans: bytes, conversation: str = "c", customer: str = "k") -> Score:
    """Compare one block with the truth."""
    block = Block(conversation, {"customer_id": customer}, list(spans))
    return compare([TRUTH], conversation_view([block]))


def test_what_is_exact_is_exact() -> None:
    """The same facts give a clean score."""
    assert judge(turn(*TALK), tool(), model()).ok


def test_a_span_sent_twice_counts_once() -> None:
    """Blocks that repeat a span change nothing."""
    spans = [turn(*TALK), tool(), model()]
    blocks = [Block("c", {"customer_id": "k"}, spans), Block("c", {}, spans)]
    assert compare([TRUTH], conversation_view(blocks)).ok


def test_a_missing_message_is_seen() -> None:
    """One message short."""
    assert judge(turn(TALK[0]), tool(), model()).messages.missing == 1


def test_an_invented_message_is_seen() -> None:
    """A text that nobody said."""
    assert judge(turn(*TALK, ("agent", "Buy!")), tool(), model()).messages.invented == 1


def test_a_duplicated_message_is_seen() -> None:
    """A text said once, told twice."""
    assert judge(turn(*TALK, TALK[1]), tool(), model()).messages.duplicated == 1


def test_a_wrong_order_is_seen() -> None:
    """The right texts in the wrong order."""
    assert judge(turn(TALK[1], TALK[0]), tool(), model()).messages.wrong == 1


def test_faulty_actions_are_seen() -> None:
    """Missing, duplicated, with another result."""
    assert judge(turn(*TALK), model()).actions.missing == 1
    assert judge(turn(*TALK), tool(), tool(span_id="again"), model()).actions.duplicated == 1
    assert judge(turn(*TALK), tool("13"), model()).actions.wrong == 1


def test_tokens_counted_twice_are_seen() -> None:
    """Input, output, cached tokens and calls are each wrong."""
    assert judge(turn(*TALK), tool(), model(), model(span_id="parent")).tokens.wrong == 4


def test_faulty_ids_are_seen() -> None:
    """Another conversation is both missing and invented; another customer is wrong."""
    other = judge(turn(*TALK), tool(), model(), conversation="trace:1")
    assert (other.ids.missing, other.ids.invented) == (1, 1)
    assert judge(turn(*TALK), tool(), model(), customer="z").ids.wrong == 1


def test_messages_of_incomplete_turns_are_marked() -> None:
    """They were delivered, but a transcript does not show them."""
    span = wire("t", "turn", 1, {"agentsight.turn.complete": False}, TALK[0])
    [view] = conversation_view([Block("c", {}, [span])])
    assert [message.shown for message in view.messages] == [False]


def test_an_unknown_id_is_matched_by_its_texts() -> None:
    """Where the truth has no id, any will do."""
    truth = TRUTH | {"conversation_id": None, "customer_id": None}
    blocks = [Block("trace:1", {}, [turn(("end_user", "Other"))])]
    blocks.append(Block("trace:2", {}, [turn(*TALK), tool(), model()]))
    score = compare([truth], conversation_view(blocks))
    assert (score.ids.exact, score.ids.invented) == (1, 1)
    assert score.actions.ok


def test_a_piece_stands_for_a_text_that_was_not_captured() -> None:
    """An instrumentation may write the end of a streamed text down; that is no invention."""
    whole = {"sender": "agent", "text": "Hi and welcome", "captured": False}
    truth = TRUTH | {"messages": [TRUTH["messages"][0], whole]}
    spans = [turn(TALK[0], ("agent", "welcome")), tool(), model()]
    assert compare([truth], conversation_view([Block("c", {"customer_id": "k"}, spans)])).ok
    spans[0] = turn(TALK[0], ("agent", "farewell"))
    assert compare([truth], conversation_view([Block("c", {}, spans)])).messages.invented == 1
