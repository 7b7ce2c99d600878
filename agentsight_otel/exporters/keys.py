"""Where the API key comes from, so that a rotated one is found without a restart."""

from __future__ import annotations

import os
from collections.abc import Callable

from agentsight_otel.config import API_KEY_PATTERN, read_key_file
from agentsight_otel.guard import guarded

ENV = "AGENTSIGHT_API_KEY"

KeyCallback = Callable[[], str | None]


class KeySource:
    """Looks for the key again where it came from.

    Args:
        first: The key to begin with.
        callback: Asked before anything else.
        file: Name of the file that may hold the key.
    """

    def __init__(self, first: str, callback: KeyCallback | None = None, *, file: str | None = None) -> None:
        self._first = first
        self.callback = callback
        # A key given in code is not replaced by an unrelated one that happens to be around.
        self._from_env = os.environ.get(ENV, "").strip() == first
        self._file = file if file is not None and read_key_file(file) == first else None

    def current(self) -> str:
        """Return the key as it is now; the first one when nothing else is found."""
        return _checked(self._called()) or self._from_the_file() or self._environment() or self._first

    @guarded("")
    def _called(self) -> str:
        return (self.callback() or "") if self.callback is not None else ""

    def _from_the_file(self) -> str | None:
        return _checked(read_key_file(self._file)) if self._file is not None else None

    def _environment(self) -> str | None:
        return _checked(os.environ.get(ENV)) if self._from_env else None


def _checked(key: str | None) -> str | None:
    text = key.strip() if isinstance(key, str) else ""
    return text if API_KEY_PATTERN.fullmatch(text) else None
