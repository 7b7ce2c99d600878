"""Everything that matches, as lines: CSV that is safe to open in a spreadsheet, and JSON Lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from agentsight_otel.encoding import encode_json, encode_json_str
from agentsight_otel.server.clock import iso
from agentsight_otel.server.dashboard.listing import extras
from agentsight_otel.server.store.details import Transcripts, transcripts
from agentsight_otel.server.store.tables import environments
from agentsight_otel.spreadsheet import CIRCUMSTANCES, safe_cell

Rows = Iterable[list[Row[*tuple[Any, ...]]]]

COLUMNS: Final = (
    "id",
    "conversation_id",
    "name",
    "customer_id",
    "customer_ip_address",
    *CIRCUMSTANCES,
    "user_message_count",
    "agent_message_count",
    "action_count",
    "button_count",
    "is_marked",
    "is_used",
    "is_deleted",
    "deleted_at",
    "sentiment",
    "total_tokens",
    "cost_usd",
    "metadata",
)


def csv_lines(connection: Connection, agent: int, pages: Rows) -> Iterator[bytes]:
    """Yield a header and then, a page at a time, one line per conversation, every text quoted."""
    yield _csv([COLUMNS])
    for rows in pages:
        yield _csv(_cells(record) for record in _records(connection, agent, rows))


def json_lines(connection: Connection, agent: int, pages: Rows) -> Iterator[bytes]:
    """Yield one JSON object per conversation, its messages included."""
    for rows in pages:
        found = transcripts(connection, agent, [row.id for row in rows])
        for record in _records(connection, agent, rows):
            yield encode_json(record | {"messages": message_records(found, record["id"])}) + b"\n"


def message_records(found: Transcripts, conversation: int) -> list[dict[str, Any]]:
    """Return a transcript as plain records."""
    return [
        {
            "id": row["id"],
            "timestamp": iso(row["timestamp"]),
            "kind": row["kind"],
            "sender": row["sender"],
            "content": row["content"],
            "action_name": row["action_name"],
            "metadata": row["metadata"],
            "response_ms": row["response_ms"],
            "actions": [_plain(log) for log in found.action_logs.get(row["id"], [])],
            "buttons": [_plain(click) for click in found.buttons.get(row["id"], [])],
            "attachments": [_plain(file) for file in found.attachments.get(row["id"], [])],
        }
        for row in found.messages[conversation]
    ]


_PLAIN: Final = (
    "started_at",
    "ended_at",
    "duration_ms",
    "tools_used",
    "response",
    "error_message",
    "button_event",
    "label",
    "value",
    "filename",
    "mime_type",
    "size_bytes",
    "sha256",
)


def _plain(row: Any) -> dict[str, Any]:
    times = ("started_at", "ended_at")
    return {name: iso(row[name]) if name in times else row[name] for name in _PLAIN if name in row}


def _records(
    connection: Connection, agent: int, rows: list[Row[*tuple[Any, ...]]]
) -> Iterator[dict[str, Any]]:
    query = select(environments.c.id, environments.c.slug).where(environments.c.agent_id == agent)
    slugs: dict[int, str] = {row.id: row.slug for row in connection.execute(query)}
    extra = extras(connection, [row.id for row in rows], None, connection.dialect.name)
    for row in rows:
        record: dict[str, Any] = {name: getattr(row, name) for name in COLUMNS if name in row._fields}
        for name in ("started_at", "ended_at", "deleted_at"):
            record[name] = iso(record[name])
        record["environment"] = slugs.get(row.environment_id, "")
        record["is_deleted"] = row.deleted_at is not None
        record["sentiment"] = extra.sentiment.get(row.id)
        record["total_tokens"] = extra.tokens.get(row.id, 0)
        cost = extra.cost_e8.get(row.id)
        record["cost_usd"] = None if cost is None else f"{cost / 10**8:.8f}"
        yield record


def _cells(record: dict[str, Any]) -> list[Any]:
    metadata = record["metadata"]
    record["metadata"] = "" if metadata is None else encode_json_str(metadata)
    return [_cell(record[name]) for name in COLUMNS]


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, int | float) else safe_cell(str(value))


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    lines = io.StringIO()
    csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return lines.getvalue().encode()
