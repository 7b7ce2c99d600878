"""The attributes that a span came with, beside those that we give it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from agentsight_otel import semconv
from agentsight_otel.translation.assembly.trees import Node

REPEATED = re.compile(
    r"gen_ai\.(input\.messages(_delta)?|output\.messages|(prompt|completion)(\.\d.*)?)"
    r"|llm\.(input_messages|output_messages|prompts|choices|completions)\..*"
    r"|(input|output)\.(value|(images|documents)\..*)"
    r"|ai\.(prompt(\..*)?|response\.text)"
    r"|gcp\.vertex\.agent\.llm_re(quest|sponse)"
    r"|(pydantic_ai\.all_messages|all_messages_events|events)"
    r"|lk\.(pii\.)?chat_ctx"
    r"|traceloop\.entity\.(input|output)"
    r"|langfuse\.(observation|trace)\.(input|output)"
    r"|mlflow\.span(Inputs|Outputs)"
    r"|lmnr\.span\.(input|output)|genkit:(input|output)|flue\.turn\.(input|output)|(agent|llm)\.messages"
)
"""Histories, which a turn's messages, its tools and its model calls represent."""
TOOL_REPEATED = re.compile(
    r"gen_ai\.tool\.call\.(arguments|result)|(input|output)\.value|ai\.toolCall\.(args|result)"
)
"""What a tool's own attributes represent."""
_SHARED = (
    semconv.GEN_AI_OPERATION_NAME,
    semconv.GEN_AI_SYSTEM,
    semconv.GEN_AI_REQUEST_MODEL,
    semconv.GEN_AI_USAGE_INPUT_TOKENS,
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
    semconv.GEN_AI_TOOL_CALL_ID,
)
"""The names of other conventions that we write, in the order in which we do."""


def beside_originals(ours: dict[str, Any], node: Node, repeated: re.Pattern[str] | None) -> dict[str, Any]:
    """Add the original attributes of a span; a name of ours keeps our value."""
    theirs = originals = node.span.attributes
    if repeated:
        kept, dropped = _split(node.reading.names, repeated)
        if len(kept) < len(dropped):
            theirs = {key: originals[key] for key in kept}
        elif dropped:
            theirs = originals.copy()
            for key in dropped:
                del theirs[key]
    result = ours | theirs
    result.update(ours)
    return result


def with_originals(ours: dict[str, Any], nodes: list[Node], repeated: re.Pattern[str]) -> dict[str, Any]:
    """Add the original attributes of several spans; where another has another value, it moves aside."""
    names: Iterable[str] = _SHARED
    for node in nodes:
        theirs = node.span.attributes
        result = beside_originals(ours, node, repeated)
        for key in names:
            if key not in theirs or key not in ours or ours[key] == theirs[key]:
                continue
            if not (key.startswith("agentsight.") or repeated.fullmatch(key)):
                result.setdefault(semconv.ORIGINAL_PREFIX + key, theirs[key])
        ours = result
        names = ours.keys() if len(nodes) > 1 else ()
    return ours


# The spans of one place in a program have the same attributes in the same order.
@lru_cache(maxsize=256)
def _split(keys: tuple[str, ...], repeated: re.Pattern[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    kept = tuple(key for key in keys if not repeated.fullmatch(key))
    return kept, tuple(key for key in keys if repeated.fullmatch(key))
