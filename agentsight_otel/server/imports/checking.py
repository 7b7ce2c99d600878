"""Checking an import file. Every problem gets a code of the contract and the path of its place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from agentsight_otel.encoding import clean_text
from agentsight_otel.server.clock import EPOCH, parse_time
from agentsight_otel.server.imports import limits

MAX_PROBLEMS = 100
"""Problems of a file that are reported."""

_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?"
    r"\s*(Z|z|[+-]\d{2}:?\d{2})?"
)
_EARLIEST = parse_time(limits.EARLIEST)
_FIELDS = ("name", "customer_id", "language", "device")
_CONVERSATION_KEYS = frozenset({"conversation_id", "started_at", "messages", "metadata", *_FIELDS})
_MESSAGE_KEYS = frozenset({"sender", "content", "timestamp", "metadata"})


class Problem(NamedTuple):
    """One thing that is wrong with a file; ``path`` is like ``conversations[3].messages[0].sender``."""

    path: str
    code: str


class ImportedMessage(msgspec.Struct):
    """A checked message; its time is in microseconds."""

    sender: str
    content: str
    timestamp: int
    metadata: dict[str, Any] | None


class ImportedConversation(msgspec.Struct):
    """A checked conversation; ``fields`` holds columns."""

    conversation_id: str
    started_at: int
    fields: dict[str, Any]
    messages: list[ImportedMessage]


class CheckedFile(NamedTuple):
    """What a file holds, and what is wrong with it: then nothing may be written."""

    conversations: list[ImportedConversation]
    problems: list[Problem]


def check_file(data: bytes, now_us: int) -> CheckedFile:
    """Check a whole file.

    Args:
        data: The file's bytes.
        now_us: The current time, for what lies in the future.
    """
    if len(data) > limits.MAX_FILE_BYTES:
        return CheckedFile([], [Problem("", "too_long")])
    try:
        document = json.loads(data, parse_constant=_not_finite)
    except (ValueError, RecursionError) as error:
        code = "invalid_number" if isinstance(error, _NotFiniteError) else "invalid_format"
        return CheckedFile([], [Problem("", code)])
    checker = _Checker(now_us)
    conversations = checker.file(document)
    return CheckedFile(conversations, checker.problems[:MAX_PROBLEMS])


class _NotFiniteError(ValueError):
    """NaN or an infinity, which JSON does not have."""


def _not_finite(text: str) -> float:
    raise _NotFiniteError(text)


class _Checker:
    def __init__(self, now_us: int) -> None:
        self.problems: list[Problem] = []
        self._latest = now_us + limits.MAX_AHEAD_SECONDS * 1_000_000
        self._seen: set[str] = set()

    def file(self, document: Any) -> list[ImportedConversation]:
        if not self._keys(document, "", frozenset({"schema_version", "conversations"}), ("conversations",)):
            return []
        if "schema_version" not in document:
            self._add("schema_version", "missing_field")
        elif document["schema_version"] != limits.SCHEMA_VERSION or document["schema_version"] is True:
            self._add("schema_version", "wrong_value")
        items = self._list(document["conversations"], "conversations", limits.MAX_CONVERSATIONS)
        found = (self._conversation(item, f"conversations[{i}]") for i, item in enumerate(items))
        return [conversation for conversation in found if conversation is not None]

    def _conversation(self, item: Any, path: str) -> ImportedConversation | None:
        required = ("conversation_id", "started_at", "messages")
        if not self._keys(item, path, _CONVERSATION_KEYS, required):
            return None
        conversation_id = self._text(item, path, "conversation_id", limits.MAX_FIELD)
        if conversation_id in self._seen:
            self._add(f"{path}.conversation_id", "duplicate_conversation_id")
        self._seen.add(conversation_id)
        started_at = self._time(item["started_at"], f"{path}.started_at")
        fields: dict[str, Any] = {
            name: self._text(item, path, name, limits.MAX_FIELD, shortest=0)
            for name in _FIELDS
            if item.get(name) is not None
        }
        if metadata := self._metadata(item.get("metadata"), f"{path}.metadata"):
            fields["metadata"] = metadata
        messages = [
            self._message(message, f"{path}.messages[{i}]", started_at)
            for i, message in enumerate(self._list(item["messages"], f"{path}.messages", limits.MAX_MESSAGES))
        ]
        said = [message for message in messages if message is not None]
        return ImportedConversation(conversation_id, started_at, fields, said)

    def _message(self, item: Any, path: str, started_at: int) -> ImportedMessage | None:
        if not self._keys(item, path, _MESSAGE_KEYS, ("sender", "content", "timestamp")):
            return None
        sender = limits.SENDERS.get(str(item["sender"]).strip().lower())
        if sender is None:
            self._add(f"{path}.sender", "unknown_sender")
        timestamp = self._time(item["timestamp"], f"{path}.timestamp")
        if timestamp and timestamp < started_at:
            self._add(f"{path}.timestamp", "before_started_at")
        content = self._text(item, path, "content", limits.MAX_CONTENT)
        metadata = self._metadata(item.get("metadata"), f"{path}.metadata")
        return ImportedMessage(sender or "", content, timestamp, metadata)

    def _add(self, path: str, code: str) -> None:
        if len(self.problems) <= MAX_PROBLEMS:
            self.problems.append(Problem(path, code))

    def _keys(self, item: Any, path: str, known: frozenset[str], required: tuple[str, ...]) -> bool:
        if not isinstance(item, dict):
            self._add(path, "not_an_object")
            return False
        dot = f"{path}." if path else ""
        for key in item.keys() - known:
            self._add(f"{dot}{key[:50]}", "unknown_field")
        missing = [key for key in required if key not in item]
        for key in missing:
            self._add(f"{dot}{key}", "missing_field")
        return not missing

    def _list(self, value: Any, path: str, most: int) -> list[Any]:
        if not isinstance(value, list):
            self._add(path, "wrong_type")
            return []
        if len(value) > most:
            self._add(path, "too_many_items")
            return []
        if not value:
            self._add(path, "too_few_items")
        return value

    def _text(self, item: Any, path: str, name: str, most: int, *, shortest: int = 1) -> str:
        value, path = item[name], f"{path}.{name}"
        if not isinstance(value, str):
            self._add(path, "wrong_type")
            return ""
        if "\0" in value:
            self._add(path, "nul_byte")
        elif clean_text(value) != value:
            self._add(path, "invalid_format")
        elif len(value.strip()) < shortest:
            self._add(path, "too_short")
        elif len(value) > most:
            self._add(path, "too_long")
        return value

    def _time(self, value: Any, path: str) -> int:
        if not isinstance(value, str):
            self._add(path, "wrong_type")
            return 0
        try:
            moment = _read_time(value)
        except _MissingOffsetError:
            self._add(path, "missing_offset")
            return 0
        except (ValueError, OverflowError):
            self._add(path, "invalid_timestamp")
            return 0
        if not _EARLIEST <= moment <= self._latest:
            self._add(path, "timestamp_out_of_range")
        return moment

    def _metadata(self, value: Any, path: str) -> dict[str, Any] | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            self._add(path, "wrong_type")
            return None
        for code in _metadata_codes(value):
            self._add(path, code)
        return value


def _metadata_codes(value: dict[str, Any]) -> list[str]:
    try:
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        if size > limits.MAX_METADATA_BYTES:
            return ["metadata_too_large"]
        return list(dict.fromkeys(_metadata_problems(value, 1)))
    except UnicodeEncodeError:
        return ["invalid_format"]
    except RecursionError:
        return ["metadata_too_deep"]


def _metadata_problems(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, dict):
        if depth > limits.MAX_METADATA_DEPTH:
            yield "metadata_too_deep"
            return
        if len(value) > limits.MAX_METADATA_KEYS:
            yield "too_many_metadata_keys"
        for key, item in value.items():
            yield from _key_problems(key)
            yield from _metadata_problems(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _metadata_problems(item, depth)
    elif isinstance(value, str) and "\0" in value:
        yield "nul_byte"
    elif isinstance(value, float) and not math.isfinite(value):
        yield "invalid_number"


def _key_problems(key: str) -> Iterator[str]:
    if len(key) > limits.MAX_METADATA_KEY:
        yield "metadata_key_too_long"
    if key in limits.FORBIDDEN_KEYS:
        yield "forbidden_metadata_key"
    if "\0" in key:
        yield "nul_byte"


class _MissingOffsetError(ValueError):
    """A time without an offset could mean any zone."""


def _read_time(text: str) -> int:
    parts = _TIME.fullmatch(text.strip())
    if parts is None:
        raise ValueError("not a time")
    year, month, day, hour, minute, second, fraction, offset = parts.groups()
    if offset is None:
        raise _MissingOffsetError
    micros = int((fraction or "0").ljust(6, "0")[:6])
    moment = datetime(
        int(year), int(month), int(day), int(hour), int(minute), int(second or 0), micros, tzinfo=UTC
    )
    shift = 0
    if offset not in "Zz":
        shift = int(offset[1:3]) * 60 + int(offset[-2:])
        shift = -shift if offset[0] == "+" else shift
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds + shift * 60) * 1_000_000 + delta.microseconds
