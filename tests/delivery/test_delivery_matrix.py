from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from delivery_helpers import ingests, turns, wait_until

from agentsight_otel.config import Config
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.testing import LocalServer

ROOT = Path(__file__).parents[2]
ROWS = ("baseline", "poison", "reset", "fork")


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """Run our quick cells of the fault matrix; return what it prints and what it saves."""
    saved = tmp_path_factory.mktemp("matrix") / "results.json"
    done = subprocess.run(
        [
            sys.executable,
            *("-m", "benchmarks.faults", "--peer", "ours", "--only", *ROWS),
            *("--jobs", "2", "--save", str(saved)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads(saved.read_text())["results"]["ours"]


def test_our_quick_cells_are_at_target(matrix: tuple[str, dict[str, Any]]) -> None:
    """Every event arrives and is stored once; the refused one is a dead letter; the counts agree."""
    printed, cells = matrix
    assert f"ours at target: {len(ROWS)} of {len(ROWS)}" in printed
    assert {row: (cell["delivered"], cell["rows"]) for row, cell in cells.items()} == {
        "baseline": (1000, {"unique": 1000, "twice": 0}),
        "poison": (999, {"unique": 999, "twice": 0}),
        "reset": (1000, {"unique": 1000, "twice": 0}),
        "fork": (500, {"unique": 500, "twice": 0}),
    }
    assert cells["poison"]["dead"] == 1
    assert all(cell["balanced"] for cell in cells.values())


def test_the_matrix_makes_its_faults(matrix: tuple[str, dict[str, Any]]) -> None:
    """The cut connection made something come twice, and the refusal more requests."""
    _, cells = matrix
    assert cells["reset"]["twice"] > 0
    assert cells["poison"]["requests"] > cells["baseline"]["requests"] / 2


def test_a_shutdown_leaves_a_request_that_is_not_answered(server: LocalServer) -> None:
    """What is on disk does not wait for a slow answer; the next process sends it."""
    server.faults.delay(5, path="/api/ingest/")
    delivery = Delivery(Config.resolve(api_key=server.api_key, endpoint=server.url))
    delivery.submit(turns(20))
    wait_until(lambda: delivery._ledger.inbox_size == 0)
    result = delivery.shutdown(60)
    assert (result.delivered, result.waiting) == (0, 20)
    assert ingests(server) == []
    server.faults.clear()
    heir = Delivery(Config.resolve(api_key=server.api_key, endpoint=server.url))
    assert heir.flush(60)
    heir.shutdown(5)
    assert heir.stats().delivered == 20
