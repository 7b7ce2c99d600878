"""RECORD: conversations become spans."""

from agentsight_otel.tracking.actions import TrackedAction
from agentsight_otel.tracking.live import TurnScope, bind
from agentsight_otel.tracking.processor import ConversationSpanProcessor
from agentsight_otel.tracking.scopes import ConversationScope, carry_context, conversation, turn
from agentsight_otel.tracking.sink import Sink, Ticket
from agentsight_otel.tracking.speak import abandon_turn, agent_message, button, end_turn, user_message, wrap
from agentsight_otel.tracking.tools import tool
from agentsight_otel.tracking.tracker import Tracker

__all__ = [
    "ConversationScope",
    "ConversationSpanProcessor",
    "Sink",
    "Ticket",
    "TrackedAction",
    "Tracker",
    "TurnScope",
    "abandon_turn",
    "agent_message",
    "bind",
    "button",
    "carry_context",
    "conversation",
    "end_turn",
    "tool",
    "turn",
    "user_message",
    "wrap",
]
