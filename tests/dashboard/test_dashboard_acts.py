"""What can be done: mark, rename, delete, notes, saved views, announcements, copies of a conversation."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

from dashboard_data import Talk, write
from dashboard_running import Dashboard, fetch, form_of
from sqlalchemy import func, select

from agentsight_otel.server.dashboard.tables import notes, shares
from agentsight_otel.server.store import managing

START = datetime.now(UTC) - timedelta(hours=3)


def written(dashboard: Dashboard, number: int = 1, **about: object) -> int:
    """Write one conversation and return its key."""
    said = [(START, "end_user"), (START + timedelta(seconds=3), "agent")]
    talk = Talk(number, START, said=said, ran=[(START, "lookup", 12.0, "it broke")], **about)  # type: ignore[arg-type]
    return write(dashboard.store, dashboard.agent, [talk])[talk.id]


def test_mark_rename_delete_restore(dashboard: Dashboard) -> None:
    """Each shows on the page and in the API; a deleted conversation leaves the list and comes back."""
    path = f"/agents/{dashboard.agent}/conversations/{written(dashboard)}"
    client = dashboard.client(follow_redirects=True)
    api = {"authorization": f"Api-Key {dashboard.key}"}

    def act(**fields: str) -> str:
        return client.post(path, data=form_of(client, path, **fields)).text

    assert 'aria-pressed="true"' in act(do="mark", on="1")
    assert "<h1>A better name</h1>" in act(do="rename", name="  A better name  ")
    row = client.get("/api/conversations/", params={"full": "false"}, headers=api).json()["results"][0]
    assert (row["name"], row["is_marked"]) == ("A better name", True)
    assert "Deleted" in act(do="delete")
    assert "A better name" not in client.get(dashboard.pages + "conversations").text
    act(do="undelete")
    assert "A better name" in client.get(dashboard.pages + "conversations").text


def test_notes_are_kept_removed_and_gone_with_their_conversation(dashboard: Dashboard) -> None:
    """A note shows as text, can be removed, and a purge takes notes and share links along."""
    key = written(dashboard)
    path = f"/agents/{dashboard.agent}/conversations/{key}"
    client = dashboard.client(follow_redirects=True)
    page = client.post(path, data=form_of(client, path, do="note", body="peek <b>here</b>")).text
    assert "peek &lt;b&gt;here&lt;/b&gt;" in page
    client.post(path, data=form_of(client, path, do="note", body="second"))
    page = client.post(path, data=form_of(client, path, do="unnote", note="1")).text
    assert "peek" not in page
    assert "second" in page
    client.post(path, data=form_of(client, path, do="share", days="7"))
    assert managing.purge(dashboard.store, dashboard.agent, key)
    with dashboard.store.read() as connection:
        left = [connection.scalar(select(func.count()).select_from(table)) for table in (notes, shares)]
    assert left == [0, 0]


def test_unknown_deeds_are_refused(dashboard: Dashboard) -> None:
    """A form that asks for nothing known changes nothing and says so."""
    path = f"/agents/{dashboard.agent}/conversations/{written(dashboard)}"
    client = dashboard.client()
    assert client.post(path, data=form_of(client, path, do="explode")).status_code == 400
    assert (
        client.post(
            f"/agents/{dashboard.agent}/views", data=form_of(client, path, name="", page="x")
        ).status_code
        == 400
    )


def test_a_saved_view_leads_back_to_the_same_page(dashboard: Dashboard) -> None:
    """Saving a filtered list gives a link with the same filters, on the reports page and on the list."""
    client = dashboard.client(follow_redirects=True)
    home = f"/agents/{dashboard.agent}/"
    fields = form_of(
        client,
        home + "conversations?device=mobile",
        name="Phones",
        page="conversations",
        query="device=mobile&after=5_1",
    )
    page = client.post(home + "views", data=fields).text
    link = re.search(r'href="([^"]+)"><b><bdi>Phones', page)
    assert link is not None
    assert link.group(1) == home + "conversations?device=mobile"
    assert "Phones" in client.get(home + "conversations").text
    client.post(home + "views", data=form_of(client, home + "reports", do="forget", id="1"))
    assert "Phones" not in client.get(home + "conversations").text


def test_a_report_can_keep_its_dates(dashboard: Dashboard) -> None:
    """Saved with fixed dates, a report shows the same days next month."""
    client = dashboard.client(follow_redirects=True)
    home = f"/agents/{dashboard.agent}/"
    fields = form_of(client, home, name="October", page="", query="range=7d", fixed="1")
    page = client.post(home + "views?from=2026-10-01&to=2026-10-31", data=fields).text
    assert re.search(r'href="[^"]+\?from=2026-10-01&amp;to=2026-10-31&amp;tz=UTC"><b><bdi>October', page)


def test_saved_copies_hold_everything_and_need_nothing(dashboard: Dashboard) -> None:
    """The web page has every line and no address at all; the JSON has every field of every message."""
    key = written(dashboard, fields={"customer_id": "ann"})
    page = fetch(f"{dashboard.pages}conversations/{key}/transcript.html")
    assert not re.findall(r'(?:src|href|action)="|url\(|@import', page.text)
    assert "default-src 'none'" in page.text
    assert page.headers["content-disposition"].startswith("attachment")
    assert all(text in page.text for text in ("text 1", "text 2", "lookup", "it broke"))
    copy = fetch(f"{dashboard.pages}conversations/{key}/transcript.json").json()
    assert [m["content"] for m in copy["messages"] if m["kind"] == "message"] == ["text 1", "text 2"]
    assert [m["actions"][0]["error_message"] for m in copy["messages"] if m["kind"] == "action"] == [
        "it broke"
    ]
    assert "agent_id" not in json.dumps(copy)


def test_a_long_transcript_comes_in_parts(dashboard: Dashboard) -> None:
    """1,000 messages are three pages; a link to a message opens the part that has it."""
    said = [(START + timedelta(seconds=n), "end_user") for n in range(1000)]
    key = write(dashboard.store, dashboard.agent, [Talk(1, START, said=said)])["talk-1"]
    address = f"{dashboard.pages}conversations/{key}"
    parts = [fetch(address, params={"part": str(n)}).text for n in (1, 2, 3)]
    found = [re.findall(r'class="bubble" dir="auto">([^<]*)<', part) for part in parts]
    assert [text for part in found for text in part] == [f"text {n}" for n in range(1, 1001)]
    last = re.findall(r'id="m(\d+)"', parts[2])[-1]
    assert f'id="m{last}"' in fetch(address, params={"at": last}).text
