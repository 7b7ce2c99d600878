"""An application's own functions under Langfuse's ``@observe``, its model calls reported by hand."""

from __future__ import annotations

import json
from typing import Any

from chat_loop import ASK_BILLING, SCHEMAS, ChatApp, Message
from dump import SpanCollector
from harness import MODEL, Context, Driver, core_without, run
from langfuse import Langfuse, get_client, observe, propagate_attributes
from openai import OpenAI
from shape import Conversation, Turn
from shop import TOOLS, WarehouseError


def instrument(context: Context) -> None:
    """Make Langfuse's client on our provider; its own exporter goes nowhere."""
    Langfuse(
        public_key="pk-test",
        secret_key="sk-test",
        base_url="http://127.0.0.1:9",
        tracer_provider=context.provider,
        span_exporter=SpanCollector(),
    )


def run_tool(name: str, arguments: dict[str, Any]) -> str:
    """Run a tool as an observation; a failure is the text that the model is told."""
    call = observe(TOOLS[name].function, name=name, as_type="tool")
    try:
        result = call(**arguments)
    except WarehouseError as error:
        return f"Error: {error}"
    return result if isinstance(result, str) else json.dumps(result)


class ObservedApp(ChatApp):
    """Each turn and each model call is an observed function."""

    def __init__(self, context: Context) -> None:
        client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
        super().__init__(client.chat.completions.create, MODEL, run_tool=run_tool)

    def turn(self, conversation: Conversation, turn: Turn) -> str:
        """Run one turn to its reply."""
        plain = super().turn

        @observe(name="answer")
        def answer(question: str) -> str:
            assert question == turn.text
            return plain(conversation, turn)

        if not conversation.id:
            return str(answer(turn.text))
        with propagate_attributes(session_id=conversation.id, user_id=conversation.customer):
            return str(answer(turn.text))

    def _ask(self, history: list[Message], *, stream: bool) -> Message:
        assert not stream

        @observe(name="model", as_type="generation", capture_input=False, capture_output=False)
        def ask() -> Message:
            tools = [*SCHEMAS, ASK_BILLING]
            langfuse = get_client()
            langfuse.update_current_generation(model=MODEL, input=history)
            answer = self._create(model=MODEL, messages=history, tools=tools)
            said = answer.choices[0].message.model_dump(exclude_none=True)
            message = {k: v for k, v in said.items() if k in {"role", "content", "tool_calls"}}
            used = answer.usage
            langfuse.update_current_generation(
                output=message,
                usage_details={"input": used.prompt_tokens, "output": used.completion_tokens},
            )
            return message

        return ask()


if __name__ == "__main__":
    run(
        Driver(
            name="langfuse_observe",
            instrument=instrument,
            app=ObservedApp,
            scenarios=core_without("streaming"),
            per_turn=True,
        )
    )
