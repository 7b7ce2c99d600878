"""Where the API key comes from, so that a rotated one is found without a restart."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from agentsight_otel.config import API_KEY_PATTERN

ENV = "AGENTSIGHT_API_KEY"
FILE_ENV = "AGENTSIGHT_API_KEY_FILE"

KeyCallback = Callable[[], str | None]


class KeySource:
    """Looks for the key again where it came from.

    Args:
        first: The key to begin with.
        callback: Asked before anything else.
    """

    def __init__(self, first: str, callback: KeyCallback | None = None) -> None:
        self._first = first
        self.callback = callback
        # A key given in code is not replaced by an unrelated one that happens to be around.
        self._from_env = os.environ.get(ENV, "").strip() == first
        self._from_file = read_key_file() == first

    def current(self) -> str:
        """Return the key as it is now; the first one when nothing else is found."""
        return _checked(self._called()) or self._file() or self._environment() or self._first

    def _called(self) -> str | None:
        if self.callback is None:
            return None
        with contextlib.suppress(Exception):  # the user's own function, on the sender thread
            return self.callback()
        return None

    def _file(self) -> str | None:
        return read_key_file() if self._from_file else None

    def _environment(self) -> str | None:
        return _checked(os.environ.get(ENV)) if self._from_env else None


def read_key_file() -> str | None:
    """Return the key in the file that ``AGENTSIGHT_API_KEY_FILE`` names, None when there is none."""
    name = os.environ.get(FILE_ENV, "")
    if not name:
        return None
    try:
        return _checked(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _checked(key: str | None) -> str | None:
    text = key.strip() if isinstance(key, str) else ""
    return text if API_KEY_PATTERN.fullmatch(text) else None
