"""Call, Answer and ApiError: what a handler is given, what it returns, what it raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.datastructures import URL, Headers, QueryParams

from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.keys import Principal

_encoder = msgspec.json.Encoder()


class ApiError(Exception):
    """An answer that is an error; ``body`` is its JSON."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class Answer(NamedTuple):
    """A handler's answer. ``body`` is encoded as JSON unless it is bytes; a 204 has none."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}

    @property
    def is_json(self) -> bool:
        """Whether the body travels as JSON."""
        return self.status != 204 and not isinstance(self.body, bytes)

    @property
    def content(self) -> bytes:
        """The body as it travels."""
        if self.is_json:
            return encode(self.body)
        return self.body if isinstance(self.body, bytes) else b""


class Call(NamedTuple):
    """One authenticated request.

    Attributes:
        store: The database.
        principal: Whose key it came with.
        path: The path's parameters.
        query: The query's parameters.
        body: The inflated body.
        headers: The request's headers.
        url: The request's URL as the client sees it.
        attachment_quota: Bytes of all attachments the agent may have; None for any number.
    """

    store: Store
    principal: Principal
    path: Mapping[str, Any]
    query: QueryParams
    body: bytes
    headers: Headers
    url: URL
    attachment_quota: int | None = None

    @property
    def agent_id(self) -> int:
        """The agent whose rows this call may see."""
        return self.principal.agent_id

    @property
    def base_url(self) -> str:
        """Scheme and host the client used, without a trailing slash."""
        return f"{self.url.scheme}://{self.url.netloc}"

    def document(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty body is an empty object.

        Raises:
            ApiError: 400, the body is no JSON object.
        """
        if not self.body:
            return {}
        try:
            value = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise ApiError(400, {"detail": "JSON parse error - the body is not strict UTF-8 JSON."}) from None
        if not isinstance(value, dict):
            raise ApiError(400, {"detail": "Expected a JSON object."})
        return value


Handler = Callable[[Call], Answer]


def encode(body: Any) -> bytes:
    """Encode an answer as JSON."""
    return _encoder.encode(body)


def not_found(detail: str = "Not found.") -> ApiError:
    """Return the error for what does not exist, or belongs to another agent."""
    return ApiError(404, {"detail": detail})


def bad_field(field: str, *texts: str) -> ApiError:
    """Return the error for one wrong field."""
    return ApiError(400, {field: list(texts)})
