"""OpenAI's client, chat completions, instrumented by Traceloop's SDK (OpenLLMetry), inside its workflows."""

from __future__ import annotations

from typing import Any

from chat_loop import ChatApp
from dump import SpanCollector
from harness import CORE, MODEL, Context, Driver, run
from openai import OpenAI
from shape import Conversation, Turn
from shop import run_tool
from traceloop.sdk import Instruments, Traceloop
from traceloop.sdk.decorators import tool, workflow
from traceloop.sdk.tracing.tracing import set_conversation_id


def instrument(_context: Context) -> None:
    """Switch the instrumentation on; it adopts the global provider, its own exporter goes nowhere."""
    Traceloop.init(
        app_name="lamp-shop",
        exporter=SpanCollector(),
        disable_batch=True,
        telemetry_enabled=False,
        instruments={Instruments.OPENAI},
    )


def run_decorated(name: str, arguments: dict[str, Any]) -> str:
    """Run a tool under Traceloop's decorator; a failure becomes text for the model."""
    try:
        return str(tool(name=name)(lambda **given: run_tool(name, given))(**arguments))
    except RuntimeError as error:
        return f"Error: {error}"


class WorkflowApp(ChatApp):
    """Each turn is a workflow that names its conversation and customer."""

    def turn(self, conversation: Conversation, turn: Turn) -> str:
        """Run one turn to its reply."""
        plain = super().turn

        @workflow(name="shop")
        def answer(text: str) -> str:
            if conversation.id:
                set_conversation_id(conversation.id)
            if conversation.customer:
                Traceloop.set_association_properties({"user_id": conversation.customer})
            assert text == turn.text
            return plain(conversation, turn)

        return answer(turn.text)


def app(context: Context) -> ChatApp:
    """An agent loop over the client."""
    client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
    return WorkflowApp(client.chat.completions.create, MODEL, run_tool=run_decorated)


if __name__ == "__main__":
    run(
        Driver(
            name="openai_traceloop",
            instrument=instrument,
            app=app,
            scenarios=(*CORE, "content_off", "trimmed", "image", "long_history"),
            env={"TRACELOOP_TELEMETRY": "false"},
            env_off={"TRACELOOP_TRACE_CONTENT": "false"},
            per_turn=True,
        )
    )
