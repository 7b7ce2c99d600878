"""REST calls over the transport: JSON in, JSON out, reads tried again, errors typed."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import Any
from urllib.parse import urlencode, urlsplit

from agentsight_otel.clients.errors import error_for
from agentsight_otel.clients.query import Params
from agentsight_otel.config import Config
from agentsight_otel.encoding import encode_json
from agentsight_otel.exceptions import ConversationApiException, ConversationNetworkException
from agentsight_otel.retry import RetryPolicy, parse_retry_after
from agentsight_otel.transport import Answer, Transport

ATTEMPTS = 4
MAX_WAIT = 30.0
"""Seconds of a Retry-After that a caller is made to wait; beyond, the error is raised at once."""

_POLICY = RetryPolicy(first=1.0, longest=4.0)


class RestClient:
    """Sends requests to one destination, from any number of threads.

    Args:
        config: Endpoint, key and timeout.

    Raises:
        NoApiKeyException: The config has no key.
    """

    def __init__(self, config: Config) -> None:
        self._endpoint = config.endpoint
        self._api_key = config.require_api_key()
        self._timeout = config.timeout
        self._idle: deque[Transport] = deque()

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def request(self, method: str, path: str, *, params: Params, json: Any = None) -> Any:
        """Send a request and return the parsed answer; ``{}`` when it is empty.

        A GET is tried up to four times on 429, 5xx and connection errors, waiting as the server says or a
        random time below 1, 2 and 4 s. Everything else is sent once.

        Raises:
            ConversationApiException: The server answered with an error, a redirect or no JSON.
            ConversationNetworkException: The server could not be reached.
        """
        target = f"{path}?{urlencode(params)}" if params else path
        body = None if json is None else encode_json(json)
        for failures in range(1, ATTEMPTS if method == "GET" else 1):
            asked = None
            with contextlib.suppress(ConversationNetworkException):
                answer = self._once(method, target, body)
                asked = parse_retry_after(answer.headers.get("Retry-After"))
                if not _may_pass(answer.status) or (asked or 0) > MAX_WAIT:
                    return _parsed(answer)
            time.sleep(_POLICY.delay(failures, asked))
        return _parsed(self._once(method, target, body))

    def _once(self, method: str, target: str, body: bytes | None) -> Answer:
        """Send over a transport of this call's own, for a transport does one request at a time."""
        try:
            transport = self._idle.pop()
        except IndexError:
            transport = Transport(self._endpoint, self._api_key, timeout=self._timeout)
        try:
            return transport.request(method, target, body=body)
        except ConversationNetworkException as error:
            where = urlsplit(self._endpoint).netloc.rpartition("@")[2]
            raise ConversationNetworkException(f"{where} cannot be reached ({error})") from None
        finally:
            self._idle.append(transport)


def _may_pass(status: int) -> bool:
    return status == 429 or status >= 500


def _parsed(answer: Answer) -> Any:
    body = answer.json() if answer.body.strip() else {}
    if not 200 <= answer.status < 300:
        raise error_for(answer.status, body, parse_retry_after(answer.headers.get("Retry-After")))
    if body is None:
        raise ConversationApiException("the answer is not JSON, or was cut off", answer.status)
    return body
