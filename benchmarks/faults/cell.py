"""One cell of the matrix, in a process of its own: python -m benchmarks.faults.cell SUBJECT SCENARIO.

It runs the server in a thread and the driver as a child, and prints one JSON object.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.faults import scenarios, subjects
from benchmarks.faults.driver import Driver
from benchmarks.faults.ingest import Fault, Ingest
from benchmarks.faults.scenarios import Result, Scenario
from benchmarks.faults.subjects import OURS, Subject

AGAIN = 900_000
"""Number of the one event that a restarted application emits; it does not count."""

_FIRST_REQUEST = 15.0
_BEFORE_KILL = 3.0
_RESTARTED = 10.0
_RESTART_LIMIT = 90.0


def run(subject: Subject, scenario: Scenario) -> Result:
    """Run a cell once."""
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        ingest = Ingest(scenario.fault, keep=subject.name in OURS, size=scenario.size)
        if not scenario.fault.down:
            ingest.open()
        first = live(subject, scenario, ingest, scratch)
        ingest.settle()
        before = delivered(ingest, scenario)
        result = describe(first)
        if scenario.restart:
            ingest.fault = Fault()
            ingest.open()
            restart(subject, scenario, ingest, scratch)
            ingest.settle()
        twice = sum(count - 1 for number, count in ingest.counts.items() if number < AGAIN)
        result |= {
            "expected": scenario.expected,
            "delivered": delivered(ingest, scenario),
            "before_restart": before,
            "twice": twice,
            "cut": len(ingest.cut),
            "requests": ingest.requests,
        }
        if subject.name in OURS:
            result["rows"] = count_rows(ingest)
        return result


def live(subject: Subject, scenario: Scenario, ingest: Ingest, scratch: Path) -> Driver:
    """Run the application for the first time, as the scenario says, to its end."""
    driver = Driver(
        subject,
        scratch,
        scenario.limit,
        *("--endpoint", ingest.url),
        *("--phase", scenario.phase),
        *("--count", str(scenario.count)),
        *("--size", str(scenario.size)),
        *("--poison", str(scenario.poison)),
    )
    driver.wait_for(lambda: driver.reached("emitted"))
    if scenario.kill:
        driver.wait_for(lambda: ingest.opened is not None, _FIRST_REQUEST)
        driver.wait_for(lambda: False, _BEFORE_KILL)
        driver.kill()
        return driver
    if scenario.phase == "linger":
        driver.wait_for(lambda: ingest.opened is not None, _FIRST_REQUEST)
        if scenario.fault.seconds is not None and ingest.opened is not None:
            driver.wait_for(ingest.over)
        driver.wait_for(lambda: not scenario.fault.reset_first and has_all(ingest, scenario), scenario.grace)
        driver.release()
    driver.finish()
    return driver


def restart(subject: Subject, scenario: Scenario, ingest: Ingest, scratch: Path) -> None:
    """Start the application again; it emits one event, lives on for a while, flushes and ends."""
    driver = Driver(
        subject,
        scratch,
        _RESTART_LIMIT,
        *("--endpoint", ingest.url),
        *("--phase", "linger"),
        *("--first", str(AGAIN)),
        *("--count", "1"),
    )
    driver.wait_for(lambda: driver.reached("emitted"))
    driver.wait_for(lambda: has_all(ingest, scenario), _RESTARTED)
    driver.release()
    driver.finish()


def delivered(ingest: Ingest, scenario: Scenario) -> int:
    """Return how many events arrived that count."""
    return sum(number < AGAIN and number != scenario.poison for number in list(ingest.counts))


def has_all(ingest: Ingest, scenario: Scenario) -> bool:
    """Return whether every event arrived."""
    return delivered(ingest, scenario) >= scenario.expected


def describe(driver: Driver) -> Result:
    """Return what the driver says of itself, and how it ended."""
    times = {}
    for name, since, until in (
        ("emit", "started", driver.at("emitted")),
        ("flush", "emitted", driver.at("flushed")),
        ("exit", "done", driver.ended),
    ):
        begun = driver.at(since)
        if begun is not None and until is not None:
            times[name] = round(until - begun, 2)
    result: Result = {
        "times": times,
        "rss": round(driver.rss),
        "cpu": round(driver.cpu, 2),
        "killed": driver.late,
        "crashed": driver.code is not None and driver.code > 0,
    }
    flushed = driver.stages.get("flushed again") or driver.stages.get("flushed", {})
    return result | {name: flushed[name] for name in ("dead", "waiting", "balanced") if name in flushed}


def count_rows(ingest: Ingest) -> Result:
    """Give what was taken, in order, to a real server; count the messages it then has."""
    from benchmarks.faults.rows import stored

    counts = stored(ingest.taken)
    return {
        "unique": sum(number < AGAIN for number in counts),
        "twice": sum(count - 1 for number, count in counts.items() if number < AGAIN),
    }


def main() -> None:
    """Run the cell as often as it asks for and print the worst result."""
    subject, scenario = subjects.BY_NAME[sys.argv[1]], scenarios.BY_NAME[sys.argv[2]]
    began = time.monotonic()
    results = [run(subject, scenario) for _ in range(scenario.runs)]
    worst = min(results, key=lambda result: (result["delivered"], -result["twice"]))
    worst["runs"] = [result["delivered"] for result in results]
    worst["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(worst))


if __name__ == "__main__":
    main()
