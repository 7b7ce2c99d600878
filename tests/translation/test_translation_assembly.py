from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.trace import SpanLimits
from translation_spans import SECOND, START, S, assembled, chat, parts, record, transcript, wire

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.span_data import EventData, LinkData, LogData, SpanData

CONV = {"gen_ai.conversation.id": "conv-1"}


def calls(*histories: tuple[list[tuple[str, str]], str | None], **ids: Any) -> list[SpanData]:
    """Model calls, each a trace of its own, one after the other."""
    return record(
        *(
            S("chat gpt-4o", chat(*said, reply=reply, **(ids or CONV)), at=(n * 2.0, n * 2.0 + 1))
            for n, (said, reply) in enumerate(histories)
        )
    )


# --- native spans -------------------------------------------------------------------------------------


def test_native_spans_pass_at_once_in_order() -> None:
    """What the tracker made is not looked into, only grouped."""
    spans = record(
        *(
            S(
                f"n{i}",
                {
                    "agentsight.span.kind": "turn",
                    "agentsight.conversation.id": f"c{i % 2}",
                    "agentsight.conversation.device": f"d{i}",
                },
            )
            for i in range(4)
        )
    )
    ready = Assembler(environment="prod").add(spans, START)
    assert [
        (block.conversation_id, [json.loads(raw)["name"] for raw in block.spans]) for block in ready.blocks
    ] == [
        ("c0", ["n0", "n2"]),
        ("c1", ["n1", "n3"]),
    ]
    assert ready.blocks[0].fields == {"environment": "production", "device": "d2"}
    assert ready.blocks[0].sources == [spans[0].key, spans[2].key]


def test_a_native_span_without_conversation_is_filtered() -> None:
    """Nothing is lost without a reason given."""
    [span] = record(S("x", {"agentsight.span.kind": "turn", "agentsight.conversation.id": " "}))
    assert Assembler().add([span], START).filtered == [(span.key, "no_conversation")]


def test_inside_a_native_turn_foreign_spans_say_nothing() -> None:
    """Model calls and tools join the turn by its id; the turn has its messages itself."""
    stamped = {"agentsight.conversation.id": "c", "agentsight.turn.id": "ab" * 8}
    blocks = assembled(record(S("chat", chat(("user", "hi"), reply="ho", **stamped))))
    assert transcript(blocks) == []
    [llm] = wire(blocks)
    assert (llm["kind"], llm["attributes"]["agentsight.turn.id"], llm["parent_span_id"]) == (
        "llm",
        "ab" * 8,
        "ab" * 8,
    )


# --- turns and new messages ---------------------------------------------------------------------------


def test_calls_in_traces_of_their_own_are_one_turn_until_answered() -> None:
    """Only the id joins them; the user's message and the reply are said once."""
    u1, call = ("user", "Where is it?"), {"type": "tool_call", "id": "t1", "name": "find", "arguments": {}}
    first = {
        **chat(u1, **CONV),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [call]}]),
    }
    history = [
        parts(*u1),
        {"role": "assistant", "parts": [call]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "here"}]},
    ]
    second = {**chat(reply="Here.", **CONV), "gen_ai.input.messages": json.dumps(history)}
    blocks = assembled(record(S("chat", first, at=(0, 1)), S("chat", second, at=(2, 3))))
    assert transcript(blocks) == [("end_user", "Where is it?"), ("agent", "Here.")]
    [turn], [tool] = wire(blocks, "turn"), wire(blocks, "tool")
    assert tool["attributes"]["agentsight.tool.response"] == "here"
    assert {span["attributes"]["agentsight.turn.id"] for span in wire(blocks)} == {turn["span_id"]}


@pytest.mark.parametrize(
    "histories",
    [
        [([("user", "yes")], "ok"), ([("user", "yes"), ("assistant", "ok"), ("user", "yes")], "ok")],
        [([("user", "yes")], "ok"), ([("user", "yes")], "ok")],
    ],
    ids=["cumulative", "one at a time"],
)
def test_the_same_text_twice_is_two_messages(histories: list[Any]) -> None:
    """People repeat themselves, and agents too."""
    assert transcript(assembled(calls(*histories))) == [("end_user", "yes"), ("agent", "ok")] * 2


def test_a_second_try_is_not_a_second_message() -> None:
    """The provider failed, the application asks again with the same history."""
    spans = record(
        S("chat", chat(("user", "hi"), **CONV), at=(0, 1), error="500"),
        S("chat", chat(("user", "hi"), reply="ho", **CONV), at=(2, 3)),
    )
    assert transcript(assembled(spans)) == [("end_user", "hi"), ("agent", "ho")]


def test_a_failed_turn_keeps_what_the_user_said() -> None:
    """The message is in the transcript, the failure on the call and the turn."""
    blocks = assembled(record(S("chat", chat(("user", "hi"), **CONV), error="boom")))
    assert transcript(blocks) == [("end_user", "hi")]
    assert wire(blocks, "turn")[0]["status"] == "error"
    assert wire(blocks, "turn")[0]["attributes"]["agentsight.turn.complete"] is True
    assert wire(blocks, "llm")[0]["attributes"]["agentsight.llm.error"] == "boom"


def test_a_compacted_history_adds_only_its_end() -> None:
    """A summary in place of old messages is no message."""
    blocks = assembled(
        calls(
            ([("user", "one")], "1"),
            ([("user", "one"), ("assistant", "1"), ("user", "two")], "2"),
            ([("user", "Summary: they counted."), ("assistant", "Noted."), ("user", "three")], "3"),
        )
    )
    assert [text for _, text in transcript(blocks)] == ["one", "1", "two", "2", "three", "3"]


def test_a_human_who_takes_over_is_heard() -> None:
    """An answer that no model gave stands in the next history."""
    blocks = assembled(
        calls(
            ([("user", "a")], "b"),
            ([("user", "a"), ("assistant", "b"), ("assistant", "Human here."), ("user", "c")], "d"),
        )
    )
    assert [text for _, text in transcript(blocks)] == ["a", "b", "Human here.", "c", "d"]


def test_imported_history_is_not_said_again() -> None:
    """The first call seen of a conversation has a past that somebody else delivered."""
    assert transcript(
        assembled(calls(([("user", "old"), ("assistant", "older"), ("user", "new")], "ok")))
    ) == [
        ("end_user", "new"),
        ("agent", "ok"),
    ]


def test_a_placeholder_is_never_a_message() -> None:
    """Redacted texts are not shown and not taken for the same text."""
    blocks = assembled(calls(([("user", "__REDACTED__")], "[Filtered]")))
    assert transcript(blocks) == []
    assert wire(blocks, "turn")[0]["attributes"]["agentsight.content_captured"] is False


def test_a_turn_without_texts_is_still_a_turn_and_said_once() -> None:
    """Content capture is off: tokens and tools arrive, and the exporter can tell the user."""
    assembler = Assembler()
    bare = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": 3,
        **CONV,
    }
    assembler.add(record(S("chat", bare)), START)
    blocks = assembler.drain().blocks
    assert wire(blocks, "turn")[0]["attributes"]["agentsight.content_captured"] is False
    assert wire(blocks, "llm")[0]["attributes"]["gen_ai.usage.input_tokens"] == 0
    assert "agentsight.llm.usage_reported" not in wire(blocks, "llm")[0]["attributes"]
    assert assembler.notices["content_not_captured"] == 1


# --- trees --------------------------------------------------------------------------------------------


def test_an_http_root_is_no_turn_and_an_orphan_is_one() -> None:
    """The agent under a server span, and the agent whose parent never arrives, are turns of their own."""
    agent = S(
        "invoke_agent x",
        {"gen_ai.operation.name": "invoke_agent", **CONV},
        [S("chat", chat(("user", "hi"), reply="ho"))],
    )
    spans = record(S("POST /chat", {"http.method": "POST", "session.id": "browser"}, [agent]))
    blocks = assembled(spans)
    assert [block.conversation_id for block in blocks] == ["conv-1"]
    assert sorted(blocks[0].sources) == sorted(span.key for span in spans)
    assert transcript(blocks) == transcript(assembled(spans[:2])) == [("end_user", "hi"), ("agent", "ho")]


def test_tokens_are_counted_on_the_leaves_only() -> None:
    """An agent's sum of its calls is not a call; without calls it is all there is."""
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 4}
    agent = {"gen_ai.operation.name": "invoke_agent", **usage, **CONV}
    with_leaf = wire(
        assembled(record(S("a", agent, [S("chat", {**chat(("user", "x"), reply="y"), **usage})]))), "llm"
    )
    without = wire(assembled(record(S("a", agent))), "llm")
    assert [span["attributes"]["gen_ai.usage.input_tokens"] for span in with_leaf] == [10]
    assert [span["attributes"]["gen_ai.usage.input_tokens"] for span in without] == [10]


def test_two_instrumentations_of_one_call_are_one_call() -> None:
    """A model span around a model span: texts from one, the cached tokens from the other."""
    outer = {**chat(("user", "hi"), reply="ho", **CONV), "gen_ai.usage.input_tokens": 9}
    inner = {
        "openinference.span.kind": "LLM",
        "llm.token_count.prompt": 9,
        "llm.token_count.prompt_details.cache_read": 4,
    }
    blocks = assembled(record(S("chat", outer, [S("ChatCompletion", inner, scope="oi")])))
    [llm] = wire(blocks, "llm")
    assert llm["attributes"]["gen_ai.usage.input_tokens"] == 5
    assert llm["attributes"]["agentsight.llm.cache_read_tokens"] == 4
    assert transcript(blocks) == [("end_user", "hi"), ("agent", "ho")]


def test_a_sub_agent_inside_a_tool_does_not_speak() -> None:
    """Its question and answer are the tool's, its tokens count, its tool is an action too."""
    sub = S(
        "invoke_agent expert",
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "an id of its own"},
        [S("chat", chat(("user", "the question"), reply="the answer"), at=(2, 3))],
        at=(2, 3),
    )
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "ask",
        "gen_ai.tool.call.id": "t",
        "gen_ai.tool.call.result": "the answer",
    }
    asks = json.dumps(
        [{"role": "assistant", "parts": [{"type": "tool_call", "id": "t", "name": "ask", "arguments": {}}]}]
    )
    root = S(
        "invoke_agent main",
        {"gen_ai.operation.name": "invoke_agent", **CONV},
        [
            S("chat", {**chat(("user", "hi")), "gen_ai.output.messages": asks}, at=(1, 2)),
            S("execute_tool ask", tool, [sub], at=(2, 3)),
            S("chat", chat(("user", "hi"), reply="ho"), at=(3, 4)),
        ],
        at=(0, 5),
    )
    blocks = assembled(record(root))
    assert [block.conversation_id for block in blocks] == ["conv-1"]
    assert transcript(blocks) == [("end_user", "hi"), ("agent", "ho")]
    assert [span["attributes"]["agentsight.tool.name"] for span in wire(blocks, "tool")] == ["ask"]
    assert len(wire(blocks, "llm")) == 3


def test_turns_inside_one_trace() -> None:
    """Explicit turn spans divide a trace that holds a whole call."""
    turn = {"gen_ai.operation.name": "handle_conversation_turn"}
    spans = record(
        S(
            "session",
            {"gen_ai.operation.name": "invoke_workflow", **CONV},
            [
                S("t1", turn, [S("chat", chat(("user", "a"), reply="b"), at=(1, 2))], at=(1, 2)),
                S(
                    "t2",
                    turn,
                    [S("chat", chat(("user", "a"), ("assistant", "b"), ("user", "c"), reply="d"), at=(3, 4))],
                    at=(3, 4),
                ),
            ],
            at=(0, 9),
        )
    )
    blocks = assembled(spans)
    assert [text for _, text in transcript(blocks)] == ["a", "b", "c", "d"]
    assert [span["name"] for span in wire(blocks, "turn")] == ["t1", "t2"]


def test_a_cycle_of_parents_ends() -> None:
    """Two spans that call each other parent are broken, not endless."""
    one, two = record(
        S("chat", chat(("user", "a"), reply="b", **CONV)), S("chat", chat(("user", "a"), reply="b", **CONV))
    )
    knot = [
        msgspec.structs.replace(one, parent_span_id=two.span_id),
        msgspec.structs.replace(two, parent_span_id=one.span_id, trace_id=one.trace_id),
    ]
    assert assembled(knot)[0].conversation_id == "conv-1"


# --- conversation ids ---------------------------------------------------------------------------------


def test_without_any_id_the_trace_is_the_conversation() -> None:
    """Deterministic and said to be made up."""
    spans = record(S("chat", chat(("user", "a"), reply="b")))
    [block] = assembled(spans)
    assert block.conversation_id == f"trace:{spans[0].trace_id}"
    assert wire([block], "turn")[0]["attributes"]["agentsight.conversation.synthetic"] is True


def test_a_chain_of_responses_is_one_conversation() -> None:
    """The server keeps the history; the calls name the response before."""
    spans = record(
        S("chat", chat(("user", "a"), reply="b", **{"gen_ai.response.id": "r1"}, **CONV), at=(0, 1)),
        S(
            "chat",
            chat(
                ("user", "a"),
                reply="c",
                **{"gen_ai.request.previous_response.id": "r1", "gen_ai.response.id": "r2"},
            ),
            at=(2, 3),
        ),
        S("chat", chat(("user", "z"), reply="d", **{"gen_ai.request.previous_response.id": "r2"}), at=(4, 5)),
    )
    [block] = assembled(spans)
    assert [text for _, text in transcript([block])] == ["a", "b", "a", "c", "z", "d"]


def test_a_link_joins_a_trace_to_its_conversation() -> None:
    """A queue between two services leaves a link and no parent."""
    first, second = record(
        S("chat", chat(("user", "a"), reply="b", **CONV), at=(0, 1)),
        S("chat", chat(("user", "c"), reply="d"), at=(2, 3)),
    )
    linked = msgspec.structs.replace(second, links=(LinkData(first.trace_id, first.span_id),))
    assert [block.conversation_id for block in assembled([first, linked])] == ["conv-1"]


def test_a_history_that_lost_its_id_is_recognised() -> None:
    """The SDK's attribute limit drops the id first; the end of the history still says whose it is."""
    limits = SpanLimits(max_span_attributes=30)
    spans: list[SpanData] = []
    for turn in range(8):
        said = [(role, f"{role} {n}") for n in range(turn) for role in ("user", "assistant")] + [
            ("user", f"user {turn}")
        ]
        flat: dict[str, Any] = {"session.id": "conv-1"}
        for i, (role, text) in enumerate(said):
            flat |= {
                f"llm.input_messages.{i}.message.role": role,
                f"llm.input_messages.{i}.message.content": text,
            }
        flat |= {
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": f"assistant {turn}",
        }
        flat["openinference.span.kind"] = "LLM"
        spans += record(S("llm", flat, at=(turn, turn + 0.5)), limits=limits)
    assert "session.id" not in spans[-1].attributes
    [block] = assembled(spans)
    assert [text for _, text in transcript([block])] == [
        f"{role} {n}" for n in range(8) for role in ("user", "assistant")
    ]


# --- what else travels --------------------------------------------------------------------------------


def test_customer_metadata_and_tags() -> None:
    """They describe the conversation's block; a framework's bookkeeping does not."""
    attributes = {
        "openinference.span.kind": "LLM",
        "session.id": "conv-1",
        "user.id": "cust",
        "metadata": json.dumps({"plan": "gold", "langgraph_step": 3, "thread_id": "conv-1"}),
        "tag.tags": ["a", "b"],
        "input.value": "hi",
        "output.value": "ho",
    }
    [block] = assembled(record(S("llm", attributes)))
    assert block.fields == {"customer_id": "cust", "metadata": {"plan": "gold", "tags": ["a", "b"]}}


def test_media_become_uploads_and_notes() -> None:
    """Bytes leave as an upload on their message, an address stays an address."""
    data = base64.b64encode(b"png bytes").decode()
    media = [
        {"type": "text", "content": "look"},
        {"type": "blob", "mime_type": "image/png", "modality": "image", "content": data},
        {"type": "uri", "mime_type": "image/jpeg", "modality": "image", "uri": "https://example.org/a.jpg"},
        {"type": "image_url", "image_url": {"url": f"data:image/gif;base64,{data}"}},
    ]
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": media}]),
        **CONV,
    }
    [block] = assembled(record(S("chat", attributes)))
    assert [(u.mime_type, u.data, u.sender, u.on_message) for u in block.uploads] == [
        ("image/png", b"png bytes", "end_user", True),
        ("image/gif", b"png bytes", "end_user", True),
    ]
    event = wire([block], "turn")[0]["events"][0]
    assert event["attributes"]["agentsight.message.content"] == "look"
    notes = json.loads(event["attributes"]["agentsight.message.metadata"])["attachments"]
    assert [note.get("uri") for note in notes] == [None, "https://example.org/a.jpg", None]
    assert assembled(record(S("chat", attributes)))[0].uploads[0].time_ns == block.uploads[0].time_ns


def test_feedback_of_people_and_of_models() -> None:
    """A person's judgement is feedback, a model's is an evaluation."""
    attributes = {
        **chat(("user", "a"), reply="b", **CONV),
        "annotations.0.annotation.name": "helpful",
        "annotations.0.annotation.annotator_kind": "HUMAN",
        "annotations.0.annotation.label": "thumbs_down",
        "annotations.0.annotation.explanation": "wrong lamp",
    }
    event = (
        "gen_ai.evaluation.result",
        {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.9},
    )
    blocks = assembled(record(S("chat", attributes, events=[event])))
    [human], [model] = wire(blocks, "feedback"), wire(blocks, "evaluation")
    assert human["attributes"]["agentsight.feedback.sentiment"] == "negative"
    assert human["attributes"]["agentsight.feedback.comment"] == "wrong lamp"
    assert human["attributes"]["agentsight.feedback.source"] == "customer"
    assert (
        model["attributes"]["agentsight.feedback.score"],
        model["attributes"]["agentsight.feedback.source"],
    ) == (0.9, "evaluation")


def test_originals_travel_beside_ours() -> None:
    """Unknown attributes stay, an overwritten one moves aside, the repeated history goes."""
    attributes = {
        **chat(("user", "a"), reply="b", **CONV),
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "my.own": "kept",
    }
    [llm] = wire(assembled(record(S("chat", attributes))), "llm")
    assert llm["attributes"]["my.own"] == "kept"
    assert llm["attributes"]["agentsight.original.gen_ai.usage.input_tokens"] == 9
    assert "gen_ai.input.messages" not in llm["attributes"]


def test_a_failing_tool_has_its_error() -> None:
    """The exception's message, not the stack."""
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", **CONV}
    event = (
        "exception",
        {"exception.type": "ValueError", "exception.message": "no such lamp", "exception.stacktrace": "…"},
    )
    blocks = assembled(record(S("execute_tool t", tool, error="ValueError: no such lamp", events=[event])))
    [span] = wire(blocks, "tool")
    assert (span["status"], span["attributes"]["agentsight.tool.error"]) == ("error", "no such lamp")
    assert "agentsight.tool.response" not in span["attributes"]


# --- waiting ------------------------------------------------------------------------------------------


def test_a_conversation_waits_until_it_is_quiet() -> None:
    """Spans leave after the idle time without news, and together with the rest of their conversation."""
    one, two = calls(([("user", "a")], "b"), ([("user", "a"), ("assistant", "b"), ("user", "c")], "d"))
    assembler = Assembler(idle_ns=5 * SECOND)
    assembler.add([one], START)
    assembler.add([two], START + 3 * SECOND)
    assert assembler.expire(START + 6 * SECOND).blocks == []
    assert assembler.pending == 2
    assert len(transcript(assembler.expire(START + 8 * SECOND).blocks)) == 4
    assert assembler.pending == 0


def test_a_conversation_that_never_rests_leaves_in_the_end() -> None:
    """A trace is not held back for ever by news of others."""
    assembler = Assembler(idle_ns=SECOND)
    spans = calls(*(([("user", f"m{n}")], f"r{n}") for n in range(80)))
    left = []
    for n, span in enumerate(spans):
        assembler.add([span], START + n * SECOND // 2)
        left += assembler.expire(START + n * SECOND // 2).blocks
    assert transcript(left)[:2] == [("end_user", "m0"), ("agent", "r0")]
    assert len(transcript(left + assembler.drain().blocks)) == 160


@pytest.mark.parametrize(
    "bound", [{"max_pending": 10}, {"max_pending_bytes": 10_000}], ids=["spans", "bytes"]
)
def test_too_many_spans_leave_early_and_are_counted(bound: dict[str, int]) -> None:
    """Memory is bounded, by number and by the length of texts, and nothing is lost."""
    assembler = Assembler(**bound)
    chats = [calls(([("user", "m" * 1000)], "r"), **{"session.id": f"c{n}"}) for n in range(30)]
    blocks = [block for [span] in chats for block in assembler.add([span], START).blocks]
    assert 5 <= assembler.pending <= 10
    assert assembler.evicted == 30 - assembler.pending
    assert len(transcript(blocks + assembler.drain().blocks)) == 60


def test_much_that_is_quiet_leaves_in_parts() -> None:
    """What is assembled at once is bounded, and a conversation is never cut."""
    assembler = Assembler()
    for n in range(300):
        assembler.add(
            calls(*(([("user", f"m{k}")], f"r{k}") for k in range(8)), **{"session.id": f"c{n}"}), n
        )
    parts = []
    while assembler.pending:
        parts.append(assembler.expire(START).blocks)
    assert [len(part) for part in parts] == [125, 125, 50]
    assert len({block.conversation_id for part in parts for block in part}) == 300


def test_log_records_wait_like_spans() -> None:
    """Log records without a span count as waiting, leave when they have been quiet, and are bounded."""
    texts = {"gen_ai.conversation.id": "c", "gen_ai.input.messages": [parts("user", "a")]}
    event = EventData("gen_ai.client.inference.operation.details", START, texts)
    logs = [LogData(f"{n:032x}", f"{n:016x}", event) for n in range(1, 31)]
    assembler = Assembler(max_pending=10)
    left = assembler.add_logs(logs[:5], START).blocks
    assert (left, assembler.pending) == ([], 5)
    assert assembler.expire(START + 6 * SECOND).blocks
    assert assembler.pending == 0
    assert Assembler(max_pending=10).add_logs(logs, START).blocks


def test_log_records_before_and_after_their_span() -> None:
    """The texts of an event-only instrumentation join their span in any order."""
    bare = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 2,
        **CONV,
    }
    [span] = record(S("chat m", bare))
    texts = {
        "gen_ai.input.messages": [parts("user", "a")],
        "gen_ai.output.messages": [parts("assistant", "b")],
    }
    log = LogData(
        span.trace_id, span.span_id, EventData("gen_ai.client.inference.operation.details", START, texts)
    )
    before, after = Assembler(), Assembler()
    before.add_logs([log, log], START)
    before.add([span], START)
    after.add([span], START)
    after.add_logs([log], START)
    for assembler in (before, after):
        blocks = assembler.drain().blocks
        assert transcript(blocks) == [("end_user", "a"), ("agent", "b")]
        assert len(wire(blocks, "llm")) == 1


def test_an_evaluation_that_comes_late_is_about_its_span() -> None:
    """Once the span has left, its verdict is about that span, and no turn is made for it."""
    [span] = record(S("chat", chat(("user", "a"), reply="b", **CONV)))
    verdict = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.9}
    event = EventData("gen_ai.evaluation.result", START + SECOND, verdict)
    assembler = Assembler()
    assembler.add([span], START)
    assert len(wire(assembler.expire(START + 6 * SECOND).blocks, "turn")) == 1
    assembler.add_logs([LogData(span.trace_id, span.span_id, event)], START + 60 * SECOND)
    [block] = assembler.expire(START + 66 * SECOND).blocks
    [evaluation] = wire([block])
    target = evaluation["attributes"]["agentsight.feedback.target_span_id"]
    assert (target, evaluation["parent_span_id"]) == (span.span_id, span.span_id)
    assert evaluation["attributes"]["agentsight.feedback.score"] == 0.9
    assert block.conversation_id == "conv-1"


def test_log_records_of_a_slow_call_wait_for_its_span() -> None:
    """What was asked is logged when a call starts; it is not split from the answer that comes later."""
    [span] = record(S("chat m", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **CONV}))
    asked, said = (
        LogData(span.trace_id, span.span_id, EventData(name, time, {}, body))
        for name, time, body in (
            ("gen_ai.user.message", START, {"content": "a"}),
            ("gen_ai.choice", START + 30 * SECOND, {"message": {"content": "b"}}),
        )
    )
    assembler, alone = Assembler(), Assembler()
    for each in (assembler, alone):
        each.add_logs([asked], START)
        assert not each.expire(START + 6 * SECOND).blocks
    assembler.add_logs([said], START + 30 * SECOND)
    assembler.add([span], START + 31 * SECOND)
    blocks = assembler.expire(START + 37 * SECOND).blocks
    assert transcript(blocks) == [("end_user", "a"), ("agent", "b")]
    assert [block.conversation_id for block in blocks] == ["conv-1"]
    assert transcript(alone.expire(START + 121 * SECOND).blocks) == [("end_user", "a")]
    assert alone.pending == 0


def test_a_span_that_comes_late_joins_its_conversation() -> None:
    """Its trace has left; the conversation is remembered, the messages are not said again."""
    spans = record(
        S(
            "invoke_agent x",
            {"gen_ai.operation.name": "invoke_agent", **CONV},
            [
                S("chat", chat(("user", "a"), reply="b")),
                S(
                    "execute_tool t",
                    {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"},
                    at=(0.5, 0.9),
                ),
            ],
        )
    )
    late = next(span for span in spans if span.name == "execute_tool t")
    assembler = Assembler()
    assembler.add([span for span in spans if span is not late], START)
    first = assembler.drain().blocks
    assembler.add([late], START)
    [block] = assembler.drain().blocks
    assert block.conversation_id == "conv-1"
    assert transcript(first) == [("end_user", "a"), ("agent", "b")]
    assert transcript([block]) == []
    assert [span["attributes"]["agentsight.tool.name"] for span in wire([block], "tool")] == ["t"]


def test_other_spans_are_exported_only_when_asked() -> None:
    """Context is used and accounted for; with export_all it travels."""
    spans = record(S("GET /", {"http.method": "GET"}, [S("chat", chat(("user", "a"), reply="b", **CONV))]))
    assert wire(assembled(spans), "span") == []
    [http] = wire(assembled(spans, export_all=True), "span")
    assert http["name"] == "GET /"
    alone = record(S("GET /", {"http.method": "GET"}))
    assembler = Assembler()
    assembler.add(alone, START)
    assert assembler.drain().filtered == [(alone[0].key, "not_genai")]


def test_small_facts_about_an_answer() -> None:
    """Streaming, another model than asked for, and a voice that was interrupted."""
    llm = {
        **chat(("user", "a"), reply="b"),
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.response.finish_reasons": ["stop"],
    }
    turn = S("agent_turn", {"lk.interrupted": True}, [S("chat", llm)], scope="livekit-agents")
    blocks = assembled(record(S("agent_session", {"lk.room_sid": "r"}, [turn], scope="livekit-agents")))
    [span] = wire(blocks, "llm")
    assert span["attributes"]["agentsight.llm.streaming"] is True
    assert span["attributes"]["gen_ai.request.model"] == "gpt-4o-2024"
    assert span["attributes"]["agentsight.llm.requested_model"] == "gpt-4o"
    reply = wire(blocks, "turn")[0]["events"][1]["attributes"]
    assert json.loads(reply["agentsight.message.metadata"]) == {"interrupted": True}
