"""Fixtures of the dashboard's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_browser import CHROMIUM, FLAGS
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of a file; in a zone other than theirs, pages load twice at first."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, env={**os.environ, "TZ": "UTC"}, timeout=120_000
        )
        yield running
        running.close()
