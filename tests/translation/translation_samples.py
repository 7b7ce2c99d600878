"""One exchange in each convention: what its instrumentation writes, and what it means.

The user asks for the stock, the agent calls ``stock`` and answers; 30 tokens in (5 of them cached), 7 out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from translation_spans import S

ASK, REPLY = "Is it in stock?", "Yes, three."
ARGUMENTS, RESULT = {"sku": "A1"}, {"count": 3}
CALL = "call_1"
CONVERSATION, CUSTOMER = "conv-1", "cust-1"
JSON_ARGUMENTS, JSON_RESULT = json.dumps(ARGUMENTS), json.dumps(RESULT)


@dataclass(frozen=True)
class Sample:
    """One convention's spans; what it cannot say is False."""

    name: str
    roots: tuple[S, ...]
    customer: bool = True
    tokens: bool = True
    tool: bool = True
    conversation: bool = True

    def __str__(self) -> str:
        return self.name


def _usage(**more: Any) -> dict[str, Any]:
    return {"gen_ai.usage.input_tokens": 30, "gen_ai.usage.output_tokens": 7, **more}


_ASKED = [{"role": "user", "parts": [{"type": "text", "content": ASK}]}]
_CALLED = [
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": CALL, "name": "stock", "arguments": ARGUMENTS}],
    }
]
_RETURNED = [{"role": "tool", "parts": [{"type": "tool_call_response", "id": CALL, "response": RESULT}]}]
_SAID = [{"role": "assistant", "parts": [{"type": "text", "content": REPLY}], "finish_reason": "stop"}]


def _genai(encode: Callable[[Any], Any]) -> tuple[S, ...]:
    ids = {"gen_ai.conversation.id": CONVERSATION, "user.id": CUSTOMER, "gen_ai.agent.name": "shop"}
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
    }
    first = {"gen_ai.input.messages": encode(_ASKED), "gen_ai.output.messages": encode(_CALLED)}
    second = {
        "gen_ai.input.messages": encode(_ASKED + _CALLED + _RETURNED),
        "gen_ai.output.messages": encode(_SAID),
    }
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "stock",
        "gen_ai.tool.call.id": CALL,
        "gen_ai.tool.call.arguments": encode(ARGUMENTS),
        "gen_ai.tool.call.result": encode(RESULT),
    }
    cached = {"gen_ai.usage.cache_read.input_tokens": 5}
    usage = {"gen_ai.usage.input_tokens": 15, "gen_ai.usage.output_tokens": 3}
    rest = {"gen_ai.usage.input_tokens": 15, "gen_ai.usage.output_tokens": 4}
    return (
        S(
            "invoke_agent shop",
            {"gen_ai.operation.name": "invoke_agent", **ids, **_usage()},
            [
                S("chat gpt-4o", {**chat, **first, **usage, **cached}, at=(1, 2)),
                S("execute_tool stock", tool, at=(2, 3)),
                S("chat gpt-4o", {**chat, **second, **rest}, at=(3, 4)),
            ],
            at=(0, 5),
        ),
    )


def _message_events() -> tuple[S, ...]:
    call = [{"id": CALL, "type": "function", "function": {"name": "stock", "arguments": JSON_ARGUMENTS}}]
    asked = ("gen_ai.user.message", {"content": ASK})
    called = ("gen_ai.choice", {"index": 0, "message": json.dumps({"role": "assistant", "tool_calls": call})})
    history = [
        ("gen_ai.assistant.message", {"tool_calls": json.dumps(call)}),
        ("gen_ai.tool.message", {"id": CALL, "content": JSON_RESULT}),
    ]
    said = ("gen_ai.choice", {"index": 0, "message": json.dumps({"role": "assistant", "content": REPLY})})
    base = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}
    ids = {"gen_ai.conversation.id": CONVERSATION, "enduser.id": CUSTOMER}
    old = {"gen_ai.usage.prompt_tokens": 15, "gen_ai.usage.completion_tokens": 3}
    cached = {"gen_ai.usage.cache_read_input_tokens": 5}
    return (
        S("chat gpt-4o", {**base, **ids, **old, **cached}, at=(1, 2), events=[asked, called]),
        S(
            "chat gpt-4o",
            {**base, **ids, **old, "gen_ai.usage.completion_tokens": 4},
            at=(3, 4),
            events=[asked, *history, said],
        ),
    )


def _details_events() -> tuple[S, ...]:
    base = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.conversation.id": CONVERSATION,
    }
    details = "gen_ai.client.inference.operation.details"
    first = {"gen_ai.input.messages": _ASKED, "gen_ai.output.messages": _CALLED, "user.id": CUSTOMER}
    given = {"gen_ai.input.messages": _ASKED + _CALLED + _RETURNED}
    usage = _usage(**{"gen_ai.usage.cache_read.input_tokens": 5})
    return (
        S("chat gpt-4o", {**base, **usage}, at=(1, 2), events=[(details, first)]),
        S(
            "chat gpt-4o",
            base,
            at=(3, 4),
            events=[(details, given), (details, {"gen_ai.output.messages": _SAID})],
        ),
    )


def _openinference() -> tuple[S, ...]:
    ids = {"session.id": CONVERSATION, "user.id": CUSTOMER}
    asked = {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": ASK}
    call = "message.tool_calls.0.tool_call"

    def called(prefix: str) -> dict[str, Any]:
        return {
            f"{prefix}.message.role": "assistant",
            f"{prefix}.{call}.id": CALL,
            f"{prefix}.{call}.function.name": "stock",
            f"{prefix}.{call}.function.arguments": JSON_ARGUMENTS,
        }

    llm = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", **ids}
    tokens = {
        "llm.token_count.prompt": 15,
        "llm.token_count.completion": 3,
        "llm.token_count.prompt_details.cache_read": 5,
    }
    second = {
        **asked,
        **called("llm.input_messages.1"),
        "llm.input_messages.2.message.role": "tool",
        "llm.input_messages.2.message.tool_call_id": CALL,
        "llm.input_messages.2.message.content": JSON_RESULT,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.0.message_content.type": "text",
        "llm.output_messages.0.message.contents.0.message_content.text": REPLY,
        "llm.token_count.prompt": 15,
        "llm.token_count.completion": 4,
    }
    tool = {
        "openinference.span.kind": "TOOL",
        "tool.name": "stock",
        "input.value": JSON_ARGUMENTS,
        "output.value": JSON_RESULT,
        **ids,
    }
    root = {"openinference.span.kind": "AGENT", "input.value": ASK, "output.value": REPLY, **ids}
    return (
        S(
            "agent",
            root,
            [
                S("llm", {**llm, **asked, **called("llm.output_messages.0"), **tokens}, at=(1, 2)),
                S("stock", tool, at=(2, 3)),
                S("llm", {**llm, **second}, at=(3, 4)),
            ],
            at=(0, 5),
        ),
    )


def _traceloop_old() -> tuple[S, ...]:
    ids = {
        "traceloop.association.properties.session_id": CONVERSATION,
        "traceloop.association.properties.user_id": CUSTOMER,
    }
    asked = {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": ASK}
    base = {"llm.request.type": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.system": "OpenAI", **ids}
    first = {
        **asked,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.tool_calls.0.id": CALL,
        "gen_ai.completion.0.tool_calls.0.name": "stock",
        "gen_ai.completion.0.tool_calls.0.arguments": JSON_ARGUMENTS,
        "gen_ai.usage.prompt_tokens": 15,
        "gen_ai.usage.completion_tokens": 3,
        "gen_ai.usage.cache_read_input_tokens": 5,
    }
    second = {
        **asked,
        "gen_ai.prompt.1.role": "assistant",
        "gen_ai.prompt.1.tool_calls.0.id": CALL,
        "gen_ai.prompt.1.tool_calls.0.name": "stock",
        "gen_ai.prompt.1.tool_calls.0.arguments": JSON_ARGUMENTS,
        "gen_ai.prompt.2.role": "tool",
        "gen_ai.prompt.2.content": JSON_RESULT,
        "gen_ai.prompt.2.tool_call_id": CALL,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": REPLY,
        "gen_ai.usage.prompt_tokens": 15,
        "gen_ai.usage.completion_tokens": 4,
    }
    tool = {
        "traceloop.span.kind": "tool",
        "traceloop.entity.name": "stock",
        "traceloop.entity.input": json.dumps({"args": [], "kwargs": ARGUMENTS}),
        "traceloop.entity.output": JSON_RESULT,
    }
    root = {"traceloop.span.kind": "workflow", "traceloop.entity.name": "shop"}
    return (
        S(
            "shop.workflow",
            root,
            [
                S("openai.chat", {**base, **first}, at=(1, 2)),
                S("stock.tool", tool, at=(2, 3)),
                S("openai.chat", {**base, **second}, at=(3, 4)),
            ],
            at=(0, 5),
        ),
    )


def _vercel() -> tuple[S, ...]:
    metadata = {"ai.telemetry.metadata.sessionId": CONVERSATION, "ai.telemetry.metadata.userId": CUSTOMER}
    model = {"ai.model.id": "gpt-4o", "ai.model.provider": "openai.chat"}
    asked = {"role": "user", "content": [{"type": "text", "text": ASK}]}
    called = {
        "role": "assistant",
        "content": [{"type": "tool-call", "toolCallId": CALL, "toolName": "stock", "input": ARGUMENTS}],
    }
    returned = {
        "role": "tool",
        "content": [
            {
                "type": "tool-result",
                "toolCallId": CALL,
                "toolName": "stock",
                "output": {"type": "json", "value": RESULT},
            }
        ],
    }
    first = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.prompt.messages": json.dumps([asked]),
        "ai.response.toolCalls": json.dumps(
            [{"toolCallId": CALL, "toolName": "stock", "input": JSON_ARGUMENTS}]
        ),
        "ai.usage.inputTokens": 15,
        "ai.usage.outputTokens": 3,
        "ai.usage.cachedInputTokens": 5,
    }
    second = {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.prompt.messages": json.dumps([asked, called, returned]),
        "ai.response.text": REPLY,
        "ai.usage.promptTokens": 15,
        "ai.usage.completionTokens": 4,
    }
    tool = {
        "ai.operationId": "ai.toolCall",
        "ai.toolCall.id": CALL,
        "ai.toolCall.name": "stock",
        "ai.toolCall.args": JSON_ARGUMENTS,
        "ai.toolCall.result": JSON_RESULT,
    }
    root = {
        "ai.operationId": "ai.generateText",
        "ai.prompt": json.dumps({"messages": [{"role": "user", "content": ASK}]}),
        "ai.response.text": REPLY,
        "ai.usage.inputTokens": 30,
        "ai.usage.outputTokens": 7,
    }
    return (
        S(
            "ai.generateText",
            {**root, **metadata, **model},
            [
                S("ai.generateText.doGenerate", {**first, **model}, at=(1, 2), scope="ai"),
                S("ai.toolCall", tool, at=(2, 3), scope="ai"),
                S("ai.generateText.doGenerate", {**second, **model}, at=(3, 4), scope="ai"),
            ],
            at=(0, 5),
            scope="ai",
        ),
    )


def _pydantic_v1() -> tuple[S, ...]:
    asked = {"content": ASK, "role": "user", "event.name": "gen_ai.user.message"}
    call = [{"id": CALL, "type": "function", "function": {"name": "stock", "arguments": ARGUMENTS}}]
    called = {"role": "assistant", "tool_calls": call}
    returned = {
        "content": RESULT,
        "role": "tool",
        "id": CALL,
        "name": "stock",
        "event.name": "gen_ai.tool.message",
    }
    said = {"role": "assistant", "content": REPLY}
    ids = {"gen_ai.conversation.id": CONVERSATION, "user.id": CUSTOMER}
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    first = [asked, {"index": 0, "message": called, "event.name": "gen_ai.choice"}]
    second = [asked, {**called, "event.name": "gen_ai.assistant.message"}, returned]
    second.append({"index": 0, "message": said, "event.name": "gen_ai.choice"})
    cached = {"gen_ai.usage.details.cache_read_tokens": 5}
    half = {"gen_ai.usage.input_tokens": 15, "gen_ai.usage.output_tokens": 3, **cached}
    rest = {"gen_ai.usage.input_tokens": 15, "gen_ai.usage.output_tokens": 4}
    tool = {
        "gen_ai.tool.name": "stock",
        "gen_ai.tool.call.id": CALL,
        "tool_arguments": JSON_ARGUMENTS,
        "tool_response": JSON_RESULT,
    }
    root = {
        "agent_name": "shop",
        "final_result": REPLY,
        "all_messages_events": json.dumps([asked, said]),
        **ids,
    }
    return (
        S(
            "agent run",
            root,
            [
                S(
                    "chat gpt-4o",
                    {**chat, "events": json.dumps(first), **half},
                    at=(1, 2),
                    scope="pydantic-ai",
                ),
                S("running tool", tool, at=(2, 3), scope="pydantic-ai"),
                S(
                    "chat gpt-4o",
                    {**chat, "events": json.dumps(second), **rest},
                    at=(3, 4),
                    scope="pydantic-ai",
                ),
            ],
            at=(0, 5),
            scope="pydantic-ai",
        ),
    )


def _adk_v1() -> tuple[S, ...]:
    asked = {"role": "user", "parts": [{"text": ASK}]}
    called = {"role": "model", "parts": [{"function_call": {"id": CALL, "name": "stock", "args": ARGUMENTS}}]}
    returned = {
        "role": "user",
        "parts": [{"function_response": {"id": CALL, "name": "stock", "response": RESULT}}],
    }
    said = {"role": "model", "parts": [{"text": REPLY}]}
    base = {"gen_ai.request.model": "gemini", "gcp.vertex.agent.session_id": CONVERSATION}
    usage = {
        "gen_ai.usage.input_tokens": 15,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 5,
    }

    def call(contents: list[Any], content: Any) -> dict[str, Any]:
        return {
            "gcp.vertex.agent.llm_request": json.dumps({"model": "gemini", "contents": contents}),
            "gcp.vertex.agent.llm_response": json.dumps({"content": content}),
        }

    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "stock",
        "gen_ai.tool.call.id": CALL,
        "gcp.vertex.agent.llm_request": "{}",
        "gcp.vertex.agent.tool_call_args": JSON_ARGUMENTS,
        "gcp.vertex.agent.tool_response": JSON_RESULT,
    }
    scope = "gcp.vertex.agent"
    second = {
        **base,
        **call([asked, called, returned], said),
        "gen_ai.usage.input_tokens": 15,
        "gen_ai.usage.output_tokens": 4,
    }
    return (
        S(
            "invocation",
            {},
            [
                S("call_llm", {**base, **call([asked], called), **usage}, at=(1, 2), scope=scope),
                S("execute_tool stock", tool, at=(2, 3), scope=scope),
                S(
                    "execute_tool (merged tools)",
                    {"gen_ai.operation.name": "execute_tool"},
                    at=(2.5, 3),
                    scope=scope,
                ),
                S("call_llm", second, at=(3, 4), scope=scope),
            ],
            at=(0, 5),
            scope=scope,
        ),
    )


def _strands() -> tuple[S, ...]:
    scope = "strands.telemetry.tracer"
    asked = ("gen_ai.user.message", {"content": json.dumps([{"text": ASK}])})
    use = json.dumps([{"toolUse": {"toolUseId": CALL, "name": "stock", "input": ARGUMENTS}}])
    done = json.dumps(
        [{"toolResult": {"toolUseId": CALL, "status": "success", "content": [{"json": RESULT}]}}]
    )
    history = [
        asked,
        ("gen_ai.assistant.message", {"content": use}),
        ("gen_ai.tool.message", {"content": done}),
    ]
    said = ("gen_ai.choice", {"message": json.dumps([{"text": REPLY}]), "finish_reason": "end_turn"})
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "strands-agents",
        "gen_ai.request.model": "claude",
    }
    half = {
        "gen_ai.usage.prompt_tokens": 15,
        "gen_ai.usage.input_tokens": 15,
        "gen_ai.usage.output_tokens": 3,
    }
    cached = {"gen_ai.usage.cache_read_input_tokens": 5}
    rest = {**half, "gen_ai.usage.output_tokens": 4}
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "stock",
        "gen_ai.tool.call.id": CALL,
        "gen_ai.tool.status": "success",
    }
    tool_events = [
        ("gen_ai.tool.message", {"role": "tool", "content": JSON_ARGUMENTS, "id": CALL}),
        ("gen_ai.choice", {"message": json.dumps([{"json": RESULT}]), "id": CALL}),
    ]
    root = {
        "gen_ai.operation.name": "invoke_agent",
        "session.id": CONVERSATION,
        "user.id": CUSTOMER,
        **_usage(),
    }
    called = ("gen_ai.choice", {"message": use, "finish_reason": "tool_use"})
    return (
        S(
            "invoke_agent shop",
            root,
            [
                S("execute_event_loop_cycle", {}, [
                    S("chat", {**chat, **half, **cached}, at=(1, 2), events=[asked, called], scope=scope),
                    S("execute_tool stock", tool, at=(2, 3), events=tool_events, scope=scope),
                ], at=(1, 3), events=[asked], scope=scope),
                S("chat", {**chat, **rest}, at=(3, 4), events=[*history, said], scope=scope),
            ],
            at=(0, 5),
            events=[asked, said],
            scope=scope,
        ),
    )  # fmt: skip


def _livekit(pii: str) -> tuple[S, ...]:
    scope = "livekit-agents"
    room = {"lk.room_sid": CONVERSATION, f"lk.{pii}participant_identity": CUSTOMER}
    call = {
        "lk.function_tool.id": CALL,
        f"lk.{pii}function_tool.name": "stock",
        f"lk.{pii}function_tool.arguments": JSON_ARGUMENTS,
        f"lk.{pii}function_tool.output": JSON_RESULT,
    }
    usage = _usage(**{"gen_ai.usage.cache_read.input_tokens": 5})
    return (
        S(
            "agent_session",
            room,
            [
                S("user_turn", {f"lk.{pii}user_transcript": ASK}, at=(1, 2), scope=scope),
                S(
                    "agent_turn",
                    {f"lk.{pii}user_input": ASK, f"lk.{pii}response.text": REPLY},
                    [
                        S("llm_request", {"gen_ai.request.model": "gpt-4o", **usage}, at=(2, 3), scope=scope),
                        S("function_tool", call, at=(3, 4), scope=scope),
                    ],
                    at=(2, 5),
                    scope=scope,
                ),
            ],
            at=(0, 6),
            scope=scope,
        ),
    )


def _pipecat() -> tuple[S, ...]:
    asked = [{"role": "user", "content": ASK}]
    llm = {"gen_ai.request.model": "gpt-4o", "input": json.dumps(asked), "output": REPLY, **_usage()}
    cached = {"gen_ai.usage.cache_read.input_tokens": 5}
    tool = {
        "tool.function_name": "stock",
        "tool.call_id": CALL,
        "tool.arguments": JSON_ARGUMENTS,
        "tool.result": JSON_RESULT,
    }
    turn = {"conversation.id": CONVERSATION, "turn.number": 1, "turn.was_interrupted": False}
    stt = {"transcript": ASK, "is_final": True, "user_id": CUSTOMER}
    return (
        S(
            "conversation",
            {"conversation.id": CONVERSATION},
            [
                S(
                    "turn",
                    turn,
                    [
                        S("stt", stt, at=(1, 1.5), scope="pipecat"),
                        S("llm_tool_call", tool, at=(1.6, 2), scope="pipecat"),
                        S("llm", {**llm, **cached}, at=(2, 3), scope="pipecat"),
                    ],
                    at=(1, 4),
                    scope="pipecat.turn",
                )
            ],
            at=(0, 5),
            scope="pipecat.turn",
        ),
    )


def _claude_code() -> tuple[S, ...]:
    scope = "com.anthropic.claude_code.tracing"
    llm = {
        "span.type": "llm_request",
        "model": "claude",
        "response.model_output": REPLY,
        "input_tokens": 25,
        "cache_read_tokens": 5,
        "cache_creation_tokens": 0,
        "output_tokens": 7,
    }
    tool = {"span.type": "tool", "tool_name": "stock", "tool_use_id": CALL, "tool_input": JSON_ARGUMENTS}
    root = {"span.type": "interaction", "session.id": CONVERSATION, "user_prompt": ASK, "user.id": "device"}
    output = [("tool.output", {"output": JSON_RESULT})]
    return (
        S(
            "claude_code.interaction",
            root,
            [
                S("claude_code.llm_request", {**llm, "new_context": ASK}, at=(1, 2), scope=scope),
                S("claude_code.tool", tool, at=(2, 3), events=output, scope=scope),
            ],
            at=(0, 4),
            scope=scope,
        ),
    )


def _mlflow() -> tuple[S, ...]:
    chat = {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.spanInputs": json.dumps({"messages": [{"role": "user", "content": ASK}]}),
        "mlflow.spanOutputs": json.dumps({"choices": [{"message": {"role": "assistant", "content": REPLY}}]}),
    }
    tool = {
        "mlflow.spanType": '"TOOL"',
        "mlflow.spanFunctionName": "stock",
        "mlflow.spanInputs": JSON_ARGUMENTS,
        "mlflow.spanOutputs": JSON_RESULT,
    }
    root = {
        "mlflow.spanType": '"AGENT"',
        "mlflow.trace.session": CONVERSATION,
        "mlflow.trace.user": CUSTOMER,
        "mlflow.spanInputs": json.dumps({"question": ASK}),
        "mlflow.spanOutputs": json.dumps(REPLY),
    }
    return (S("run", root, [S("stock", tool, at=(1, 2)), S("chat", chat, at=(2, 3))], at=(0, 4)),)


def _langfuse() -> tuple[S, ...]:
    ids = {"session.id": CONVERSATION, "user.id": CUSTOMER}
    usage = {"prompt_tokens": 30, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 5}}
    generation = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "gpt-4o",
        "langfuse.observation.input": json.dumps([{"role": "user", "content": ASK}]),
        "langfuse.observation.output": json.dumps({"role": "assistant", "content": REPLY}),
        "langfuse.observation.usage_details": json.dumps(usage),
    }
    tool = {
        "langfuse.observation.type": "tool",
        "langfuse.observation.input": JSON_ARGUMENTS,
        "langfuse.observation.output": JSON_RESULT,
    }
    root = {"langfuse.observation.type": "agent", "langfuse.trace.input": json.dumps(ASK), **ids}
    return (
        S(
            "agent",
            root,
            [
                S("stock", tool, at=(1, 2), scope="langfuse-sdk"),
                S("chat", generation, at=(2, 3), scope="langfuse-sdk"),
            ],
            at=(0, 4),
            scope="langfuse-sdk",
        ),
    )


def _langsmith() -> tuple[S, ...]:
    ids = {
        "langsmith.trace.session_id": "a project and no conversation",
        "langsmith.metadata.thread_id": CONVERSATION,
        "langsmith.metadata.user_id": CUSTOMER,
    }
    llm = {
        "langsmith.span.kind": "llm",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.prompt": json.dumps({"messages": [{"role": "user", "content": ASK}]}),
        "gen_ai.completion": json.dumps({"choices": [{"message": {"role": "assistant", "content": REPLY}}]}),
        **_usage(**{"gen_ai.usage.cache_read.input_tokens": 5}),
        **ids,
    }
    tool = {
        "langsmith.span.kind": "tool",
        "gen_ai.tool.name": "stock",
        "gen_ai.prompt": JSON_ARGUMENTS,
        "gen_ai.completion": JSON_RESULT,
        **ids,
    }
    root = {"langsmith.span.kind": "chain", **ids}
    return (S("chain", root, [S("stock", tool, at=(1, 2)), S("ChatOpenAI", llm, at=(2, 3))], at=(0, 4)),)


def _nested(children: tuple[S, ...], name: str, attributes: dict[str, Any], scope: str) -> tuple[S, ...]:
    return (S(name, attributes, list(children), at=(0, 6), scope=scope),)


SAMPLES = (
    Sample("otel_genai json", _genai(json.dumps)),
    Sample("otel_genai json twice", _genai(lambda value: json.dumps(json.dumps(value)))),
    Sample("otel_genai structured", _genai(lambda value: value)),
    Sample("otel_genai message events", _message_events()),
    Sample("otel_genai details events", _details_events()),
    Sample("openinference", _openinference()),
    Sample("traceloop old", _traceloop_old()),
    Sample("vercel_ai v5", _vercel()),
    Sample("pydantic_ai v1", _pydantic_v1()),
    Sample(
        "openai_agents",
        _nested(
            _openinference(),
            "Agent workflow",
            {"openinference.span.kind": "AGENT"},
            "openinference.instrumentation.openai_agents",
        ),
    ),
    Sample("google_adk v1", _adk_v1(), customer=False),
    Sample("strands", _strands()),
    Sample("livekit 1", _livekit("")),
    Sample("livekit 2", _livekit("pii.")),
    Sample("pipecat", _pipecat()),
    Sample("claude_code", _claude_code(), customer=False),
    Sample(
        "agent_framework",
        _nested(_genai(json.dumps), "workflow.run", {"workflow.id": "w"}, "agent_framework"),
    ),
    Sample("mlflow", _mlflow(), tokens=False),
    Sample("langfuse", _langfuse()),
    Sample("langsmith", _langsmith()),
)
