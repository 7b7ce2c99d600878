"""Fixtures of the dashboard's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dashboard_running import Dashboard


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    """Run a dashboard where everybody is the owner."""
    running = Dashboard(needs_login=False)
    yield running
    running.close()


@pytest.fixture
def guarded_dashboard() -> Iterator[Dashboard]:
    """Run a dashboard that asks for a login."""
    running = Dashboard(needs_login=True)
    yield running
    running.close()
