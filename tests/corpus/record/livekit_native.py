"""LiveKit Agents in text mode with its own instrumentation; the room's id is the conversation's."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from harness import MODEL, Context, Driver, core_without, run
from livekit.agents import Agent, AgentSession, APIConnectOptions, RunContext, function_tool
from livekit.agents.telemetry import set_tracer_provider
from livekit.agents.testing import fake_job_context
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.plugins import openai
from opentelemetry import trace
from sessions import SessionApp
from shape import Conversation, Turn
from shop import BILLING, SHOP, TOOLS


def instrument(context: Context) -> None:
    """Hand it the provider, as its documentation says."""
    set_tracer_provider(context.provider)


def asynchronous(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """*function* as the framework wants its tools."""

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


class Room:
    """One job of a worker: a room, the session in it, and a context of their own.

    Attributes:
        recording: What the session records besides its spans.
    """

    recording: Any = False

    def __init__(self, context: Context, conversation: Conversation) -> None:
        self._context = contextvars.copy_context()
        self._url = context.openai_url
        self._conversation = conversation
        self._stack = ExitStack()
        self._session: AgentSession[None] | None = None

    async def start(self) -> None:
        """Start the session, under a span of the application's own that names the customer."""
        await self._inside(self._enter())

    async def say(self, turn: Turn) -> None:
        """Run one turn."""
        await self._inside(self._say(turn.text))

    async def end(self) -> None:
        """Close the session."""
        await self._inside(self._leave())

    async def _inside(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* in the room's context."""
        await asyncio.create_task(work, context=self._context)

    async def _enter(self) -> None:
        if self._conversation.id:
            job = self._stack.enter_context(fake_job_context())
            job.job.room.sid = self._conversation.id
            span = trace.get_tracer("lamp-shop").start_as_current_span("entrypoint")
            self._stack.enter_context(span).set_attribute("user.id", str(self._conversation.customer))
        model = openai.LLM(model=MODEL, base_url=self._url, api_key="test", max_retries=0)
        once = SessionConnectOptions(llm_conn_options=APIConnectOptions(max_retry=0))
        self._session = AgentSession(llm=model, conn_options=once)
        await self._session.start(shop(), record=self.recording)

    async def _say(self, text: str) -> None:
        assert self._session
        await self._session.run(user_input=text)

    async def _leave(self) -> None:
        assert self._session
        await self._session.aclose()
        self._stack.close()


class Billing(Agent):
    """The agent that questions about bills are handed over to; it answers as soon as it is there."""

    async def on_enter(self) -> None:
        """Answer what was asked before."""
        await self.session.generate_reply()


def shop() -> Agent:
    """The first agent of a room."""
    tools: list[Any] = [function_tool(asynchronous(tool.function)) for tool in TOOLS.values()]

    @function_tool
    async def transfer_to_billing(context: RunContext[None]) -> Agent:
        """Hand the conversation over to billing."""
        history = context.session.current_agent.chat_ctx.copy(exclude_instructions=True)
        return Billing(instructions=BILLING, tools=tools, chat_ctx=history)

    return Agent(instructions=SHOP, tools=[*tools, transfer_to_billing])


def app(context: Context) -> SessionApp:
    """A room for each conversation."""
    return SessionApp(functools.partial(Room, context))


if __name__ == "__main__":
    run(
        Driver(
            name="livekit_native",
            instrument=instrument,
            app=app,
            scenarios=(*core_without("delegate"), "transfer", "concurrent"),
        )
    )
