"""The agent loop an application writes itself over Bedrock's Converse API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import boto3
from botocore.config import Config
from harness import Context
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS, run_tool_safely

Message = dict[str, Any]

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
QUESTION = {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
SCHEMAS = [(tool.name, tool.description, tool.parameters) for tool in TOOLS.values()]
TOOL_CONFIG = {
    "tools": [
        {"toolSpec": {"name": name, "description": description, "inputSchema": {"json": schema}}}
        for name, description, schema in [*SCHEMAS, ("ask_billing", "Ask the billing agent.", QUESTION)]
    ]
}


def client(context: Context) -> Any:
    """Bedrock's runtime client, which tries once; instrumentations patch it as it is made."""
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=context.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


class BedrockApp:
    """An application that keeps the history of each conversation and runs the tools."""

    def __init__(
        self, context: Context, scope: Callable[[Conversation], AbstractContextManager[Any]]
    ) -> None:
        self._client = client(context)
        self._scope = scope
        self._histories: dict[str, list[Message]] = {}

    def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn to its reply."""
        history = self._histories.setdefault(conversation.key, [])
        history.append({"role": "user", "content": [{"text": turn.text}]})
        with self._scope(conversation):
            self._loop(history, SHOP, stream=turn.stream)

    def _loop(self, history: list[Message], system: str, *, stream: bool) -> str:
        for _ in range(10):
            message = self._ask(history, system, stream=stream)
            history.append(message)
            uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
            if not uses:
                return str(message["content"][0]["text"])
            results = [
                {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": self._tool(use)}]}}
                for use in uses
            ]
            history.append({"role": "user", "content": results})
        raise RuntimeError("the model asks for tools without end")

    def _tool(self, use: Message) -> str:
        if use["name"] != "ask_billing":
            return run_tool_safely(use["name"], use["input"])
        question = {"role": "user", "content": [{"text": use["input"]["question"]}]}
        return self._loop([question], BILLING, stream=False)

    def _ask(self, history: list[Message], system: str, *, stream: bool) -> Message:
        request = {
            "modelId": MODEL,
            "system": [{"text": system}],
            "messages": history,
            "toolConfig": TOOL_CONFIG,
        }
        if stream:
            return joined(self._client.converse_stream(**request)["stream"])
        message: Message = self._client.converse(**request)["output"]["message"]
        return message


def joined(events: Iterable[Message]) -> Message:
    """The message a stream of events amounts to."""
    blocks: dict[int, Message] = {}
    for event in events:
        if "contentBlockStart" in event:
            begun = event["contentBlockStart"]
            blocks[begun["contentBlockIndex"]] = {"toolUse": begun["start"]["toolUse"] | {"input": ""}}
        if "contentBlockDelta" in event:
            piece = event["contentBlockDelta"]
            delta = piece["delta"]
            block = blocks.setdefault(piece["contentBlockIndex"], {"text": ""})
            if "text" in delta:
                block["text"] += delta["text"]
            else:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    return {"role": "assistant", "content": [blocks[index] for index in sorted(blocks)]}
