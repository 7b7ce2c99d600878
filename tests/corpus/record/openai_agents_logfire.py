"""The OpenAI Agents SDK instrumented by Logfire; a span of the application's own has the ids."""

from __future__ import annotations

import logfire
from harness import Context, Driver, run
from openai_agents_app import AgentsApp
from openai_logfire import configure, scope
from shape import Conversation, Turn


def instrument(context: Context) -> None:
    """Switch the instrumentation on."""
    configure(context)
    logfire.instrument_openai_agents()


class App(AgentsApp):
    """The application, each turn of it in a span."""

    async def turn(self, conversation: Conversation, turn: Turn) -> None:
        """Run one turn."""
        with scope(conversation):
            await super().turn(conversation, turn)


if __name__ == "__main__":
    run(Driver(name="openai_agents_logfire", instrument=instrument, app=App, per_turn=True))
