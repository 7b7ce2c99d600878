"""One authenticated session to one destination; an answer becomes an outcome."""

from __future__ import annotations

import dataclasses
import enum
import os
import threading
import time
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentsight_otel.encoding import decode_json
from agentsight_otel.forking import SETUP
from agentsight_otel.retry import parse_retry_after

if TYPE_CHECKING:
    import requests

GZIP_THRESHOLD = 8192
"""Bytes; smaller bodies are never compressed."""
_GZIP = 16 + zlib.MAX_WBITS


class Verdict(enum.Enum):
    """What to do with the records of a request."""

    OK = "ok"
    RETRY = "retry"
    PARK = "park"
    SPLIT = "split"
    REFUSED = "refused"


_RETRY_STATUSES = frozenset({408, 409, 423, 424, 425, 429})
_REFUSED_STATUSES = frozenset({400, 422})


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What the server said.

    Attributes:
        status: HTTP status.
        headers: Case-insensitive.
        body: At most 16 MB; cut short when the server broke off.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the parsed body, None when it is not JSON."""
        try:
            return decode_json(self.body)
        except ValueError:
            return None


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """A request's result.

    Attributes:
        verdict: What to do next.
        reason: In words, without texts or keys.
        status: HTTP status, None when there was no answer.
        retry_after: Seconds the server asked for, or None.
        body: The parsed answer, or None.
        cause: ``network``, ``timeout``, ``tls``, ``interrupted`` or ``endpoint`` when there was no answer,
            ``broken`` when our own code failed.
        seconds: How long the request took.
    """

    verdict: Verdict
    reason: str
    status: int | None = None
    retry_after: float | None = None
    body: Any = None
    cause: str | None = None
    seconds: float = 0.0


BROKEN = Outcome(Verdict.RETRY, "an error in agentsight-otel itself", cause="broken")


def judge(answer: Answer) -> Outcome:
    """Turn an answer to a write into an outcome.

    A 2xx is a success whatever its body, but for an HTML page, which a proxy or captive portal sent.
    400 and 422 are about the data; 413 about its size; 408, 409, 423, 424, 425, 429 and 5xx pass. Everything
    else is about the key, the address or the network between (a redirect, 404): the records stay, and wait.
    """
    status = answer.status
    reason = f"HTTP {status}"
    if 200 <= status < 300:
        if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
            return Outcome(Verdict.RETRY, f"{reason} with an HTML page", status)
        return Outcome(Verdict.OK, reason, status, body=answer.json())
    if status == 413:
        return Outcome(Verdict.SPLIT, reason, status, body=answer.json())
    if status in _REFUSED_STATUSES:
        return Outcome(Verdict.REFUSED, reason, status, body=answer.json())
    if status in _RETRY_STATUSES or status >= 500:
        wait = parse_retry_after(answer.headers.get("Retry-After"))
        return Outcome(Verdict.RETRY, reason, status, wait)
    return Outcome(Verdict.PARK, reason, status)


class Transport:
    """Sends requests to one destination, one at a time.

    Args:
        endpoint: Base URL.
        api_key: The key; may be changed at any time.
        timeout: Seconds one request may take in all: connecting, sending and reading the answer.
        stop: When set, a request that waits for its answer is given up.
    """

    def __init__(
        self, endpoint: str, api_key: str, *, timeout: float = 10.0, stop: threading.Event | None = None
    ) -> None:
        # Importing urllib3 opens a socket, which importing this package must not.
        with SETUP:
            from agentsight_otel import session  # noqa: PLC0415 -- see above

        self.endpoint = endpoint.rstrip("/")
        self.api_key = api_key
        self.timeout = timeout
        self.stop = stop or threading.Event()
        self._http = session
        self._session: requests.Session | None = None
        self._pid = os.getpid()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request.

        Raises:
            TransportError: There was no answer.
        """
        if self._session is None or self._pid != os.getpid():
            self._session = self._http.make_session()
            self._pid = os.getpid()
        status, received, content = self._http.send(
            self._session,
            method,
            self.endpoint + path,
            api_key=self.api_key,
            params=params,
            body=body,
            headers=headers if body is None else {"Content-Type": "application/json", **(headers or {})},
            timeout=self.timeout,
            stop=self.stop,
        )
        return Answer(status, received, content)

    def post(self, path: str, body: bytes, *, idempotency_key: str, compress: bool = False) -> Outcome:
        """Send a write and judge its answer; never raises for what the network or the server does."""
        headers = {"Idempotency-Key": idempotency_key}
        if compress and len(body) > GZIP_THRESHOLD:
            body = gzip_body(body)
            headers["Content-Encoding"] = "gzip"
        started = time.monotonic()
        outcome = self.attempt("POST", path, body=body, headers=headers)
        return dataclasses.replace(outcome, seconds=time.monotonic() - started)

    def attempt(self, method: str, path: str, **arguments: Any) -> Outcome:
        """Send any request and judge its answer; *arguments* are those of `request`."""
        try:
            return judge(self.request(method, path, **arguments))
        except self._http.TransportError as error:
            verdict = Verdict.PARK if error.cause in {"tls", "endpoint"} else Verdict.RETRY
            return Outcome(verdict, error.message, cause=error.cause)

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        session, self._session = self._session, None
        if session is not None and self._pid == os.getpid():
            session.close()

    def abandon(self) -> None:
        """Forget the connections without closing them: they belong to the process we were forked from."""
        self._session = None


def gzip_body(body: bytes) -> bytes:
    """Compress as gzip at level 1, which costs a third of the time of level 6 for a seventh more bytes."""
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()
