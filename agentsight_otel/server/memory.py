"""Giving memory back that a process of many threads has freed."""

from __future__ import annotations

import ctypes
import sys


def trim() -> None:
    """Give freed memory back to the operating system; where the C library cannot, do nothing."""
    if sys.platform.startswith("linux"):
        release = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if release is not None:
            release(ctypes.c_size_t(0))
