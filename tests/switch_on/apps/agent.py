"""A forecaster over OpenAI's client that knows nothing of AgentSight; run, it answers two questions."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from openai import AsyncOpenAI, OpenAI

MODEL = "gpt-4o-mini"
QUESTIONS = ("Hello!", "How is the sky in Oslo?")
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def settings() -> dict[str, Any]:
    """Where the model server is."""
    return {"base_url": os.environ["MODEL_URL"] + "/v1", "api_key": "test", "max_retries": 2}


def weather(city: str) -> str:
    """The tool."""
    return json.dumps({"city": city, "sky": "clear"})


class Agent:
    """Keeps the history of one conversation and runs the tool the model asks for."""

    def __init__(self) -> None:
        self._client = OpenAI(**settings())
        self._history: list[Any] = [{"role": "system", "content": "You are a forecaster."}]

    def say(self, text: str) -> str:
        """Answer *text*."""
        self._history.append({"role": "user", "content": text})
        for _ in range(5):
            answer = self._client.chat.completions.create(
                model=MODEL, messages=self._history, tools=[WEATHER]
            )
            message = answer.choices[0].message
            self._history.append(message.model_dump(exclude_none=True))
            if not message.tool_calls:
                return str(message.content)
            for call in message.tool_calls:
                result = weather(**json.loads(call.function.arguments))
                self._history.append({"role": "tool", "tool_call_id": call.id, "content": result})
        raise RuntimeError("the model asks for tools without end")

    def stream(self, text: str) -> Iterator[str]:
        """Answer *text* piece by piece."""
        self._history.append({"role": "user", "content": text})
        chunks = self._client.chat.completions.create(
            model=MODEL, messages=self._history, stream=True, stream_options={"include_usage": True}
        )
        for chunk in chunks:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    async def say_async(self, text: str) -> str:
        """Answer *text* without tools, in an event loop."""
        async with AsyncOpenAI(**settings()) as client:
            messages: Any = [*self._history, {"role": "user", "content": text}]
            answer = await client.chat.completions.create(model=MODEL, messages=messages)
            return str(answer.choices[0].message.content)


if __name__ == "__main__":
    from openinference.instrumentation import using_session

    agent = Agent()
    with using_session(sys.argv[1]) if len(sys.argv) > 1 else nullcontext():
        for question in QUESTIONS:
            sys.stdout.write(agent.say(question) + "\n")
