"""Sub-agents of Claude's program: what the spans say of their runs, as its command line 2.1 writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from translation_spans import START, S, assembled, record, transcript, wire

from agentsight_otel.translation.assembly import Assembler

SCOPE = "com.anthropic.claude_code.tracing"
SESSION = {"session.id": "conv-1"}
ANSWER = {"type": "text", "text": "Charged twice."}
NOTE = {"type": "text", "text": "<tools-used-before-summary>order_status</tools-used-before-summary>\n"}
LIMIT = {"type": "text", "text": "NOTE: this agent stopped at its 1-turn limit before finishing.\n"}
NOTICE = "<task-notification>\n<result>Charged twice.</result>\n</task-notification>"


def claude(kind: str, attributes: dict[str, Any], children: list[S] | None = None, **about: Any) -> S:
    """A span of Claude's program."""
    named = {"span.type": kind, **SESSION, **attributes}
    return S(f"claude_code.{kind}", named, children or [], scope=SCOPE, **about)


def run_of(result: str, **about: Any) -> dict[str, Any]:
    """The attributes of the action that a tool's span becomes, given what is new in its context."""
    tool = {"tool_name": "Agent", "tool_use_id": "t", "new_context": result}
    turn = claude("interaction", {"user_prompt": "Was it?"}, [claude("tool", tool, at=(1, 2), **about)])
    [action] = wire(assembled(record(turn)), "tool")
    attributes: dict[str, Any] = action["attributes"]
    return attributes


def report(content: Any, **counts: Any) -> dict[str, Any]:
    """What the program says of a sub-agent's run."""
    return {"status": "completed", "agentId": "a1", "content": content, "totalTokens": 706, **counts}


@pytest.mark.parametrize(
    ("said", "result"),
    [
        (report([ANSWER]), "Charged twice."),
        (report([ANSWER], harnessNoteCount=0, harnessTailCount=0), "Charged twice."),
        (report([NOTE, ANSWER], harnessNoteCount=1, harnessTailCount=0), "Charged twice."),
        (report([NOTE, LIMIT, ANSWER, NOTE], harnessNoteCount=2, harnessTailCount=1), "Charged twice."),
        (report([ANSWER, ANSWER], harnessNoteCount="many"), "Charged twice.\nCharged twice."),
        (report([LIMIT], harnessNoteCount=1), LIMIT["text"].strip()),
        (report([ANSWER], harnessNoteCount=-1, harnessTailCount=9), "Charged twice."),
    ],
)
def test_the_answer_of_a_sub_agent_is_the_result(said: dict[str, Any], result: str) -> None:
    """Neither the account of the run nor the program's own notes, unless there is nothing else."""
    attributes = run_of(f"[TOOL RESULT: Agent]\n{json.dumps(said)}")
    assert attributes["agentsight.tool.response"] == result


@pytest.mark.parametrize(
    "said", [{"status": "async_launched", "agentId": "a1"}, report([]), report("?"), {"content": [ANSWER]}]
)
def test_what_holds_no_answer_stays_whole(said: dict[str, Any]) -> None:
    """A sub-agent in the background has only begun, and another tool's content is not an answer."""
    attributes = run_of(f"[TOOL RESULT: Agent]\n{json.dumps(said)}")
    assert json.loads(attributes["agentsight.tool.response"]) == said


def test_an_event_tells_a_result_plainer() -> None:
    """Where the tool's output has an event, it is the result, and nothing is looked for in it."""
    output = json.dumps(report([ANSWER]))
    attributes = run_of("[TOOL RESULT: Agent]\n{}", events=[("tool.output", {"output": output})])
    assert json.loads(attributes["agentsight.tool.response"]) == report([ANSWER])


def test_only_what_stands_below_its_heading_is_a_result() -> None:
    """What else is new in a tool's context is no result of it."""
    assert "agentsight.tool.response" not in run_of("No heading")


@pytest.mark.parametrize("apart", [False, True])
def test_a_notice_that_a_sub_agent_is_done_is_not_the_users(*, apart: bool) -> None:
    """The program prompts itself; what the agent then says belongs to the conversation."""
    turns = [
        claude(
            "interaction",
            {"user_prompt": prompt, "new_context": f"[USER PROMPT]\n{prompt}"},
            [claude("llm_request", {"model": "m", "response.model_output": text, **new}, at=(at, at + 1))],
            at=(at, at + 1),
        )
        for at, prompt, text, new in (
            (0, "Was it?", "I have asked.", {"new_context": "[USER]\nWas it?"}),
            (2, NOTICE, "It was.", {}),
            (4, "Thanks.", "Gladly.", {"new_context": f"[USER]\n{NOTICE}\n\n---\n\n[USER]\nThanks."}),
        )
    ]
    roots = turns if apart else [S("answer", SESSION, turns, at=(0, 5))]
    assert transcript(assembled(record(*roots))) == [
        ("end_user", "Was it?"),
        ("agent", "I have asked."),
        ("agent", "It was."),
        ("end_user", "Thanks."),
        ("agent", "Gladly."),
    ]


def test_a_sub_agent_goes_on_when_its_turn_has_left() -> None:
    """What it does late belongs to the conversation, not to one of its own, and is not said to the user."""
    inner = {"model": "m", "agent_id": "a1", "gen_ai.conversation.id": "a1", "new_context": "[USER]\nWas it?"}
    late = {**inner, "response.model_output": "It was.", "input_tokens": 7}
    asked = {"tool_name": "Agent", "tool_use_id": "t"}
    root = claude(
        "interaction",
        {"user_prompt": "Ask them.", "gen_ai.conversation.id": "conv-1"},
        [
            claude("tool", asked, [claude("llm_request", late, at=(4, 5))], at=(1, 2)),
            claude("llm_request", {"model": "m", "response.model_output": "I did."}, at=(2, 3)),
        ],
        at=(0, 3),
    )
    spans = sorted(record(root), key=lambda span: span.end_ns)
    assembler = Assembler()
    first = assembler.add(spans[:-1], START).blocks + assembler.drain().blocks
    then = assembler.add(spans[-1:], START).blocks + assembler.drain().blocks
    assert [block.conversation_id for block in first + then] == ["conv-1", "conv-1"]
    assert transcript(first + then) == [("end_user", "Ask them."), ("agent", "I did.")]
    assert [span["attributes"]["gen_ai.usage.input_tokens"] for span in wire(then, "llm")] == [7]
