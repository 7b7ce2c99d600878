"""Reading a request's body without ever holding more than the limits allow."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request

from agentsight_otel.gateway.answers import Refused

_GZIP = 16 + zlib.MAX_WBITS
_PIECE = 256 * 1024
_KEEP = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a receiver takes.

    Attributes:
        wire_bytes: Bytes of one body as sent.
        inflated_bytes: Bytes of one body after decompression.
        held_bytes: Bytes of all bodies that are being received or decoded; beyond, 429.
        body_seconds: Seconds a body may take to arrive.
    """

    wire_bytes: int = 20 * 1024 * 1024
    inflated_bytes: int = 64 * 1024 * 1024
    held_bytes: int = 128 * 1024 * 1024
    body_seconds: float = 30.0


class Intake:
    """Reads bodies within the limits; one per receiver, for all its requests."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held = 0

    async def read(self, request: Request) -> bytes:
        """Return the body as sent; the caller gives its length back to `release`.

        Raises:
            Refused: 413 over the limit, 429 when too much is being held, 503 when it does not arrive in time.
        """
        declared = request.headers.get("Content-Length", "")
        if declared.isdecimal():
            self._check_size(int(declared))
        body = bytearray()
        complete = False
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                async for chunk in request.stream():
                    self._hold(len(chunk))
                    body += chunk
                    self._check_size(len(body))
            complete = True
        except TimeoutError:
            raise Refused(503, "the body did not arrive in time", retry_after=1) from None
        finally:
            if not complete:
                self.release(len(body))
        return bytes(body)

    def release(self, size: int) -> None:
        """Give back what `read` held."""
        self.held -= size

    def _check_size(self, size: int) -> None:
        if size > self.limits.wire_bytes:
            raise _too_large("as sent", self.limits.wire_bytes)

    def _hold(self, size: int) -> None:
        if self.held + size > self.limits.held_bytes:
            raise Refused(429, "too much is being received at once", retry_after=1)
        self.held += size


def inflate(data: bytes, limit: int) -> bytes:
    """Decompress gzip, of one or more members, to at most *limit* bytes.

    What is longer than a few megabytes is measured first and inflated a second time, so that a body that
    inflates beyond the limit never costs more memory than those.

    Raises:
        Refused: 413 over the limit, 400 when it is not gzip.
    """
    size = 0
    pieces: list[bytes] = []
    for piece in _inflated(data):
        size += len(piece)
        if size > limit:
            raise _too_large("decompressed", limit)
        if size <= _KEEP:
            pieces.append(piece)
        else:
            pieces.clear()
    if size <= _KEEP:
        return b"".join(pieces)
    whole = bytearray()
    for piece in _inflated(data):
        whole += piece
    return bytes(whole)


def _inflated(data: bytes) -> Iterator[bytes]:
    rest = data
    try:
        while rest:
            member = zlib.decompressobj(_GZIP)
            while not member.eof:
                piece = member.decompress(rest, _PIECE)
                rest = member.unconsumed_tail
                if not piece and not rest and not member.eof:
                    raise Refused(400, "the gzip body is cut short")
                yield piece
            rest = member.unused_data
    except zlib.error:
        raise Refused(400, "the body is not gzip") from None


def _too_large(how: str, limit: int) -> Refused:
    return Refused(413, f"the body is larger than {limit} bytes {how}")
