"""The closed sets of values in the public API."""

from __future__ import annotations

from enum import StrEnum


class Sender(StrEnum):
    """Who said a message."""

    USER = "end_user"
    AGENT = "agent"
    SYSTEM = "system"


class Sentiment(StrEnum):
    """How a customer rated a conversation."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class AttachmentMode(StrEnum):
    """How attachment bytes are given: as base64 text, or as bytes or an open file."""

    BASE64 = "base64"
    FORM_DATA = "form_data"


class Environment(StrEnum):
    """The two environments every agent has; others are made in the dashboard."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


class Durability(StrEnum):
    """What a record survives once the call that made it has returned."""

    PROCESS = "process"
    POWER = "power"
    MEMORY = "memory"


class Propagation(StrEnum):
    """What of a conversation travels to other services: all, ids of conversation and turn, or nothing."""

    ALL = "all"
    IDS = "ids"
    NONE = "none"
