"""Paths of the live tests, and the world they run in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentsight_otel.testing import LocalServer

HERE = Path(__file__).parent
for folder in (HERE, HERE / "apps", HERE.parent / "tools"):
    sys.path.insert(0, str(folder))

from model_server import ModelServer  # noqa: E402 - found by the lines above
from world import RULES, World  # noqa: E402 - as above


@pytest.fixture
def world(server: LocalServer, tmp_path: Path) -> Iterator[World]:
    """Run both servers."""
    with ModelServer(RULES) as models:
        yield World(server, models, tmp_path)
