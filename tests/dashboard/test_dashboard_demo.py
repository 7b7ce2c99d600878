"""The made-up data, and the small parts without a page of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from agentsight_otel.demo.library import Passage, markdown_passages
from agentsight_otel.server.dashboard import present, recent
from agentsight_otel.server.dashboard.transcript import Item, read_transcript
from agentsight_otel.server.demo_data import fill
from agentsight_otel.server.store import Store
from agentsight_otel.server.store.keys import create_agent
from agentsight_otel.server.store.tables import conversations
from agentsight_otel.wording import counted

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def dump(seed: int) -> tuple[list[tuple[object, ...]], list[tuple[int, int]]]:
    """Fill a fresh database and return its messages and what the progress said."""
    store = Store.open(":memory:")
    with store.write() as connection:
        agent = create_agent(connection, "demo")
    said: list[tuple[int, int]] = []
    count = fill(
        store, agent, seed=seed, days=10, conversations=120, now=NOW, progress=lambda *step: said.append(step)
    )
    assert count == 120
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT timestamp, kind, sender, content FROM messages ORDER BY id"
        ).all()
        dead = connection.exec_driver_sql(
            "SELECT count(*) FROM token_usage WHERE cost_usd_e8 IS NULL"
        ).scalar_one()
    store.close()
    assert dead > 0
    return [tuple(row) for row in rows], said


def test_demo_is_the_same_for_the_same_seed() -> None:
    """Byte for byte, and different for another seed."""
    first, said = dump(3)
    assert first == dump(3)[0]
    assert first != dump(4)[0]
    assert said == [(50, 120), (100, 120), (120, 120)]


def test_demo_stays_in_its_days_and_has_everything_a_page_shows() -> None:
    """Nothing older than asked for or still to come; users, agents, actions and buttons all occur."""
    rows, _ = dump(5)
    oldest = (NOW - timedelta(days=10)).timestamp() * 1e6
    assert min(row[0] for row in rows) >= oldest
    assert max(row[0] for row in rows) <= NOW.timestamp() * 1e6
    assert {(row[1], row[2]) for row in rows} >= {
        ("message", "end_user"),
        ("message", "agent"),
        ("action", "agent"),
        ("button", "end_user"),
    }
    assert not [row for row in rows if "{" in str(row[3])]


def undated(items: list[Item]) -> list[Item]:
    """Leave out which of them begin a day."""
    return [item._replace(new_day=None) for item in items]


def test_the_parts_of_a_transcript_are_the_whole() -> None:
    """Lines, what hangs on them and costs; a part says again which day it is."""
    store = Store.open(":memory:")
    with store.write() as connection:
        agent = create_agent(connection, "demo")
    fill(store, agent, days=10, conversations=40, now=NOW)
    found = []
    with store.read() as connection:
        for key in connection.scalars(select(conversations.c.id)):
            whole = read_transcript(connection, agent, key, ZoneInfo("UTC"), limit=None)
            parts = [
                read_transcript(connection, agent, key, ZoneInfo("UTC"), part=part, limit=3)
                for part in range(1, -(-len(whole.items) // 3) + 1)
            ]
            items = [item for part in parts for item in part.items]
            assert undated(items) == undated(whole.items)
            assert all(part.items[0].new_day for part in parts)
            assert {part.newest for part in parts} <= {whole.newest}
            for place, item in enumerate(items):
                at = read_transcript(connection, agent, key, ZoneInfo("UTC"), at=item.row["id"], limit=3)
                assert at == parts[place // 3]
            found += items
    store.close()
    assert any(item.logs for item in found)
    assert any(item.clicks for item in found)
    assert any(item.cost and item.cost.cost_e8 for item in found)


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "message", "0 messages"),
        (1, "message", "1 message"),
        (12_480, "model call", "12,480 model calls"),
        (1, "conversation with a device", "1 conversation with a device"),
        (2, "conversation with a device", "2 conversations with a device"),
    ],
)
def test_one_is_not_many(count: int, noun: str, text: str) -> None:
    """The noun agrees with its number."""
    assert counted(count, noun) == text


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 10, 25), date(2026, 11, 23), "25 Oct – 23 Nov"),
        (date(2025, 11, 24), date(2026, 11, 23), "24 Nov 2025 – 23 Nov 2026"),
        (date(2026, 11, 20), date(2026, 11, 20), "20 Nov"),
        (date(2020, 1, 1), date(2020, 1, 31), "1 Jan 2020 – 31 Jan 2020"),
    ],
)
def test_days_of_other_years_say_so(first: date, last: date, text: str) -> None:
    """This year goes without saying."""
    assert present.days(first, last, NOW.date()) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.25, "0.2 ms"),
        (820, "820 ms"),
        (1449, "1.4 s"),
        (59_960, "1 m 00 s"),
        (125_000, "2 m 05 s"),
        (599_400, "9 m 59 s"),
        (599_600, "10 m"),
        (3_326_000, "55 m"),
        (3_599_000, "1 h 00 m"),
        (4_320_000, "1 h 12 m"),
        (273_600_000, "3 d 4 h"),
    ],
)
def test_durations_read_well(value: float | None, text: str) -> None:
    """From milliseconds to days, never "60 s"."""
    assert present.duration(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "$0"),
        (900, "<$0.0001"),
        (123_456, "$0.0012"),
        (9_000_000, "$0.0900"),
        (123_456_789_00, "$123.46"),
    ],
)
def test_money_reads_well(value: int | None, text: str) -> None:
    """Unknown is a dash, tiny is not nothing."""
    assert present.money(value) == text


def test_money_on_an_axis_has_no_zeros_to_spare() -> None:
    """The steps of one axis are written alike."""
    assert [present.axis_money(step) for step in (0, 0.0025, 0.05, 0.1, 2)] == [
        "$0",
        "$0.0025",
        "$0.05",
        "$0.10",
        "$2.00",
    ]


def test_ids_that_look_alike_are_told_apart() -> None:
    """Invisible and direction-changing characters are spelled out."""
    assert present.visible("a\u200bb\u202ec") == "a\\u200bb\\u202ec"
    assert present.visible("Zoë 漢字 👩") == "Zoë 漢字 👩"


def test_only_slow_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quick computation runs every time; a slow one once, until it is too old."""
    calls: list[int] = []

    def compute() -> int:
        calls.append(1)
        return len(calls)

    kept = recent.Recent()
    monkeypatch.setattr(recent, "LONG", 60.0)
    assert [kept.get("q", compute) for _ in range(3)] == [1, 2, 3]
    monkeypatch.setattr(recent, "LONG", -1.0)
    assert [kept.get("q", compute) for _ in range(3)] == [4, 4, 4]
    assert kept.get("other", compute) == 5
    monkeypatch.setattr(recent, "SHOWN", -1.0)
    assert kept.get("q", compute) == 6


def test_the_help_desk_answers_in_plain_words() -> None:
    """Its library is Markdown; links, lists, code and emphasis are none of the visitor's business."""
    text = "# Start\n- **First** see [docs/](docs/index.md).\n- Then `run` it.\n```sh\nls\n```\n"
    assert list(markdown_passages("README", text)) == [
        Passage("README", "Start", "First see docs/. Then run it.")
    ]
