"""Rescue: what records come to when translating them failed, without those that our own code fails on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from agentsight_otel.exporters.batching import Batcher
from agentsight_otel.guard import failure_of
from agentsight_otel.translation.span_data import LogData, SpanData

if TYPE_CHECKING:
    from agentsight_otel.translation.assembly import Assembled, Assembler

Value = SpanData | LogData
Culprits = list[tuple[Value, str]]

_ROUNDS = 8
"""Culprits looked for in one trace that fail only beside others; then the rest of it is given up."""


class Rescued(NamedTuple):
    """What a rescue came to.

    Attributes:
        assembler: To go on with.
        assembled: Of what can be translated, whether or not more was to come.
        culprits: The others, each with the kind of error.
    """

    assembler: Assembler
    assembled: list[Assembled]
    culprits: Culprits


def rescue(values: Sequence[Value], make_assembler: Callable[[], Assembler], max_bytes: int) -> Rescued:
    """Translate everything that was in hand when translating failed.

    All together if that works now, else each trace alone. Nothing goes on waiting in an assembler, so that
    the same records cannot fail again.

    Args:
        values: In order.
        make_assembler: Makes a new assembler.
        max_bytes: Of one request.
    """
    attempt = partial(_Attempt, make_assembler, max_bytes)
    together = attempt(values)
    if not together.error:
        return Rescued(together.assembler, together.assembled, [])
    traces: dict[str, list[Value]] = {}
    for value in values:
        traces.setdefault(value.trace_id, []).append(value)
    assembled: list[Assembled] = []
    culprits: Culprits = []
    for trace in traces.values():
        found, left_out = _sift(trace, attempt)
        assembled += found
        culprits += left_out
    return Rescued(make_assembler(), assembled, culprits)


class _Attempt:
    """One attempt at translating records and at writing the requests.

    Attributes:
        error: The kind of error, empty when it worked.
        assembler: A new one, which has seen them.
        assembled: What became of them.
        size: Bytes of the requests.
    """

    def __init__(
        self, make_assembler: Callable[[], Assembler], max_bytes: int, values: Sequence[Value]
    ) -> None:
        time.sleep(0)  # other threads get a turn
        self.assembler = make_assembler()
        self.assembled: list[Assembled] = []
        self.size = 0
        self.error = failure_of(partial(self._run, max_bytes, values)) or ""

    def _run(self, max_bytes: int, values: Sequence[Value]) -> None:
        now = time.time_ns()
        spans = [value for value in values if isinstance(value, SpanData)]
        logs = [value for value in values if isinstance(value, LogData)]
        self.assembled.append(self.assembler.add(spans, now))
        self.assembled.append(self.assembler.add_logs(logs, now))
        self.assembled.append(self.assembler.drain())
        for block in [block for each in self.assembled for block in each.blocks]:
            batcher = Batcher(max_bytes)  # of its own: a batcher joins blocks in place
            batcher.add(block)
            while batch := batcher.take():
                self.size += len(batch.key) + len(batch.body)


_Try = Callable[[Sequence[Value]], _Attempt]


def _sift(trace: Sequence[Value], attempt: _Try) -> tuple[list[Assembled], Culprits]:
    """Return what one trace comes to, and what it had to leave out."""
    last = attempt(trace)
    if not last.error:
        return last.assembled, []
    culprits: Culprits = []
    rest: list[Value] = []
    for value in trace:
        error = attempt([value]).error
        if not error:
            rest.append(value)
        else:
            culprits.append((value, error))
    for _ in range(_ROUNDS):
        last = attempt(rest)
        if not last.error:
            return last.assembled, culprits
        culprits.append((rest.pop(_last_of_failing(rest, attempt)), last.error))
    return [], culprits + [(value, last.error) for value in rest]


def _last_of_failing(values: Sequence[Value], attempt: _Try) -> int:
    """Return where the shortest beginning of *values* ends that fails, as all of them do."""
    good, bad = 0, len(values)
    while bad - good > 1:
        middle = (good + bad) // 2
        if not attempt(values[:middle]).error:
            good = middle
        else:
            bad = middle
    return bad - 1
