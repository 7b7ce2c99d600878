"""Peers, installed beside this environment and measured in the same run."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).absolute().parents[1]
"""The tree that is measured."""
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "agentsight-otel" / "peers"


def install(requirement: str) -> Path:
    """Install a pinned distribution alone into a cache folder and return that folder."""
    target = CACHE / requirement
    if not target.exists():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(target),
            requirement,
        ]
        subprocess.run(command, check=True)
    return target


def use(requirement: str) -> None:
    """Make a peer importable in this process."""
    sys.path.insert(0, str(install(requirement)))


def interleaved(rounds: int, subjects: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Measure each subject once per round, in turn, and return the medians."""
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, measure in subjects.items():
            samples[name].append(measure())
    return {name: statistics.median(values) for name, values in samples.items()}


def in_process(benchmark: str, *arguments: str) -> float:
    """Run a benchmark's worker in a new process and return the number it prints last."""
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", *arguments]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return float(output.split()[-1])


def table(rows: list[tuple[str, ...]]) -> None:
    """Print rows in aligned columns, the first one as the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
