"""The guard keeps our errors away from the application, and their texts out of the log."""

from __future__ import annotations

import logging

import pytest

from agentsight_otel import guard


@guard.guarded(default=7)
def fails() -> int:
    """Raise with a text that must not be logged."""
    raise ValueError("the customer said hello")


def test_default_instead_of_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The default is returned; the log names the place and kind, once, without the text."""
    monkeypatch.setenv("AGENTSIGHT_STRICT", "0")
    monkeypatch.setattr(guard, "_last_logged", {})
    with caplog.at_level(logging.DEBUG, logger="agentsight_otel"):
        assert [fails(), fails()] == [7, 7]
    (record,) = caplog.records
    assert "ValueError" in record.getMessage()
    assert "customer" not in caplog.text


def test_strict_mode_raises() -> None:
    """Under the test suite's setting the error is raised."""
    with pytest.raises(ValueError, match="customer"):
        fails()
