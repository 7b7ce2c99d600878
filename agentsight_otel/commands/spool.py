"""The command about the journal: spool."""

from __future__ import annotations

import argparse
import time
from typing import Any

from agentsight_otel.commands.output import progress_bar, say
from agentsight_otel.config import Config
from agentsight_otel.exporters import spool
from agentsight_otel.exporters.delivery import Delivery
from agentsight_otel.tracking import Tracker
from agentsight_otel.wording import counted

DRAIN_TIMEOUT = 60.0


def add_to(commands: Any) -> None:
    """Describe the command to an argument parser."""
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


def _dead_key(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise argparse.ArgumentTypeError("not a key as `spool dead` prints them") from None


def _status(given: argparse.Namespace) -> None:
    del given
    found = spool.status(Config.resolve())
    say(f"folder       {found.folder or 'none: what waits is only in memory'}")
    say(f"segments     {len(found.segments)} ({found.size:,} bytes)")
    say(*(f"waiting      {count:,} {kind}" for kind, count in found.waiting.items()))
    if found.oldest is not None:
        say(f"oldest       {counted(max(0, int(time.time()) - found.oldest), 'second')}")
    say(f"dead         {found.dead:,}")
    if found.quarantined:
        say(f"quarantined  {counted(found.quarantined, 'byte')} of damage")


def _drain(given: argparse.Namespace) -> int:
    config = Config.resolve()

    def adopt_timelines(delivery: Delivery) -> None:
        Tracker(config, lambda _: delivery, lambda: None).recover_unsent()

    result = spool.drain(config, given.timeout, progress_bar("draining"), adopt_timelines)
    say(f"delivered {result.delivered:,}, waiting {result.waiting:,}, dead {result.dead:,}")
    return int(result.waiting > 0)


def _dead(given: argparse.Namespace) -> None:
    del given
    for letter in spool.dead(Config.resolve()):
        where = letter.conversation_id or "unknown conversation"
        say(f"{letter.key.hex()}  {letter.status or '-'}  {where}  {letter.reason}")


def _requeue(given: argparse.Namespace) -> None:
    count = spool.requeue(Config.resolve(), given.keys or None)
    say(f"{count:,} put back; the next process that delivers there sends them, or `spool drain`")
