"""The shape of a scenario: conversations, turns, and the model calls that answer them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model_wire import Reply, ToolUse, Usage


@dataclass(frozen=True)
class Conversation:
    """One conversation: what the application calls it and its customer, None where it does not say."""

    key: str
    id: str | None
    customer: str | None = None


@dataclass(frozen=True)
class Delegation:
    """Within a turn, another agent is called: the tool that reaches it and that agent's own model calls.

    Attributes:
        agent: The other agent's name.
        calls: Its model calls; the last one is its answer.
        returns: Its answer goes back to the first agent (delegate), or is the reply itself (transfer).
    """

    agent: str
    tool: ToolUse
    calls: tuple[Reply, ...]
    returns: bool
    marker: str = ""


@dataclass(frozen=True)
class Turn:
    """What the user says and how the model answers.

    Attributes:
        conversation: Key of the conversation.
        text: What the user says.
        calls: The model's answers in order; the last one is the reply, the others ask for tools.
        delegation: Set when the first call asks another agent.
        stream: The application asks for a streamed answer.
        keep: The application sends only so many of the latest messages, 0 for all of them.
        image: The user's message comes with a picture.
    """

    conversation: str
    text: str
    calls: tuple[Reply, ...]
    delegation: Delegation | None = None
    stream: bool = False
    keep: int = 0
    image: bool = False

    @property
    def fails(self) -> bool:
        """Whether the provider answers this turn with an error."""
        return any(call.status != 200 for call in self.calls)

    @property
    def reply(self) -> str | None:
        """What the agent finally says, None when the turn fails."""
        if self.fails:
            return None
        if self.delegation and not self.delegation.returns:
            return self.delegation.calls[-1].text
        return self.calls[-1].text


@dataclass(frozen=True)
class Scenario:
    """A named list of turns over one or more conversations.

    Attributes:
        variant: Set when the scenario needs a process of its own.
        concurrent: The conversations take place at the same time.
    """

    name: str
    about: str
    conversations: tuple[Conversation, ...]
    turns: tuple[Turn, ...]
    variant: str = ""
    concurrent: bool = False

    def conversation(self, key: str) -> Conversation:
        """The conversation called *key*."""
        return next(item for item in self.conversations if item.key == key)


def say(text: str, *, used: tuple[int, ...], tools: Sequence[ToolUse] = ()) -> Reply:
    """A model answer; *used* is input, output, cached and reasoning tokens."""
    return Reply(text=text, tools=tuple(tools), usage=Usage(*used))


def use(name: str, **arguments: Any) -> ToolUse:
    """A tool use."""
    return ToolUse(name, arguments)
