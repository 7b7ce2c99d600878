"""Upkeep: the server's background work, in steps so small that nobody waits for them.

Full-text indexes catch up with what was written and are merged, hours that are over are computed and joined
into days, and the write-ahead log is carried over. Every step is a transaction that finds its place in the
database, so it may end anywhere, and another process may do the same.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import Final

from sqlalchemy.exc import DBAPIError

from agentsight_otel.server.analytics.keeping import (
    days_to_join,
    join_day,
    keep_hours,
    renew_hours,
    stale_hours_wait,
)
from agentsight_otel.server.memory import trim
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.searching import catch_up, is_behind, merge

logger = logging.getLogger("agentsight_otel")

IDLE: Final = 0.5
"""Seconds between two looks for work."""
ROWS: Final = 5_000
"""Rows that the indexes take in one step, which is some hundredths of a second."""
DAYS: Final = 1_000
"""Days that are looked for at a time, to be joined one by one."""
LONG: Final = 0.1
"""Seconds from which on an hour takes long to compute."""
REST: Final = 20
"""After such an hour, while others write, none is computed for so many times as long."""
SHARE: Final = 2
"""While others write, a pause of so many times the CPU time of a step follows it."""
TRIM: Final = 5.0
"""Seconds between two times that freed memory is given back; it takes some milliseconds."""
STOP_TIMEOUT: Final = 30.0


class Upkeep:
    """Works in a thread from `start` to `stop`. Only SQLite needs it.

    Args:
        store: The database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._in_pieces = True
        self._unjoined: list[tuple[int, int]] = []
        self._looked_at = -1
        self._rests_until = 0.0
        self._searches_from = 0.0
        self._others = False

    def start(self) -> None:
        """Begin; returns at once."""
        if self._store.dialect == "sqlite":
            with self._store.write() as connection:
                renew_hours(connection)
            self._thread = threading.Thread(target=self._run, name="agentsight-upkeep", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the step and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)

    def finish(self) -> None:
        """Do everything there is to do, in the caller's thread."""
        with self._store.write() as connection:
            renew_hours(connection)
        while self._step():
            pass

    def _run(self) -> None:
        pause, seen = 0.0, self._store.writes
        trimmed, written = time.monotonic(), 0
        while not self._stop.wait(pause):
            if time.monotonic() - trimmed > TRIM:
                if written == seen:
                    self._store.shrink()
                trim()
                trimmed, written = time.monotonic(), seen
            began = time.thread_time()
            own, others = 0, False
            try:
                own = self._step()
                self._others = others = self._store.writes - seen > own
                if own or others:
                    self._store.checkpoint()
            except (
                DBAPIError,
                sqlite3.Error,
            ) as error:  # locked, or the disk is full: later
                logger.warning("agentsight-otel: upkeep failed with %s", type(error).__name__)
            seen = self._store.writes
            took = time.thread_time() - began
            pause = IDLE if not own else took * SHARE if others else 0.0

    def _step(self) -> int:
        """Do a little of everything that waits; return how many transactions that took."""
        return self._search() + self._hours()

    def _search(self) -> int:
        now = time.monotonic()
        if self._others and now < self._searches_from:  # every step leaves a piece to merge
            return 0
        self._searches_from = now + IDLE
        with self._store.read() as connection:
            behind = is_behind(connection)
        if behind:
            with self._store.write() as connection:
                catch_up(connection, ROWS)
        merging = self._in_pieces or behind
        if merging:
            with self._store.write() as connection:
                self._in_pieces = merge(connection)
        return behind + merging

    def _hours(self) -> int:
        with self._store.read() as connection:
            stale = stale_hours_wait(connection)
        now = time.monotonic()
        if stale and now >= self._rests_until:
            done = keep_hours(self._store, 1)
            took = time.monotonic() - now
            self._rests_until = now + took * REST if self._others and took > LONG else 0.0
            self._looked_at = -1
            return 1 + done
        return 0 if stale else self._days()

    def _days(self) -> int:
        hour = int(time.time()) // 3600
        if not self._unjoined and hour != self._looked_at:
            self._looked_at = hour
            with self._store.read() as connection:
                self._unjoined = days_to_join(connection, DAYS)
            if self._unjoined:
                self._looked_at = -1
        if not self._unjoined:
            return 0
        with self._store.write() as connection:
            join_day(connection, *self._unjoined.pop())
        return 1
