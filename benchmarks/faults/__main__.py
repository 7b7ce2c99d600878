"""The fault matrix: python -m benchmarks.faults [--peer NAME …] [--only ROW …].

Every cell runs in a process of its own, with a server of its own. Results are added to a file as they come,
so that a run can be broken off, continued and printed.
"""

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.faults import report, scenarios, subjects
from benchmarks.faults.scenarios import SCENARIOS, Result, Scenario
from benchmarks.faults.subjects import SUBJECTS, Subject
from benchmarks.peers import ROOT

CELL_LIMIT = 600.0

Cell = tuple[Subject, Scenario]


class Book:
    """The results so far, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.results: dict[str, dict[str, Result]] = {}
        if path.exists():
            self.results = json.loads(path.read_text())["results"]

    def add(self, cell: Cell, result: Result) -> None:
        """Add a result and tell of it."""
        subject, scenario = cell
        with self._lock:
            self.results.setdefault(subject.name, {})[scenario.name] = result
            self._path.write_text(json.dumps({"results": self.results}, indent=1))
            text = report.cell(subject, scenario, result)
            took = f"{result.get('seconds', 0):.0f} s"
            print(f"{subject.name:14} {scenario.name:9} {text}  [{took}]", file=sys.stderr, flush=True)


def measure(cell: Cell) -> Result:
    """Run one cell in a process of its own."""
    subject, scenario = cell
    command = [sys.executable, "-m", "benchmarks.faults.cell", subject.name, scenario.name]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=CELL_LIMIT, check=True
        )
    except subprocess.CalledProcessError as error:
        return {"failed": "not measured: " + error.stderr.strip().splitlines()[-1]}
    except subprocess.TimeoutExpired:
        return {"failed": "not measured: no end"}
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def run(cells: Iterable[Cell], book: Book, jobs: int) -> None:
    """Run cells, some at once; those whose times are shown last, and alone."""
    together = [cell for cell in cells if not cell[1].alone]
    alone = [cell for cell in cells if cell[1].alone]
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda cell: book.add(cell, measure(cell)), together))
    for cell in alone:
        book.add(cell, measure(cell))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    names = [subject.name for subject in SUBJECTS]
    parser.add_argument("--peer", nargs="+", choices=names, default=names, help="columns; all by default")
    rows = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--only", nargs="+", choices=rows, default=rows, help="rows; all by default")
    parser.add_argument("--jobs", type=int, default=2, help="cells at once; their waits overlap")
    default = Path(tempfile.gettempdir()) / "agentsight-otel-faults.json"
    parser.add_argument("--save", type=Path, default=default, help="file of the results")
    parser.add_argument("--print", action="store_true", help="only print what the file has")
    return parser.parse_args()


def main() -> int:
    """Measure and print; 1 when one of our own cells is not at target."""
    asked = parse()
    book = Book(asked.save)
    if not asked.print:
        chosen = [subjects.BY_NAME[name] for name in asked.peer]
        for subject in chosen:
            subjects.install(subject)
        rows = [scenarios.BY_NAME[name] for name in asked.only]
        run([(subject, row) for row in rows for subject in chosen], book, asked.jobs)
    print(f"{dt.datetime.now(dt.UTC).date()}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print(report.matrix(book.results), "\n")
    print(report.details(book.results), "\n")
    at_target = report.ours(book.results)
    missed = [name for name, met in at_target.items() if not met]
    print(f"ours at target: {len(at_target) - len(missed)} of {len(at_target)}")
    if missed:
        print(f"not at target: {', '.join(missed)}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
