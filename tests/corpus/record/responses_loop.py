"""The agent loop an application writes itself over OpenAI's responses API."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS, run_tool_safely

Item = dict[str, Any]

SCHEMAS = [
    {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
    for tool in TOOLS.values()
]


class ResponsesApp:
    """An application that lets the server keep the history.

    Args:
        create: ``client.responses.create``.
        model: Name of the model.
        chain: Join the calls by ``previous_response_id``; otherwise by ``conversation``.
        scope: What the application puts around a turn.
    """

    def __init__(
        self,
        create: Callable[..., Any],
        model: str,
        *,
        chain: bool = False,
        scope: Callable[[Conversation], AbstractContextManager[Any]] | None = None,
    ) -> None:
        self._create = create
        self._model = model
        self._chain = chain
        self._scope = scope or (lambda _conversation: nullcontext())
        self._last: dict[str, str] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> str:
        """Run one turn to its reply."""
        with self._scope(conversation):
            return self._loop(conversation, turn.text, stream=turn.stream, instructions=SHOP)

    def _loop(self, conversation: Conversation, text: str, *, stream: bool, instructions: str) -> str:
        new: list[Item] = [{"role": "user", "content": text}]
        for _ in range(10):
            response = self._ask(conversation, new, stream=stream, instructions=instructions)
            self._last[conversation.key] = response.id
            calls = [item for item in response.output if item.type == "function_call"]
            if not calls:
                return str(response.output_text)
            new = [
                {"type": "function_call_output", "call_id": call.call_id, "output": self._tool(call)}
                for call in calls
            ]
        raise RuntimeError("the model asks for tools without end")

    def _tool(self, call: Any) -> str:
        arguments = json.loads(call.arguments)
        if call.name == "ask_billing":
            other = Conversation("billing", None)
            return self._loop(other, arguments["question"], stream=False, instructions=BILLING)
        return run_tool_safely(call.name, arguments)

    def _ask(self, conversation: Conversation, new: list[Item], *, stream: bool, instructions: str) -> Any:
        joined: Item = {}
        if conversation.id and not self._chain:
            joined = {"conversation": conversation.id}
        elif conversation.key in self._last:
            joined = {"previous_response_id": self._last[conversation.key]}
        answer = self._create(
            model=self._model, input=new, instructions=instructions, tools=SCHEMAS, stream=stream, **joined
        )
        if not stream:
            return answer
        done = [event.response for event in answer if event.type == "response.completed"]
        return done[0]
