"""Traces of one exchange that arrive far apart: what waits for what, how long, and what is told from what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from translation_spans import SECOND, START, S, assembled, chat, parts, record, transcript, wire

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.assembly.pending import MAX_HELD_IDLES, MAX_TOOL_IDLES
from agentsight_otel.translation.block import Block
from agentsight_otel.translation.span_data import SpanData

CONV = {"gen_ai.conversation.id": "conv-1"}
ASKED = ("user", "Where is it?")
NATIVE = {"agentsight.conversation.id": "conv-1", "agentsight.turn.id": "ab" * 8}


def tool_call(name: str = "find", call_id: str | None = None) -> dict[str, Any]:
    """A message of the model that calls a tool."""
    part = {"type": "tool_call", "name": name, "arguments": {"what": "lamp"}}
    return {"role": "assistant", "parts": [{**part, "id": call_id} if call_id else part]}


def tool_result(text: str, call_id: str | None = None) -> dict[str, Any]:
    """A message that brings a tool's result."""
    part = {"type": "tool_call_response", "response": text}
    return {"role": "tool", "parts": [{**part, "id": call_id} if call_id else part]}


def call(at: float, history: list[dict[str, Any]], output: dict[str, Any], **ids: Any) -> S:
    """A model call that takes a second."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": json.dumps(history),
        "gen_ai.output.messages": json.dumps([output]),
        **(ids or CONV),
    }
    return S("chat m", attributes, at=(at, at + 1))


def exchange(call_id: str | None = None, **ids: Any) -> list[SpanData]:
    """Two model calls, each a trace: the question and the call of a tool, its result and the answer."""
    start = [parts(*ASKED)]
    asks = tool_call(call_id=call_id)
    told = [*start, asks, tool_result("here", call_id)]
    return record(call(0, start, asks, **ids), call(20, told, parts("assistant", "Here."), **ids))


def actions(blocks: list[Block]) -> list[tuple[str, str | None]]:
    """Name and result of every action a backend keeps."""
    tools = {span["span_id"]: span["attributes"] for span in wire(blocks, "tool")}
    return [(a["agentsight.tool.name"], a.get("agentsight.tool.response")) for a in tools.values()]


def test_a_call_waits_for_the_result_of_its_tool() -> None:
    """The exchange leaves as one turn when the answer is there, with the action's result in it."""
    first, second = exchange()
    assembler = Assembler(idle_ns=SECOND)
    assembler.add([first], START)
    assert assembler.expire(START + 2 * SECOND).blocks == []
    assert assembler.pending == 1
    assert assembler.add([first], START + 3 * SECOND).filtered == [(first.key, "duplicate")]
    assembler.add([second], START + 9 * SECOND)
    assert assembler.expire(START + 9 * SECOND).blocks == []
    blocks = assembler.expire(START + 10 * SECOND).blocks
    assert transcript(blocks) == [("end_user", "Where is it?"), ("agent", "Here.")]
    assert actions(blocks) == [("find", "here")]
    assert len(wire(blocks, "turn")) == 1
    assert sorted(blocks[0].sources) == sorted([first.key, second.key])
    assert assembler.pending == 0


def test_a_chain_of_responses_waits_too() -> None:
    """Where only the response ids join the calls, the one that waits is found by them."""
    first, second = record(
        call(0, [parts(*ASKED)], tool_call(call_id="t"), **{"gen_ai.response.id": "r1"}),
        call(
            20,
            [tool_result("here", "t")],
            parts("assistant", "Here."),
            **{"gen_ai.response.id": "r2", "gen_ai.request.previous_response.id": "r1"},
        ),
    )
    assembler = Assembler(idle_ns=SECOND)
    assembler.add([first], START)
    assert assembler.expire(START + SECOND).blocks == []
    assembler.add([second], START + 9 * SECOND)
    [block] = assembler.expire(START + 10 * SECOND).blocks
    assert actions([block]) == [("find", "here")]


@pytest.mark.parametrize("call_id", [None, "t1"])
def test_waiting_is_limited(call_id: str | None) -> None:
    """A result that never comes, or comes too late, holds nothing up; one action stays one."""
    first, second = exchange(call_id)
    assembler = Assembler(idle_ns=SECOND)
    assembler.add([first], START)
    assert assembler.expire(START + MAX_HELD_IDLES * SECOND - 1).blocks == []
    blocks = assembler.expire(START + MAX_HELD_IDLES * SECOND).blocks
    assert actions(blocks) == [("find", None)]
    assembler.add([second], START + 100 * SECOND)
    blocks += assembler.expire(START + 101 * SECOND).blocks
    assert transcript(blocks) == [("end_user", "Where is it?"), ("agent", "Here.")]
    assert actions(blocks) == [("find", "here" if call_id else None)]


def test_tools_without_end_do_not_wait_for_ever() -> None:
    """An agent that calls one tool after the other is told of while it still does."""
    history = [parts(*ASKED)]
    spans = []
    for number in range(30):
        spans += record(call(number * 10, history, tool_call(call_id=f"t{number}")))
        history = [*history, tool_call(call_id=f"t{number}"), tool_result("x", f"t{number}")]
    assembler = Assembler(idle_ns=SECOND)
    at = {}
    for number, span in enumerate(spans):
        now = START + number * 10 * SECOND
        assembler.add([span], now)
        at[number * 10] = assembler.expire(now + 5 * SECOND).blocks
    assert min(seconds for seconds, blocks in at.items() if blocks) == MAX_TOOL_IDLES


def test_a_flush_waits_for_no_tool() -> None:
    """What is asked to leave leaves."""
    first, _ = exchange()
    assert transcript(assembled([first])) == [("end_user", "Where is it?")]


def test_a_run_with_a_span_of_its_own_waits_for_nothing() -> None:
    """It has ended, whatever its last model call asked for, a hand-off for one."""
    root = S("invoke_agent x", {"gen_ai.operation.name": "invoke_agent", **CONV}, [], at=(0, 5))
    root.children = [call(0, [parts(*ASKED)], tool_call("transfer"))]
    assembler = Assembler(idle_ns=SECOND)
    assembler.add(record(root), START)
    assert len(assembler.expire(START + SECOND).blocks) == 1


def test_an_agent_that_is_asked_waits_for_the_one_that_asks() -> None:
    """The answer of an inner agent ends no turn; that of another conversation's agent waits for nobody."""
    system = parts("system", "outer")
    question = {"type": "tool_call", "name": "ask", "arguments": {"question": "Which lamp?"}}
    outer = call(0, [system, parts(*ASKED)], {"role": "assistant", "parts": [question]})
    inner = call(2, [parts("system", "inner"), parts("user", "Which lamp?")], parts("assistant", "Red."))
    apart = call(2, [parts("user", "Which lamp?")], parts("assistant", "Red."), **{"session.id": "other"})
    assembler = Assembler(idle_ns=SECOND)
    assembler.add(record(outer, inner, apart), START)
    assert [block.conversation_id for block in assembler.expire(START + SECOND).blocks] == ["other"]


def test_call_ids_that_recur_are_actions_of_their_own() -> None:
    """Some instrumentations number the calls of a turn; a later turn's are others, however they arrive."""
    second = [parts(*ASKED), tool_call(call_id="find_0"), tool_result("here", "find_0")]
    later = [*second, parts("assistant", "Here."), parts("user", "And now?")]
    spans = [
        *exchange("find_0"),
        *record(
            call(40, later, tool_call(call_id="find_0")),
            call(
                42,
                [*later, tool_call(call_id="find_0"), tool_result("there", "find_0")],
                parts("assistant", "There."),
            ),
        ),
    ]
    assembler = Assembler()
    blocks: list[Block] = []
    for part in (spans[:2], spans[2:]):
        assembler.add(part, START)
        blocks += assembler.drain().blocks
    assert actions(blocks) == [("find", "here"), ("find", "there")]
    assert actions(assembled(spans)) == actions(blocks)


@pytest.mark.parametrize("late", [False, True])
def test_a_second_sighting_counts_nothing(late: bool) -> None:
    """A model call that another instrumentation saw from within is one call, also when its trace is late."""
    agent = S("invoke_agent x", {"gen_ai.operation.name": "invoke_agent", **CONV}, [], at=(0, 5))
    usage = {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 2}
    agent.children = [S("chat", chat(ASKED, reply="Here.", **usage), at=(1, 4))]
    inside = S("chat", chat(ASKED, reply="Here.", **usage, **CONV), at=(2, 3), scope="other")
    outer, inner = record(agent), record(inside)
    assembler = Assembler()
    blocks = assembler.add(outer if late else [*outer, *inner], START).blocks
    blocks += assembler.drain().blocks
    rest = assembler.add(inner, START)
    last = assembler.drain()
    assert transcript(blocks) == [("end_user", "Where is it?"), ("agent", "Here.")]
    assert len(wire(blocks, "llm")) == 1
    assert last.blocks == []
    assert [key for key, _ in (*rest.filtered, *last.filtered)] == [inner[0].key]


@pytest.mark.parametrize("apart", [False, True])
def test_tools_of_a_native_turn_come_from_messages(apart: bool) -> None:
    """What only the model's messages tell of a tool becomes an action of our turn, with its result."""
    assembler = Assembler(idle_ns=SECOND)
    blocks: list[Block] = []
    for number, span in enumerate(exchange("t1", **NATIVE)):
        assembler.add([span], START + number * 5 * SECOND)
        if apart:
            blocks += assembler.expire(START + (number * 5 + 2) * SECOND).blocks
    blocks += assembler.drain().blocks
    assert transcript(blocks) == []
    assert actions(blocks) == [("find", "here")]
    assert {span["attributes"]["agentsight.turn.id"] for span in wire(blocks)} == {"ab" * 8}


def test_a_tool_that_a_native_turn_recorded_is_one_action() -> None:
    """The application's own record of a tool stands for what the model's messages say of it."""
    [own] = record(
        S(
            "find",
            {**NATIVE, "agentsight.span.kind": "tool", "agentsight.tool.name": "find"},
            at=(2, 3),
        )
    )
    assembler = Assembler()
    blocks = assembler.add([own, *exchange("t1", **NATIVE)], START).blocks
    blocks += assembler.drain().blocks
    assert actions(blocks) == [("find", None)]


@pytest.mark.parametrize("apart", [False, True])
def test_a_native_turn_counts_a_model_call_once(apart: bool) -> None:
    """Two instrumentations of one call inside our turn give one model call, also when they come apart."""
    usage = {"gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 2}
    outer = S("chat", chat(ASKED, reply="Here.", **usage, **NATIVE), at=(1, 4))
    inner = S("chat", chat(ASKED, reply="Here.", **usage, **NATIVE), at=(2, 3), scope="other")
    assembler = Assembler()
    blocks: list[Block] = []
    for span in record(outer, inner):
        blocks += assembler.add([span], START).blocks
        blocks += assembler.drain().blocks if apart else []
    blocks += assembler.drain().blocks
    assert len(wire(blocks, "llm")) == 1
