"""The commands about the local server's database: keys, import, backup, expire."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from agentsight_otel.commands.extras import optional
from agentsight_otel.commands.output import progress_bar, say
from agentsight_otel.wording import counted

DATABASE = "agentsight.db"


def add_to(commands: Any) -> None:
    """Describe the commands to an argument parser."""
    _add_keys(commands.add_parser("keys", help="make, list, replace and revoke API keys of a local server"))
    imports = commands.add_parser("import", help="bring conversations of the past into a database")
    imports.set_defaults(run=_import)
    _of_database(imports)
    what = imports.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="JSON, as `/api/imports/schema/` says"
    )
    what.add_argument("--undo", type=int, metavar="RUN", help="take a whole import back, for good")
    imports.add_argument("--environment", default="production", help="slug (default: %(default)s)")
    backup = commands.add_parser("backup", help="copy an SQLite database, also while it is in use")
    backup.set_defaults(run=_backup)
    backup.add_argument("file", type=Path, metavar="FILE", help="where the copy goes; it must not exist")
    _of_database(backup, agent=False)
    expire = commands.add_parser("expire", help="remove old conversations for good")
    expire.set_defaults(run=_expire)
    _of_database(expire)
    expire.add_argument(
        "--days", type=_days, required=True, help="remove those in which nothing happened for so many days"
    )


def _add_keys(keys: Any) -> None:
    actions = keys.add_subparsers(title="actions", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="every key with its use; the keys themselves are not kept")
    listed.set_defaults(run=_list_keys)
    create = actions.add_parser("create", help="make a key and show it, this once")
    create.set_defaults(run=_create_key)
    create.add_argument("--role", choices=("read", "write"), default="write", help="(default: %(default)s)")
    create.add_argument("--name", default="", help="what it is for")
    create.add_argument("--days", type=_days, help="days until it expires (default: never)")
    rotate = actions.add_parser("rotate", help="make a key like another, which ends a little later")
    rotate.set_defaults(run=_rotate_key)
    rotate.add_argument("id", type=int, help="as `list` shows it")
    rotate.add_argument(
        "--overlap",
        type=_hours,
        default=24.0,
        metavar="HOURS",
        help="both work for so long (default: %(default)s)",
    )
    revoke = actions.add_parser("revoke", help="end a key at once")
    revoke.set_defaults(run=_revoke_key)
    revoke.add_argument("id", type=int, help="as `list` shows it")
    for action in (listed, create, rotate, revoke):
        _of_database(action)


def _of_database(parser: Any, *, agent: bool = True) -> None:
    parser.add_argument(
        "--db", default=DATABASE, help="SQLite file or postgresql:// URL (default: %(default)s)"
    )
    if agent:
        parser.add_argument("--agent", help="name of the agent (default: the only one there is)")
    else:
        parser.set_defaults(agent=None)


def _days(text: str) -> float:
    return _positive(text, "days")


def _hours(text: str) -> float:
    return _positive(text, "hours", least=0)


def _positive(text: str, unit: str, least: float = 1 / 24) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not least <= value <= 36_500:
        raise argparse.ArgumentTypeError(f"expected a number of {unit}")
    return value


def _opened(given: argparse.Namespace) -> Any:
    """Open the database that is named, and the agent in it, for as long as the block lasts."""
    return optional("agentsight_otel.server.operating", "server").opened(given.db, given.agent)


def _list_keys(given: argparse.Namespace) -> None:
    with _opened(given) as place:
        say(f"{'id':>4}  {'key':14}  {'role':5}  {'state':8}  {'expires':16}  {'last used':16}  name")
        for key in place.key_lines():
            expires, used = key.expires or "never", key.last_used or "never"
            shown = f"{key.prefix}…"
            say(f"{key.id:>4}  {shown:14}  {key.role:5}  {key.state:8}  {expires:16}  {used:16}  {key.name}")


def _create_key(given: argparse.Namespace) -> None:
    with _opened(given) as place:
        say(place.create_key(given.role, given.name, given.days))


def _rotate_key(given: argparse.Namespace) -> None:
    with _opened(given) as place:
        say(place.rotate_key(given.id, given.overlap))


def _revoke_key(given: argparse.Namespace) -> None:
    with _opened(given) as place:
        place.revoke_key(given.id)
        say(f"key {given.id} is revoked")


def _import(given: argparse.Namespace) -> int:
    with _opened(given) as place:
        if given.undo is not None:
            say(f"removed {counted(place.undo_import(given.undo), 'conversation')} of import {given.undo}")
            return 0
        result = place.import_file(given.file, given.environment, progress_bar("importing"))
    if result.import_id is None:
        say(*(f"{problem.path or 'file'}: {problem.code}" for problem in result.problems))
        say("nothing was imported")
        return 1
    brought = counted(result.conversations, "conversation"), counted(result.messages, "message")
    say(
        "imported {} with {}".format(*brought),
        f"`agentsight-otel import --undo {result.import_id}` takes them back",
    )
    return 0


def _backup(given: argparse.Namespace) -> None:
    with _opened(given) as place:
        place.back_up(given.file)
    say(f"copied to {given.file}")


def _expire(given: argparse.Namespace) -> None:
    with _opened(given) as place:
        say(f"removed {counted(place.expire(given.days), 'conversation')}")
