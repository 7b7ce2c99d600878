"""Believable conversations: a month to look at and one to compare it with.

They are the same for the same seed, and written the way ingest writes them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from agentsight_otel import semconv
from agentsight_otel.encoding import encode_json, encode_json_str
from agentsight_otel.server.demo_script import (
    CITIES,
    DEVICES,
    ERRORS,
    LANGUAGES,
    MODELS,
    NETWORKS,
    PRAISE,
    PRODUCTS,
    SOURCES,
    TOPICS,
    Step,
    Topic,
)
from agentsight_otel.server.ingest.payload import check_blocks, read_envelope
from agentsight_otel.server.ingest.projection import project
from agentsight_otel.server.store.engine import Store
from agentsight_otel.server.store.ingest import write_blocks
from agentsight_otel.server.store.keys import environment_ids

BATCH: Final = 50
"""Conversations in one request."""
HOURS: Final = (2, 1, 1, 1, 1, 2, 5, 10, 18, 26, 30, 29, 24, 26, 30, 31, 28, 24, 22, 24, 26, 21, 12, 5)
"""How many people write in each hour of the day, relative to each other."""
WEEKDAYS: Final = (30, 28, 27, 26, 25, 17, 14)
CUSTOMERS: Final = 260
LONGEST_TURN: Final = timedelta(minutes=2)
"""More than any turn takes, with the visitor's pause after it."""
RETURNING: Final = 1.6
"""How unevenly customers come back: the higher, the more a few of them do."""


def fill(
    store: Store,
    agent_id: int,
    *,
    seed: int = 7,
    days: int = 61,
    conversations: int = 1700,
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write conversations of the last *days* days into a store and return how many.

    Args:
        store: The database.
        agent_id: Whose conversations they are to be.
        seed: The same seed and time give the same conversations.
        days: How far they go back.
        conversations: How many.
        now: When the last of them may happen; the current time if left out.
        progress: Called with how many are written and how many there will be, after every batch.
    """
    source = random.Random(seed)  # noqa: S311 - made-up data, not a secret
    with store.read() as connection:
        environments = environment_ids(connection, agent_id)
    now = now or datetime.now(UTC)
    starts = _starts(source, now, days, conversations)
    for first in range(0, len(starts), BATCH):
        blocks = [
            _Conversation(source, seed, first + place, start, now - LONGEST_TURN).block()
            for place, start in enumerate(starts[first : first + BATCH])
        ]
        checked = check_blocks(read_envelope(encode_json({"conversations": blocks})), environments)
        write_blocks(store, agent_id, environments, [(block, project(block)) for block in checked])
        if progress is not None:
            progress(min(first + BATCH, len(starts)), len(starts))
    return len(starts)


def _starts(source: random.Random, now: datetime, days: int, count: int) -> list[datetime]:
    """When each conversation begins: by hour and weekday, a little more every week."""
    hours = [
        now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=back) for back in range(days * 24)
    ]
    weights = [
        HOURS[hour.hour] * WEEKDAYS[hour.weekday()] * (1.4 - 0.4 * back / len(hours))
        for back, hour in enumerate(hours)
    ]
    chosen = (
        hour + timedelta(seconds=source.uniform(0, 3600)) for hour in source.choices(hours, weights, k=count)
    )
    return sorted(min(moment, now - timedelta(minutes=source.uniform(2, 90))) for moment in chosen)


@dataclass
class _Conversation:
    """One conversation in the making; the clock moves on with everything that happens.

    A turn does not begin after *latest*.
    """

    source: random.Random
    seed: int
    number: int
    clock: datetime
    latest: datetime
    spans: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        pick = self.source.choice
        self.id = "conv_" + hashlib.sha256(f"{self.seed}:{self.number}".encode()).hexdigest()[:12]
        self.trace_id = hashlib.sha256(f"agentsight:trace:{self.id}".encode()).hexdigest()[:32]
        self.words = {
            "product": pick(PRODUCTS),
            "city": pick(CITIES),
            "order": f"HP-{self.source.randint(20_000, 89_999)}",
        }
        self.model, self.provider = self.source.choices(MODELS, (52, 36, 12))[0]
        self.topic: Topic = self.source.choices(TOPICS, [topic.weight for topic in TOPICS])[0]

    def block(self) -> dict[str, Any]:
        """Return the conversation as a block of an ingest request."""
        block = self._about()
        if self.source.random() < 0.11:
            self._span("conversation", "conversation_opened", self.clock, self.clock, {})
        else:
            block["name"] = self._said(self.topic.name)
            self._talk()
            self._rate()
        block["spans"] = self.spans
        return block

    def _about(self) -> dict[str, Any]:
        source = self.source
        known = source.random() < 0.72
        who = int(CUSTOMERS * source.random() ** RETURNING)
        block: dict[str, Any] = {
            "conversation_id": self.id,
            "environment": "production" if source.random() < 0.96 else "development",
            "device": source.choices(*DEVICES)[0],
            "source": source.choices(*SOURCES)[0],
            "language": source.choices(*LANGUAGES)[0],
            "metadata": {
                "page": source.choice(("/", "/delivery", "/returns", "/shop/chairs", "/account")),
                "visit": source.randint(1, 9),
            },
        }
        networks = NETWORKS[block["language"]]
        if self.number % 9:
            block["customer_ip_address"] = networks[int(self.id[-2:], 16) % len(networks)]
        if known:
            block["customer_id"] = f"cust_{1000 + who}"
            block["metadata"]["plan"] = "trade" if who % 5 == 0 else "private"
        return block

    def _talk(self) -> None:
        steps = list(self.topic.steps)
        while self.source.random() < 0.22:
            steps = steps[:-1] + list(self.source.choice(TOPICS).steps)
        if self.source.random() < 0.34:
            steps = steps[: self.source.randint(1, len(steps))]
        for step in steps:
            self._turn(step)
            if self.source.random() < 0.03:
                later = self.clock + timedelta(hours=self.source.uniform(3, 30))
                self.clock = later if later < self.latest else self.clock
            if self.clock > self.latest:
                break

    def _turn(self, step: Step) -> None:
        source = self.source
        turn_id = self._identity()
        begun = self.clock
        events = [self._message("end_user", source.choice(step.user))]
        answered = source.random() > 0.035
        if answered:
            self._pass(0.1, 0.4)
            for name in step.tools:
                self._tool(turn_id, name)
            self._model_call(turn_id)
            events.append(self._message("agent", source.choice(step.agent)))
        self._span(
            "turn",
            "turn",
            begun,
            self.clock,
            {semconv.TURN_COMPLETE: True},
            turn_id=turn_id,
            own_id=turn_id,
            events=events,
        )
        if answered and step.buttons and source.random() < 0.7:
            self._pass(2, 9)
            label, value = source.choice(step.buttons)
            clicked = {
                semconv.BUTTON_EVENT: "quick_reply",
                semconv.BUTTON_LABEL: label,
                semconv.BUTTON_VALUE: value,
            }
            self._span("button", "button", self.clock, self.clock, clicked)
        self._pass(8, 75)

    def _tool(self, turn_id: str, name: str) -> None:
        begun = self.clock
        self.clock += timedelta(milliseconds=self.source.lognormvariate(5.9, 0.7))
        failed = self.source.random() < (0.16 if name == "carrier_tracking" else 0.02)
        result = (
            {semconv.TOOL_ERROR: ERRORS.get(name, "503 from the shop's order service")}
            if failed
            else {semconv.TOOL_RESPONSE: encode_json_str({"order": self.words["order"], "status": "ok"})}
        )
        attributes = {
            semconv.TOOL_NAME: name,
            semconv.TOOL_ARGUMENTS: encode_json_str({"order": self.words["order"]}),
            **result,
        }
        self._span(
            "tool",
            f"execute_tool {name}",
            begun,
            self.clock,
            attributes,
            turn_id=turn_id,
            status="error" if failed else "ok",
        )

    def _model_call(self, turn_id: str) -> None:
        begun = self.clock
        self.clock += timedelta(milliseconds=self.source.lognormvariate(7.35, 0.55))
        cached = self.source.choice((0, 0, 1024, 2048))
        attributes = {
            semconv.GEN_AI_OPERATION_NAME: "chat",
            semconv.GEN_AI_PROVIDER_NAME: self.provider,
            semconv.GEN_AI_REQUEST_MODEL: self.model,
            semconv.GEN_AI_USAGE_INPUT_TOKENS: self.source.randint(600, 2600),
            semconv.GEN_AI_USAGE_OUTPUT_TOKENS: self.source.randint(40, 420),
            **({semconv.LLM_CACHE_READ_TOKENS: cached} if cached else {}),
        }
        self._span("llm", f"chat {self.model}", begun, self.clock, attributes, turn_id=turn_id)

    def _rate(self) -> None:
        if self.source.random() > 0.24:
            return
        mood = self.source.choices(("positive", "neutral", "negative"), self.topic.moods)[0]
        comment = self.source.choice(PRAISE[mood]) if self.source.random() < 0.55 else ""
        attributes = {semconv.FEEDBACK_SENTIMENT: mood, semconv.FEEDBACK_COMMENT: comment}
        self._span("feedback", "feedback", self.clock, self.clock, attributes)

    def _message(self, sender: str, text: str) -> dict[str, Any]:
        attributes = {semconv.MESSAGE_SENDER: sender, semconv.MESSAGE_CONTENT: self._said(text)}
        return {"name": semconv.MESSAGE_EVENT, "timestamp": self.clock.isoformat(), "attributes": attributes}

    def _said(self, text: str) -> str:
        return text.format(**self.words)

    def _pass(self, least: float, most: float) -> None:
        self.clock += timedelta(seconds=self.source.uniform(least, most))

    def _identity(self) -> str:
        return f"{self.source.getrandbits(64) or 1:016x}"

    def _span(
        self,
        kind: str,
        name: str,
        start: datetime,
        end: datetime,
        attributes: dict[str, Any],
        *,
        turn_id: str | None = None,
        own_id: str | None = None,
        status: str = "ok",
        events: list[dict[str, Any]] | None = None,
    ) -> None:
        shared = {semconv.CONVERSATION_ID: self.id, semconv.SPAN_KIND: kind}
        if turn_id is not None:
            shared[semconv.TURN_ID] = turn_id
        self.spans.append(
            {
                "span_id": own_id or self._identity(),
                "trace_id": self.trace_id,
                "parent_span_id": turn_id if own_id is None else None,
                "kind": kind,
                "name": name,
                "started_at": start.isoformat(),
                "ended_at": end.isoformat(),
                "duration_ms": round((end - start).total_seconds() * 1000, 3),
                "status": status,
                "attributes": shared | attributes,
                "events": events or [],
            }
        )
