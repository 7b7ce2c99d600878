"""The commands about the journal and about what was recorded: spool and export."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from agentsight_otel.clients import AgentSightAPI
from agentsight_otel.config import Config
from agentsight_otel.encoding import encode_json_str
from agentsight_otel.exporters import spool
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.spreadsheet import safe_cell
from agentsight_otel.tracking import Tracker

DRAIN_TIMEOUT = 60.0
COLUMNS = (
    "id",
    "conversation_id",
    "name",
    "customer_id",
    "device",
    "source",
    "language",
    "environment",
    "started_at",
    "ended_at",
    "message_count",
    "feedback_count",
    "is_marked",
    "is_used",
    "is_deleted",
    "metadata",
)
"""Columns of a CSV export, those of a list row."""

_BAR = 30


def add_to(commands: Any) -> None:
    """Describe the commands to an argument parser."""
    spool_parser = commands.add_parser("spool", help="what waits on disk for delivery, and dead letters")
    actions = spool_parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    actions.add_parser("status", help="what waits, and where").set_defaults(run=_status)
    drain = actions.add_parser("drain", help="deliver what dead processes left")
    drain.set_defaults(run=_drain)
    drain.add_argument("--timeout", type=float, default=DRAIN_TIMEOUT, help="seconds (default: %(default)s)")
    actions.add_parser("dead", help="what the backend refused, and why").set_defaults(run=_dead)
    requeue = actions.add_parser("requeue", help="try dead letters again")
    requeue.set_defaults(run=_requeue)
    requeue.add_argument(
        "keys", nargs="*", type=_dead_key, metavar="KEY", help="keys as `dead` prints them (default: all)"
    )

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


def _dead_key(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise argparse.ArgumentTypeError("not a key as `spool dead` prints them") from None


def _filter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    if name == "full":
        raise argparse.ArgumentTypeError("--format decides whether rows are full")
    return name, value


def _status(given: argparse.Namespace) -> None:
    del given
    found = spool.status(Config.resolve())
    print(f"folder       {found.folder or 'none: what waits is only in memory'}")
    print(f"segments     {len(found.segments)} ({found.size:,} bytes)")
    for kind, count in found.waiting.items():
        print(f"waiting      {count:,} {kind}")
    if found.oldest is not None:
        print(f"oldest       {max(0, int(time.time()) - found.oldest):,} seconds")
    print(f"dead         {found.dead:,}")
    if found.quarantined:
        print(f"quarantined  {found.quarantined:,} bytes of damage")


def _drain(given: argparse.Namespace) -> int:
    config = Config.resolve()

    def adopt_timelines(delivery: Delivery) -> None:
        Tracker(config, lambda _: delivery, lambda: None).recover_unsent()

    result = spool.drain(config, given.timeout, _bar if sys.stderr.isatty() else None, adopt_timelines)
    print(f"delivered {result.delivered:,}, waiting {result.waiting:,}, dead {result.dead:,}")
    return int(result.waiting > 0)


def _dead(given: argparse.Namespace) -> None:
    del given
    for letter in spool.dead(Config.resolve()):
        where = printable(letter.conversation_id or "unknown conversation")
        print(f"{letter.key.hex()}  {letter.status or '-'}  {where}  {printable(letter.reason)}")


def _requeue(given: argparse.Namespace) -> None:
    count = spool.requeue(Config.resolve(), given.keys or None)
    print(f"{count:,} put back; the next process that delivers there sends them, or `spool drain`")


def _export(given: argparse.Namespace) -> None:
    filters = dict(given.filter)
    rows = AgentSightAPI(config=Config.resolve()).iter_conversations(full=given.format == "jsonl", **filters)
    file = given.output and given.output.open("w", encoding="utf-8", newline="")
    with file or nullcontext(sys.stdout) as output:
        if given.format == "csv":
            _write_csv(rows, output)
            return
        for row in rows:
            output.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_csv(rows: Any, output: TextIO) -> None:
    writer = csv.writer(output, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in COLUMNS])


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    return safe_cell(value if isinstance(value, str) else encode_json_str(value))


def printable(text: str) -> str:
    """Escape what would move a terminal's cursor or forge a line."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _bar(done: int, total: int) -> None:
    filled = _BAR * done // max(total, 1)
    bar = "#" * filled + "." * (_BAR - filled)
    end = "" if done < total else "\n"
    print(f"\rdraining [{bar}] {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)
