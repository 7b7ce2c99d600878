"""Translate every recording of the corpus and print how exact the conversations are.

``python -m tests.corpus.fidelity [--faults] [--slow] [--markdown] [--readme] [combination …]``; the exit
status is 1 when anything is not exact. ``--readme`` writes the Markdown into the README.
"""

from __future__ import annotations

import argparse
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter, itemgetter
from pathlib import Path

import msgspec

from agentsight_otel.translation.assembly import Assembler
from agentsight_otel.translation.block import Block
from agentsight_otel.translation.dialects.base import Kind
from agentsight_otel.translation.dialects.reading import read_span
from agentsight_otel.translation.span_data import LogData, SpanData
from tests.corpus.compare import Expected, Score, Tally, compare
from tests.corpus.view import conversation_view

CORPUS = Path(__file__).parent
README = CORPUS.parents[1] / "README.md"
START, END = "<!-- fidelity -->\n", "<!-- /fidelity -->\n"
PAUSE_NS = 20_000_000_000
LOOK_NS = 1_000_000_000


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


def translate_live(recording: Recording) -> list[Block]:
    """The blocks of a recording whose spans come as they end, each model call longer by `PAUSE_NS`."""
    delays = _delays(recording.spans)
    news: list[tuple[int, LogData | SpanData]] = [
        *((log.event.time_ns + delays.get(log.span_id, 0), log) for log in recording.logs),
        *((span.end_ns + delays[span.span_id], span) for span in recording.spans),
    ]
    news.sort(key=itemgetter(0))
    assembler = Assembler()
    parts = []
    before = news[0][0] if news else 0
    for now, one in news:
        parts += [assembler.expire(at) for at in range(before, now, LOOK_NS)]
        parts.append(
            assembler.add([one], now) if isinstance(one, SpanData) else assembler.add_logs([one], now)
        )
        before = now
    parts.append(assembler.drain())
    return [block for part in parts for block in part.blocks]


def _delays(spans: list[SpanData]) -> dict[str, int]:
    """How much later each span ends: calls side by side end together, and runs after their calls."""
    by_id = {span.span_id: span for span in spans}
    calls = [span for span in spans if read_span(span).kind is Kind.LLM]
    parents = {call.parent_span_id for call in calls}
    together: list[list[SpanData]] = []
    over: list[int] = []
    for call in sorted((one for one in calls if one.span_id not in parents), key=attrgetter("start_ns")):
        if over and call.start_ns < over[-1]:
            over[-1] = max(over[-1], call.end_ns)
            together[-1].append(call)
        else:
            over.append(call.end_ns)
            together.append([call])
    ends = {span.span_id: span.end_ns for span in spans}
    for end, some in zip(over, together, strict=True):
        for call in some:
            one: SpanData | None = call
            while one is not None:
                ends[one.span_id] = max(ends[one.span_id], end)
                one = by_id.get(one.parent_span_id or "")
    return {span_id: PAUSE_NS * bisect_right(over, end) for span_id, end in ends.items()}


def score(recording: Recording, how: Callable[[Recording], list[Block]] = translate) -> Score:
    """How exact the translation of *recording* is."""
    return compare(recording.expected, conversation_view(how(recording)))


class Results:
    """The scores of recordings, by combination."""

    def __init__(self) -> None:
        self._scores: dict[str, list[Score]] = {}

    def add(self, combination: str, score: Score) -> None:
        """Take the score of one recording."""
        self._scores.setdefault(combination, []).append(score)

    @property
    def whole(self) -> Score:
        """All scores, added up."""
        return sum(self._all(), Score())

    def text(self) -> str:
        """The table for a terminal."""
        rows = self._rows(_cell)
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        return "\n".join(line.rstrip() for line in lines)

    def markdown(self) -> str:
        """The table for the README, folded up under a line that sums it up."""
        lines = ["| " + " | ".join(row) + " |" for row in self._rows(_short_cell)]
        lines.insert(1, "|" + " --- |" * 6)
        whole = self.whole
        said = (
            f"{sum(score.ok for score in self._all())} of {len(self._all())} recordings of "
            f"{len(self._scores)} combinations are exact: {whole.messages.exact:,} messages, "
            f"{whole.actions.exact:,} actions, {whole.tokens.exact:,} token counts, {whole.ids.exact:,} ids"
        )
        table = "\n".join(lines)
        return f"<details><summary>{said}</summary>\n\n{table}\n\n</details>\n"

    def _all(self) -> list[Score]:
        return [score for scores in self._scores.values() for score in scores]

    def _rows(self, cell: Callable[[Tally], str]) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [
            ("combination", "exact recordings", "messages", "actions", "tokens", "ids")
        ]
        for name, scores in [*sorted(self._scores.items()), ("all", self._all())]:
            whole = sum(scores, Score())
            cells = map(cell, (whole.messages, whole.actions, whole.tokens, whole.ids))
            rows.append((name, f"{sum(score.ok for score in scores)} of {len(scores)}", *cells))
        return rows


def _cell(tally: Tally) -> str:
    faults = ("missing", "invented", "duplicated", "wrong")
    told = [f"{getattr(tally, name)} {name}" for name in faults if getattr(tally, name)]
    return f"{tally.exact} exact" + "".join(f", {part}" for part in told)


def _short_cell(tally: Tally) -> str:
    return str(tally.exact) if tally.ok else _cell(tally)


def readme_with(table: str) -> str:
    """The project's README with *table* in its place."""
    before, rest = README.read_text(encoding="utf-8").split(START)
    return before + START + table + END + rest.split(END)[1]


def main() -> int:
    """Print the table; 1 when a recording is not exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("combinations", nargs="*")
    parser.add_argument("--faults", action="store_true", help="print each fault")
    parser.add_argument("--slow", action="store_true", help="trace by trace, with pauses between")
    parser.add_argument("--markdown", action="store_true", help="print it as in the README")
    parser.add_argument("--readme", action="store_true", help="write it into the README")
    arguments = parser.parse_args()
    results = Results()
    for recording in recordings(arguments.combinations):
        result = score(recording, translate_slowly if arguments.slow else translate)
        results.add(recording.combination, result)
        if arguments.faults and not result.ok:
            print(f"{recording.combination}/{recording.scenario}")
            print("".join(f"    {fault[:300]}\n" for fault in result.faults))
    if arguments.readme:
        README.write_text(readme_with(results.markdown()), encoding="utf-8")
    print(results.markdown() if arguments.markdown else results.text())
    return 0 if results.whole.ok else 1


if __name__ == "__main__":
    sys.exit(main())
