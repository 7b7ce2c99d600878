"""An agent nobody told about AgentSight: two turns and a tool over OpenAI's client.

argv: the model server's URL, and optionally a session id, as OpenInference's users give one.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext

from openai import OpenAI
from openinference.instrumentation import using_session

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def ask(client: OpenAI, history: list[dict[str, object]]) -> str:
    """Ask the model until it asks for no more tools."""
    for _ in range(5):
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=history, tools=[WEATHER])  # type: ignore[call-overload]
        message = answer.choices[0].message
        history.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            return str(message.content)
        for call in message.tool_calls:
            result = json.dumps({"city": json.loads(call.function.arguments)["city"], "sky": "clear"})
            history.append({"role": "tool", "tool_call_id": call.id, "content": result})
    raise RuntimeError("too many tool calls")


def main() -> None:
    """Talk."""
    client = OpenAI(base_url=sys.argv[1] + "/v1", api_key="test", max_retries=0)
    history: list[dict[str, object]] = [{"role": "system", "content": "You are a forecaster."}]
    with using_session(sys.argv[2]) if len(sys.argv) > 2 else nullcontext():
        for question in ("Hello!", "How is the sky in Oslo?"):
            history.append({"role": "user", "content": question})
            print(ask(client, history))


if __name__ == "__main__":
    main()
