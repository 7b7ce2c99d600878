"""What of a conversation travels to other services, as W3C Baggage."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote_plus

from opentelemetry import baggage
from opentelemetry.context import Context

from agentsight_otel import semconv
from agentsight_otel.encoding import decode_json
from agentsight_otel.enums import Propagation
from agentsight_otel.guard import guarded
from agentsight_otel.tracking.masked import masked_texts
from agentsight_otel.tracking.validation import MAX_FIELD_LENGTH

logger = logging.getLogger("agentsight_otel")

MAX_METADATA_BYTES = 2048
"""Bytes of a conversation's metadata as they travel, percent-encoded."""

_MAX_HEADER_BYTES = 8192
_MAX_ENTRIES = 180
_NONE, _ALL = Propagation.NONE, Propagation.ALL
_TURN_BYTES = len(semconv.TURN_ID) + len("=0123456789abcdef,")


class Policy(NamedTuple):
    """How much travels, and the user's mask, which sees it before it leaves."""

    propagate: Propagation = Propagation.ALL
    mask: Callable[[str], str] | None = None


class _State:
    """Where the policy comes from, and how many documents stayed at home."""

    policy: Callable[[], Policy] = staticmethod(Policy)
    left_out = 0


def bind_policy(policy: Callable[[], Policy]) -> None:
    """Make *policy* say how much travels."""
    _State.policy = staticmethod(policy)


def left_out() -> int:
    """Return how many metadata documents were too large to travel."""
    return _State.left_out


def put(conversation_id: str, fields: Mapping[str, str], context: Context) -> Context:
    """Return *context* with what travels of a conversation in its baggage, and nothing of any other one."""
    policy = _policy()
    if policy.propagate is _NONE:
        return _without(context, semconv.CONVERSATION_ID, semconv.TURN_ID, *_FIELDS.values())
    held = baggage.get_all(context)
    if held.get(semconv.CONVERSATION_ID) != conversation_id:
        context = baggage.set_baggage(semconv.CONVERSATION_ID, conversation_id, context)
        if semconv.TURN_ID in held:
            context = baggage.remove_baggage(semconv.TURN_ID, context)
    travelling = _fields(fields, policy) if fields else {}
    for field, name in _FIELDS.items() if held or travelling else ():
        if field in travelling and (field != "metadata" or _fits(travelling[field], context)):
            context = baggage.set_baggage(name, travelling[field], context)
        elif name in held:
            context = baggage.remove_baggage(name, context)
    return context


def fields_of(context: Context) -> dict[str, str]:
    """Return what the baggage of *context* says of a conversation, but for its id."""
    found = {}
    if customer_id := text_of(semconv.CUSTOMER_ID, context):
        found["customer_id"] = customer_id
    metadata = baggage.get_baggage(semconv.CONVERSATION_METADATA, context)
    if isinstance(metadata, str) and _is_document(metadata):
        found["metadata"] = metadata
    return found


def text_of(name: str, context: Context) -> str | None:
    """Return a short text of the baggage; it comes from outside, so what is no possible id is none."""
    value = baggage.get_baggage(name, context)
    return value if isinstance(value, str) and value.strip() and len(value) <= MAX_FIELD_LENGTH else None


_FIELDS = {"customer_id": semconv.CUSTOMER_ID, "metadata": semconv.CONVERSATION_METADATA}


@guarded(Policy(Propagation.NONE))
def _policy() -> Policy:
    return _State.policy()


def _fields(fields: Mapping[str, str], policy: Policy) -> dict[str, str]:
    if policy.propagate is not _ALL:
        return {}
    chosen = {name: fields[name] for name in _FIELDS if fields.get(name)}
    return masked_texts(chosen, policy.mask) if policy.mask is not None else chosen


def _fits(metadata: str, context: Context) -> bool:
    """Whether a document can travel beside what the host's baggage holds: it goes whole or not at all.

    AgentSight keeps the last document it gets, so a part of it would erase the rest.
    """
    size = _sent_size(metadata)
    others = baggage.get_all(context)
    held = sum(_sent_size(name) + _sent_size(str(value)) + 2 for name, value in others.items())
    entry = len(semconv.CONVERSATION_METADATA) + 2 + size
    if (
        size <= MAX_METADATA_BYTES
        and held + entry + _TURN_BYTES <= _MAX_HEADER_BYTES
        and len(others) + 2 <= _MAX_ENTRIES
    ):
        return True
    _State.left_out += 1
    if _State.left_out == 1:
        logger.warning(
            "agentsight-otel: the metadata of a conversation is too large for W3C Baggage (at most %d bytes "
            "as sent); other services do not get it. Further ones are only counted.",
            MAX_METADATA_BYTES,
        )
    return False


@lru_cache(maxsize=256)
def _sent_size(text: str) -> int:
    """Return how many bytes a text takes in a header."""
    return len(quote_plus(text))


@lru_cache(maxsize=64)
def _is_document(text: str) -> bool:
    if len(text) > MAX_METADATA_BYTES:
        return False
    try:
        return isinstance(decode_json(text), dict)
    except ValueError:
        return False


def _without(context: Context, *names: str) -> Context:
    for name in names:
        if baggage.get_baggage(name, context) is not None:
            context = baggage.remove_baggage(name, context)
    return context
