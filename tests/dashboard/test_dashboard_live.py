"""Server-sent events: what arrives while a page is open, nothing lost, nothing for those who may not look."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from dashboard_data import Talk, write
from dashboard_running import Dashboard, fetch
from sqlalchemy import func, select, update

from agentsight_otel.server.dashboard import live, login_link
from agentsight_otel.server.dashboard.tables import clients
from agentsight_otel.server.store.keys import create_agent
from agentsight_otel.server.store.tables import messages
from agentsight_otel.testing import LocalServer

START = datetime.now(UTC) - timedelta(hours=3)
WAIT = httpx.Timeout(60.0)


class Stream:
    """An open event stream; iterating gives (id, data)."""

    def __init__(self, address: str, last: str = "", **options: Any) -> None:
        headers = {"last-event-id": last} if last else {}
        self.client = httpx.Client(timeout=WAIT, headers=headers, **options)
        self.answer = self.client.send(self.client.build_request("GET", address), stream=True)
        self.lines = self.answer.iter_lines()

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        found = 0
        for line in self.lines:
            name, _, value = line.partition(": ")
            if name == "id":
                found = int(value)
            elif name == "data":
                yield found, json.loads(value)

    def close(self) -> None:
        """Hang up."""
        self.answer.close()
        self.client.close()


def conversation(dashboard: Dashboard, lines: int = 2) -> tuple[Talk, int]:
    """Write a conversation and return it with its key."""
    said = [(START + timedelta(seconds=n), "end_user" if n % 2 == 0 else "agent") for n in range(lines)]
    talk = Talk(1, START, said=said)
    return talk, write(dashboard.store, dashboard.agent, [talk])[talk.id]


def newest(dashboard: Dashboard) -> int:
    """Return the id of the line written last."""
    with dashboard.store.read() as connection:
        return connection.scalar(select(func.max(messages.c.id))) or 0


def say(dashboard: Dashboard, talk: Talk, moment: datetime | None = None, sender: str = "agent") -> None:
    """Add a line to a conversation and write it again, as a client that resends everything does."""
    talk.said.append((moment or datetime.now(UTC), sender))
    write(dashboard.store, dashboard.agent, [talk])


def test_new_conversations_are_counted_from_where_the_page_began(dashboard: Dashboard) -> None:
    """Only of this environment; the count is of all since the page was made, however often it is told."""
    _, key = conversation(dashboard)
    stream = Stream(f"{dashboard.pages}live?after={key}")
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    events = iter(stream)
    write(dashboard.store, dashboard.agent, [Talk(2, START, environment="development")])
    write(dashboard.store, dashboard.agent, [Talk(3, START)])
    assert next(events) == (key + 2, {"count": 1})
    write(dashboard.store, dashboard.agent, [Talk(4, START), Talk(5, START)])
    assert next(events) == (key + 4, {"count": 3})
    stream.close()


def test_new_lines_come_as_the_page_shows_them(dashboard: Dashboard) -> None:
    """An open conversation gets each line's HTML, escaped, with a new day's separator when there is one."""
    talk, key = conversation(dashboard)
    talk.text = "<b>text</b>"
    stream = Stream(f"{dashboard.pages}conversations/{key}/live?after={newest(dashboard)}&end=1")
    events = iter(stream)
    say(dashboard, talk, START + timedelta(days=2))
    _, data = next(events)
    assert data["count"] == 1
    assert data["html"].count("<article") == 1
    assert "&lt;b&gt;text&lt;/b&gt; 3" in data["html"]
    assert 'class="day"' in data["html"]
    say(dashboard, talk, START + timedelta(days=2, seconds=1))
    _, data = next(events)
    assert (data["count"], data["html"].count('class="day"')) == (2, 0)
    stream.close()


@pytest.mark.parametrize(("end", "late", "lines"), [("", 60, 1), ("1", -60, 1), ("1", 60, 21)])
def test_lines_that_do_not_go_at_the_end_are_only_counted(
    dashboard: Dashboard, end: str, late: int, lines: int
) -> None:
    """On a page that is not at the end, for a line that belongs further up, and for many at once."""
    talk, key = conversation(dashboard)
    stream = Stream(f"{dashboard.pages}conversations/{key}/live?after={newest(dashboard)}&end={end}")
    events = iter(stream)
    talk.said += [(START + timedelta(seconds=late + n), "agent") for n in range(lines)]
    write(dashboard.store, dashboard.agent, [talk])
    assert next(events)[1] == {"count": lines}
    stream.close()


def test_a_lost_connection_goes_on_where_it_was(dashboard: Dashboard) -> None:
    """Lines written between two connections come with the second, each exactly once."""
    talk, key = conversation(dashboard)
    address = f"{dashboard.pages}conversations/{key}/live?after={newest(dashboard)}&end=1"
    last, seen = "", []
    for round_ in range(4):
        say(dashboard, talk, START + timedelta(minutes=round_ + 1))
        stream = Stream(address, last)
        number, data = next(iter(stream))
        stream.close()
        last = str(number)
        seen += [line for line in range(3, 9) if f">text {line}<" in data["html"]]
        assert data["count"] == round_ + 1
    assert seen == [3, 4, 5, 6]
    stream = Stream(address + f"&last={last}")
    say(dashboard, talk, START + timedelta(minutes=9))
    assert ">text 7<" in next(iter(stream))[1]["html"]
    stream.close()


def test_strangers_and_other_agents_get_no_stream(guarded_dashboard: Dashboard) -> None:
    """Without a login it leads to the login; another agent's conversation is not found."""
    _, key = conversation(guarded_dashboard)
    with guarded_dashboard.store.write() as connection:
        other = create_agent(connection, "Rival")
    owner = guarded_dashboard.client()
    owner.get(login_link(guarded_dashboard.store, guarded_dashboard.url))
    for path in ("live?after=0", f"conversations/{key}/live?after=0"):
        assert fetch(guarded_dashboard.pages + path).status_code == 303
    assert owner.get(f"/agents/{other}/conversations/{key}/live").status_code == 404
    assert owner.get(f"/agents/{other + 1}/live").status_code == 404


def test_a_revoked_login_hears_nothing_more(guarded_dashboard: Dashboard) -> None:
    """The stream ends before the next event."""
    owner = guarded_dashboard.client()
    owner.get(login_link(guarded_dashboard.store, guarded_dashboard.url))
    form = {"do": "invite", "name": "Acme", "days": "7", "agent": str(guarded_dashboard.agent)}
    settings = owner.get(guarded_dashboard.pages + "settings").text
    form["csrf"] = settings.partition('name="csrf" value="')[2].partition('"')[0]
    link = owner.post(guarded_dashboard.pages + "settings", data=form).text
    token = link.partition("/login?token=")[2].partition('"')[0]
    client = guarded_dashboard.client()
    client.get("/login", params={"token": token})
    stream = Stream(f"{guarded_dashboard.pages}live?after=0", cookies=dict(client.cookies))
    events = iter(stream)
    write(guarded_dashboard.store, guarded_dashboard.agent, [Talk(1, START)])
    assert next(events)[1] == {"count": 1}
    with guarded_dashboard.store.write() as connection:
        connection.execute(update(clients).values(revoked_at=1))
    write(guarded_dashboard.store, guarded_dashboard.agent, [Talk(2, START)])
    assert list(events) == []
    stream.close()


def test_silence_is_broken_by_a_sign_of_life(dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a connection whose other end is gone is noticed."""
    monkeypatch.setattr(live, "HEARTBEAT", 0.1)
    stream = Stream(f"{dashboard.pages}live?after=0")
    assert next(line for line in stream.lines if line.startswith(":")) == ":"
    stream.close()


def test_too_many_streams_are_told_to_stay_away(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page more than allowed has no stream, and gets one when another has gone."""
    monkeypatch.setattr(live, "MOST", 1)
    monkeypatch.setattr(live, "HEARTBEAT", 0.1)
    address = f"{dashboard.pages}live?after=0"
    stream = Stream(address)
    next(stream.lines)
    assert fetch(address).status_code == 204
    stream.close()
    for _ in range(200):
        second = Stream(address)
        second.close()
        if second.answer.status_code == 200:
            return
        time.sleep(0.05)
    raise AssertionError("the place was not given back")


def test_a_stopping_server_waits_for_no_stream(dashboard: Dashboard) -> None:
    """Open streams end by themselves, whole, when the server stops."""
    stream = Stream(f"{dashboard.pages}live?after=0")
    next(stream.lines)
    dashboard.listener.stop()
    assert list(stream) == []
    stream.close()


def test_a_restarted_server_has_streams_for_several_pages(server: LocalServer) -> None:
    """What the pages of one run shared while they waited for each other is not handed to the next."""
    for number in (1, 2):
        with httpx.Client(timeout=WAIT) as reader:
            reader.get(server.dashboard_url())
            address = f"{server.url}/agents/{server.agent_id}/live?after={number - 1}"
            streams = [Stream(address, cookies=dict(reader.cookies)) for _ in range(4)]
        for stream in streams:
            next(stream.lines)
        with server.store.write():  # in memory, who looks for news waits for the writer
            time.sleep(0.5)
        write(server.store, server.agent_id, [Talk(number, START)])
        assert [next(iter(stream))[1] for stream in streams] == [{"count": 1}] * 4
        for stream in streams:
            stream.close()
        server.stop()
        server.start()
