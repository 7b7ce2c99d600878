"""How much a server takes over HTTP while people read: spans per second, time to answer, refusals.

Each request has 12 conversations of 7 spans, half of them new, half going on; it is compressed, as our
exporters send it.
"""

from __future__ import annotations

import gzip
import http.client
import itertools
import json
import multiprocessing
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.make_big_db import KEY
from benchmarks.serving import Server, at_once, big_db, options, quantile

CONVERSATIONS = 12
SPANS = 84
CONNECTIONS = 4
READERS = 2
PAUSE = 0.25
"""Seconds a reader looks at a page."""
PAGES = (
    "",
    "conversations",
    "conversations?search=delivery",
    "tokens",
    "tools",
    "feedback",
    "conversations/5000",
)
MODEL = "gpt-4.1-mini"


def body(number: int, mark: str, clock: datetime) -> bytes:
    """Return a request's compressed bytes; numbers make its ids unique."""
    source = random.Random(number)  # noqa: S311 - made-up data
    blocks = []
    for place in range(CONVERSATIONS):
        owner = number if place % 2 else max(0, number - 1)
        conversation = f"bench-{mark}-{owner}-{place | 1}"
        made = _spans(source, number, place, conversation, clock)
        block = {
            "conversation_id": conversation,
            "environment": "production",
            "device": "mobile",
            "spans": made,
        }
        blocks.append(block | {"customer_id": f"cust_{owner % 5000}", "source": "website"})
    document = {"sdk": {"name": "agentsight-otel", "version": "0"}, "conversations": blocks}
    return gzip.compress(json.dumps(document).encode(), 1)


def _spans(
    source: random.Random, number: int, place: int, conversation: str, clock: datetime
) -> list[dict[str, Any]]:
    ids = (f"{number:07x}{place:03x}{part:06x}" for part in itertools.count())
    spans = []

    def add(kind: str, name: str, attributes: dict[str, Any], span_id: str, events: Any = ()) -> None:
        shared = {"agentsight.conversation.id": conversation, "agentsight.span.kind": kind}
        spans.append(
            {
                "span_id": span_id,
                "trace_id": f"{number:016x}{place:016x}",
                "parent_span_id": None,
                "kind": kind,
                "name": name,
                "started_at": clock.isoformat(),
                "ended_at": (clock + timedelta(seconds=1)).isoformat(),
                "duration_ms": 1000.0,
                "status": "ok",
                "attributes": shared | attributes,
                "events": list(events),
            }
        )

    for turn in range(2):
        turn_id = next(ids)
        texts = [_text(source, 60), _text(source, 240)]
        senders = ("end_user", "agent")
        events = [
            {
                "name": "agentsight.message",
                "timestamp": (clock + timedelta(seconds=turn, milliseconds=700 * side)).isoformat(),
                "attributes": {"agentsight.message.sender": sender, "agentsight.message.content": text},
            }
            for side, (sender, text) in enumerate(zip(senders, texts, strict=True))
        ]
        add("turn", "turn", {"agentsight.turn.complete": True}, turn_id, events)
        tokens = {"gen_ai.usage.input_tokens": 900 + turn, "gen_ai.usage.output_tokens": 120}
        call = {
            "gen_ai.request.model": MODEL,
            "gen_ai.provider.name": "openai",
            "agentsight.turn.id": turn_id,
        }
        add("llm", f"chat {MODEL}", call | tokens, next(ids))
        tool = {"agentsight.tool.name": "find_order", "agentsight.tool.response": "{}"}
        add("tool", "execute_tool find_order", tool | {"agentsight.turn.id": turn_id}, next(ids))
    clicked = {"agentsight.button.event": "quick_reply", "agentsight.button.label": "Yes"}
    add("button", "button", clicked | {"agentsight.button.value": "yes"}, next(ids))
    return spans


def _text(source: random.Random, length: int) -> str:
    words = ("delivery", "order", "refund", "where", "when", "please", "carrier", "city", "chair", "table")
    return " ".join(source.choices(words, k=length // 7)) + f" HP-{source.randrange(90_000)}"


class Senders:
    """Connections that post prepared requests as fast as they are answered, until a time."""

    def __init__(self, netloc: str, bodies: list[bytes]) -> None:
        self._netloc = netloc
        self._bodies = bodies
        self._next = itertools.count()
        self.times: list[float] = []
        self.answers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def go(self, seconds: float) -> float:
        """Send for so long; return the seconds it took."""
        return at_once(CONNECTIONS, seconds, self._send)

    def _send(self, until: float) -> None:
        headers = {
            "Authorization": f"Api-Key {KEY}",
            "Content-Encoding": "gzip",
            "Content-Type": "application/json",
        }
        connection = http.client.HTTPConnection(self._netloc, timeout=60)
        while time.perf_counter() < until and (place := next(self._next)) < len(self._bodies):
            began = time.perf_counter()
            connection.request("POST", "/api/ingest/", self._bodies[place], headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            took = time.perf_counter() - began
            outcome = str(answer.status) if answer.status == 201 else f"{answer.status} {text[:80]}"
            with self._lock:
                self.times.append(took)
                self.answers[outcome] += 1
        connection.close()


def read_on(netloc: str, cookie: str, stop: Any, sent: Any) -> None:
    """Look at one page after the other until told to stop; report how long each first byte took."""
    times: dict[str, list[float]] = {}

    def look(start: int) -> None:
        for page in itertools.islice(itertools.cycle(PAGES), start, None):
            if stop.wait(PAUSE):
                return
            connection = http.client.HTTPConnection(netloc, timeout=60)
            began = time.perf_counter()
            connection.request("GET", f"/agents/1/{page}", headers={"Cookie": cookie})
            answer = connection.getresponse()
            times.setdefault(page, []).append(time.perf_counter() - began)
            answer.read()
            connection.close()

    threads = [threading.Thread(target=look, args=(3 * number,)) for number in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.put(times)


def measure(server: Server, seconds: float, bodies: list[bytes], *, readers: bool) -> int:
    """Print one run's figures; return how many requests it used up."""
    stop, sent = multiprocessing.Event(), multiprocessing.Queue()
    reader = multiprocessing.Process(target=read_on, args=(server.netloc, server.cookie, stop, sent))
    if readers:
        reader.start()
    senders, cpu = Senders(server.netloc, bodies), server.cpu()
    took = senders.go(seconds)
    cpu = server.cpu() - cpu
    stop.set()
    count = senders.answers["201"] * SPANS
    label = f"{READERS} readers" if readers else "no readers"
    p50, p99 = quantile(senders.times, 0.5), quantile(senders.times, 0.99)
    print(
        f"{label:12}{count / took:8,.0f} spans/s ({count / cpu:,.0f} per CPU second)  p50 {p50:.0f} ms  "
        f"p99 {p99:.0f} ms  {cpu / took:.2f} cores  {dict(senders.answers)}  {server.memory()}"
    )
    if readers:
        times = [value for found in sent.get().values() for value in found]
        reader.join()
        p50, p95 = quantile(times, 0.5), quantile(times, 0.95)
        print(f"{'':12}{len(times)} pages read, p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    return len(senders.times)


def run(db: str, seconds: float) -> None:
    """Measure one database with and without readers."""
    mark, clock = f"{time.time_ns():x}", datetime.now(UTC)
    count = int(seconds * 12_000 / SPANS) * 2
    bodies = [body(number, mark, clock - timedelta(seconds=3 * (count - number))) for number in range(count)]
    with Server(db) as server:
        print(f"first page after {server.first_page:.2f} s, {server.memory()}")
        used = measure(server, seconds, bodies, readers=False)
        measure(server, seconds, bodies[used:], readers=True)


def main() -> None:
    given = options(__doc__)
    given.add_argument("--seconds", type=float, default=20, help="of each run (default: %(default)s)")
    given.add_argument("--postgresql", metavar="URL", help="measure this database as well")
    asked = given.parse_args()
    with big_db(asked) as path:
        run(str(path), asked.seconds)
    if asked.postgresql:
        run(asked.postgresql, asked.seconds)


if __name__ == "__main__":
    main()
