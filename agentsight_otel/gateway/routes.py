"""The OTLP/HTTP paths as Starlette routes, for the gateway and for the local server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agentsight_otel.config import API_KEY_PATTERN
from agentsight_otel.gateway.answers import RETRY_AFTER, Encoding, Refused, partial_success, refusal, success
from agentsight_otel.gateway.bodies import Intake, Limits, inflate
from agentsight_otel.translation.otlp import Decoded, MalformedOtlp, decode_logs, decode_traces
from agentsight_otel.translation.otlp_bounds import OversizedOtlp
from agentsight_otel.translation.otlp_json import decode_logs_json, decode_traces_json
from agentsight_otel.translation.span_data import LogData, SpanData

P = TypeVar("P")

TRACES = {Encoding.PROTOBUF: decode_traces, Encoding.JSON: decode_traces_json}
LOGS = {Encoding.PROTOBUF: decode_logs, Encoding.JSON: decode_logs_json}
DECODING_THREADS = 4
"""Bodies decoded at once: a bound on memory, for the interpreter decodes one at a time anyway."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request brought.

    Attributes:
        spans: Of a request for traces.
        logs: Of a request for logs.
        left_out: Trace and span ids of those that are about no agent or conversation.
    """

    spans: list[SpanData] = field(default_factory=list)
    logs: list[LogData] = field(default_factory=list)
    left_out: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class Counts:
    """What the routes did, to be shown as metrics.

    Attributes:
        requests: By path and HTTP status.
        items: By signal and ``accepted`` or ``rejected``.
    """

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    items: Counter[tuple[str, str]] = field(default_factory=Counter)


def otlp_routes(
    authenticate: Callable[[str], Awaitable[P]],
    accept: Callable[[P, Batch], None],
    *,
    every: bool = False,
    limits: Limits | None = None,
    counts: Counts | None = None,
) -> list[Route]:
    """Make the routes ``/v1/traces``, ``/v1/logs`` and ``/v1/metrics``.

    Args:
        authenticate: Gets the API key of the request, before the body is read, and returns whom it stands
            for; raises `Refused` with 401, 403 or 503.
        accept: Gets that and a batch, on a worker thread. When it returns, the batch is durable and the
            sender forgets it; it raises `Refused` with 503 when it cannot keep the batch now.
        every: Also hand over spans that are about no agent or conversation.
        limits: On bodies.
        counts: Counted up as requests are answered.
    """
    receiver = _Receiver(authenticate, accept, every, Intake(limits or Limits()), counts or Counts())
    endpoints = {f"/v1/{name}": _Endpoint(receiver, name) for name in ("traces", "logs", "metrics")}
    # A sender drops the data on a 500; our own trouble must not cost any.
    return [Route(path, ServerErrorMiddleware(each, handler=each.failed)) for path, each in endpoints.items()]


class _Endpoint:
    """An ASGI application, so that Starlette leaves every method to us."""

    def __init__(self, receiver: _Receiver[Any], signal: str) -> None:
        self._receiver = receiver
        self._signal = signal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._receiver.answer(request, self._signal)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def failed(self, request: Request, error: Exception) -> Response:
        """Answer an error of our own; who runs the routes logs it."""
        del error
        refused = Refused(503, "internal error", retry_after=RETRY_AFTER)
        return self._receiver.refuse(request, self._signal, refused)


class _Receiver(Generic[P]):
    def __init__(
        self,
        authenticate: Callable[[str], Awaitable[P]],
        accept: Callable[[P, Batch], None],
        every: bool,
        intake: Intake,
        counts: Counts,
    ) -> None:
        self._authenticate = authenticate
        self._accept = accept
        self._every = every
        self._intake = intake
        self._counts = counts
        self._threads = CapacityLimiter(DECODING_THREADS)

    async def answer(self, request: Request, signal: str) -> Response:
        try:
            response = await self._take(request, signal, encoding_of(request))
        except Refused as refused:
            return self.refuse(request, signal, refused)
        self._counts.requests[f"/v1/{signal}", response.status_code] += 1
        return response

    def refuse(self, request: Request, signal: str, refused: Refused) -> Response:
        self._counts.requests[f"/v1/{signal}", refused.status] += 1
        # A body of unknown type is answered in JSON, which a person can read.
        return refusal(encoding_of(request) or Encoding.JSON, refused)

    async def _take(self, request: Request, signal: str, encoding: Encoding | None) -> Response:
        if request.method != "POST":
            raise Refused(405, "this path takes POST only")
        principal = await self._authenticate(_api_key(request))
        if encoding is None:
            raise Refused(415, f"Content-Type must be {Encoding.PROTOBUF} or {Encoding.JSON}")
        zipped = _is_gzip(request)
        if signal == "metrics":
            # Taken and ignored: SDKs pointed at the base address send every signal.
            return success(encoding)
        body = await self._intake.read(request)
        try:
            decoded = await to_thread.run_sync(
                self._process, principal, signal, encoding, zipped, body, limiter=self._threads
            )
        finally:
            self._intake.release(len(body))
        self._counts.items[signal, "accepted"] += len(decoded.items) + len(decoded.left_out)
        self._counts.items[signal, "rejected"] += decoded.rejected
        if decoded.rejected:
            return partial_success(encoding, signal, decoded.rejected, decoded.reason)
        return success(encoding)

    def _process(
        self, principal: P, signal: str, encoding: Encoding, zipped: bool, body: bytes
    ) -> Decoded[Any]:
        """Inflate, decode and hand over one body; runs on a worker thread."""
        if zipped:
            body = inflate(body, self._intake.limits.inflated_bytes)
        decoded: Decoded[Any]
        try:
            if signal == "traces":
                decoded = TRACES[encoding](body, self._every)
                batch = Batch(spans=decoded.items, left_out=decoded.left_out)
            else:
                decoded = LOGS[encoding](body)
                batch = Batch(logs=decoded.items)
        except MalformedOtlp as error:
            raise Refused(400, str(error)) from None
        except OversizedOtlp as error:
            raise Refused(413, str(error)) from None
        if decoded.items or decoded.left_out:
            self._accept(principal, batch)
        return decoded


def encoding_of(request: Request) -> Encoding | None:
    """Return what the request says its body is; None for anything else."""
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Encoding(media_type) if media_type in tuple(Encoding) else None


def _is_gzip(request: Request) -> bool:
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding not in {"", "identity", "gzip"}:
        raise Refused(415, "Content-Encoding must be gzip or identity")
    return coding == "gzip"


def _api_key(request: Request) -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() not in {"bearer", "api-key"} or not API_KEY_PATTERN.fullmatch(key):
        raise Refused(401, "an AgentSight API key is needed: Authorization: Bearer <key>")
    return key
