"""The parts of the transport that need requests.

A module of its own because importing urllib3 opens a socket and takes its time, and importing our package
must do neither: `Transport` loads it when the first one is made.
"""

from __future__ import annotations

import http.client
import io
import os
import platform
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import LocationParseError

from agentsight_otel._version import __version__
from agentsight_otel.exceptions import ConversationNetworkException

USER_AGENT = (
    f"agentsight-otel/{__version__} requests/{requests.__version__} Python/{platform.python_version()}"
)
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Bytes of an answer that are read; the rest is left and the connection closed."""
MAX_READ_BYTES = 256 * 1024 * 1024
"""The same for a GET, for a conversation with a few long texts exceeds the other."""

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

Answer = tuple[int, Mapping[str, str], bytes]
Answerer = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Given method, URL, headers and body of a request, returns status, headers and body of its answer."""

_instead: Answerer | None = None
_left_out: frozenset[str] = frozenset()
_SLICE = 0.1
_SENT_AT_ONCE = 256 * 1024
_MIN_TIMEOUT = 0.001
_current = threading.local()
_NO_ANSWER = (requests.exceptions.RequestException, OSError, http.client.HTTPException)
_BAD_ENDPOINT = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationParseError)


class TransportError(ConversationNetworkException):
    """There was no answer.

    Attributes:
        cause: ``network``, ``timeout``, ``tls``, ``interrupted`` or ``endpoint``.
    """

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


def make_session() -> requests.Session:
    """Return a session whose connections read within the limit of the request in hand."""
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    session.headers["Accept"] = "application/json"
    if bundle := os.environ.get("SSL_CERT_FILE"):
        session.verify = bundle
    adapter = _Adapter(pool_connections=1, pool_maxsize=1)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def answer_with(answerer: Answerer | None, *, left_out: Iterable[str] = ()) -> None:
    """Let a function answer the requests of this process.

    Args:
        answerer: The function; None for the network again.
        left_out: Keys whose writes get no answer at all, so that what waits for them goes on waiting.
    """
    global _instead, _left_out  # noqa: PLW0603 -- one switch for the process, for tests
    _left_out = frozenset(left_out)
    _instead = answerer


def is_answered() -> bool:
    """Tell whether a function stands in for the network."""
    return _instead is not None


def send(
    session: requests.Session,
    method: str,
    url: str,
    *,
    api_key: str,
    params: Mapping[str, str] | None,
    body: bytes | None,
    headers: Mapping[str, str] | None,
    timeout: float,
    stop: threading.Event,
) -> Answer:
    """Send one request and return status, headers and body.

    Raises:
        TransportError: There was no answer.
    """
    if (instead := _instead) is not None:
        if api_key in _left_out and method != "GET":
            raise TransportError("network", "network error: requests are being captured")
        query = f"?{urlencode(params)}" if params else ""
        return instead(method, url + query, headers or {}, body or b"")
    limit = _Limit(time.monotonic() + timeout, stop)
    _current.limit = limit
    try:
        with session.request(
            method,
            url,
            params=params,
            data=body,
            headers=headers,
            auth=_KeyAuth(api_key),
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            most = MAX_READ_BYTES if method == "GET" else MAX_ANSWER_BYTES
            return response.status_code, response.headers, _read(response, most)
    except (*_NO_ANSWER, LocationParseError) as error:  # the last for a host that cannot be a name
        cause = limit.reached or _cause(error)
        raise TransportError(cause, f"{cause} error: {type(error).__name__}") from None


def _read(response: requests.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        for part in response.iter_content(65536):
            parts.append(part)
            size += len(part)
            if size >= most:
                break
    except _NO_ANSWER:
        # The status is the answer; a body that breaks off or will not decode cannot change what was done.
        response.close()
    return b"".join(parts)[:most]


def _cause(error: BaseException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    if isinstance(error, requests.exceptions.Timeout | TimeoutError):
        return "timeout"
    if isinstance(error, _BAD_ENDPOINT):
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
    """The end of one request: a moment, or the stop event.

    Attributes:
        reached: What ended the request, ``timeout`` or ``interrupted``; empty while nothing did.
    """

    def __init__(self, deadline: float, stop: threading.Event) -> None:
        self._deadline = deadline
        self._stop = stop
        self.reached = ""

    def next_slice(self) -> float:
        """Return how long to wait for bytes before asking again."""
        if self._stop.is_set():
            self.reached = "interrupted"
            raise TimeoutError(self.reached)
        left = self._deadline - time.monotonic()
        if left <= 0:
            self.reached = "timeout"
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

    def begin(self) -> None:
        super().begin()
        if self.headers.defects:
            raise http.client.HTTPException("the answer breaks off in its headers")


def _sent(sock: Any, data: Any) -> bool:
    """Send bytes until the request's limit; on TLS a socket's own timeout starts anew with every record."""
    if sock is None or not isinstance(data, bytes):
        return False
    left = memoryview(data)
    while left:
        sock.settimeout(_current.limit.next_slice())
        try:
            sent = sock.send(left[:_SENT_AT_ONCE])
        except TimeoutError:
            continue
        left = left[sent:]
    return True


class _Connection(HTTPConnection):
    response_class = _LimitedResponse

    def send(self, data: Any) -> None:
        if not _sent(self.sock, data):
            super().send(data)


class _SecureConnection(HTTPSConnection):
    response_class = _LimitedResponse

    def send(self, data: Any) -> None:
        if not _sent(self.sock, data):
            super().send(data)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """An adapter whose connections read within the limit of the request in hand."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def close(self) -> None:
        """Close the connections ourselves: the pools' finalizers have run when the process ends."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 -- not a dict; it has no iterator
                if (pool := manager.pools.get(key)) is not None:
                    pool.close()
        super().close()

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager
