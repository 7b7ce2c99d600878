"""Faults: switches that make a test server misbehave, one ASGI layer in front of the application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from starlette.types import Message

from agentsight_otel.server.ingest.payload import rejection

Moment = Literal["before", "after"]


@dataclass
class _Fault:
    kind: str
    times: int | None
    path: str | None
    options: dict[str, Any] = field(default_factory=dict)


class Faults:
    """What goes wrong, and how often. Faults of different kinds may be set at once; each kind takes turns.

    ``times=None`` means until `clear`. ``path`` is the beginning of the paths it applies to, None all.
    """

    def __init__(self) -> None:
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()

    def respond(
        self,
        status: int,
        *,
        times: int | None = None,
        path: str | None = None,
        retry_after: float | str | None = None,
        body: bytes | str | dict[str, Any] | None = None,
    ) -> None:
        """Answer with a status instead of handling the request.

        Args:
            status: HTTP status.
            times: How many requests.
            path: Beginning of the paths it applies to.
            retry_after: Value of the Retry-After header.
            body: Body of the answer; a dict is sent as JSON.
        """
        self._add("respond", times, path, status=status, retry_after=retry_after, body=body)

    def delay(self, seconds: float, *, times: int | None = None, path: str | None = None) -> None:
        """Wait before handling the request."""
        self._add("delay", times, path, seconds=seconds)

    def reset(self, moment: Moment = "before", *, times: int | None = 1, path: str | None = None) -> None:
        """Cut the connection with a TCP reset, before the request is handled or after it was committed."""
        self._add(f"reset_{moment}", times, path)

    def truncate(self, *, times: int | None = 1, path: str | None = None) -> None:
        """Handle the request, send half of the answer and close the connection."""
        self._add("truncate", times, path)

    def limit_body(self, size: int, *, times: int | None = None, path: str | None = None) -> None:
        """Answer 413 to bodies of more than *size* bytes as sent."""
        self._add("limit_body", times, path, size=size)

    def poison(self, text: str, *, times: int | None = None, path: str | None = "/api/ingest/") -> None:
        """Answer 400 to a payload in which a block contains *text*, naming that block."""
        self._add("poison", times, path, text=text)

    def clear(self) -> None:
        """Behave."""
        with self._lock:
            self._faults.clear()

    def _add(self, kind: str, times: int | None, path: str | None, **options: Any) -> None:
        with self._lock:
            self._faults.append(_Fault(kind, times, path, options))

    def _matching(self, kind: str, path: str) -> Iterator[_Fault]:
        for fault in self._faults:
            if fault.kind == kind and path.startswith(fault.path or ""):
                yield fault

    def take(self, kind: str, path: str) -> dict[str, Any] | None:
        """Return the options of the next fault of a kind and count it as used; None when there is none."""
        with self._lock:
            for fault in self._matching(kind, path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault.options
        return None

    def peek(self, kind: str, path: str) -> dict[str, Any] | None:
        """Return the options of the next fault of a kind without using it up."""
        with self._lock:
            return next((fault.options for fault in self._matching(kind, path)), None)


def fault_answer(faults: Faults, path: str, wire_size: int, body: bytes) -> list[Message] | None:
    """Return the ASGI messages of the answer a fault demands, or None when the request is to be handled."""
    if answer := faults.take("respond", path):
        content = answer["body"]
        encoded = (
            b""
            if content is None
            else content.encode()
            if isinstance(content, str)
            else content
            if isinstance(content, bytes)
            else msgspec.json.encode(content)
        )
        headers = [(b"content-type", b"application/json")] if isinstance(content, dict) else []
        if answer["retry_after"] is not None:
            headers.append((b"retry-after", str(answer["retry_after"]).encode()))
        return messages(answer["status"], encoded, headers)
    limit = faults.peek("limit_body", path)
    if limit and wire_size > limit["size"]:
        faults.take("limit_body", path)
        return messages(413, msgspec.json.encode({"detail": f"The body is over {limit['size']} bytes."}))
    poison = faults.peek("poison", path)
    if poison and (found := _poisoned(body, poison["text"])):
        faults.take("poison", path)
        return messages(400, msgspec.json.encode(found))
    return None


def messages(status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> list[Message]:
    """Return the ASGI messages of an answer."""
    headers = headers if headers is not None else [(b"content-type", b"application/json")]
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]


def _poisoned(body: bytes, text: str) -> dict[str, Any] | None:
    try:
        blocks = msgspec.json.decode(body)["conversations"]
    except (msgspec.DecodeError, ValueError, TypeError, KeyError):
        return None
    failed = [
        {
            "index": index,
            "conversation_id": block.get("conversation_id"),
            "errors": {"spans": ["Refused by the poison switch."]},
        }
        for index, block in enumerate(blocks)
        if text.encode() in msgspec.json.encode(block)
    ]
    return rejection(failed, len(blocks)) if failed else None


def reset_connection(transport: asyncio.Transport) -> None:
    """Close a connection with a TCP reset."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
