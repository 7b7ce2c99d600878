"""Translate every recording of the corpus and print how exact the conversations are.

``python -m tests.corpus.fidelity [--faults] [--slow] [--markdown] [combination …]``; the exit status is 1
when anything is not exact.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.block import Block
from agentsight_otel.translation.span_data import LogData, SpanData
from tests.corpus.compare import Expected, Score, Tally, compare
from tests.corpus.view import conversation_view

CORPUS = Path(__file__).parent
PAUSE_NS = 20_000_000_000


class ExpectedFile(msgspec.Struct):
    """An ``expected.json``."""

    about: str
    conversations: list[Expected]


class Recording(msgspec.Struct):
    """One scenario as one combination recorded it."""

    combination: str
    scenario: str
    spans: list[SpanData]
    logs: list[LogData]
    expected: list[Expected]


def recordings(names: Iterable[str] = ()) -> Iterator[Recording]:
    """Every recording of the corpus, or of the combinations named, in alphabetical order."""
    wanted = set(names)
    for folder in sorted(path.parent for path in CORPUS.glob("*/*/expected.json")):
        if not wanted or folder.parent.name in wanted:
            yield load(folder)


def load(folder: Path) -> Recording:
    """The recording in *folder*."""
    logs = folder / "logs.json"
    return Recording(
        combination=folder.parent.name,
        scenario=folder.name,
        spans=msgspec.json.decode((folder / "spans.json").read_bytes(), type=list[SpanData]),
        logs=msgspec.json.decode(logs.read_bytes(), type=list[LogData]) if logs.exists() else [],
        expected=msgspec.json.decode(
            (folder / "expected.json").read_bytes(), type=ExpectedFile
        ).conversations,
    )


def translate(recording: Recording) -> list[Block]:
    """The blocks of a recording, all of it given at once."""
    assembler = Assembler()
    now = max((span.end_ns for span in recording.spans), default=0)
    parts = [assembler.add_logs(recording.logs, now), assembler.add(recording.spans, now), assembler.drain()]
    return [block for part in parts for block in part.blocks]


def translate_slowly(recording: Recording) -> list[Block]:
    """The blocks of a recording given trace by trace, with more than the idle time between traces."""
    assembler = Assembler()
    traces: dict[str, list[SpanData]] = {}
    for span in sorted(recording.spans, key=lambda span: span.start_ns):
        traces.setdefault(span.trace_id, []).append(span)
    now = max((span.end_ns for span in recording.spans), default=0)
    parts = []
    for trace_id, spans in traces.items():
        logs = [log for log in recording.logs if log.trace_id == trace_id]
        parts += [assembler.add_logs(logs, now), assembler.add(spans, now)]
        now += PAUSE_NS
        parts.append(assembler.expire(now))
    parts.append(assembler.drain())
    return [block for part in parts for block in part.blocks]


def score(recording: Recording, *, slowly: bool = False) -> Score:
    """How exact the translation of *recording* is."""
    blocks = translate_slowly(recording) if slowly else translate(recording)
    return compare(recording.expected, conversation_view(blocks))


def _cell(tally: Tally) -> str:
    faults = ("missing", "invented", "duplicated", "wrong")
    told = [f"{getattr(tally, name)} {name}" for name in faults if getattr(tally, name)]
    return f"{tally.exact} exact" + "".join(f", {part}" for part in told)


def _table(rows: list[tuple[str, ...]], *, markdown: bool) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    """Print the table; 1 when a recording is not exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("combinations", nargs="*")
    parser.add_argument("--faults", action="store_true", help="print each fault")
    parser.add_argument("--slow", action="store_true", help="trace by trace, with pauses between")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    arguments = parser.parse_args()
    totals: dict[str, Score] = {}
    counts: dict[str, list[int]] = {}
    for recording in recordings(arguments.combinations):
        result = score(recording, slowly=arguments.slow)
        totals[recording.combination] = totals.get(recording.combination, Score()) + result
        count = counts.setdefault(recording.combination, [0, 0])
        count[0] += 1
        count[1] += result.ok
        if arguments.faults and not result.ok:
            print(f"{recording.combination}/{recording.scenario}")
            print("".join(f"    {fault[:300]}\n" for fault in result.faults))
    rows: list[tuple[str, ...]] = [
        ("combination", "exact recordings", "messages", "actions", "tokens", "ids")
    ]
    rows += [
        (
            name,
            f"{counts[name][1]} of {counts[name][0]}",
            *map(_cell, (s.messages, s.actions, s.tokens, s.ids)),
        )
        for name, s in sorted(totals.items())
    ]
    whole = sum(totals.values(), Score())
    done = [sum(count[column] for count in counts.values()) for column in (0, 1)]
    cells = map(_cell, (whole.messages, whole.actions, whole.tokens, whole.ids))
    rows.append(("all", f"{done[1]} of {done[0]}", *cells))
    print(_table(rows, markdown=arguments.markdown))
    return 0 if whole.ok else 1


if __name__ == "__main__":
    sys.exit(main())
