"""Made-up conversations as ingest blocks, with the plain facts an oracle can count."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from agentsight_otel.encoding import encode_json
from agentsight_otel.server.ingest.payload import check_blocks, read_envelope
from agentsight_otel.server.ingest.projection import project
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.ingest import write_blocks
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.store.tables import conversations, feedbacks


@dataclass
class Talk:
    """One conversation: what was said, done, spent and rated, with when.

    ``tokens`` is for each model call that was spent what it reports besides, or else.
    """

    number: int
    start: datetime
    said: list[tuple[datetime, str]] = field(default_factory=list)
    ran: list[tuple[datetime, str, float, str]] = field(default_factory=list)
    spent: list[tuple[datetime, str, int, int]] = field(default_factory=list)
    tokens: list[dict[str, int]] = field(default_factory=list)
    rated: list[tuple[datetime, str, str, str]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    environment: str = "production"
    deleted: bool = False
    text: str = "text"

    @property
    def id(self) -> str:
        """The string id."""
        return f"talk-{self.number}"

    def block(self) -> dict[str, Any]:
        """Return the ingest block."""
        spans = [self._span(0, "conversation", self.start, self.start, {})]
        for place, (moment, sender) in enumerate(self.said, 1):
            attributes = {
                "agentsight.message.sender": sender,
                "agentsight.message.content": f"{self.text} {place}",
            }
            event = {"name": "agentsight.message", "timestamp": moment.isoformat(), "attributes": attributes}
            spans.append(
                self._span(place, "turn", moment, moment, {"agentsight.turn.complete": True}, [event])
            )
        for place, (moment, name, duration, error) in enumerate(self.ran, 1000):
            end = moment + timedelta(milliseconds=duration)
            attributes = {"agentsight.tool.name": name, "agentsight.tool.duration_ms": duration}
            spans.append(
                self._span(
                    place,
                    "tool",
                    moment,
                    end,
                    attributes | ({"agentsight.tool.error": error} if error else {}),
                )
            )
        for place, (moment, model, prompt, completion) in enumerate(self.spent):
            tokens = {"gen_ai.usage.input_tokens": prompt, "gen_ai.usage.output_tokens": completion}
            tokens |= self.tokens[place] if self.tokens else {}
            attributes = {"gen_ai.request.model": model, **tokens}
            spans.append(self._span(2000 + place, "llm", moment, moment, attributes))
        return {"conversation_id": self.id, "environment": self.environment, "spans": spans, **self.fields}

    def _span(
        self,
        place: int,
        kind: str,
        start: datetime,
        end: datetime,
        attributes: dict[str, Any],
        events: list[Any] | None = None,
    ) -> dict[str, Any]:
        return {
            "span_id": f"{place:016x}",
            "trace_id": f"{self.number + 1:032x}",
            "parent_span_id": None,
            "kind": kind,
            "name": attributes.get("agentsight.tool.name", kind),
            "started_at": start.isoformat(),
            "ended_at": end.isoformat(),
            "attributes": attributes,
            "events": events or [],
        }


def write(store: Store, agent: int, talks: list[Talk]) -> dict[str, int]:
    """Write conversations through ingest and return their keys by string id."""
    with store.read() as connection:
        environments = environment_ids(connection, agent)
    blocks = check_blocks(
        read_envelope(encode_json({"conversations": [talk.block() for talk in talks]})), environments
    )
    write_blocks(store, agent, environments, [(block, project(block)) for block in blocks])
    with store.write() as connection:
        c = conversations.c
        keys = dict(connection.execute(select(c.conversation_id, c.id).where(c.agent_id == agent)).all())
        for talk in talks:
            _after(connection, agent, environments, keys[talk.id], talk)
    return keys


def _after(connection: Any, agent: int, environments: dict[str, int], key: int, talk: Talk) -> None:
    """What ingest cannot say: deletion, and ratings of every kind and source."""
    if talk.deleted:
        connection.exec_driver_sql("UPDATE conversations SET deleted_at = 1 WHERE id = ?", (key,))
    for moment, sentiment, source, comment in talk.rated:
        row = {
            "agent_id": agent,
            "kind": "conversation",
            "conversation": key,
            "environment_id": environments[talk.environment],
            "sentiment": sentiment,
            "source": source,
            "comment": comment,
            "created_at": us(moment),
            "updated_at": us(moment),
        }
        connection.execute(insert(feedbacks).values(**row))


def us(moment: datetime) -> int:
    """Return microseconds since the Unix epoch."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
