"""The fourteen rows of the matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.faults.ingest import Fault

Result = dict[str, Any]
MB = 1_000_000
NOTHING = Fault()


def all_arrive(result: Result) -> bool:
    """Return whether every event arrived whole, in one row each."""
    rows = result.get("rows", {"unique": result["delivered"], "twice": 0})
    expected = result["expected"]
    return bool(
        result["delivered"] == rows["unique"] == expected
        and not rows["twice"]
        and not result["cut"]
        and not result["killed"]
        and not result["crashed"]
    )


@dataclass(frozen=True)
class Scenario:
    """One row.

    Attributes:
        name: For the command line.
        title: For the table.
        target: What we want of ourselves, for the table.
        phase: What the driver does; see `drivers/life.py`.
        count: Events; of a fork, each of the five processes.
        size: Characters of an event.
        fault: What the server does.
        poison: Number of the event the server refuses, or -1.
        kill: SIGKILL once the server has answered a request.
        restart: Start the application once more, with the server well.
        grace: Seconds the process lives on after the fault, before it flushes.
        runs: How often; the worst counts.
        alone: Run while nothing else does, for its times are in the table.
        limit: Seconds for one process; it is killed then.
        met: Whether a result of ours is at target.
    """

    name: str
    title: str
    target: str = "1000"
    phase: str = "flush"
    count: int = 1000
    size: int = 200
    fault: Fault = NOTHING
    poison: int = -1
    kill: bool = False
    restart: bool = False
    grace: float = 20.0
    runs: int = 1
    alone: bool = False
    limit: float = 150.0
    met: Callable[[Result], bool] = all_arrive

    @property
    def expected(self) -> int:
        """How many events can arrive."""
        return self.count * (5 if self.phase == "fork" else 1) - (self.poison >= 0)


SCENARIOS = [
    Scenario("baseline", "nothing goes wrong"),
    Scenario(
        "restart",
        "server down, flush, exit; server up, restart",
        fault=Fault(down=True),
        restart=True,
    ),
    Scenario(
        "sigkill",
        "SIGKILL while the server answers 503, restart",
        phase="stay",
        fault=Fault(status=503),
        kill=True,
        restart=True,
    ),
    Scenario("503", "30 s of 503, the process lives on", phase="linger", fault=Fault(status=503, seconds=30)),
    Scenario("500", "6 s of 500", phase="linger", fault=Fault(status=500, seconds=6)),
    Scenario(
        "401", "5 s of 401, as while a key is changed", phase="linger", fault=Fault(status=401, seconds=5)
    ),
    Scenario(
        "429",
        "5 s of 429 with Retry-After: 3",
        phase="linger",
        fault=Fault(status=429, seconds=5, retry_after=3),
    ),
    Scenario(
        "poison",
        "the server refuses one event of 1000 (400)",
        target="999 + 1 dead letter",
        phase="linger",
        grace=10.0,
        fault=Fault(poison=True),
        poison=500,
        met=lambda result: all_arrive(result) and result.get("dead") == 1,
    ),
    Scenario(
        "413",
        "the server refuses over 100 KB (413); 2 KB each",
        phase="linger",
        grace=10.0,
        fault=Fault(limit=100_000),
        size=2000,
    ),
    Scenario(
        "large",
        "ten texts of 2 MB; the server takes 20 MB",
        target="10, whole",
        phase="linger",
        grace=10.0,
        count=10,
        size=2 * MB,
        fault=Fault(limit=20 * MB),
    ),
    Scenario(
        "reset",
        "the server commits the first request, then resets",
        target="1000, no row twice",
        phase="linger",
        fault=Fault(reset_first=True),
        grace=12.0,
    ),
    Scenario(
        "burst",
        "50,000 at once",
        target="50,000, at most 5 s",
        count=50_000,
        alone=True,
        met=lambda result: all_arrive(result) and result["times"]["flush"] + result["times"]["emit"] <= 5,
    ),
    Scenario(
        "fork", "100, and four forks with 100 each", target="500", phase="fork", count=100, runs=3, limit=60
    ),
    Scenario(
        "exit",
        "exit without flush, 2 s a request, restart; 2000",
        target="2000, exit in 0.5 s",
        phase="leave",
        count=2000,
        fault=Fault(delay=2),
        restart=True,
        alone=True,
        met=lambda result: all_arrive(result) and result["times"]["exit"] <= 0.5,
    ),
]

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
