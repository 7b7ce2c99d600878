"""Numbers packed into bytes: a document of an hour is read without an object for each of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable


def pack_floats(values: Iterable[float]) -> bytes:
    """Return numbers as bytes."""
    return array("d", values).tobytes()


def floats(packed: bytes) -> array[float]:
    """Return the numbers again."""
    found = array("d")
    found.frombytes(packed)
    return found


def pack_whole(values: Iterable[int]) -> bytes:
    """Return whole numbers, of 64 bits at most, as bytes."""
    return array("q", values).tobytes()


def whole(packed: bytes) -> array[int]:
    """Return the whole numbers again."""
    found = array("q")
    found.frombytes(packed)
    return found
