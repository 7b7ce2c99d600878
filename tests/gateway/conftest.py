"""The fixtures of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from otlp_receiver import Receiver, run_receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run the OTLP routes with the default limits."""
    with run_receiver() as running:
        yield running
