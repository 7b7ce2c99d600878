"""What a recording cannot say: facts of the truth that occur in none of its spans and log records.

The truth comes from the script. Whether an instrumentation wrote a given fact down at all can be checked
without understanding any convention: a text that occurs nowhere in the recording cannot be read from it.
Such facts are marked here, with a note, and nothing else ever is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from model_wire import Usage
from shop import PICTURE

_OBJECT = re.compile(r"\b[A-Z]\w*\(_?\w+=")
"""How Python prints an object: text for people, not data."""


def _leaves(value: Any) -> Iterator[str]:
    """Every text in *value*, also inside JSON texts, but not those of printed objects."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str):
        if not _OBJECT.search(value):
            yield value
        yield from _leaves(_json(value))


def _json(text: Any) -> Any:
    if not isinstance(text, str) or text[:1] not in {"{", "[", '"'}:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _numbers(value: Any) -> Iterator[int]:
    """Every number in structured *value*; JSON texts are looked into only where the name says usage."""
    if isinstance(value, dict):
        yield from _numbers([_json(item) for key, item in value.items() if "usage" in key.lower()])
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        yield int(value)


class Evidence:
    """All texts and numbers of a recording.

    A text may stand anywhere, a number must be an attribute's: usage inside the JSON of a whole response is
    the provider's, and no convention tells anyone to read it there.
    """

    def __init__(self, recording: list[dict[str, Any]]) -> None:
        told = ("attributes", "events", "event", "status_description", "name")
        leaves = list(_leaves([[item.get(field) for field in told] for item in recording]))
        self._text = "\x00".join(leaves)
        fields = ("attributes", "events", "event")
        self._numbers = set(_numbers([[item.get(field) for field in fields] for item in recording]))

    def has_text(self, text: str) -> bool:
        """Whether *text* occurs, as it is or escaped as in a Python or JSON literal."""
        escaped = (repr(text), json.dumps(text), json.dumps(text, ensure_ascii=False))
        return any(form in self._text for form in (text.strip(), *(form[1:-1] for form in escaped)))

    def has_number(self, number: int) -> bool:
        """Whether *number* is the value of an attribute."""
        return number in self._numbers


def mark(conversation: dict[str, Any], evidence: Evidence, usages: list[Usage]) -> None:
    """Mark in *conversation* what *evidence* does not hold.

    Args:
        conversation: One expected conversation, changed in place.
        evidence: The recording.
        usages: What each model call of the conversation was billed.
    """
    notes: list[str] = conversation["notes"]
    for field in ("conversation_id", "customer_id"):
        wanted = conversation[field]
        if wanted is not None and not evidence.has_text(wanted):
            conversation[field] = None
            notes.append(f"{field} is not in the recording")
    for message in conversation["messages"]:
        if not evidence.has_text(message["text"]):
            message["captured"] = False
            notes.append(f"not in the recording: {message['sender']} says {message['text'][:40]!r}")
    if conversation["attachments"] and not evidence.has_text(base64.b64encode(PICTURE).decode()):
        conversation["attachments"] = None
        notes.append("the picture is not in the recording")
    for action in conversation["actions"]:
        _mark_action(action, evidence, notes)
    _mark_tokens(conversation["tokens"], evidence, usages, notes)


def _mark_action(action: dict[str, Any], evidence: Evidence, notes: list[str]) -> None:
    name = action["name"]
    if not evidence.has_text(name):
        action["captured"] = False
        notes.append(f"not in the recording: action {name}")
    values = [value for value in action["arguments"].values() if isinstance(value, str)]
    if not all(evidence.has_text(value) for value in values):
        action["arguments"] = None
        notes.append(f"arguments of {name} are not in the recording")
    result, error = action["result"], action["error"]
    told = list(result.values()) if isinstance(result, dict) else [result]
    if not all(evidence.has_text(text) for text in told if isinstance(text, str)):
        action["result"] = None
        action["any_result"] = True
        notes.append(f"result of {name} is not in the recording")
    if error is not None and not evidence.has_text(error):
        action["error"] = None
        action["any_result"] = True
        notes.append(f"error of {name} is not in the recording")


def _mark_tokens(tokens: dict[str, Any], evidence: Evidence, usages: list[Usage], notes: list[str]) -> None:
    for field in ("input", "output", "cache_read"):
        billed = [usage for usage in usages if getattr(usage, field)]
        missing = [getattr(usage, field) for usage in billed if not _is_stated(usage, field, evidence)]
        if missing:
            tokens[field] = None
            notes.append(f"no attribute states these {field} tokens: {missing}")
    stated = [usage for usage in usages if _is_stated(usage, "input", evidence)]
    if usages and not stated:
        tokens.update(cache_read=None, calls=None)
        notes.append("no model call is told by its usage")


def _is_stated(usage: Usage, field: str, evidence: Evidence) -> bool:
    """Whether an attribute has the count; some state the input without what came from a cache."""
    if evidence.has_number(getattr(usage, field)):
        return True
    apart = (usage.input - usage.cache_read, usage.cache_read)
    return field == "input" and usage.cache_read > 0 and all(map(evidence.has_number, apart))
