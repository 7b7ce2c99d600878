"""The command that writes what was recorded: export."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from agentsight_otel.clients import AgentSightAPI
from agentsight_otel.commands.output import printable
from agentsight_otel.config import Config
from agentsight_otel.encoding import encode_json_str
from agentsight_otel.spreadsheet import CIRCUMSTANCES, safe_cell

COLUMNS = (
    "id",
    "conversation_id",
    "name",
    "customer_id",
    *CIRCUMSTANCES,
    "feedback_count",
    "is_marked",
    "is_used",
    "is_deleted",
    "metadata",
)
"""Columns of a CSV export, those of a list row."""


def add_to(commands: Any) -> None:
    """Describe the command to an argument parser."""
    export = commands.add_parser("export", help="write conversations as JSON Lines or CSV")
    export.set_defaults(run=_export)
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="(default: %(default)s)")
    export.add_argument("--output", type=Path, help="file (default: standard output)")
    export.add_argument(
        "--filter",
        action="append",
        type=_filter,
        default=[],
        metavar="NAME=VALUE",
        help="a filter of fetch_conversations, may be repeated",
    )


def _filter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    if name == "full":
        raise argparse.ArgumentTypeError("--format decides whether rows are full")
    return name, value


def _export(given: argparse.Namespace) -> None:
    filters = dict(given.filter)
    rows = AgentSightAPI(config=Config.resolve()).iter_conversations(full=given.format == "jsonl", **filters)
    file = given.output and given.output.open("w", encoding="utf-8", newline="")
    with file or nullcontext(sys.stdout) as output:
        if given.format == "csv":
            _write_csv(rows, output)
            return
        for row in rows:
            output.write(json.dumps(row, ensure_ascii=output.isatty()) + "\n")


def _write_csv(rows: Any, output: TextIO) -> None:
    seen = printable if output.isatty() else str
    writer = csv.writer(output, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(column), seen) for column in COLUMNS])


def _cell(value: Any, seen: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    return seen(safe_cell(value if isinstance(value, str) else encode_json_str(value)))
