"""TrackedAction: what `track_action` returns, for those who want the call measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from agentsight_otel.tracking.items import Action
from agentsight_otel.tracking.validation import metadata_json, optional_json, optional_text


class TrackedAction:
    """An action that has been tracked; as a context manager it is measured.

    Used as a call the action is complete. Used in a ``with`` statement it takes its duration from the
    block, and an exception that leaves the block becomes its error.

    Attributes:
        response: What the action gave; text, or anything JSON can be made of.
        error_msg: What went wrong, or None.
        tools_used: Its arguments, anything JSON can be made of.
        metadata: Metadata of the action, a dict to be filled.
    """

    def __init__(self, item: Action, keep: Callable[[Action], None], metadata: dict[str, Any]) -> None:
        self._item = item
        self._keep = keep
        self._began_ns = 0
        self.response: Any = item.response
        self.error_msg: str | None = item.error
        self.tools_used: Any = None
        self.metadata = metadata

    def __enter__(self) -> Self:
        self._item.running = True
        self._began_ns = time.perf_counter_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        item = self._item
        item.duration_ms = (time.perf_counter_ns() - self._began_ns) / 1_000_000
        item.measured = True
        if error is not None and self.error_msg is None:
            self.error_msg = str(error) or type(error).__name__
        if error is not None:
            item.error_type = type(error).__qualname__
        try:
            item.response = optional_text(self.response)
            item.error = optional_text(self.error_msg)
            if self.tools_used is not None:
                item.arguments = optional_json(self.tools_used)
            item.metadata = metadata_json(self.metadata)
        finally:
            item.running = False
            self._keep(item)
