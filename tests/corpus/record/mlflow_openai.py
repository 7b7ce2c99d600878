"""OpenAI's client and the application's functions traced by MLflow, which sends its spans by OTLP."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from typing import Any

import mlflow
from chat_loop import ChatApp
from harness import CORE, MODEL, Context, Driver, run
from mlflow.entities import SpanType
from mlflow.tracing.provider import provider
from openai import OpenAI
from otlp_sink import OtlpSink, otlp_sink
from otlp_spans import spans_of
from shape import Conversation, Turn
from shop import TOOLS, WarehouseError

_open = ExitStack()
_sink: OtlpSink


def instrument(_context: Context) -> None:
    """Switch its tracing of the client on, and its export by OTLP."""
    global _sink  # noqa: PLW0603 - one for the process, as MLflow's exporter is
    _sink = _open.enter_context(otlp_sink())
    os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = _sink.url + "/v1/traces"
    os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
    mlflow.openai.autolog()


def run_tool(name: str, arguments: dict[str, Any]) -> str:
    """Run a tool, traced, and return what the model is told."""
    try:
        result = mlflow.trace(TOOLS[name].function, span_type=SpanType.TOOL)(**arguments)
    except WarehouseError as error:
        return f"Error: {error}"
    return result if isinstance(result, str) else json.dumps(result)


class App(ChatApp):
    """An agent loop over the client; each turn is a trace whose tags name session and user.

    Its own ``session_id`` and ``user`` stay behind when it exports by OTLP; tags go along.
    """

    def __init__(self, context: Context) -> None:
        client = OpenAI(base_url=context.openai_url, api_key="test", max_retries=0)
        super().__init__(client.chat.completions.create, MODEL, run_tool=run_tool)
        self._collector = context.collector

    def turn(self, conversation: Conversation, turn: Turn) -> str:
        """Run one turn."""

        @mlflow.trace(name="answer", span_type=SpanType.AGENT)
        def answer(question: str) -> str:
            if conversation.id:
                mlflow.update_current_trace(
                    tags={"session_id": conversation.id, "user_id": str(conversation.customer)}
                )
            assert question == turn.text
            return ChatApp.turn(self, conversation, turn)

        try:
            return answer(turn.text)
        finally:
            provider.get().force_flush()
            self._collector.add(spans_of(_sink.take()))


if __name__ == "__main__":
    run(
        Driver(
            name="mlflow_openai",
            instrument=instrument,
            app=App,
            scenarios=(*CORE, "trimmed"),
            per_turn=True,
        )
    )
