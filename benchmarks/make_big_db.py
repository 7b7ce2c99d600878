"""Make a big SQLite database to measure on: 90 days of conversations, written straight into the tables.

Run: ``python -m benchmarks.make_big_db PATH [--messages 1000000]``. A database that is there already is kept.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentsight_otel.server.run import ensure_key
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import environment_ids
from agentsight_otel.server.upkeep import Upkeep

KEY = "ags_" + "b" * 32 + "_" + "b" * 6
"""The key of every database made here; it may write."""
DAYS = 90
TURNS = 5
"""Turns of a conversation on average; each has two messages."""
SECOND = 1_000_000
HOURS = (2, 1, 1, 1, 1, 2, 5, 10, 18, 26, 30, 29, 24, 26, 30, 31, 28, 24, 22, 24, 26, 21, 12, 5)
"""How many conversations start in each hour of the day, relative to each other."""
TOOLS = ("find_order", "carrier_tracking", "search_docs", "open_ticket", "contact_human", "book_appointment")
OFTEN = (40, 25, 20, 6, 4, 5)
MODELS = (("gpt-4.1-mini", "openai"), ("claude-sonnet-4-5", "anthropic"), ("in-house-1", None))
DEVICES = ("mobile", "desktop", "tablet", None)
SOURCES = ("website", "whatsapp", "email")
LANGUAGES = ("en", "de", "fr", "es", None)
TEXTS = 20_000


@dataclass
class Batch:
    """Rows that wait to be written, by table, each a dict of columns."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        """Add a row."""
        self.rows.setdefault(table, []).append(row)

    def write(self, connection: sqlite3.Connection) -> None:
        """Insert the rows in one transaction and forget them."""
        for table, rows in self.rows.items():
            names = list(rows[0])
            marks = ", ".join(f":{name}" for name in names)
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - own names
            connection.executemany(statement, rows)
        connection.commit()
        self.rows.clear()


class Maker:
    """Makes conversations one after the other; everything of one day is written in order of time."""

    def __init__(self, agent: int, environments: dict[str, int], actions: dict[str, int], now: int) -> None:
        self._source = random.Random(7)  # noqa: S311 - made-up data
        self._agent = agent
        self._environments = environments
        self._actions = actions
        self._now = now
        self._conversations = itertools.count(1)
        self._messages = itertools.count(1)
        self._texts = _texts(self._source)

    def days(self, messages: int) -> Iterator[tuple[Batch, int]]:
        """Yield the rows of each day and how many messages they are."""
        made = 0
        for day in range(DAYS):
            wanted = messages * (day + 1) // DAYS
            midnight = self._now - (DAYS - day) * 86_400 * SECOND
            batch, lines = Batch(), []
            while made + len(lines) < wanted:
                lines += self._conversation(batch, midnight)
            for line in sorted(lines, key=lambda line: int(line[0]["timestamp"])):
                self._line(batch, *line)
            made += len(lines)
            yield batch, made

    def _conversation(self, batch: Batch, midnight: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        source, key = self._source, next(self._conversations)
        hour = source.choices(range(24), HOURS)[0]
        start = midnight + hour * 3600 * SECOND + source.randrange(3600 * SECOND)
        turns = min(40, 1 + int(source.expovariate(1 / (TURNS - 1)) + 0.5))
        lines: list[tuple[dict[str, Any], dict[str, Any]]] = []
        clock, waiting = start, None
        for turn in range(turns):
            waited = int(source.lognormvariate(7.4, 0.8) * 1000)
            about = {"conversation": key, "turn": turn, "begun": clock, "ended": clock + waited}
            answered = turn < turns - 1 or source.random() > 0.03
            lines.append(({"timestamp": clock, "sender": "end_user", "response_ms": None}, about))
            if answered:
                answer = {"timestamp": clock + waited, "sender": "agent", "response_ms": waited / 1000}
                lines.append((answer, about))
            waiting = None if answered else clock
            clock += waited + source.randrange(5, 120) * SECOND
        last = max(int(line["timestamp"]) for line, _ in lines)
        tools = Counter(about["turn"] for _, about in lines if _is_tool(key, about["turn"]))
        self._row(batch, key, start, last, waiting, lines, len(tools))
        return lines

    def _row(
        self,
        batch: Batch,
        key: int,
        start: int,
        last: int,
        waiting: int | None,
        lines: list[tuple[dict[str, Any], dict[str, Any]]],
        tools: int,
    ) -> None:
        source = self._source
        senders = Counter(line["sender"] for line, _ in lines)
        customer = f"cust_{int(20_000 * source.random() ** 1.6)}" if source.random() < 0.7 else None
        environment = self._environments["production" if key % 25 else "development"]
        batch.add(
            "conversations",
            id=key,
            agent_id=self._agent,
            conversation_id=f"conv_{key:012x}",
            name=self._texts[key % TEXTS][:40],
            customer_id=customer,
            device=source.choice(DEVICES),
            language=source.choice(LANGUAGES),
            source=source.choice(SOURCES),
            environment_id=environment,
            metadata=json.dumps({"page": f"/shop/{key % 40}", "plan": "trade" if key % 5 else "private"}),
            is_marked=key % 200 == 0,
            is_used=True,
            started_at=start,
            ended_at=last,
            deleted_at=last if key % 100 == 0 else None,
            created_at=start,
            updated_at=last,
            first_message_at=start,
            last_message_at=last,
            waiting_since=waiting,
            message_count=len(lines) + tools,
            user_message_count=senders["end_user"],
            agent_message_count=senders["agent"],
            action_count=tools,
            button_count=0,
        )
        if key % 9 == 0:
            feedback = {"agent_id": self._agent, "kind": "conversation", "conversation": key}
            mood = source.choices(("positive", "neutral", "negative"), (70, 12, 18))[0]
            batch.add(
                "feedbacks",
                **feedback,
                environment_id=environment,
                event_key=f"vote-{key}",
                sentiment=mood,
                comment=self._texts[key % TEXTS][:80] if key % 18 == 0 else "",
                source="customer",
                created_at=last,
                updated_at=last,
            )

    def _line(self, batch: Batch, line: dict[str, Any], about: dict[str, Any]) -> None:
        conversation, turn = about["conversation"], about["turn"]
        base = {"agent_id": self._agent, "conversation": conversation}
        turn_id = f"{conversation:08x}{turn:08x}"
        message = next(self._messages)
        text = f"{self._texts[message % TEXTS]} HP-{message % 90_000}"
        stored = {"kind": "message", "content": text, "turn_id": turn_id, "span_id": turn_id}
        shared = {**base, "received_at": line["timestamp"]}
        index = 0 if line["sender"] == "end_user" else 1
        key = {"id": message, "event_key": f"{turn_id}:{index}", "action_name": None}
        batch.add("messages", **key, **shared, **stored, **line)
        if index:
            return
        times = {"started_at": about["begun"], "ended_at": about["ended"]}
        self._span(batch, shared, turn_id, turn_id, "turn", text, times)
        self._span(batch, shared, f"a{turn_id[1:]}", turn_id, "llm", "chat", times)
        self._spend(batch, base, turn_id, times)
        if _is_tool(conversation, turn):
            self._span(batch, shared, f"b{turn_id[1:]}", turn_id, "tool", "execute_tool", times)
            self._run(batch, {**base, "timestamp": about["begun"] + 1000}, turn_id, times)

    def _span(
        self,
        batch: Batch,
        shared: dict[str, Any],
        span_id: str,
        turn_id: str,
        kind: str,
        name: str,
        times: dict[str, int],
    ) -> None:
        trace_id = f"{shared['conversation']:032x}"
        attributes = {"agentsight.message.content": name, "agentsight.turn.id": turn_id, "filler": "x" * 200}
        span = {"span_id": span_id, "trace_id": trace_id, "kind": kind, "attributes": attributes}
        batch.add(
            "spans",
            **shared,
            **times,
            span_id=span_id,
            trace_id=trace_id,
            parent_span_id=None if kind == "turn" else turn_id,
            kind=kind,
            name=kind,
            duration_ms=(times["ended_at"] - times["started_at"]) / 1000,
            status="ok",
            turn_id=turn_id,
            turn_complete=True if kind == "turn" else None,
            payload=json.dumps(span),
        )

    def _spend(self, batch: Batch, base: dict[str, Any], turn_id: str, times: dict[str, int]) -> None:
        model, provider = self._source.choices(MODELS, (60, 30, 10))[0]
        prompt, completion = self._source.randrange(600, 2600), self._source.randrange(40, 420)
        zero = ("embedding", "cache_read", "cache_write", "reasoning", "audio_input", "audio_output")
        batch.add(
            "token_usage",
            **base,
            **times,
            **{f"{name}_tokens": 0 for name in zero},
            event_key=f"{turn_id}:{model}",
            turn_id=turn_id,
            model=model,
            provider=provider,
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            calls=1,
            unreported_calls=0,
            cost_usd_e8=prompt * 40 + completion * 160 if provider else None,
            cost_source="backend" if provider else "unpriced",
            incomplete=False,
        )

    def _run(self, batch: Batch, base: dict[str, Any], turn_id: str, times: dict[str, int]) -> None:
        message, name = next(self._messages), self._source.choices(TOOLS, OFTEN)[0]
        batch.add(
            "messages",
            id=message,
            event_key=f"b{turn_id[1:]}",
            action_name=name,
            **base,
            received_at=base["timestamp"],
            kind="action",
            content=f"Action {name} performed",
            turn_id=turn_id,
            span_id=f"b{turn_id[1:]}",
            sender="agent",
            response_ms=None,
        )
        batch.add(
            "action_logs",
            **base,
            **times,
            action=self._actions[name],
            message=message,
            duration_ms=self._source.lognormvariate(5.9, 0.7),
            error_message="carrier timed out" if self._source.random() < 0.04 else "",
        )


def _is_tool(conversation: int, turn: int) -> bool:
    return (conversation * 7 + turn * 3) % 10 < 3


def _texts(source: random.Random) -> list[str]:
    """Return sentences of made-up words, a few of which are very common."""
    parts = ("de", "li", "ver", "or", "ta", "ri", "con", "se", "mo", "pu", "ka", "ne", "sta", "bro", "fi")
    words = list({"".join(source.choices(parts, k=source.randint(1, 4))) for _ in range(6000)})
    words[:6] = ["delivery", "order", "refund", "invoice", "carrier", "appointment"]
    weights = list(itertools.accumulate(1 / place for place in range(2, len(words) + 2)))
    counts = [source.randint(6, 60) for _ in range(TEXTS)]
    return [" ".join(source.choices(words, cum_weights=weights, k=count)) for count in counts]


def make(path: Path, messages: int = 1_000_000) -> None:
    """Make the database unless it is there."""
    if path.exists():
        return
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    store = Store.open(str(draft))
    ensure_key(store, KEY)
    with store.read() as connection:
        environments = environment_ids(connection, 1)
    store.close()
    raw = sqlite3.connect(draft)
    raw.execute("PRAGMA synchronous=OFF")
    raw.execute("PRAGMA cache_size=-200000")
    now = int(time.time()) * SECOND
    known = [(place, 1, name, name, "", now) for place, name in enumerate(TOOLS, 1)]
    columns = "id, agent_id, name, display_name, description, created_at"
    raw.executemany(f"INSERT INTO actions ({columns}) VALUES (?, ?, ?, ?, ?, ?)", known)  # noqa: S608 - own names
    began = time.perf_counter()
    maker = Maker(1, environments, {name: place for place, name in enumerate(TOOLS, 1)}, now)
    for batch, made in maker.days(messages):
        batch.write(raw)
        print(f"\r{made:,} messages, {time.perf_counter() - began:.0f} s", end="", flush=True)
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    print("\nindexes and hours, as a server keeps them up while it receives …", flush=True)
    store = Store.open(str(draft))
    Upkeep(store).finish()
    store.checkpoint()
    store.close()
    draft.replace(path)
    for suffix in ("-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    print(f"\n{path}: {path.stat().st_size / 1e9:.2f} GB")


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("path", type=Path)
    given.add_argument("--messages", type=int, default=1_000_000)
    asked = given.parse_args()
    make(asked.path, asked.messages)


if __name__ == "__main__":
    main()
