"""Cohere's client instrumented by OpenLLMetry's package; the application's own span has the ids."""

from __future__ import annotations

from typing import Any

from chat_loop import ASK_BILLING, SCHEMAS, ChatApp, Message
from cohere import ClientV2
from harness import Context, Driver, run
from opentelemetry.instrumentation.cohere import CohereInstrumentor
from own_span import own_span

MODEL = "command-a-03-2025"


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    CohereInstrumentor().instrument(tracer_provider=context.provider)


class App(ChatApp):
    """An agent loop over the client."""

    def __init__(self, context: Context) -> None:
        self._client: Any = ClientV2(api_key="test", base_url=context.url)
        super().__init__(self._client.chat, MODEL, own_span)

    def _ask(self, history: list[Message], *, stream: bool) -> Message:
        request = {
            "model": MODEL,
            "messages": history,
            "tools": [*SCHEMAS, ASK_BILLING],
            "request_options": {"max_retries": 0},
        }
        if stream:
            return streamed(self._client.chat_stream(**request))
        said = self._client.chat(**request).message
        message: Message = {"role": "assistant"}
        if said.tool_calls:
            return message | {
                "tool_plan": said.tool_plan or "",
                "tool_calls": [call.model_dump(exclude_none=True) for call in said.tool_calls],
            }
        return message | {"content": said.content[0].text}


def streamed(events: Any) -> Message:
    """The message a stream of events amounts to."""
    text = ""
    calls: dict[int, Message] = {}
    for event in events:
        if event.type == "content-delta":
            text += event.delta.message.content.text
        elif event.type == "tool-call-start":
            calls[event.index] = event.delta.message.tool_calls.model_dump(exclude_none=True)
        elif event.type == "tool-call-delta":
            calls[event.index]["function"]["arguments"] += event.delta.message.tool_calls.function.arguments
    if calls:
        return {"role": "assistant", "tool_calls": [calls[index] for index in sorted(calls)]}
    return {"role": "assistant", "content": text}


if __name__ == "__main__":
    run(
        Driver(
            name="cohere_traceloop",
            instrument=instrument,
            app=App,
            env={"TRACELOOP_TRACE_CONTENT": "true"},
            per_turn=True,
        )
    )
