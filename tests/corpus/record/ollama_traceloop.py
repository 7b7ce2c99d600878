"""Ollama's client instrumented by OpenLLMetry's package; the application's own span has the ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chat_loop import ASK_BILLING, SCHEMAS, ChatApp, Message
from harness import Context, Driver, run
from ollama import Client
from opentelemetry.instrumentation.ollama import OllamaInstrumentor
from own_span import own_span

MODEL = "llama3.2"


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    OllamaInstrumentor().instrument(tracer_provider=context.provider)


class App(ChatApp):
    """An agent loop over the client, whose tool calls have no ids and whose arguments are objects."""

    def __init__(self, context: Context) -> None:
        self._chat: Callable[..., Any] = Client(host=context.url).chat
        super().__init__(self._chat, MODEL, own_span)

    def _ask(self, history: list[Message], *, stream: bool) -> Message:
        request = {"model": MODEL, "messages": history, "tools": [*SCHEMAS, ASK_BILLING]}
        pieces = list(self._chat(**request, stream=True)) if stream else [self._chat(**request)]
        message: Message = {"role": "assistant", "content": "".join(p.message.content or "" for p in pieces)}
        calls = [call.model_dump(exclude_none=True) for p in pieces for call in p.message.tool_calls or ()]
        if calls:
            message["tool_calls"] = calls
        return message

    def _loop(self, history: list[Message], *, stream: bool) -> str:
        for _ in range(10):
            message = self._ask(history, stream=stream)
            history.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                name = call["function"]["name"]
                result = self._tool(name, dict(call["function"]["arguments"]))
                history.append({"role": "tool", "tool_name": name, "content": result})
        raise RuntimeError("the model asks for tools without end")


if __name__ == "__main__":
    run(
        Driver(
            name="ollama_traceloop",
            instrument=instrument,
            app=App,
            env={"TRACELOOP_TRACE_CONTENT": "true"},
            per_turn=True,
        )
    )
