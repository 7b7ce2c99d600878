"""The agent loop an application writes itself over Anthropic's messages API."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS, run_tool_safely

Message = dict[str, Any]

MODEL = "claude-sonnet-4-5"
SCHEMAS = [
    {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
    for tool in TOOLS.values()
]
ASK_BILLING = {
    "name": "ask_billing",
    "description": "Ask the billing agent.",
    "input_schema": {
        "type": "object",
        "properties": {"question": {"type": "string"}},
        "required": ["question"],
    },
}


class AnthropicApp:
    """An application that keeps the history of each conversation and runs the tools.

    Args:
        client: Makes the client for a conversation.
        scope: What the application puts around a turn.
    """

    def __init__(
        self,
        client: Callable[[Conversation], Any],
        scope: Callable[[Conversation], AbstractContextManager[Any]] | None = None,
    ) -> None:
        self._client = client
        self._scope = scope or (lambda _conversation: nullcontext())
        self._histories: dict[str, list[Message]] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn to its reply."""
        history = self._histories.setdefault(conversation.key, [])
        history.append({"role": "user", "content": turn.text})
        with self._scope(conversation):
            self._loop(self._client(conversation), history, SHOP, stream=turn.stream)

    def _loop(self, client: Any, history: list[Message], system: str, *, stream: bool) -> str:
        for _ in range(10):
            content = self._ask(client, history, system, stream=stream)
            history.append({"role": "assistant", "content": content})
            uses = [block for block in content if block["type"] == "tool_use"]
            if not uses:
                return str(content[0]["text"])
            results = [
                {"type": "tool_result", "tool_use_id": use["id"], "content": self._tool(client, use)}
                for use in uses
            ]
            history.append({"role": "user", "content": results})
        raise RuntimeError("the model asks for tools without end")

    def _tool(self, client: Any, use: Message) -> str:
        if use["name"] != "ask_billing":
            return run_tool_safely(use["name"], use["input"])
        question = {"role": "user", "content": use["input"]["question"]}
        return self._loop(client, [question], BILLING, stream=False)

    def _ask(self, client: Any, history: list[Message], system: str, *, stream: bool) -> list[Message]:
        request: dict[str, Any] = {
            "model": MODEL,
            "max_tokens": 500,
            "system": system,
            "messages": history,
            "tools": [*SCHEMAS, ASK_BILLING],
        }
        if not stream:
            message = client.messages.create(**request)
        else:
            with client.messages.stream(**request) as events:
                message = events.get_final_message()
        kept = {"text": ("type", "text"), "tool_use": ("type", "id", "name", "input")}
        return [{name: getattr(block, name) for name in kept[block.type]} for block in message.content]
