"""Reading a request's body with a limit on what arrives and on what it inflates to."""

from __future__ import annotations

import zlib

from starlette.requests import Request

from agentsight_otel.server.api.http import ApiError

MIB = 1024 * 1024
MAX_WIRE = 20 * MIB
MAX_INFLATED = 64 * MIB
MAX_UPLOAD = 40 * MIB
_CHUNK = 256 * 1024


async def read_body(request: Request, limit: int = MAX_WIRE) -> bytes:
    """Return the inflated body.

    Raises:
        ApiError: 413 above a limit, 415 for an encoding that is not gzip, 400 for broken gzip.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise ApiError(415, {"detail": f'Unsupported content encoding "{encoding[:50]}". Use gzip.'})
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > limit:
        raise too_large("request body", limit)
    inflate = _Inflater() if encoding == "gzip" else None
    parts: list[bytes] = []
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise too_large("request body", limit)
        parts.append(inflate.feed(chunk) if inflate else chunk)
    if inflate:
        parts.append(inflate.finish())
    return b"".join(parts)


def too_large(what: str, limit: int) -> ApiError:
    """Return the 413 that names the limit."""
    return ApiError(413, {"detail": f"The {what} is larger than {limit // MIB} MB."})


class _Inflater:
    """Inflates gzip of any number of members, and stops at the limit."""

    def __init__(self) -> None:
        self._inflator = zlib.decompressobj(wbits=31)
        self._size = 0
        self._started = False

    def feed(self, chunk: bytes) -> bytes:
        parts: list[bytes] = []
        while chunk:
            if self._inflator.eof:
                self._inflator = zlib.decompressobj(wbits=31)
            self._started = True
            try:
                part = self._inflator.decompress(chunk, _CHUNK)
            except zlib.error:
                raise ApiError(400, {"detail": "The body is not valid gzip."}) from None
            parts.append(part)
            self._size += len(part)
            if self._size > MAX_INFLATED:
                raise too_large("inflated request body", MAX_INFLATED)
            chunk = self._inflator.unused_data if self._inflator.eof else self._inflator.unconsumed_tail
        return b"".join(parts)

    def finish(self) -> bytes:
        rest = self._inflator.flush()
        if self._started and not self._inflator.eof:
            raise ApiError(400, {"detail": "The gzip body is cut short."})
        return rest
