"""Fixtures every room shares, and the rule that CI forbids skips."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentsight_otel.testing import LocalServer

REQUIRE_ALL = os.environ.get("AGENTSIGHT_REQUIRE_ALL") == "1"
KEPT = {"AGENTSIGHT_REQUIRE_ALL", "AGENTSIGHT_SOAK"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give each test an environment without settings, its own spool folder and no swallowed errors."""
    for name in list(os.environ):
        if name.startswith(("AGENTSIGHT_", "OTEL_")) and name not in KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTSIGHT_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("AGENTSIGHT_STRICT", "1")


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """Run a local AgentSight of this test's own, in memory."""
    with LocalServer() as running:
        yield running


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the soak tests out unless they are asked for."""
    if os.environ.get("AGENTSIGHT_SOAK") == "1":
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip into a failure where everything must be there."""
    del item, call
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but AGENTSIGHT_REQUIRE_ALL=1: {report.longrepr}"
    return report
