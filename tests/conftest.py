"""Fixtures every room shares, and the rule that CI forbids skips."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from local_ports import hold_port

from agentsight_otel.exporters.registry import REGISTRY
from agentsight_otel.pipeline.state import PIPELINE
from agentsight_otel.testing import LocalServer

REQUIRE_ALL = os.environ.get("AGENTSIGHT_REQUIRE_ALL") == "1"
KEPT = {"AGENTSIGHT_REQUIRE_ALL", "AGENTSIGHT_SOAK"}

# No example fails for the time it takes; CI tries the same ones each time, and everybody else new ones.
settings.register_profile(
    "agentsight", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=REQUIRE_ALL
)
settings.load_profile("agentsight")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give each test an environment without settings, its own spool folder and no swallowed errors."""
    for name in list(os.environ):
        if name.startswith(("AGENTSIGHT_", "OTEL_")) and name not in KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTSIGHT_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("AGENTSIGHT_STRICT", "1")


@pytest.fixture(autouse=True)
def nothing_goes_on(clean_environment: None) -> Iterator[None]:
    """End what a test left to be tried again, and forget its settings: its address may be another's soon."""
    del clean_environment
    yield
    for delivery in {*REGISTRY.opened().values(), *PIPELINE._deliveries}:
        delivery.shutdown(0)
    REGISTRY._deliveries.clear()
    PIPELINE._deliveries.clear()
    PIPELINE._mask = PIPELINE._meter_provider = PIPELINE._current = None
    PIPELINE.swap(None)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """Run a local AgentSight of this test's own, in memory; its port stays its own while it is stopped."""
    with hold_port() as held:
        running = LocalServer()
        running._port = held.getsockname()[1]
        with running:
            yield running


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a shutdown wait for a slow answer, though what it is about is on disk."""
    monkeypatch.setattr("agentsight_otel.exporters.delivery.PATIENCE", 60.0)


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
