"""The matrix as text."""

from collections.abc import Callable, Mapping

from benchmarks.faults.scenarios import SCENARIOS, Result, Scenario
from benchmarks.faults.subjects import OURS, SUBJECTS, Subject

Results = Mapping[str, Mapping[str, Result]]
"""By subject, then by scenario."""


def matrix(results: Results) -> str:
    """Return events delivered, a row for each scenario and a column for each subject."""
    shown = [subject for subject in SUBJECTS if subject.name in results]
    head = ["1000 events, unless the row says otherwise", *(s.label for s in shown), "target"]
    rows = [
        [row.title, *(cell(s, row, results[s.name].get(row.name)) for s in shown), row.target]
        for row in SCENARIOS
        if any(row.name in results[s.name] for s in shown)
    ]
    return markdown([head, *rows])


def cell(subject: Subject, scenario: Scenario, result: Result | None) -> str:
    """Return one cell."""
    if result is None:
        return ""
    if "failed" in result:
        return str(result["failed"])
    words = [*counts(result, ours=subject.name in OURS), *ending(scenario, result)]
    return " ".join(words)


def counts(result: Result, *, ours: bool) -> list[str]:
    """Return how many events arrived, and how."""
    runs = sorted(result["runs"], reverse=True)
    words = [" / ".join(f"{number:,}" for number in (runs if len(set(runs)) > 1 else runs[:1]))]
    if result["cut"]:
        words.append(f"({result['cut']} cut short)")
    if result.get("dead"):
        words.append(f"+ {result['dead']} dead letter")
    if result["twice"]:
        words.append(
            f"+ {result['twice']:,} twice" + (f" ({result['rows']['twice']:,} rows)" if ours else "")
        )
    return words


def ending(scenario: Scenario, result: Result) -> list[str]:
    """Return how the process ended, and the times that the row is about."""
    words = []
    times = result["times"]
    if result["killed"]:
        words.append("+ hang" if scenario.phase == "fork" else f"(over {scenario.limit:.0f} s, killed)")
    if result["crashed"]:
        words.append("(crash)")
    if scenario.name == "burst" and "flush" in times:
        words.append(f"({times['emit'] + times['flush']:.1f} s)")
    if scenario.phase == "leave" and "exit" in times:
        words.append(f"(exit {times['exit']:.1f} s)")
    return words


def details(results: Results) -> str:
    """Return what else was measured, a row for each subject."""
    columns: list[tuple[str, str, Callable[[Result], str]]] = [
        ("flush, server down", "restart", lambda r: seconds(r, "flush")),
        ("exit after it", "restart", lambda r: seconds(r, "exit")),
        ("memory, 1000", "baseline", lambda r: f"{r['rss']} MB"),
        ("memory, 50,000", "burst", lambda r: f"{r['rss']} MB"),
        ("CPU, 50,000", "burst", lambda r: f"{r['cpu']:.0f} s" if "cpu" in r else ""),
        ("memory, ten of 2 MB", "large", lambda r: f"{r['rss']} MB"),
        ("requests, one refused event", "poison", lambda r: str(r["requests"])),
    ]
    rows = [["", *(title for title, _, _ in columns)]]
    for subject in SUBJECTS:
        mine = results.get(subject.name, {})
        cells = [show(mine[name]) if "times" in mine.get(name, {}) else "" for _, name, show in columns]
        if any(cells):
            rows.append([subject.label, *cells])
    return markdown(rows)


def seconds(result: Result, what: str) -> str:
    """Return a time of a result."""
    return f"{result['times'][what]:.1f} s" if what in result["times"] else "did not end"


def ours(results: Results) -> dict[str, bool]:
    """Return which of our own cells are at target."""
    return {
        f"{name} {row.name}": "failed" not in result and row.met(result)
        for name in OURS
        for row in SCENARIOS
        if (result := results.get(name, {}).get(row.name)) is not None
    }


def markdown(rows: list[list[str]]) -> str:
    """Return a table whose columns are aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"| {' | '.join(text.ljust(width) for text, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]
    return "\n".join([lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]])
