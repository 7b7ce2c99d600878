"""FileSpanExporter: the same payloads, in a folder."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agentsight_otel.config import Config
from agentsight_otel.exporters.assembling import make_assembler
from agentsight_otel.exporters.batching import Batcher
from agentsight_otel.exporters.notices import Notices
from agentsight_otel.exporters.rescue import rescue
from agentsight_otel.forking import SETUP
from agentsight_otel.guard import guarded
from agentsight_otel.translation.masking import mask_span
from agentsight_otel.translation.readable import from_readable_span
from agentsight_otel.translation.relevance import is_relevant
from agentsight_otel.translation.span_data import SpanData, SpanKey

if TYPE_CHECKING:
    from agentsight_otel.translation.assembly import Assembled


class FileSpanExporter(SpanExporter):
    """Writes each ingest payload to a JSON file of its own, ``<time>-<pid>-<number>.json``.

    Needs no key and no network.

    Args:
        directory: Made when it is not there.
        environment: Environment slug for spans that name none.
        export_all: Also export spans that belong to no agent or conversation.
        max_text_length: Characters after which a text is cut; None never cuts.
        max_request_bytes: Bytes of one payload.
        mask: Applied to every text.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        environment: str | None = None,
        export_all: bool = False,
        max_text_length: int | None = None,
        max_request_bytes: int = Config.max_request_bytes,
        mask: Callable[[str], str] | None = None,
    ) -> None:
        self._directory = Path(directory)
        self._export_all = export_all
        self._mask = mask
        self._max_bytes = max_request_bytes
        self._make = partial(
            make_assembler, environment=environment, export_all=export_all, max_text_length=max_text_length
        )
        self._notices = Notices()
        self._numbers = itertools.count(1)
        self._shut = False
        self._begin()

    def _begin(self) -> None:
        """Begin with nothing; so does a forked child, for what waits is its parent's to write."""
        self._assembler = self._make()
        self._batcher = Batcher(self._max_bytes)
        self._waiting: dict[SpanKey, SpanData] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()  # last: from now on no thread waits for all this

    @guarded(SpanExportResult.FAILURE)
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write what is complete; FAILURE after `shutdown` or when something could not be written."""
        if self._shut:
            return SpanExportResult.FAILURE
        converted: list[SpanData] = []
        left_out: list[SpanKey] = []
        for span in map(from_readable_span, spans):
            if self._export_all or is_relevant(span):
                converted.append(span)
            else:
                left_out.append(span.key)
        if self._mask is not None:
            mask = self._mask
            converted = [mask_span(span, mask) for span in converted]
        self._check_process()
        with self._lock:
            new = {span.key: span for span in converted if span.key not in self._waiting}
            self._waiting |= new
            found: list[Assembled] = []
            whole = self._advance(found, new.values(), left_out)
            written = self._write(found, whole=whole)
        return SpanExportResult.SUCCESS if written else SpanExportResult.FAILURE

    @guarded(default=False)
    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 -- OTel's signature
        """Write what waits for the rest of its turn; False when something could not be written."""
        self._check_process()
        with self._lock:
            found: list[Assembled] = []
            whole = self._drain(found)
            return self._write(found, whole=whole)

    def shutdown(self) -> None:
        """Write everything and take nothing more."""
        if not self._shut:
            self._shut = True
            self.force_flush()

    @guarded(default=False)
    def _advance(
        self, found: list[Assembled], spans: Iterable[SpanData], left_out: Iterable[SpanKey]
    ) -> bool:
        now = time.time_ns()
        found.append(self._assembler.add(spans, now))
        self._assembler.go_without(left_out)
        found.append(self._assembler.expire(now))
        return True

    @guarded(default=False)
    def _drain(self, found: list[Assembled]) -> bool:
        found.append(self._assembler.drain())
        return True

    def _write(self, assembled: list[Assembled], *, whole: bool) -> bool:
        """Write what was assembled, which is not the *whole* when that failed."""
        if not whole:
            self._assembler, assembled, _ = rescue([*self._waiting.values()], self._make, self._max_bytes)
            self._waiting.clear()
        self._notices.tell(self._assembler.notices)
        for each in assembled:
            for block in each.blocks:
                self._batcher.add(block)
                self._forget(block.sources)
            self._forget(key for key, _ in each.filtered)
        while batch := self._batcher.take():
            name = f"{time.time_ns()}-{os.getpid()}-{next(self._numbers)}"
            try:
                self._directory.mkdir(parents=True, exist_ok=True)
                hidden = self._directory / f"{name}.tmp"
                hidden.write_bytes(batch.body)
                hidden.replace(self._directory / f"{name}.json")
            except OSError:
                return False
        return whole

    def _forget(self, keys: Iterable[SpanKey]) -> None:
        for key in keys:
            self._waiting.pop(key, None)

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            with SETUP:
                if os.getpid() != self._pid:
                    self._begin()
