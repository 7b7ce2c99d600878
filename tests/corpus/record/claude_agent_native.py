"""Claude's Agent SDK: the command line it runs sends its spans by OTLP, with the texts switched on."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import uuid
from contextlib import ExitStack
from typing import Any

from claude_agent_sdk import (
    AgentDefinition,
    ClaudeAgentOptions,
    ResultMessage,
    create_sdk_mcp_server,
    query,
    tool,
)
from harness import Context, Driver, run
from model_server import Rule
from otlp_sink import OtlpSink, otlp_sink
from otlp_spans import spans_of
from own_span import own_span
from shape import Conversation, Scenario, Turn
from shop import BILLING, SHOP, TOOLS, Tool, run_tool

SERVER = "shop"
OWN_PROMPTS = {"system_reminders", "system_prompt_preview"}
_open = ExitStack()


def instrument(_context: Context) -> None:
    """Nothing: that happens by the environment of the command line."""


def mcp_tool(item: Tool) -> Any:
    """A tool of the shop as the SDK wants it."""

    @tool(item.name, item.description, item.parameters)
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": run_tool(item.name, arguments)}]}

    return call


def named(name: str) -> str:
    """The name the model knows a tool by."""
    return f"mcp__{SERVER}__{name}" if name in TOOLS else name


def adapt(rules: list[Rule]) -> list[Rule]:
    """The model calls tools by the names it knows."""
    return [
        dataclasses.replace(
            rule,
            reply=dataclasses.replace(
                rule.reply,
                tools=tuple(dataclasses.replace(tool, name=named(tool.name)) for tool in rule.reply.tools),
            ),
        )
        for rule in rules
    ]


def reshape(scenario: Scenario) -> Scenario:
    """Sessions are UUIDs, and a sub-agent is asked by a tool ``Agent``.

    Nobody names the customer: what the command line writes as ``user.id`` is its device's.
    """
    conversations = tuple(
        dataclasses.replace(item, id=item.id and str(uuid.uuid5(uuid.NAMESPACE_DNS, item.id)), customer=None)
        for item in scenario.conversations
    )
    turns = tuple(map(asking_an_agent, scenario.turns))
    return dataclasses.replace(scenario, conversations=conversations, turns=turns)


def asking_an_agent(turn: Turn) -> Turn:
    """The turn, with the tool by which the program reaches a sub-agent."""
    delegation = turn.delegation
    if delegation is None:
        return turn
    question = delegation.tool.arguments["question"]
    arguments = {
        "description": "Ask billing",
        "prompt": question,
        "subagent_type": "billing",
        "run_in_background": False,
    }
    asked = dataclasses.replace(delegation.tool, name="Agent", arguments=arguments)
    delegation = dataclasses.replace(delegation, tool=asked, marker=question)
    calls = (dataclasses.replace(turn.calls[0], tools=(asked,)), *turn.calls[1:])
    return dataclasses.replace(turn, delegation=delegation, calls=calls)


def without_prompts(span: dict[str, Any]) -> dict[str, Any]:
    """Leave out the program's own prompts and the name of the kernel."""
    for name in OWN_PROMPTS & span.get("attributes", {}).keys():
        span["attributes"][name] = "(left out)"
    span["resource"].pop("os.version", None)
    return span


class App:
    """A process for each turn, which resumes the conversation's session."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sink: OtlpSink = _open.enter_context(otlp_sink())
        self._home = _open.enter_context(tempfile.TemporaryDirectory())
        self._sessions: dict[str, str] = {}
        self._server = create_sdk_mcp_server(SERVER, tools=[mcp_tool(item) for item in TOOLS.values()])

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn under a span of the application's own."""
        with own_span(conversation):
            async for message in query(prompt=turn.text, options=self._options(conversation)):
                if isinstance(message, ResultMessage):
                    self._sessions[conversation.key] = message.session_id
                    result = message
        self._context.collector.add(map(without_prompts, spans_of(self._sink.take())))
        if result.is_error:
            raise RuntimeError(result.result)

    def _options(self, conversation: Conversation) -> ClaudeAgentOptions:
        names = [named(name) for name in TOOLS]
        known = self._sessions.get(conversation.key)
        return ClaudeAgentOptions(
            tools=["Agent"],
            allowed_tools=["Agent", *names],
            system_prompt=SHOP,
            mcp_servers={SERVER: self._server},
            agents={"billing": AgentDefinition("Knows about bills.", BILLING, tools=names)},
            model="claude-sonnet-4-5",
            session_id=conversation.id if known is None else None,
            resume=known,
            setting_sources=[],
            cwd=self._home,
            env=self._environment(),
            thinking={"type": "disabled"},
        )

    def _environment(self) -> dict[str, str]:
        silent = {name: "" for name in os.environ if name.startswith(("ANTHROPIC_", "CLAUDE"))}
        return silent | {
            "HOME": self._home,
            "CLAUDE_CONFIG_DIR": self._home,
            "ANTHROPIC_API_KEY": "test",
            "ANTHROPIC_BASE_URL": self._context.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
            "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
            "ENABLE_BETA_TRACING_DETAILED": "1",
            "BETA_TRACING_ENDPOINT": self._sink.url,
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self._sink.url,
            "OTEL_LOG_USER_PROMPTS": "1",
            "OTEL_LOG_TOOL_DETAILS": "1",
            "OTEL_LOG_TOOL_CONTENT": "1",
        }


if __name__ == "__main__":
    run(
        Driver(
            name="claude_agent_native",
            instrument=instrument,
            app=App,
            adapt=adapt,
            reshape=reshape,
        )
    )
