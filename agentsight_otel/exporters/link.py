"""The state of a destination between requests: reachable, failing or parked, its key, what it can do."""

from __future__ import annotations

import logging
import math
import time
from urllib.parse import urlsplit

from agentsight_otel.exporters.keys import KeySource
from agentsight_otel.guard import guarded
from agentsight_otel.retry import Backoff
from agentsight_otel.transport import BROKEN, GZIP_THRESHOLD, Outcome, Transport, Verdict

logger = logging.getLogger("agentsight_otel")

PROBE_INTERVAL = 30.0
"""Seconds between attempts at a parked destination."""

_KEY_INTERVAL = 1.0
_LOG_INTERVAL = 60.0
_ASK_AGAIN = 3600.0
_KEY_STATUSES = frozenset({401, 402, 403})


class Link:
    """Decides when a destination may be tried and keeps what is known of it.

    Attributes:
        parked: Why nothing is sent until something changes, or None.
        trouble: Reason and HTTP status of the last attempt if it failed in a way that passes, or None.
        parked_status: The HTTP status that parked it, None when there was no answer.
        requests: Requests made.
        failures: Of those, not a success.
        agent_id: Which agent the key belongs to, once asked.
        asked_at: When the write in hand was begun, on the monotonic clock; None when there is none.
    """

    def __init__(
        self,
        transport: Transport,
        keys: KeySource,
        backoff: Backoff,
        *,
        probe_interval: float = PROBE_INTERVAL,
    ) -> None:
        self.transport = transport
        self.backoff = backoff
        self.parked: str | None = None
        self.parked_status: int | None = None
        self.trouble: tuple[str, int | None] | None = None
        self.requests = 0
        self.failures = 0
        self.agent_id: int | None = None
        self.asked_at: float | None = None
        self._keys = keys
        self._probe_interval = probe_interval
        self._host = urlsplit(transport.endpoint).hostname
        self._gzip = False
        self._ask_at = 0.0
        self._look_at = 0.0
        self._said_at = -math.inf

    @property
    def failing(self) -> bool:
        """Whether the last request failed."""
        return self.backoff.failures > 0 or self.parked is not None

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may be made."""
        left = self.backoff.left(now)
        if left <= 0 or self.parked is None:
            return left
        if now >= self._look_at:
            self._look_at = now + _KEY_INTERVAL
            if self._take_new_key():
                return 0.0
        return min(left, _KEY_INTERVAL)

    @guarded(BROKEN)
    def post(self, path: str, body: bytes, key: str) -> Outcome:
        """Send a write."""
        self.asked_at = time.monotonic()
        try:
            outcome = self.transport.post(path, body, idempotency_key=key, compress=self._gzip)
            if outcome.status == 415 and self._gzip:
                self._gzip = False
                outcome = self.transport.post(path, body, idempotency_key=key)
            return outcome
        finally:
            self.asked_at = None

    def note(self, outcome: Outcome, now: float) -> None:
        """Take in how a request went."""
        self.requests += 1
        if outcome.verdict is Verdict.OK:
            self.backoff.succeeded()
            self.parked = self.trouble = None
            return
        self.failures += 1
        if outcome.verdict is Verdict.RETRY and outcome.cause != "interrupted":
            self.parked = None
            self.trouble = outcome.reason, outcome.status
            self.backoff.failed(now, outcome.retry_after)
            self._say("is not taking data", outcome.reason, now)
        elif outcome.verdict is Verdict.PARK:
            self.parked, self.parked_status = outcome.reason, outcome.status
            # Not at every refusal: a callback may have a new key each time.
            if outcome.status in _KEY_STATUSES and now >= self._look_at:
                self._look_at = now + _KEY_INTERVAL
                if self._take_new_key():
                    return
            self.backoff.hold(now, self._probe_interval)
            self._say("refuses", outcome.reason, now)

    def learn(self, body_size: int, now: float) -> bool:
        """Ask once, when it pays, what the backend can do; True when it answered."""
        if body_size <= GZIP_THRESHOLD or now < self._ask_at:
            return False
        self._ask_at = now + _ASK_AGAIN
        outcome = self.transport.attempt("GET", "/api/me/")
        if outcome.verdict is not Verdict.OK or not isinstance(outcome.body, dict):
            return False
        capabilities = outcome.body.get("capabilities")
        self._gzip = isinstance(capabilities, list) and "gzip-ingest" in capabilities
        agent_id = outcome.body.get("agent_id")
        self.agent_id = agent_id if isinstance(agent_id, int) else None
        return True

    def _take_new_key(self) -> bool:
        key = self._keys.current()
        if key == self.transport.api_key:
            return False
        self.transport.api_key = key
        self.backoff.skip()
        return True

    def _say(self, what: str, reason: str, now: float) -> None:
        if now - self._said_at >= _LOG_INTERVAL:
            self._said_at = now
            logger.warning(
                "agentsight-otel: %s %s (%s); everything is kept and tried again", self._host, what, reason
            )
