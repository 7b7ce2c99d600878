"""The agent loop an application writes itself over Google's Gen AI client."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from google import genai
from google.genai import types
from harness import Context
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS, run_tool_safely

MODEL = "gemini-2.5-flash"


class GenaiApp:
    """An application that keeps the history of each conversation and runs the tools."""

    def __init__(
        self, context: Context, scope: Callable[[Conversation], AbstractContextManager[Any]]
    ) -> None:
        self._client = genai.Client(api_key="test", http_options=types.HttpOptions(base_url=context.url))
        self._scope = scope
        self._histories: dict[str, list[Any]] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn to its reply."""
        history = self._histories.setdefault(conversation.key, [])
        history.append(types.Content(role="user", parts=[types.Part(text=turn.text)]))
        with self._scope(conversation):
            self._loop(history, SHOP, stream=turn.stream)

    def _loop(self, history: list[Any], system: str, *, stream: bool) -> str:
        for _ in range(10):
            parts = self._ask(history, system, stream=stream)
            history.append(types.Content(role="model", parts=parts))
            calls = [part.function_call for part in parts if part.function_call]
            if not calls:
                return "".join(part.text for part in parts)
            results = [
                types.Part.from_function_response(name=call.name, response={"result": self._tool(call)})
                for call in calls
            ]
            history.append(types.Content(role="user", parts=results))
        raise RuntimeError("the model asks for tools without end")

    def _tool(self, call: Any) -> str:
        if call.name != "ask_billing":
            return run_tool_safely(call.name, call.args)
        question = types.Content(role="user", parts=[types.Part(text=call.args["question"])])
        return self._loop([question], BILLING, stream=False)

    def _ask(self, history: list[Any], system: str, *, stream: bool) -> list[Any]:
        declared: list[Any] = [
            {"name": tool.name, "description": tool.description, "parameters_json_schema": tool.parameters}
            for tool in TOOLS.values()
        ]
        config = types.GenerateContentConfig(
            system_instruction=system,
            tools=[types.Tool(function_declarations=declared)],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        request: dict[str, Any] = {"model": MODEL, "contents": history, "config": config}
        if not stream:
            return list(self._client.models.generate_content(**request).candidates[0].content.parts)  # type: ignore[index, union-attr, arg-type] # the script always answers
        return [
            part
            for piece in self._client.models.generate_content_stream(**request)
            for part in piece.candidates[0].content.parts  # type: ignore[index, union-attr] # as above
        ]
