"""Which log records belong to which span."""

from __future__ import annotations

from collections.abc import Iterable

from agentsight_otel.exporters.entries import Entry, span_key
from agentsight_otel.translation.span_data import LogData


class LogIndex:
    """The log records that wait, by the key of their span."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._of: dict[bytes, list[Entry]] = {}
        for entry in entries:
            if entry.group is not None:
                self._of.setdefault(entry.group, []).append(entry)

    def __len__(self) -> int:
        return len(self._of)

    def note(self, entry: Entry, log: LogData) -> None:
        """Add a log record, if it is not there."""
        if entry.group is None:
            entry.group = span_key(log)
            self._of.setdefault(entry.group, []).append(entry)

    def taken(self, key: bytes) -> list[Entry]:
        """Return those of a span that the sender has in hand."""
        return [log for log in self._of.get(key, ()) if log.taken]

    def forget(self, entry: Entry) -> None:
        """Remove a record that is settled; any other is none of ours."""
        if entry.group is None:
            return
        rest = [log for log in self._of.get(entry.group, ()) if log is not entry]
        if rest:
            self._of[entry.group] = rest
        else:
            self._of.pop(entry.group, None)
