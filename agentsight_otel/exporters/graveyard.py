"""Dead letters: what the backend refused for good, with its reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from agentsight_otel.encoding import Quiet
from agentsight_otel.journal import DeadFile
from agentsight_otel.journal.record import Record

MAX_REASON = 2000
_KEPT_IN_MEMORY = 1000


class DeadLetter(Quiet, msgspec.Struct, frozen=True, omit_defaults=True):
    """A record the backend refused for good.

    Attributes:
        key: Names the record.
        kind: As in the journal.
        reason: The server's own words, cut at ``MAX_REASON`` characters.
        status: HTTP status, or None.
        conversation_id: Where it belongs, when known.
        payload: The record.
    """

    key: bytes
    kind: int
    reason: str
    status: int | None = None
    conversation_id: str = ""
    payload: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(DeadLetter)


class Graveyard:
    """Keeps dead letters in a file, the last few in memory when there is none."""

    def __init__(self, file: DeadFile | None) -> None:
        self._file = file
        self._memory: deque[DeadLetter] = deque(maxlen=_KEPT_IN_MEMORY)

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Keep *letters*."""
        if self._file is None or not self._file.append([(each.key, _encode(each)) for each in letters]):
            self._memory.extend(letters)

    def letters(self) -> list[DeadLetter]:
        """Return every letter kept, oldest first."""
        on_disk = self._file.read() if self._file is not None else []
        return [*read_letters(on_disk), *self._memory]


def read_letters(records: Sequence[Record]) -> list[DeadLetter]:
    """Return the letters in *records*; what is none is skipped."""
    letters: list[DeadLetter] = []
    for record in records:
        try:
            letters.append(_decoder.decode(record.payload))
        except (msgspec.DecodeError, ValueError):
            continue
    return letters
