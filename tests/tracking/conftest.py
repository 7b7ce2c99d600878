"""Fixtures of the tracking room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentsight_otel.tracking.context import CURRENT


@pytest.fixture(autouse=True)
def no_conversation() -> Iterator[None]:
    """Start each test outside every conversation; naming one lasts as long as its thread otherwise."""
    CURRENT.set(None)
    yield
    CURRENT.set(None)
