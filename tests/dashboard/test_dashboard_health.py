"""The health page: how far each key's clock is ahead, and how old its data was at arrival."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from dashboard_data import Talk
from dashboard_reading import Page
from dashboard_running import Dashboard

from agentsight_otel.server.dashboard.present import duration
from agentsight_otel.server.store.keys import create_key

TABLE = "Clocks and age at arrival"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def send(dashboard: Dashboard, number: int, *ages: timedelta, key: str = "", status: int = 201) -> None:
    """Ingest one request with messages of these ages."""
    now = datetime.now(UTC)
    talk = Talk(number, now - max(ages), said=[(now - age, "end_user") for age in ages])
    body = {"conversations": [talk.block() | ({} if status == 201 else {"environment": "none"})]}
    headers = {"authorization": f"Api-Key {key or dashboard.key}"}
    assert dashboard.http.post("/api/ingest/", json=body, headers=headers).status_code == status


def rows(dashboard: Dashboard) -> list[list[str]]:
    """Return the numbers of each key."""
    return [row[2:] for row in Page(dashboard.http, dashboard.pages + "health").rows(TABLE)]


def test_nothing_is_said_of_keys_that_sent_nothing(dashboard: Dashboard) -> None:
    """Before the first request, and after one that was refused, there is no table."""
    assert rows(dashboard) == []
    send(dashboard, 1, MINUTE, status=400)
    assert rows(dashboard) == []


def test_each_request_counts_by_its_newest_time(dashboard: Dashboard) -> None:
    """Old messages beside a new one are not late, nor is anything late a wrong clock."""
    for number, age in enumerate((timedelta(seconds=5), 5 * MINUTE, 3 * HOUR, 2 * DAY, 9 * DAY)):
        send(dashboard, number, age)
    send(dashboard, 10, 30 * DAY, 2 * DAY, timedelta(seconds=1))
    assert rows(dashboard) == [["6", "0", "–", "–", "2", "1", "1", "2"]]


def test_what_is_sent_again_does_not_count(dashboard: Dashboard) -> None:
    """A request that brings nothing new says nothing of a clock."""
    send(dashboard, 1, timedelta(seconds=1))
    before = rows(dashboard)
    send(dashboard, 1, 9 * DAY)
    assert rows(dashboard) == before


@pytest.mark.parametrize(
    ("ahead", "mean", "largest"),
    [
        ([2 * MINUTE], 2 * MINUTE, 2 * MINUTE),
        ([10 * MINUTE, 20 * MINUTE], 15 * MINUTE, 20 * MINUTE),
        ([HOUR, 300 * DAY], (HOUR + DAY) / 2, 300 * DAY),
    ],
    ids=["one", "two", "absurd"],
)
def test_a_clock_that_is_ahead_is_shown(
    dashboard: Dashboard, ahead: list[timedelta], mean: timedelta, largest: timedelta
) -> None:
    """How many requests, the largest and the mean difference; another key's clock is its own."""
    spare = timedelta(seconds=20)  # a slow machine may take so long to send it
    with dashboard.store.write() as connection:
        other = create_key(connection, dashboard.agent, "write")
    for number, value in enumerate(ahead):
        send(dashboard, number, -value - spare)
    send(dashboard, 50, timedelta(seconds=1))
    send(dashboard, 51, timedelta(seconds=1), key=other)
    first, second = rows(dashboard)
    assert [first[0], first[1], *first[4:]] == [str(len(ahead) + 1), str(len(ahead)), "1", "0", "0", "0"]
    assert shown_between(first[2], largest, largest + spare)
    assert shown_between(first[3], mean, mean + spare)
    assert second == ["1", "0", "–", "–", "1", "0", "0", "0"]


def shown_between(text: str, low: timedelta, high: timedelta) -> bool:
    """Whether it is what some duration between two is shown as, to the second."""
    seconds = range(int(low.total_seconds()), int(high.total_seconds()) + 1)
    return text in {duration(1000 * second) for second in seconds}
