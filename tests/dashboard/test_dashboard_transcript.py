"""What a conversation shows in a real Chromium: all that was recorded, as a chat and as a waterfall."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dashboard_browser import follow, needs_chromium
from dashboard_data import Talk, write
from dashboard_running import Dashboard

from agentsight_otel import ConversationManager, ConversationTracker
from agentsight_otel.encoding import encode_json_str

FILE = b"%PDF-1.4 a receipt"
BARS = """() => [...document.querySelectorAll('.waterfall li')].map(e => [
    e.querySelector('bdi').textContent.trim() || e.querySelector('.tag').textContent,
    e.querySelector('.name').className,
    ...['x', 'width'].map(name => e.querySelector('rect').getAttribute(name)),
    e.querySelector('.num').textContent,
])"""
"""Returns each span's name, class, place, length and duration as shown."""

pytestmark = needs_chromium


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page with a clock of its own."""
    context = browser.new_context(timezone_id="UTC", accept_downloads=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def tracked(dashboard: Dashboard) -> Dashboard:
    """One conversation with something of every kind, tracked and sent as an agent does it."""
    tracker = ConversationTracker(api_key=dashboard.key, endpoint=dashboard.url)
    tracker.get_or_create_conversation(
        "order-7", customer_id="ann", device="tablet", name="A late parcel", metadata={"plan": "gold"}
    )
    file = {"filename": "receipt.pdf", "mime_type": "application/pdf", "data": FILE}
    tracker.track_human_message("Where is it?", [file], metadata={"seen_on": "/orders"})
    tracker.track_action(
        "find_order", duration_ms=1300, tools_used={"number": 7}, response="handed over at nine"
    )
    tracker.track_action("notify", error_msg="the mail server is away")
    tracker.track_token_usage(prompt_tokens=1200, completion_tokens=34, model="gpt-4.1-mini")
    tracker.track_agent_message("On its way.")
    tracker.track_button("track", "Track the parcel", "parcel-7")
    assert tracker.send_tracked_data()["delivered"]
    manager = ConversationManager(api_key=dashboard.key, endpoint=dashboard.url)
    manager.submit_feedback("order-7", "negative", comment="much too slow")
    with dashboard.store.read() as connection:
        answer = connection.exec_driver_sql("SELECT id FROM messages WHERE content = 'On its way.'").scalar()
    vote = {"kind": "message", "message": answer, "sentiment": "positive", "comment": "a clear answer"}
    dashboard.http.headers["authorization"] = f"Api-Key {dashboard.key}"
    assert dashboard.http.post("/api/feedbacks/", json=vote).status_code == 201
    return dashboard


def test_a_transcript_shows_all_that_was_recorded(page: Any, tracked: Dashboard) -> None:
    """Messages, actions folded in their places, an error, a click, a file, tokens, ratings, metadata."""
    page.goto(tracked.pages + "conversations/1")
    lines = page.locator(".chat > :not(.day)")
    kinds = [line.get_attribute("class") for line in lines.all()]
    assert kinds == ["msg", "event", "event error", "msg agent", "event"]
    asked, found, failed, answer, click = lines.all()
    assert asked.locator(".bubble").inner_text() == "Where is it?"
    assert len(asked.locator(".who time").inner_text()) == len("12:34")
    asked.locator(".meta summary").click()
    assert '"seen_on": "/orders"' in asked.inner_text()
    with page.expect_download() as download:
        asked.locator("a.file", has_text="receipt.pdf").click()
    assert Path(download.value.path()).read_bytes() == FILE

    assert "find_order" in found.inner_text()
    assert "1.3 s" in found.inner_text()
    assert not found.get_by_text('"number": 7').is_visible()
    found.locator("summary").click()
    assert found.get_by_text('"number": 7').is_visible()
    assert found.get_by_text("handed over at nine").is_visible()
    assert "notify failed" in failed.inner_text()
    failed.locator("summary").click()
    error = failed.get_by_text("the mail server is away")
    red, green, blue = error.evaluate(COLOUR)
    assert red > 2 * max(green, blue)

    assert answer.locator(".bubble").inner_text() == "On its way."
    assert "1.2k tokens · $0.0005" in answer.inner_text()
    assert answer.locator(".vote").inner_text() == "positive a clear answer"
    assert "Clicked Track the parcel = parcel-7" in click.inner_text()

    aside = page.locator("aside")
    for text in ("ann", "tablet", "order-7", "1 user, 1 agent", "1,234", "much too slow", '"plan": "gold"'):
        assert aside.get_by_text(text, exact=text.isalpha()).first.is_visible(), text


COLOUR = """e => {
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = getComputedStyle(e).color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
"""Returns an element's text colour as red, green and blue."""


def test_days_are_separated_on_the_reader_s_clock(page: Any, dashboard: Dashboard) -> None:
    """Three messages around a midnight in UTC: which of them share a day depends on the time zone."""
    noon = datetime(2026, 3, 28, 12, tzinfo=UTC)
    said = [(noon + timedelta(hours=hours), "end_user") for hours in (10.9, 11.5, 12.5)]
    write(dashboard.store, dashboard.agent, [Talk(1, noon, said=said)])
    for zone, expected in (
        ("UTC", ["Sat 28 Mar 2026", "22:54", "23:30", "Sun 29 Mar 2026", "00:30"]),
        ("Europe/Berlin", ["Sat 28 Mar 2026", "23:54", "Sun 29 Mar 2026", "00:30", "01:30"]),
        ("Asia/Kolkata", ["Sun 29 Mar 2026", "04:24", "05:00", "06:00"]),
    ):
        page.goto(f"{dashboard.pages}conversations/1?tz={zone}")
        assert page.locator(".chat time").all_inner_texts() == expected


def span(
    number: int, parent: int | None, kind: str, start: int, end: int, **attributes: str
) -> dict[str, Any]:
    """Return a span of a trace; times are milliseconds after its beginning."""
    began = datetime(2026, 3, 4, 12, tzinfo=UTC)
    failed = "agentsight.tool.error" in attributes
    return {
        "span_id": f"{number:016x}",
        "trace_id": "7" * 32,
        "parent_span_id": f"{parent:016x}" if parent else None,
        "kind": kind,
        "name": attributes.get("agentsight.tool.name", kind),
        "started_at": (began + timedelta(milliseconds=start)).isoformat(),
        "ended_at": (began + timedelta(milliseconds=end)).isoformat(),
        "status": "error" if failed else "ok",
        "attributes": attributes,
    }


def test_a_trace_is_a_waterfall_of_its_spans(page: Any, dashboard: Dashboard) -> None:
    """Each span below its parent, in order, where and as long as it was; what it carries one click away."""
    asked = {"agentsight.message.sender": "end_user", "agentsight.message.content": "Where is it?"}
    turn = span(1, None, "turn", 0, 2000)
    turn["events"] = [{"name": "agentsight.message", "timestamp": turn["started_at"], "attributes": asked}]
    found = {
        "agentsight.tool.name": "find_order",
        "agentsight.tool.arguments": encode_json_str({"number": 7}),
    }
    lost = {"agentsight.tool.name": "notify", "agentsight.tool.error": "away"}
    spans = [
        span(4, 1, "tool", 1500, 1900, **lost),
        span(3, 2, "llm", 600, 900, **{"gen_ai.request.model": "gpt-4.1-mini"}),
        span(2, 1, "tool", 500, 1000, **found),
        turn,
    ]
    document = {"conversations": [{"conversation_id": "c1", "spans": spans}]}
    headers = {"Authorization": f"Api-Key {dashboard.key}"}
    assert dashboard.http.post("/api/ingest/", json=document, headers=headers).status_code == 201
    page.goto(dashboard.pages + "conversations/1")
    follow(page, "text=Trace")
    assert page.inner_text(".trace h2") == "Where is it?"
    assert page.evaluate(BARS) == [
        ["turn", "name d0", "0%", "100%", "2 s"],
        ["find_order", "name d1", "25%", "25%", "500 ms"],
        ["llm", "name d2", "30%", "15%", "300 ms"],
        ["notify", "name d1", "75%", "20%", "400 ms"],
    ]
    assert page.locator(".waterfall .tag.bad").count() == page.locator(".waterfall rect.bad").count() == 1
    page.locator("summary", has_text="find_order").click()
    assert page.get_by_text('{"number":7}').is_visible()


def test_without_spans_there_is_no_waterfall(page: Any, dashboard: Dashboard) -> None:
    """A conversation that only an older client opened says so in place of a trace."""
    headers = {"Authorization": f"Api-Key {dashboard.key}"}
    body = {"conversation_id": "c1"}
    assert dashboard.http.post("/api/conversations/", json=body, headers=headers).status_code == 201
    page.goto(dashboard.pages + "conversations/1?view=trace")
    assert page.inner_text(".empty h2") == "No spans"


def test_development_data_is_counted_apart(page: Any, dashboard: Dashboard) -> None:
    """Analytics show none of it; its own page says what is received, and how the rest would be."""
    start = datetime.now(UTC) - timedelta(hours=1)
    said = [(start, "end_user"), (start + timedelta(seconds=2), "agent")]
    talk = Talk(1, start, said=said, ran=[(start, "lookup", 5.0, "")], environment="development")
    write(dashboard.store, dashboard.agent, [talk])
    page.goto(dashboard.pages)
    assert "Nothing was recorded" in page.inner_text("main")
    page.goto(dashboard.pages + "?env=development")
    assert "Analytics count production data only" in page.inner_text(".note")
    rows = {row.locator("b").inner_text(): row for row in page.locator(".ready").all()}
    for name, shown in (
        ("Conversations", "1 conversation"),
        ("Messages", "2 messages"),
        ("Mean response time", "1 answer"),
        ("Action calls", "1 action"),
    ):
        assert shown in rows[name].inner_text().splitlines()
        assert rows[name].locator(".tag").inner_text() == "receiving data"
    for name, hint in (("Satisfaction", "submit_feedback()"), ("Individual users", "pass customer_id")):
        assert hint in rows[name].inner_text()
        assert rows[name].locator(".tag").inner_text() == "nothing yet"
