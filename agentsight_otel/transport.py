"""One authenticated session to one destination; an answer becomes an outcome."""

from __future__ import annotations

import dataclasses
import enum
import http.client
import io
import logging
import os
import platform
import socket
import threading
import time
import zlib
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from agentsight_otel._version import __version__
from agentsight_otel.config import LOOPBACK_HOSTS
from agentsight_otel.encoding import decode_json
from agentsight_otel.exceptions import ConversationNetworkException
from agentsight_otel.retry import parse_retry_after

logger = logging.getLogger("agentsight_otel")

USER_AGENT = (
    f"agentsight-otel/{__version__} requests/{requests.__version__} Python/{platform.python_version()}"
)
GZIP_THRESHOLD = 8192
"""Bytes; smaller bodies are never compressed."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Bytes of an answer that are read; the rest is left and the connection closed."""

# What requests and the standard library would import on the first request. An import on the sender thread
# can be cut in half by a fork, and its lock then blocks the child for ever.
for _module in (
    "netrc",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.ascii",
    "stringprep",
    "idna",
    "urllib3.util.ssl_match_hostname",
):
    import_module(_module)

_SLICE = 0.1
_MIN_TIMEOUT = 0.001
_GZIP = 16 + zlib.MAX_WBITS
_current = threading.local()


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
        body: At most ``MAX_ANSWER_BYTES``; cut short when the server broke off.
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
        cause: ``network``, ``timeout``, ``tls``, ``interrupted`` or ``endpoint`` when there was no answer.
        seconds: How long the request took.
    """

    verdict: Verdict
    reason: str
    status: int | None = None
    retry_after: float | None = None
    body: Any = None
    cause: str | None = None
    seconds: float = 0.0


class TransportError(ConversationNetworkException):
    """There was no answer.

    Attributes:
        cause: As in `Outcome`.
    """

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


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
        self.endpoint = endpoint.rstrip("/")
        self.api_key = api_key
        self.timeout = timeout
        self.stop = stop or threading.Event()
        self._session: requests.Session | None = None
        self._pid = os.getpid()
        self._warn_of_plain_http()

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
        limit = _Limit(time.monotonic() + self.timeout, self.stop)
        _current.limit = limit
        sent = {"Content-Type": "application/json", **(headers or {})} if body is not None else headers
        try:
            with self._usable_session().request(
                method,
                self.endpoint + path,
                params=params,
                data=body,
                headers=sent,
                auth=_KeyAuth(self.api_key),
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return Answer(response.status_code, response.headers, _read(response))
        except (requests.exceptions.RequestException, OSError, http.client.HTTPException) as error:
            cause = "interrupted" if limit.interrupted else _cause(error)
            raise TransportError(cause, f"{cause} error: {type(error).__name__}") from None

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
        except TransportError as error:
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

    def _usable_session(self) -> requests.Session:
        if self._session is None or self._pid != os.getpid():
            session = requests.Session()
            session.headers["User-Agent"] = USER_AGENT
            session.headers["Accept"] = "application/json"
            if bundle := os.environ.get("SSL_CERT_FILE"):
                session.verify = bundle
            adapter = _Adapter(pool_connections=1, pool_maxsize=1)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._session = session
            self._pid = os.getpid()
        return self._session

    def _warn_of_plain_http(self) -> None:
        parts = urlsplit(self.endpoint)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
            logger.warning("agentsight-otel: the endpoint is plain http; the API key travels unencrypted")


def gzip_body(body: bytes) -> bytes:
    """Compress as gzip at level 1, which costs a third of the time of level 6 for a seventh more bytes."""
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


def _read(response: requests.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        for part in response.iter_content(65536):
            parts.append(part)
            size += len(part)
            if size >= MAX_ANSWER_BYTES:
                break
    except (requests.exceptions.RequestException, OSError, http.client.HTTPException):
        # The status is the answer; a body that breaks off or will not decode cannot change what was done.
        response.close()
    return b"".join(parts)[:MAX_ANSWER_BYTES]


def _cause(error: BaseException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    if isinstance(error, requests.exceptions.Timeout | TimeoutError):
        return "timeout"
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return "endpoint"
    return "network"


class _KeyAuth(AuthBase):
    """Sets the header as the last step, so that no .netrc entry for the host can replace it."""

    def __init__(self, api_key: str) -> None:
        self._header = f"Api-Key {api_key}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class _Limit:
    """The end of one request: a moment, or the stop event."""

    def __init__(self, deadline: float, stop: threading.Event) -> None:
        self._deadline = deadline
        self._stop = stop
        self.interrupted = False

    def next_slice(self) -> float:
        """Return how long to wait for bytes before asking again."""
        if self._stop.is_set():
            self.interrupted = True
            raise TimeoutError("interrupted")
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request's time is up")
        return max(min(left, _SLICE), _MIN_TIMEOUT)


class _LimitedReader(io.RawIOBase):
    """Reads a socket until the request's limit; a socket's own timeout starts anew with every byte."""

    def __init__(self, sock: socket.socket, limit: _Limit) -> None:
        self._sock = sock
        self._limit = limit
        self._holder = sock.makefile("rb", buffering=0)  # keeps the socket open until we are closed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            self._sock.settimeout(self._limit.next_slice())
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                continue

    def close(self) -> None:
        self._holder.close()
        super().close()


class _LimitedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_LimitedReader(sock, _current.limit))


class _Connection(HTTPConnection):
    response_class = _LimitedResponse


class _SecureConnection(HTTPSConnection):
    response_class = _LimitedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """An adapter whose connections read within the limit of the request in hand."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager
