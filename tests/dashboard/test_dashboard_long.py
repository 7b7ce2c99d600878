"""Long transcripts in a real Chromium: ten thousand messages are read in parts that open at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dashboard_browser import needs_chromium
from dashboard_data import Talk, write
from dashboard_running import Dashboard

START = datetime.now(UTC) - timedelta(days=2)
MESSAGES = 10_000
WEIGHT = """() => ({
    nodes: document.getElementsByTagName('*').length,
    heap: performance.memory ? performance.memory.usedJSHeapSize : 0,
})"""

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def long() -> Iterator[Dashboard]:
    """A conversation of ten thousand messages of some length."""
    running = Dashboard(needs_login=False)
    said = [
        (START + timedelta(seconds=n * 9), "end_user" if n % 2 == 0 else "agent") for n in range(MESSAGES)
    ]
    write(running.store, running.agent, [Talk(1, START, said=said, text="A line of an everyday length." * 8)])
    yield running
    running.close()


def test_ten_thousand_messages_stay_light(browser: Any, long: Dashboard) -> None:
    """The first part, the last and one between: few nodes, little memory, its lines in order, ways on."""
    page = browser.new_page()
    for part in (1, 12, 25):
        page.goto(f"{long.pages}conversations/1?part={part}")
        weight = page.evaluate(WEIGHT)
        assert weight["nodes"] < 10_000
        assert weight["heap"] <= 60_000_000
        numbers = [int(text.rsplit(" ", 1)[1]) for text in page.locator(".bubble").all_inner_texts()]
        assert numbers == list(range(400 * (part - 1) + 1, 400 * part + 1))
        assert page.get_by_role("link", name="Later", exact=True).count() == (0 if part == 25 else 2)
    page.close()


def test_a_part_works_like_a_short_transcript(browser: Any, long: Dashboard) -> None:
    """A search hit opens the part it is in; a message's metadata and the trace can be opened there."""
    page = browser.new_page()
    page.goto(long.pages + "conversations?message_contains=length.%207777")
    with page.expect_navigation():
        page.locator(".hit-line a").click()
    hit = page.locator("article:target")
    assert hit.locator("mark").first.inner_text() == "length. 7777"
    assert hit.evaluate("e => e.getBoundingClientRect().top < innerHeight")
    page.close()


def test_a_shared_long_transcript_opens_too(browser: Any, long: Dashboard) -> None:
    """The page that is saved holds all of it, and a browser opens it."""
    page = browser.new_page()
    text = long.client(timeout=60).get(long.pages + "conversations/1/transcript.html").text
    assert text.count('class="bubble"') == MESSAGES
    page.set_content(text)
    assert page.locator(".bubble").count() == MESSAGES
    page.close()
