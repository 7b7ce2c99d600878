"""Spellings that no recording has: old, rare, or of vendors whose spans nobody recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from translation_spans import S, assembled, chat, parts, record, transcript, wire

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.block import Block
from agentsight_otel.translation.relevance import is_relevant
from agentsight_otel.translation.span_data import EventData, LogData

ASK, REPLY = "Is it in stock?", "Yes, three."
ID = {"gen_ai.conversation.id": "c"}
USER = [{"role": "user", "content": ASK}]
PICTURE = "data:image/png;base64,aGVsbG8="
EXCHANGE = [("end_user", ASK), ("agent", REPLY)]


def _only(*roots: S) -> Block:
    [block] = assembled(record(*roots))
    assert block.conversation_id == "c"
    return block


def _tools(block: Block) -> list[tuple[Any, ...]]:
    keys = ("name", "arguments", "response", "error")
    spans = [span["attributes"] for span in wire([block], "tool")]
    return [tuple(span.get(f"agentsight.tool.{key}") for key in keys) for span in spans]


def _attachments(block: Block) -> list[dict[str, Any]]:
    found = []
    for span in wire([block], "turn"):
        for event in span["events"]:
            metadata = event["attributes"].get("agentsight.message.metadata", "{}")
            found += json.loads(metadata).get("attachments", [])
    return found


def _said(*made: dict[str, Any], role: str = "assistant") -> list[dict[str, Any]]:
    return [{"role": role, "parts": list(made)}]


def _model(output: list[dict[str, Any]], history: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    told = history if history is not None else [parts("user", ASK)]
    return {
        **chat(),
        **ID,
        "gen_ai.input.messages": json.dumps(told),
        "gen_ai.output.messages": json.dumps(output),
    }


TRACELOOP = {"llm.request.type": "chat", "traceloop.association.properties.session_id": "c"}
OPENINFERENCE = {"openinference.span.kind": "LLM", "session.id": "c"}
BLOCKS = json.dumps([{"type": "text", "text": ASK}, {"type": "image_url", "image_url": {"url": PICTURE}}])
SPELLINGS: dict[str, dict[str, Any]] = {
    "traceloop blocks as json": {
        **TRACELOOP,
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": BLOCKS,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": REPLY,
    },
    "traceloop refusal": {
        **TRACELOOP,
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": ASK,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.refusal": REPLY,
    },
    "openinference completions": {
        **OPENINFERENCE,
        "llm.prompts.0.prompt.text": ASK,
        "llm.choices.0.completion.text": REPLY,
        "llm.choices.1.completion.text": "another draft",
    },
    "vercel root alone": {
        "ai.operationId": "ai.generateText",
        "ai.telemetry.metadata.sessionId": "c",
        "ai.prompt": json.dumps({"system": "Be kind.", "prompt": ASK}),
        "ai.response.text": REPLY,
    },
    "mlflow without a type": {
        "mlflow.spanType": '"UNKNOWN"',
        "mlflow.trace.session": "c",
        "mlflow.spanInputs": json.dumps({"question": ASK}),
        "mlflow.spanOutputs": json.dumps(REPLY),
    },
    "sentry object": {
        **ID,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.messages": json.dumps(USER),
        "gen_ai.response.object": REPLY,
    },
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_lone_span_in_a_rare_spelling(spelling: str) -> None:
    """One question and one answer, each once, and no JSON shown."""
    assert transcript([_only(S("span", SPELLINGS[spelling]))]) == EXCHANGE


def test_a_picture_among_blocks_as_json() -> None:
    """OpenLLMetry up to 0.54 writes a list of blocks as a text; what is no list of blocks stays a text."""
    block = _only(S("chat", SPELLINGS["traceloop blocks as json"]))
    assert [(upload.mime_type, upload.data) for upload in block.uploads] == [("image/png", b"hello")]
    typed = '[{"type": "shoe"}]'
    plain = {**SPELLINGS["traceloop blocks as json"], "gen_ai.prompt.0.content": typed}
    assert transcript([_only(S("chat", plain))])[0] == ("end_user", typed)


VOLT = "@voltagent/core"
VENDORS: dict[str, S] = {
    "laminar": S(
        "ask",
        {
            "lmnr.span.type": "DEFAULT",
            "lmnr.span.input": json.dumps({"question": ASK}),
            "lmnr.span.output": json.dumps(REPLY),
            "lmnr.association.properties.session_id": "c",
            "lmnr.association.properties.user_id": "u",
        },
        [
            S(
                "chat",
                {
                    "lmnr.span.type": "LLM",
                    "lmnr.span.input": json.dumps(USER),
                    "lmnr.span.output": json.dumps([{"role": "assistant", "content": REPLY}]),
                    "gen_ai.usage.input_tokens": 3,
                    "gen_ai.usage.output_tokens": 2,
                },
                at=(0.1, 0.2),
            ),
            S(
                "f",
                {"lmnr.span.type": "TOOL", "lmnr.span.input": '{"a": 1}', "lmnr.span.output": '"r"'},
                at=(0.3, 0.4),
            ),
        ],
    ),
    "genkit": S(
        "shopFlow",
        {
            "genkit:metadata:subtype": "flow",
            "genkit:input": json.dumps(ASK),
            "genkit:output": json.dumps(REPLY),
            "genkit:sessionId": "c",
            "user.id": "u",
        },
        [
            S(
                "model",
                {
                    "genkit:metadata:subtype": "model",
                    "genkit:input": json.dumps(
                        {"messages": [{"role": "user", "content": [{"text": ASK}]}]},
                    ),
                    "genkit:output": json.dumps(
                        {
                            "message": {
                                "role": "model",
                                "content": [{"toolRequest": {"ref": "1", "name": "f", "input": {"a": 1}}}],
                            },
                            "usage": {"inputTokens": 3, "outputTokens": 2},
                        }
                    ),
                },
                at=(0.1, 0.2),
            ),
            S(
                "f",
                {
                    "genkit:metadata:subtype": "tool",
                    "genkit:name": "f",
                    "genkit:input": '{"a": 1}',
                    "genkit:output": '"r"',
                },
                at=(0.3, 0.4),
            ),
        ],
    ),
    "flue": S(
        "flue.workflow",
        {
            "flue.workflow.payload": json.dumps({"message": ASK}),
            "flue.workflow.result": json.dumps(REPLY),
            "session.id": "c",
            "user.id": "u",
        },
        [
            S(
                "chat m",
                {
                    "gen_ai.operation.name": "chat",
                    "flue.turn.input": json.dumps({"systemPrompt": "s", "messages": USER}),
                    "flue.turn.output": json.dumps(
                        {
                            "role": "assistant",
                            "content": [{"type": "toolCall", "id": "t", "name": "f", "arguments": {"a": 1}}],
                        }
                    ),
                    "gen_ai.usage.input_tokens": 3,
                    "gen_ai.usage.output_tokens": 2,
                },
                at=(0.1, 0.2),
            ),
            S(
                "flue.tool",
                {
                    "flue.tool.name": "f",
                    "flue.tool.call_id": "t",
                    "flue.tool.arguments": '{"a": 1}',
                    "flue.tool.result": '"r"',
                },
                at=(0.3, 0.4),
            ),
        ],
    ),
    "voltagent": S(
        "app",
        {
            "voltagent.conversation_id": "c",
            "user.id": "u",
            "entity.type": "agent",
            "agent.messages": json.dumps(USER),
            "output": REPLY,
        },
        [
            S(
                "llm:streamText",
                {
                    "span.type": "llm",
                    "entity.type": "agent",
                    "llm.messages": json.dumps(USER),
                    "output": REPLY,
                    "usage.prompt_tokens": 3,
                    "usage.completion_tokens": 2,
                },
                at=(0.1, 0.2),
                scope=VOLT,
            ),
            S(
                "tool",
                {"span.type": "tool", "tool.name": "f", "input": '{"a": 1}', "output": "r"},
                at=(0.3, 0.4),
                scope=VOLT,
            ),
        ],
        scope=VOLT,
    ),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_run_of_a_vendor_that_nobody_recorded(vendor: str) -> None:
    """Messages, the tool, tokens and the customer, under names of the vendor's own."""
    spans = record(VENDORS[vendor])
    assert all(map(is_relevant, spans))
    [block] = assembled(spans)
    assert (block.conversation_id, block.fields["customer_id"]) == ("c", "u")
    assert transcript([block]) == EXCHANGE
    assert _tools(block) == [("f", '{"a":1}', "r", None)]
    [call] = [span["attributes"] for span in wire([block], "llm")]
    assert (call["gen_ai.usage.input_tokens"], call["gen_ai.usage.output_tokens"]) == (3, 2)


def test_the_system_prompt_of_gemini_cli_is_nobodys_message() -> None:
    """It has a span of its own, in which it stands under the user's role."""
    prompt = {
        "gen_ai.operation.name": "system_prompt",
        "gen_ai.input.messages": json.dumps([parts("user", "Be kind.")]),
    }
    turn = {"gen_ai.operation.name": "user_prompt", **ID}
    call = {**chat(("user", ASK), reply=REPLY), "gen_ai.operation.name": "llm_call"}
    spans = [S("system_prompt", prompt, at=(0.1, 0.2)), S("llm_call", call, at=(0.3, 0.4))]
    assert transcript([_only(S("user_prompt", turn, spans))]) == EXCHANGE


# -- tools


@pytest.mark.parametrize("form", ["function_call", "among the contents"])
def test_calls_of_openinference_in_rare_forms(form: str) -> None:
    """A function without an id, and a call that the contents name only by its id."""
    name = "llm.output_messages.0.message"
    forms = {
        "function_call": {
            f"{name}.function_call_name": "f",
            f"{name}.function_call_arguments_json": '{"a": 1}',
        },
        "among the contents": {
            f"{name}.contents.0.message_content.type": "tool_use",
            f"{name}.contents.0.message_content.id": "t",
            f"{name}.tool_calls.0.tool_call.id": "t",
            f"{name}.tool_calls.0.tool_call.function.name": "f",
            f"{name}.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
        },
    }
    asked = {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": ASK}
    made = {**OPENINFERENCE, **asked, f"{name}.role": "assistant", **forms[form]}
    assert _tools(_only(S("chat", made))) == [("f", '{"a":1}', None, None)]


SEARCHED = (
    {
        "type": "server_tool_call",
        "id": "s",
        "name": "web_search",
        "server_tool_call": {"type": "web_search", "query": "q"},
    },
    {
        "type": "server_tool_call_response",
        "id": "s",
        "server_tool_call_response": {"type": "web_search", "found": [1]},
    },
)


def test_a_tool_that_the_provider_runs_keeps_no_answer_back() -> None:
    """Its arguments and result stand beside the answer, which is one, also in the next call's history."""
    answer = _said(*SEARCHED, {"type": "text", "content": REPLY})
    again = [parts("user", ASK), *answer, parts("user", "And now?")]
    block = _only(
        S("chat", _model(answer), at=(0, 1)),
        S("chat", _model([parts("assistant", "Still.")], again), at=(2, 3)),
    )
    assert transcript([block]) == [*EXCHANGE, ("end_user", "And now?"), ("agent", "Still.")]
    assert _tools(block) == [("web_search", '{"query":"q"}', '{"found":[1]}', None)]


def test_the_providers_tool_waits_for_nobody() -> None:
    """A conversation whose model searched by itself is told of at once."""
    assembler = Assembler(idle_ns=10)
    assembler.add(record(S("chat", _model(_said(SEARCHED[0], {"type": "text", "content": REPLY})))), 0)
    assert transcript(assembler.expire(10).blocks) == EXCHANGE


def test_tools_that_only_the_runs_own_messages_tell_of() -> None:
    """A remote agent's span has neither model calls nor tools below it."""
    call = {"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}}
    result = {"type": "tool_call_response", "id": "t", "response": "r"}
    told = {
        "gen_ai.input.messages": json.dumps([parts("user", ASK)]),
        "gen_ai.output.messages": json.dumps(
            [*_said(call), *_said(result, role="tool"), parts("assistant", REPLY)]
        ),
    }
    block = _only(S("invoke_agent a", {"gen_ai.operation.name": "invoke_agent", **ID, **told}))
    assert transcript([block]) == EXCHANGE
    assert _tools(block) == [("f", '{"a":1}', "r", None)]


def test_a_history_that_ends_with_a_tool_for_the_answer() -> None:
    """What the user said is in a run's history, though the run's own doing comes after it."""
    call = {"type": "tool_call", "id": "t", "name": "final_result", "arguments": {"count": 3}}
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        **ID,
        "pydantic_ai.all_messages": json.dumps([parts("user", ASK), *_said(call)]),
        "final_result": '{"count": 3}',
    }
    block = _only(S("agent run", attributes, scope="pydantic-ai"))
    assert transcript([block]) == [("end_user", ASK), ("agent", '{"count": 3}')]
    assert _tools(block) == []


@pytest.mark.parametrize("kind", ["tool_use", "custom_tool_use", "mcp_tool_use"])
def test_tools_of_managed_agents_have_their_name_in_the_spans(kind: str) -> None:
    """anthropic.custom_tool_use and its like are no part of the name."""
    ran = {"gen_ai.tool.call.id": "t", "anthropic.tool_result.content": "r"}
    agent = {"gen_ai.operation.name": "invoke_agent", "anthropic.session.id": "c"}
    block = _only(S("invoke_agent a", agent, [S(f"anthropic.{kind} f", ran, at=(0.1, 0.2))]))
    assert _tools(block) == [("f", None, "r", None)]


@pytest.mark.parametrize(("key", "value"), [("full_command", "ls -l"), ("file_path", "shop/a.txt")])
def test_arguments_of_claude_code_without_their_content(key: str, value: str) -> None:
    """Where the whole input is not recorded, a detail of it may be."""
    scope = "com.anthropic.claude_code.tracing"
    tool = {"span.type": "tool", "tool_name": "f", key: value}
    root = {"span.type": "interaction", "session.id": "c", "user_prompt": ASK}
    block = _only(S("interaction", root, [S("tool", tool, at=(0.1, 0.2), scope=scope)], scope=scope))
    assert _tools(block) == [("f", json.dumps(value), None, None)]


# -- media

MEDIA: dict[str, tuple[dict[str, Any], tuple[str, bytes, str | None]]] = {
    "bedrock": (
        {"image": {"format": "png", "source": {"bytes": "aGVsbG8="}}},
        ("image/png", b"hello", None),
    ),
    "vercel base64": (
        {"type": "image", "image": "aGVsbG8=", "mimeType": "image/png"},
        ("image/png", b"hello", None),
    ),
    "vercel address": (
        {"type": "file", "data": "https://x.test/a.pdf", "mediaType": "application/pdf"},
        ("application/pdf", b"", "https://x.test/a.pdf"),
    ),
    "openai audio": (
        {"type": "input_audio", "input_audio": {"data": "aGVsbG8=", "format": "mp3"}},
        ("audio/mpeg", b"hello", None),
    ),
    "anthropic text": (
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain words"}},
        ("text/plain", b"plain words", None),
    ),
    "openinference text": (
        {"document": {"document": {"content": "word", "mime_type": "text/plain"}}},
        ("text/plain", b"word", None),
    ),
    "address only": (
        {"type": "image-url", "url": "https://x.test/a.png?size=1"},
        ("image/png", b"", "https://x.test/a.png?size=1"),
    ),
    "pydantic binary": (
        {"kind": "binary", "media_type": "image/png", "binary_content": "aGVsbG8="},
        ("image/png", b"hello", None),
    ),
    "genkit": ({"media": {"url": PICTURE, "contentType": "image/png"}}, ("image/png", b"hello", None)),
    "file id": ({"type": "file", "file_id": "abcd"}, ("application/octet-stream", b"", "abcd")),
}


@pytest.mark.parametrize("form", MEDIA)
def test_media_in_rare_forms(form: str) -> None:
    """Bytes become an upload, an address stays one, and the type is told by whatever tells it."""
    medium, (mime, data, uri) = MEDIA[form]
    told = [{"role": "user", "parts": [{"type": "text", "content": ASK}, medium]}]
    block = _only(S("chat", _model([parts("assistant", REPLY)], told)))
    [note] = _attachments(block)
    assert (note["mime_type"], note.get("uri")) == (mime, uri)
    assert b"".join(upload.data for upload in block.uploads) == data
    assert transcript([block]) == EXCHANGE


def test_an_agent_that_answers_with_a_picture_or_a_voice() -> None:
    """A reply without a text is a reply, in every turn."""
    picture = _said({"type": "uri", "modality": "image", "uri": "https://x.test/a.png"})
    voice = _said({"type": "blob", "modality": "audio", "content": "", "transcript": REPLY})
    again = [parts("user", ASK), *picture, parts("user", ASK)]
    block = _only(S("chat", _model(picture), at=(0, 1)), S("chat", _model(voice, again), at=(2, 3)))
    assert transcript([block]) == [("end_user", ASK), ("agent", "[Attachment]"), *EXCHANGE]
    assert _attachments(block)[0]["uri"] == "https://x.test/a.png"


def test_media_beside_the_messages_of_openinference() -> None:
    """Input and output may show pictures and documents under names of their own."""
    attributes = {
        "openinference.span.kind": "AGENT",
        "session.id": "c",
        "input.value": ASK,
        "output.value": REPLY,
        "input.images.0.image.url": "https://x.test/a.png",
        "input.documents.0.document.url": "https://x.test/b.pdf",
        "output.images.0.image.url": PICTURE,
    }
    block = _only(S("agent", attributes))
    assert transcript([block]) == EXCHANGE
    assert [note.get("uri") for note in _attachments(block)] == [
        "https://x.test/a.png",
        "https://x.test/b.pdf",
        None,
    ]
    assert [upload.data for upload in block.uploads] == [b"hello"]


# -- errors


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"gen_ai.response.status": "failed"}, "failed"),
        ({"gen_ai.response.status": "incomplete"}, "incomplete"),
        (
            {"langfuse.observation.level": "ERROR", "langfuse.observation.status_message": "no credit"},
            "no credit",
        ),
    ],
)
def test_failures_that_are_no_status(attributes: dict[str, Any], text: str) -> None:
    """A model call can have failed though its span says nothing of it."""
    [call] = wire([_only(S("chat", {**chat(("user", ASK)), **ID, **attributes}))], "llm")
    assert call["attributes"]["agentsight.llm.error"] == text


@pytest.mark.parametrize("status", ["completed", "queued"])
def test_outcomes_that_are_no_failures(status: str) -> None:
    """An answer that is there, or not yet."""
    [call] = wire([_only(S("chat", {**chat(("user", ASK)), **ID, "gen_ai.response.status": status}))], "llm")
    assert "agentsight.llm.error" not in call["attributes"]


def test_an_exception_that_a_log_record_tells_of() -> None:
    """The event of the convention says what the span's status does not."""
    [span] = record(S("chat", {**chat(("user", ASK)), **ID}, error=""))
    event = EventData("gen_ai.client.operation.exception", span.start_ns, {"exception.message": "no credit"})
    assembler = Assembler()
    assembler.add([span], 0)
    assembler.add_logs([LogData(span.trace_id, span.span_id, event)], 0)
    [call] = wire(assembler.drain().blocks, "llm")
    assert call["attributes"]["agentsight.llm.error"] == "no credit"


def test_a_prompt_that_is_logged_where_there_is_no_chat() -> None:
    """Semantic Kernel logs the prompt of a text completion under a name of its own."""
    [span] = record(S("text_completion", {"gen_ai.operation.name": "text_completion", **ID}))
    events = [EventData("gen_ai.prompt", span.start_ns, {}, ASK)]
    events.append(EventData("gen_ai.choice", span.end_ns, {}, json.dumps({"index": 0, "message": REPLY})))
    assembler = Assembler()
    assembler.add([span], 0)
    assembler.add_logs([LogData(span.trace_id, span.span_id, event) for event in events], 0)
    assert transcript(assembler.drain().blocks) == EXCHANGE


@pytest.mark.parametrize(
    "output", [{"type": "error-text", "value": "sold out"}, {"type": "error-json", "value": "sold out"}]
)
def test_a_result_that_says_it_is_an_error(output: dict[str, str]) -> None:
    """The AI SDK puts the failure of a tool into the type of its output."""
    asked = {"type": "tool-call", "toolCallId": "t", "toolName": "f", "input": {"a": 1}}
    result = {"type": "tool-result", "toolCallId": "t", "toolName": "f", "output": output}
    history = [
        {"role": "user", "content": ASK},
        {"role": "assistant", "content": [asked]},
        {"role": "tool", "content": [result]},
    ]
    attributes = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.telemetry.metadata.sessionId": "c",
        "ai.prompt.messages": json.dumps(history),
        "ai.response.text": REPLY,
    }
    assert _tools(_only(S("chat", attributes))) == [("f", '{"a":1}', None, "sold out")]


def test_a_tools_status_counts_whoever_writes_it() -> None:
    """gen_ai.tool.status is not for Strands alone."""
    ran = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "gen_ai.tool.status": "error"}
    agent = {"gen_ai.operation.name": "invoke_agent", **ID}
    ran["gen_ai.tool.call.result"] = "sold out"
    block = _only(S("invoke_agent a", agent, [S("execute_tool f", ran, at=(0.1, 0.2))]))
    assert _tools(block) == [("f", None, None, "sold out")]


# -- what is about the conversation


def test_what_is_no_history_stays_on_the_spans() -> None:
    """Pointers to texts that stand elsewhere, a prompt's name and variables, an entity's path."""
    kept = {
        "gen_ai.input.messages_ref": "s3://bucket/in.json",
        "gen_ai.prompt.name": "greeting",
        "gen_ai.prompt.variable.city": "Basel",
        "traceloop.entity.path": "shop.ask",
        "events_seen": 4,
    }
    dropped = {"gen_ai.prompt.0.content": ASK, "traceloop.entity.input": "{}"}
    [call] = wire([_only(S("chat", {**chat(reply=REPLY), **ID, **kept, **dropped}))], "llm")
    assert kept.items() <= call["attributes"].items()
    assert dropped.keys().isdisjoint(call["attributes"])


def test_an_id_that_names_something_else_is_metadata() -> None:
    """Only what names the conversation or the customer is told elsewhere."""
    names = {"session_id": "c", "user_id": "u", "customer_id": "acme"}
    properties = {f"traceloop.association.properties.{key}": value for key, value in names.items()}
    block = _only(S("chat", {**chat(("user", ASK), reply=REPLY), **properties}))
    assert block.fields["customer_id"] == "u"
    assert block.fields["metadata"] == {"customer_id": "acme"}


@pytest.mark.parametrize(
    "lower", ["traceloop.association.properties.session_id", "langsmith.metadata.thread_id"]
)
def test_a_session_of_genai_outranks_what_is_associated(lower: str) -> None:
    """The order of section 7.2, and a bare user_id after all others that have a prefix."""
    both = {lower: "x", "gen_ai.session.id": "c", "user_id": "u"}
    block = _only(S("chat", {**chat(("user", ASK), reply=REPLY), **both}))
    assert block.fields["customer_id"] == "u"
