"""Reading a request's body with a limit on what arrives and on what it inflates to."""

from __future__ import annotations

from starlette.requests import Request

from agentsight_otel.gateway.answers import Refused
from agentsight_otel.gateway.bodies import inflate
from agentsight_otel.server.api.http import ApiError

MIB = 1024 * 1024
MAX_WIRE = 20 * MIB
MAX_INFLATED = 64 * MIB
MAX_UPLOAD = 40 * MIB


async def read_body(request: Request, limit: int = MAX_WIRE) -> bytes:
    """Return the body as sent.

    Raises:
        ApiError: 413 above the limit, 415 for an encoding that is not gzip.
    """
    encoding = _encoding(request)
    if encoding not in {"identity", "gzip", ""}:
        raise ApiError(415, {"detail": f'Unsupported content encoding "{encoding[:50]}". Use gzip.'})
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > limit:
        raise _too_large("request body", limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large("request body", limit)
    return bytes(body)


def inflated(request: Request, body: bytes) -> bytes:
    """Return a request's body as it was before it was compressed, if it was.

    Raises:
        ApiError: 413 above the limit, 400 for broken gzip.
    """
    if _encoding(request) != "gzip":
        return body
    try:
        return inflate(body, MAX_INFLATED)
    except Refused as refused:
        if refused.status == 413:
            raise _too_large("inflated request body", MAX_INFLATED) from None
        raise ApiError(400, {"detail": "The body is not valid gzip."}) from None


def _encoding(request: Request) -> str:
    return request.headers.get("content-encoding", "identity").strip().lower()


def _too_large(what: str, limit: int) -> ApiError:
    """Return the 413 that names the limit."""
    return ApiError(413, {"detail": f"The {what} is larger than {limit // MIB} MB."})
