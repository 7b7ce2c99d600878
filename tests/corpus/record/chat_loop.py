"""The agent loop an application writes itself over a chat completions client of OpenAI's shape."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from shape import Conversation, Turn
from shop import BILLING, PICTURE, SHOP, TOOLS, run_tool_safely

Message = dict[str, Any]
Create = Callable[..., Any]
"""``client.chat.completions.create`` or what has its shape."""

SCHEMAS = [
    {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }
    for tool in TOOLS.values()
]
ASK_BILLING = {
    "type": "function",
    "function": {
        "name": "ask_billing",
        "description": "Ask the billing agent.",
        "parameters": {
            "type": "object",
            "properties": {"question": {"type": "string"}},
            "required": ["question"],
        },
    },
}


class ChatApp:
    """An application that keeps the history of each conversation and runs the tools.

    Args:
        create: The client's method.
        model: Name of the model.
        scope: What the application puts around a turn to name its conversation and customer.
        run_tool: Runs a tool by its name; a failure is the text that the model is told.
        asks_usage: A stream states its usage only when it is asked for.
    """

    def __init__(
        self,
        create: Create,
        model: str,
        scope: Callable[[Conversation], AbstractContextManager[Any]] | None = None,
        run_tool: Callable[[str, dict[str, Any]], str] = run_tool_safely,
        *,
        asks_usage: bool = True,
    ) -> None:
        self._create = create
        self._model = model
        self._scope = scope or (lambda _conversation: nullcontext())
        self._run_tool = run_tool
        self._asks_usage = asks_usage
        self._histories: dict[str, list[Message]] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> str:
        """Run one turn to its reply."""
        history = self._histories.setdefault(conversation.key, [{"role": "system", "content": SHOP}])
        history.append({"role": "user", "content": content_of(turn)})
        if turn.keep:
            history[1:] = history[-turn.keep :]
        with self._scope(conversation):
            return self._loop(history, stream=turn.stream)

    def _loop(self, history: list[Message], *, stream: bool) -> str:
        for _ in range(10):
            message = self._ask(history, stream=stream)
            history.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                arguments = json.loads(call["function"]["arguments"])
                result = self._tool(call["function"]["name"], arguments)
                history.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        raise RuntimeError("the model asks for tools without end")

    def _tool(self, name: str, arguments: dict[str, Any]) -> str:
        if name != "ask_billing":
            return self._run_tool(name, arguments)
        question = {"role": "user", "content": arguments["question"]}
        return self._loop([{"role": "system", "content": BILLING}, question], stream=False)

    def _ask(self, history: list[Message], *, stream: bool) -> Message:
        tools = [*SCHEMAS, ASK_BILLING]
        if not stream:
            answer = self._create(model=self._model, messages=history, tools=tools)
            message: Message = answer.choices[0].message.model_dump(exclude_none=True)
            return {
                name: value for name, value in message.items() if name in {"role", "content", "tool_calls"}
            }
        asked = {"stream_options": {"include_usage": True}} if self._asks_usage else {}
        return joined(self._create(model=self._model, messages=history, tools=tools, stream=True, **asked))


def content_of(turn: Turn) -> Any:
    """What the user says, with the picture if there is one."""
    if not turn.image:
        return turn.text
    url = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
    return [{"type": "text", "text": turn.text}, {"type": "image_url", "image_url": {"url": url}}]


def joined(chunks: Iterator[Any]) -> Message:
    """The message a stream of chunks amounts to."""
    text = ""
    calls: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        text += delta.content or ""
        for part in delta.tool_calls or []:
            function = {"name": part.function.name, "arguments": ""}
            call = calls.setdefault(part.index, {"id": part.id, "type": "function", "function": function})
            call["function"]["arguments"] += part.function.arguments or ""
    message: Message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return message
