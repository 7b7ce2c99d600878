"""How an application tells OpenInference its conversation and customer."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from openinference.instrumentation import using_attributes
from shape import Conversation

HIDDEN = {"OPENINFERENCE_HIDE_INPUTS": "true", "OPENINFERENCE_HIDE_OUTPUTS": "true"}
"""The environment that keeps texts out of its spans."""


def scope(conversation: Conversation) -> AbstractContextManager[Any]:
    """What goes around a turn."""
    if not conversation.id:
        return nullcontext()
    return using_attributes(session_id=conversation.id, user_id=conversation.customer or "")
