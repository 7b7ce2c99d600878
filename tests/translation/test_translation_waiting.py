"""Traces of one exchange that arrive far apart: what waits for what, how long, and what is told from what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace
from translation_spans import SECOND, START, S, assembled, chat, parts, record, transcript, wire

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.assembly.pending import MAX_HELD_IDLES, MAX_RUN_IDLES
from agentsight_otel.translation.block import Block
from agentsight_otel.translation.span_data import SpanData, SpanKey

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
    assert min(seconds for seconds, blocks in at.items() if blocks) == MAX_RUN_IDLES


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


def a_run(*, above: str = "GET /") -> list[SpanData]:
    """The spans of a run of an agent below another span, as they end: two model calls, the run, the other."""
    question, asks = parts(*ASKED), tool_call(call_id="t")
    calls = [
        call(0, [question], asks),
        call(20, [question, asks, tool_result("here", "t")], parts("assistant", "Here.")),
    ]
    run = S("invoke_agent x", {"gen_ai.operation.name": "invoke_agent", **CONV}, calls, at=(0, 22))
    return sorted(record(S(above, {}, [run], at=(0, 23))), key=lambda span: span.end_ns)


TOLD = [("end_user", "Where is it?"), ("agent", "Here.")]


def test_a_run_that_goes_on_is_waited_for() -> None:
    """Nothing is told of a run while its span has not come, however long a model thinks, within limits."""
    first, second, run, request = a_run()
    tool = S("execute_tool find", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find"})
    [ran] = record(tool)
    ran = replace(ran, trace_id=first.trace_id, parent_span_id=run.span_id)
    assembler = Assembler(idle_ns=SECOND)
    assembler.add([first], START)
    assembler.add([ran], START + 2 * SECOND)
    assert assembler.expire(START + (1 + MAX_HELD_IDLES) * SECOND).blocks == []
    assembler.add([second, run], START + 20 * SECOND)
    assert assembler.expire(START + 20 * SECOND).blocks == []
    # The run is there; what is above it, a request, may not be sent here at all.
    assembler.go_without([request.key])
    assert transcript(assembler.expire(START + 21 * SECOND).blocks) == TOLD
    assert assembler.pending == 0


@pytest.mark.parametrize("when", ["before the run", "before a look", "after a look"])
def test_what_ended_elsewhere_is_not_waited_for(when: str) -> None:
    """A request's span that is about no agent ends the wait when it ends, perhaps before the run does."""
    first, second, run, request = a_run()
    assembler = Assembler(idle_ns=SECOND)
    if when == "before the run":
        assembler.go_without([request.key])
    assembler.add([first, second, run], START)
    if when == "before a look":
        assembler.go_without([request.key])
    elif when == "after a look":
        assert assembler.expire(START + 2 * SECOND).blocks == []
        assembler.go_without([request.key, SpanKey("0" * 31 + "1", "0" * 15 + "1")])
    assert transcript(assembler.expire(START + 2 * SECOND).blocks) == TOLD


@pytest.mark.parametrize("remote", [False, True])
def test_what_never_comes_is_waited_for_a_while(*, remote: bool) -> None:
    """A parent in another process is not waited for at all."""
    *spans, _ = a_run()
    spans[-1] = replace(spans[-1], parent_is_remote=remote)
    assembler = Assembler(idle_ns=SECOND)
    assembler.add(spans, START)
    assert bool(assembler.expire(START + SECOND).blocks) == remote
    assert not assembler.expire(START + MAX_HELD_IDLES * SECOND - 1).blocks
    assert bool(assembler.expire(START + MAX_HELD_IDLES * SECOND).blocks) != remote


def test_a_run_without_end_is_told_of_while_it_goes_on() -> None:
    """Its messages come in parts, none of them twice."""
    first, second, run, _ = a_run()
    assembler = Assembler(idle_ns=SECOND)
    blocks = []
    for number in range(13):
        here = [first, second][number // 12 : number // 12 + 1] if number in {0, 12} else []
        more = replace(first, span_id=f"{number:016x}", attributes={"gen_ai.operation.name": "chat"})
        assembler.add([*here, more], START + number * 10 * SECOND)
        blocks += assembler.expire(START + (number * 10 + 9) * SECOND).blocks
        assert bool(blocks) == (number == 12)
    blocks += assembler.add([run], START + 130 * SECOND).blocks + assembler.drain().blocks
    assert transcript(blocks) == TOLD


def test_a_failed_call_ends_the_wait() -> None:
    """Some instrumentations never end the span of a run that a model's error ended."""
    _, second, *_ = a_run()
    assembler = Assembler(idle_ns=SECOND)
    assembler.add([replace(second, status="error")], START)
    assert assembler.expire(START + SECOND).blocks


def test_what_is_above_turns_is_not_waited_for() -> None:
    """A call of an hour is one span above all its turns; each is told of when it is over."""
    turns = [
        S(
            "turn",
            {"conversation.id": "c", "turn.number": number},
            [S("llm", {"gen_ai.operation.name": "chat", "output": "b"}, scope="pipecat", at=(at, at + 1))],
            scope="pipecat",
            at=(at, at + 2),
        )
        for number, at in ((1, 0), (2, 60))
    ]
    spans = record(S("conversation", {"conversation.id": "c"}, turns, scope="pipecat", at=(0, 3600)))
    said, turn, *_ = sorted(spans, key=lambda span: span.end_ns)
    assembler = Assembler(idle_ns=SECOND)
    assembler.add([said], START)
    assert assembler.expire(START + SECOND).blocks == []
    assembler.add([turn], START + 2 * SECOND)
    assert assembler.expire(START + 3 * SECOND).blocks


def test_our_own_turn_is_waited_for_and_ends_the_wait() -> None:
    """Model calls below a turn of the live API leave when the turn has ended."""
    kind = {"agentsight.span.kind": "turn", **NATIVE}
    [said, turn] = record(S("turn", kind, [call(0, [parts(*ASKED)], parts("assistant", "Here."))], at=(0, 2)))
    assembler = Assembler(idle_ns=SECOND)
    assembler.add([said], START)
    assert assembler.expire(START + 9 * SECOND).blocks == []
    assembler.add([turn], START + 9 * SECOND)
    assert assembler.expire(START + 9 * SECOND).blocks
    assert assembler.pending == 0
