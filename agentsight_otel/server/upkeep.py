"""Upkeep: the server's background work, in steps so small that nobody waits for them.

Full-text indexes catch up with what was written, hours that are over are computed once, and the write-ahead
log is carried over. Every step is a transaction that finds its place in the database, so it may end anywhere,
and another process may do the same.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import Final

from sqlalchemy.exc import DBAPIError

from agentsight_otel.server.analytics.keeping import keep_hours, stale_hours_wait
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.searching import catch_up, is_behind, merge

logger = logging.getLogger("agentsight_otel")

IDLE: Final = 0.5
"""Seconds between two looks for work."""
ROWS: Final = 250
"""Rows that the indexes take in one step."""
HOURS: Final = 2
"""Hours that are computed in one step."""
SHARE: Final = 2
"""While others write, a pause of so many times the length of a step follows it."""
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

    def start(self) -> None:
        """Begin; returns at once."""
        if self._store.dialect == "sqlite":
            self._thread = threading.Thread(target=self._run, name="agentsight-upkeep", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish the step and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT)

    def finish(self) -> None:
        """Do everything there is to do, in the caller's thread."""
        while self._step():
            pass

    def _run(self) -> None:
        pause, seen = 0.0, self._store.writes
        while not self._stop.wait(pause):
            began = time.monotonic()
            own, others = 0, False
            try:
                own = self._step()
                others = self._store.writes - seen > own
                if own or others:
                    self._store.checkpoint()
            except (
                DBAPIError,
                sqlite3.Error,
            ) as error:  # locked, or the disk is full: later
                logger.warning("agentsight-otel: upkeep failed with %s", type(error).__name__)
            seen = self._store.writes
            took = time.monotonic() - began
            pause = IDLE if not own else took * SHARE if others else 0.0

    def _step(self) -> int:
        """Do a little of everything that waits; return how many transactions that took."""
        with self._store.read() as connection:
            search, hours = is_behind(connection), stale_hours_wait(connection)
        if search:
            with self._store.write() as connection:
                catch_up(connection, ROWS)
            with self._store.write() as connection:
                merge(connection)
        if hours:
            with self._store.write() as connection:
                keep_hours(connection, HOURS)
        return 2 * search + hours
