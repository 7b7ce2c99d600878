"""What a convention's table looks like, and the one walk that reads a span by all of them at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agentsight_otel.translation.dialects.flattened import Flat
from agentsight_otel.translation.span_data import SpanData


class Kind(StrEnum):
    """What a span is to a conversation."""

    TURN = "turn"
    AGENT = "agent"
    CHAIN = "chain"
    LLM = "llm"
    TOOL = "tool"
    RETRIEVAL = "retrieval"
    EMBEDDING = "embedding"
    EVALUATOR = "evaluator"
    OTHER = "other"


Keys = tuple[str, ...]
Report = tuple[str, str, str, str]
KindTable = Mapping[str, Kind]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dialect:
    """One convention: attribute names, each tuple in order of precedence.

    Attributes:
        name: Shown in the wire span's ``agentsight.dialect``.
        scopes: When given, the table holds only for spans of scopes that start like one of these.
        kinds: Attribute to kind by value; compared in lower case.
        span_names: Kind by the whole span name; only with *scopes*.
        name_prefixes: Kind by the start of the span name; asked last.
        presence: Kind by the presence of an attribute; asked after *kinds* and names.
        result_envelope: The key under which it puts a tool's result that is no object; only with *scopes*.
        ignored_names: Starts of the names of spans that repeat others; only with *scopes*.
        ignored_endings: Likewise, by the end of the name.
        answer_tools: Tools by which a model answers instead of a text; only with *scopes*.
        user_prefixes: What the framework writes before a user's text; only with *scopes*.
        headings: How the line begins that it writes above a tool's arguments or result; only with *scopes*.
        report: Keys of what it says of a sub-agent's run: one that is always there, the blocks of the answer,
            and how many of these it wrote itself, before and after; only with *scopes*.
        own_prompts: How a prompt begins that it wrote itself; only with *scopes*.
        json_texts: It writes every text as JSON, in quotes; only with *scopes*.
        streams_apart: A streamed answer is told by a span of its own, with the request once more; only with
            *scopes*.
        asks_later: What tools a model asks for stands only in the history of its next call; only with
            *scopes*.
        anonymous: Attributes that name no customer although they do elsewhere; only with *scopes*.
        nested: Attributes that name a sub-agent's run inside it, and the conversation elsewhere: asked last;
            only with *scopes*.
        message_prefixes: Flattened messages, by field.
        metadata_prefixes: What follows is the key of a metadata entry.
        metadata_json: Attributes that hold a whole metadata object.
        annotation_prefixes: Flattened feedback.
    """

    name: str
    scopes: Keys = ()
    kinds: tuple[tuple[str, KindTable], ...] = ()
    span_names: KindTable = dataclasses.field(default_factory=dict)
    name_prefixes: tuple[tuple[str, Kind], ...] = ()
    presence: tuple[tuple[str, Kind], ...] = ()
    answer_tools: Keys = ()
    user_prefixes: Keys = ()
    headings: Keys = ()
    report: Report | None = None
    own_prompts: Keys = ()
    json_texts: bool = False
    streams_apart: bool = False
    asks_later: bool = False
    anonymous: Keys = ()
    nested: Keys = ()
    ignored_names: Keys = ()
    ignored_endings: Keys = ()
    result_envelope: str = ""
    # -- keys; the name of each attribute below is the name of the field in a Walk
    conversation: Keys = ()
    customer: Keys = ()
    agent_name: Keys = ()
    sub_agent: Keys = ()
    response_id: Keys = ()
    previous_response: Keys = ()
    provider: Keys = ()
    operation: Keys = ()
    request_model: Keys = ()
    response_model: Keys = ()
    streaming: Keys = ()
    system_instructions: Keys = ()
    input_messages: Keys = ()
    output_messages: Keys = ()
    event_list: Keys = ()
    new_messages: Keys = ()
    history: Keys = ()
    new_message_index: Keys = ()
    input_value: Keys = ()
    output_value: Keys = ()
    user_text: Keys = ()
    reply_text: Keys = ()
    reply_tools: Keys = ()
    tool_name: Keys = ()
    tool_call_id: Keys = ()
    tool_arguments: Keys = ()
    tool_result: Keys = ()
    tool_failed: Keys = ()
    error_type: Keys = ()
    error_message: Keys = ()
    outcome: Keys = ()
    finish_reasons: Keys = ()
    input_tokens: Keys = ()
    input_tokens_without_cache: Keys = ()
    output_tokens: Keys = ()
    cache_read_tokens: Keys = ()
    cache_write_tokens: Keys = ()
    reasoning_tokens: Keys = ()
    audio_input_tokens: Keys = ()
    audio_output_tokens: Keys = ()
    usage_json: Keys = ()
    tags: Keys = ()
    metadata_json: Keys = ()
    delta: Keys = ()
    interrupted: Keys = ()
    message_prefixes: tuple[tuple[str, str], ...] = ()
    metadata_prefixes: Keys = ()
    annotation_prefixes: Keys = ()


_NOT_KEYS = frozenset(
    {
        "name",
        "scopes",
        "kinds",
        "span_names",
        "name_prefixes",
        "presence",
        "answer_tools",
        "user_prefixes",
        "headings",
        "report",
        "own_prompts",
        "json_texts",
        "streams_apart",
        "asks_later",
        "anonymous",
        "nested",
        "ignored_names",
        "ignored_endings",
        "result_envelope",
        "metadata_json",
        "message_prefixes",
        "metadata_prefixes",
        "annotation_prefixes",
    }
)
KEY_FIELDS = tuple(f.name for f in dataclasses.fields(Dialect) if f.name not in _NOT_KEYS)
CONTENT_FIELDS = frozenset(
    {
        "input_messages",
        "output_messages",
        "new_messages",
        "history",
        "input_value",
        "output_value",
        "user_text",
        "reply_text",
        "reply_tools",
    }
)
"""Fields whose empty list or object says nothing; elsewhere it is a value."""


class Rules(msgspec.Struct, frozen=True):
    """Habits of a framework, gathered from the dialects that hold for a scope; named as in `Dialect`."""

    result_envelope: str = ""
    answer_tools: Keys = ()
    user_prefixes: Keys = ()
    headings: Keys = ()
    report: Report | None = None
    own_prompts: Keys = ()
    json_texts: bool = False
    streams_apart: bool = False
    asks_later: bool = False


class Walk(msgspec.Struct, gc=False):
    """What one pass over a span's attributes found.

    Attributes:
        span: The span.
        names: Its attributes' names, the same tuple for all spans of one place in a program.
        kind: What it is, or None when nothing says.
        dialect: Name of the convention that said so.
        fields: The best value of each field of `Dialect`.
        flat: Flattened attributes by field.
        metadata: Metadata entries.
        speaks: An attribute may hold messages.
        describes: An attribute may hold metadata of the conversation.
        judges: An attribute may hold feedback.
        rules: The rules of the dialects that hold for the span's scope.
    """

    span: SpanData
    names: tuple[str, ...]
    kind: Kind | None
    dialect: str
    fields: dict[str, Any]
    flat: dict[str, Flat]
    metadata: dict[str, Any]
    speaks: bool
    describes: bool
    judges: bool
    rules: Rules
